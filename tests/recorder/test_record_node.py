# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorder script takes what node_facts reads, so that the facts are the same, and nothing else."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import tarfile
from functools import partial
from pathlib import Path

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import netfilter, tools
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node_facts import gather_facts
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.sources import find_recordings, open_recording
from ansible_collections.nodeprep.istio.tests.unit.corpus.cases import CASES
from ansible_collections.nodeprep.istio.tests.unit.support import module_tree
from ansible_collections.nodeprep.istio.tests.unit.support.module_tree import RELEASE
from ansible_collections.nodeprep.istio.tests.unit.support.node_writers import OLD, WRITERS
from ansible_collections.nodeprep.istio.tests.unit.support.recorded_node import RecordedNode
from ansible_collections.nodeprep.istio.tests.unit.support.recorder import SCRIPT, TracingFiles, record, run_recorder

TIME = "2026-01-01T00:00:00Z"
SHELLS = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "sh"]}
INSTALLED_SHELLS = [name for name in SHELLS if shutil.which(SHELLS[name][0])]
# Paths that matter only by what they have: other processes, and lists of packages without a file in modprobe.d.
# The kernel answers requests, and has no content, for the last one.
BY_CONTENT = re.compile(r"/proc/\d+/comm|/var/lib/dpkg/info/.*\.list|/sys/fs/selinux/access")
# A node with this path has another init system than the one that is explored.
SAVE_PROGRAMS = [*netfilter.SAVE["legacy"].values(), *netfilter.SAVE["nft"].values()]
PROGRAMS = [f"/{name}" for name in (*tools.TOOLS, *SAVE_PROGRAMS, *netfilter.MULTI_CALL.values(), netfilter.ENV)]
SYSTEMD_RUNS = "/run/systemd/system"


@pytest.fixture
def node(tmp_path):
    root = tmp_path / "node"
    root.mkdir()
    return RecordedNode(root)


@pytest.fixture(params=sorted(WRITERS))
def kind(node, request):
    """A node of each kind."""
    WRITERS[request.param](node)
    return node


def observe(files, run=None, kernel="running"):
    return json.loads(json.dumps(gather_facts(files, KNOWN_MODULES, TIME, run, kernel)))


def observe_recording(recording, kernel="running"):
    return observe(recording.files, recording.run, kernel)


def record_tree(node, *arguments, shell="dash"):
    path = node.root.parent / "recording.tar.gz"
    return record(path, "--root", str(node.root), *arguments, shell=SHELLS[shell])


def read_all(path):
    """Return the names, targets and contents of an archive as one text."""
    parts = []
    with tarfile.open(path) as archive:
        for member in archive:
            parts += [member.name, member.linkname]
            if member.isfile():
                parts.append(archive.extractfile(member).read().decode("utf-8", "replace"))
    return "\n".join(parts)


def run_live(arguments):
    done = subprocess.run(arguments, capture_output=True, check=False, env={**os.environ, "LC_ALL": "C"})
    return done.returncode, done.stdout.decode("utf-8", "replace")


@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
def test_the_facts_of_each_situation_are_the_same(node, case):
    case.setup(node)
    shell = INSTALLED_SHELLS[CASES.index(case) % len(INSTALLED_SHELLS)]
    assert observe_recording(record_tree(node, shell=shell)) == observe(Files(str(node.root)))


@pytest.mark.parametrize("shell", INSTALLED_SHELLS)
def test_the_facts_of_each_kind_of_node_are_the_same(kind, shell):
    assert observe_recording(record_tree(kind, shell=shell)) == observe(Files(str(kind.root)))


@pytest.mark.parametrize("kernel", ["next", OLD])
def test_the_facts_about_other_kernels_are_the_same(node, kernel):
    WRITERS["debian"](node)
    assert observe_recording(record_tree(node), kernel) == observe(Files(str(node.root)), kernel=kernel)


@pytest.mark.parametrize("shell", INSTALLED_SHELLS)
def test_the_facts_of_this_machine_are_the_same(tmp_path, shell):
    recording = record(tmp_path / "recording.tar.gz", shell=SHELLS[shell])
    assert observe_recording(recording) == observe(Files(), run_live)


def find_lost(files, recording):
    """Return the paths that an observation asked for, that the node has, and that its recording lacks."""
    recorded = recording.files
    lost = []
    for path in sorted(files.asked | files.links):
        known = recorded.get_mode(path) is not None or recorded.read_link(path) is not None
        if not known and path not in recorded.unreadable and files.has(path) and not is_irrelevant(files, path):
            lost.append(path)
    return lost


def is_irrelevant(files, path):
    """Return whether only the content of a path matters, or that of a directory without any."""
    return BY_CONTENT.fullmatch(path) or (path in files.directories and files.listdir(path) == [])


def test_all_that_node_facts_reads_on_this_machine_is_recorded(tmp_path):
    files = TracingFiles()
    observe(files, run_live)
    readable = [path for path in find_lost(files, record(tmp_path / "recording.tar.gz")) if not is_closed_link(path)]
    assert readable == []


def is_closed_link(path):
    """Return whether this user may not see where a link leads. Such a link counts as absent."""
    return Files().read_link(path) is None and os.path.islink(path)


def test_all_that_node_facts_reads_is_recorded(kind):
    files = TracingFiles(str(kind.root))
    observe(files)
    assert find_lost(files, record_tree(kind)) == []


def test_all_that_node_facts_looks_for_would_be_recorded(kind):
    files = TracingFiles(str(kind.root))
    observe(files)
    for path in sorted(files.asked | files.links):
        # Only the first program of a name counts.
        if not files.has(path) and path != SYSTEMD_RUNS and not path.endswith(tuple(PROGRAMS)):
            create(files, path)
    assert find_lost(files, record_tree(kind)) == []


def create(files, path):
    """Create a path on the node, as the requested kind of file."""
    target = Path(files.resolve(path))
    if any(parent.is_file() for parent in target.parents):
        return
    if path in files.directories:
        target.mkdir(parents=True, exist_ok=True)
        (target / "file").write_text("")
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if path not in files.asked:
        target.symlink_to("target")
    elif not target.exists():
        target.write_text("")


def test_no_secret_is_recorded(kind):
    for path in ("/etc/shadow", "/root/.ssh/id_ed25519", "/etc/ssh/ssh_host_ed25519_key", "/etc/kubernetes/admin.conf"):
        kind.write(path, "s3cr3t\n")
    kind.write("/var/lib/kubelet/pki/kubelet-client-current.pem", "s3cr3t\n")
    kind.write("/etc/rancher/k3s/config.yaml", "token: s3cr3t\n")
    record_tree(kind)
    assert "s3cr3t" not in read_all(kind.root.parent / "recording.tar.gz")


@pytest.mark.parametrize("shell", INSTALLED_SHELLS)
@pytest.mark.parametrize("end", ["", "\n", "\\"])
def test_values_of_options_are_not_recorded_on_any_line(node, shell, end):
    WRITERS["debian"](node)
    lines = [
        "options usbnet \\",
        " key=s3cr3t \\",
        " other=s3cr3t",
        "blacklist \\",
        " nf_nat",
        "options\\",
        " x y=s3cr3t",
        "softdep nf_nat pre: bridge",
        " options x \\",
        "key=s3cr3t",
    ]
    node.write("/etc/modprobe.d/site.conf", "\n".join(lines) + end)
    node.write("/etc/modprobe.d/other.conf", "# nodeprep.istio: written by another node\n")
    expected = observe(Files(str(node.root)))
    assert expected["reasons"]
    assert observe_recording(record_tree(node, shell=shell)) == {**expected, "observed_at": TIME}
    assert "s3cr3t" not in read_all(node.root.parent / "recording.tar.gz")


def test_the_environment_and_addresses_are_not_recorded(tmp_path):
    record(tmp_path / "recording.tar.gz", env={**os.environ, "TOKEN": "s3cr3t"})
    text = read_all(tmp_path / "recording.tar.gz")
    assert "s3cr3t" not in text
    assert not re.search(r"\b(?!0{12})[0-9a-f]{12}[0-9a-f]{20}\b", text)


def test_kernel_addresses_are_not_recorded(node):
    WRITERS["debian"](node)
    WRITERS["damaged"](node)
    record_tree(node)
    assert "ffffffff" not in read_all(node.root.parent / "recording.tar.gz").replace("01ffffffffff", "")


def list_tree(root):
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        found[str(path)] = (status.st_mode, status.st_size, status.st_mtime_ns)
    return found


def test_the_node_and_the_temporary_directory_stay_as_they_were(kind, tmp_path):
    before = list_tree(kind.root)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    record(tmp_path / "x.tar.gz", "--root", str(kind.root), env={**os.environ, "TMPDIR": str(scratch)})
    assert list_tree(kind.root) == before
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("shell", INSTALLED_SHELLS)
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE, signal.SIGQUIT])
def test_a_signal_leaves_nothing_behind(node, tmp_path, shell, number):
    write_large_tree(node)
    command = [*SHELLS[shell], str(SCRIPT), "--root", str(node.root), "--output", str(tmp_path / "x")]
    # A shell cannot trap a signal that its parent ignores, as nohup does.
    restore = partial(signal.signal, number, signal.SIG_DFL)
    environment = {**os.environ, "TMPDIR": str(node.root.parent)}
    with subprocess.Popen(command, env=environment, preexec_fn=restore) as process:
        while not list(node.root.parent.glob("record-node.*/recording/files/proc")):
            assert process.poll() is None
        process.send_signal(number)
        assert process.wait() == 128 + number
    assert not list(node.root.parent.glob("record-node.*"))
    assert not (tmp_path / "x").exists()


def test_a_host_whose_programs_cannot_be_asked_is_a_warning(node):
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text()
    node.write("/proc/sys/kernel/random/boot_id", boot_id)
    done = run_recorder("--root", str(node.root))
    assert done.returncode == 0
    assert b"no program of this host is asked" in done.stderr


def test_an_image_has_no_answers_of_programs(node):
    WRITERS["debian"](node)
    assert record_tree(node).run is None


def test_the_manifest_names_the_node(node):
    node.write("/etc/hostname", "web-1.example.org\n")
    assert record_tree(node).name == "web-1.example.org"
    assert record_tree(node, "--name", "other").name == "other"


def test_the_manifest_names_the_modules_that_the_recorder_looked_for(node):
    assert record_tree(node).files.covered_modules == set(KNOWN_MODULES)


def test_a_long_name_is_cut(node):
    assert record_tree(node, "--name", "x" * 300).name == "x" * 253


def test_a_name_with_other_characters_becomes_valid(node):
    assert record_tree(node, "--name", "ö rack/1").name == "node---rack-1"


@pytest.mark.parametrize("shell", INSTALLED_SHELLS)
def test_the_text_is_the_same_recording(node, tmp_path, shell):
    WRITERS["debian"](node)
    done = run_recorder("--root", str(node.root), "--base64", "--name", "web-1", shell=SHELLS[shell])
    assert (done.returncode, done.stderr) == (0, b"")
    path = tmp_path / "pods.log"
    path.write_bytes(b"starting\n" + done.stdout)
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "-----BEGIN NODEPREP RECORDING web-1-----"
    assert max(map(len, lines[1:-1])) == 76
    assert observe_recording(open_recording(str(path))) == observe(Files(str(node.root)))


def test_the_texts_of_several_nodes_are_read_from_one_file(node, tmp_path):
    texts = [run_recorder("--root", str(node.root), "--base64", "--name", name).stdout for name in ("a", "b")]
    (tmp_path / "pods.log").write_bytes(b"".join(texts))
    assert [found.read().name for found in find_recordings(str(tmp_path / "pods.log"))] == ["a", "b"]


def test_the_script_may_come_from_the_standard_input(node, tmp_path):
    script = Path(__file__).parents[2] / "playbooks" / "files" / "record" / "record-node.sh"
    with script.open("rb") as handle:
        arguments = ["dash", "-s", "--", "--root", str(node.root), "--output", "-"]
        done = subprocess.run(arguments, stdin=handle, capture_output=True, check=True)
    (tmp_path / "x.tar.gz").write_bytes(done.stdout)
    assert open_recording(str(tmp_path / "x.tar.gz")).name == "node"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            ["--colour"],
            "--colour: unknown option; valid options: --root, --output, --base64, --name, --anonymize, --help",
        ),
        (["--root"], "--root: has no value; add one, or see --help"),
        (["--root", "host"], "--root: 'host' is not an absolute path; write it from /"),
        (["--root", "/none"], "--root: '/none' is not a directory; mount the system there"),
    ],
)
@pytest.mark.parametrize("shell", INSTALLED_SHELLS)
def test_a_wrong_option_is_one_error(arguments, error, shell):
    done = run_recorder(*arguments, shell=SHELLS[shell])
    assert (done.returncode, done.stdout, done.stderr.decode()) == (2, b"", f"record-node: {error}\n")


def test_a_file_that_cannot_be_written_is_one_error(node):
    done = run_recorder("--root", str(node.root), "--output", "/none/x")
    assert done.returncode == 1
    assert done.stderr.decode() == "record-node: --output: '/none/x' cannot be written; choose another file\n"


def test_the_help_lists_all_options():
    help_text = run_recorder("--help").stdout.decode()
    for option in ("--root", "--output", "--base64", "--name", "--anonymize"):
        assert f"\n  {option}" in help_text


@pytest.mark.parametrize("shell", INSTALLED_SHELLS)
def test_anonymized_texts_name_no_host_address_or_path(node, shell):
    WRITERS["debian"](node)
    node.write("/etc/hostname", "web01.example.org\n")
    text = "# web01.example.org, ops@example.org, 10.1.2.3, fe80::1, 2001:db8:1:2:3:4:5:6, 00:16:3e:aa:bb:cc\n"
    node.write("/etc/modprobe.d/web01-site.conf", text + "install xt_owner /opt/acme/tool /sbin/modprobe\n")
    recording = record_tree(node, "--anonymize", shell=shell)
    assert recording.name == "node"
    (path,) = [path for path in recording.files.listdir("/etc/modprobe.d") if path.endswith("-site.conf")]
    lines = recording.files.read(f"/etc/modprobe.d/{path}").splitlines()
    assert path == "node-site.conf"
    assert lines[1] == "install xt_owner /path /sbin/modprobe"
    found = read_all(node.root.parent / "recording.tar.gz")
    for word in ("web01", "ops@", "10.1.2.3", "fe80", ":3:4:5", "16:3e", "acme", "secret-host"):
        assert word not in found


@pytest.mark.parametrize("shell", INSTALLED_SHELLS)
def test_anonymized_names_of_files_stay_different(node, shell):
    node.write("/etc/hostname", "web01\n")
    blacklists = {"10.1.1.1": "nf_nat", "10.1.1.2": "xt_mark", "web01": "xt_owner", "node": "ip_set"}
    for name, module in blacklists.items():
        node.write(f"/etc/modprobe.d/{name}.conf", f"blacklist {module}\n")
    files = record_tree(node, "--anonymize", shell=shell).files
    assert files.listdir("/etc/modprobe.d") == ["192.0.2.1.conf", "_192.0.2.1.conf", "_node.conf", "node.conf"]
    texts = [files.read(f"/etc/modprobe.d/{name}") for name in files.listdir("/etc/modprobe.d")]
    assert sorted(texts) == sorted(f"blacklist {module}\n" for module in blacklists.values())


def test_anonymized_titles_and_files_behind_links_name_no_host_or_address(node):
    node.write("/etc/hostname", "web01\n")
    node.write("/etc/os-release", 'PRETTY_NAME="Debian of web01"\nID=debian\n')
    node.write("/boot/loader/entries/a.conf", "title web01 10.1.2.3\nlinux /vmlinuz-6.1.0.1-web01\n")
    node.write("/opt/site/list", "# web01 10.1.2.3\nnf_nat\n")
    node.link("/etc/modules-load.d/site.conf", "/opt/site/list")
    recording = record_tree(node, "--anonymize")
    assert recording.files.read("/boot/loader/entries/a.conf") == "title node 192.0.2.1\nlinux /vmlinuz-6.1.0.1-web01\n"
    assert recording.files.read("/etc/os-release").startswith('PRETTY_NAME="Debian of node"')
    assert recording.files.read("/etc/modules-load.d/site.conf") == "# node 192.0.2.1\nnf_nat\n"
    assert str(node.root) not in read_all(node.root.parent / "recording.tar.gz")


def test_an_anonymized_recording_has_the_same_modules(kind):
    expected = observe(Files(str(kind.root)))["modules"]
    assert observe_recording(record_tree(kind, "--anonymize"))["modules"] == expected


def write_large_tree(node):
    """Write a tree with as many modules and aliases as that of a distribution."""
    node.tree()
    tree = node.path(f"/lib/modules/{RELEASE}")
    with (tree / "modules.alias").open("a") as aliases, (tree / "modules.dep").open("a") as index:
        for number in range(4500):
            index.write(f"kernel/drivers/x/driver{number}.ko.xz: kernel/drivers/x/core{number % 99}.ko.xz\n")
            for device in range(5):
                aliases.write(f"alias pci:v{number:08X}d{device:08X}sv*sd*bc*sc*i* driver{number}\n")
            aliases.write(f"alias driver-{number} driver{number}\n")


@pytest.mark.parametrize("shell", INSTALLED_SHELLS)
def test_a_recording_is_small_and_quick(node, shell):
    write_large_tree(node)
    for number in range(2000):
        node.write(f"/proc/{number + 2}/comm", "worker\n")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    record_tree(node, shell=shell)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 5
    assert (node.root.parent / "recording.tar.gz").stat().st_size < 64 * 1024


@pytest.mark.parametrize("text", [os.urandom(4 << 20).hex("\n", 50), "#\n" * (8 << 20)], ids=["packed", "unpacked"])
def test_a_recording_that_is_too_large_drops_what_matters_least(node, text):
    node.tree()
    node.write("/etc/modprobe.d/large.conf", text)
    facts = observe_recording(record_tree(node))
    assert facts["modules"]["xt_mark"]["state"] == "unknown"
    error = "left out, since the recording would be too large"
    assert facts["unreadable"] == {"/etc/modprobe.d/large.conf": error}
    assert "dropped=audit log, large files\n" in read_all(node.root.parent / "recording.tar.gz")
    assert (node.root.parent / "recording.tar.gz").stat().st_size < 4 * 1024 * 1024


def test_special_files_are_listed_as_unreadable(node):
    node.tree()
    node.remove(f"/lib/modules/{RELEASE}/modules.softdep")
    os.mkfifo(node.path(f"/lib/modules/{RELEASE}/modules.softdep"))
    node.path("/etc/modprobe.d").mkdir(parents=True)
    os.mkfifo(node.path("/etc/modprobe.d/fifo.conf"))
    assert observe_recording(record_tree(node)) == observe(Files(str(node.root)))


def record_as_user(node, tmp_path, *arguments):
    """Return the recording of a node by a user without privileges, tmp_path/x.tar.gz."""
    for directory in [tmp_path, *tmp_path.parents]:
        if directory.stat().st_uid == os.getuid() and directory.stat().st_mode & 0o5 != 0o5:
            directory.chmod(0o755)
    done = run_recorder("--root", str(node.root), *arguments, user=65534, group=65534, extra_groups=[])
    assert (done.returncode, done.stderr) == (0, b"")
    (tmp_path / "x.tar.gz").write_bytes(done.stdout)
    return open_recording(str(tmp_path / "x.tar.gz"))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("arguments", [[], ["--anonymize"]])
@pytest.mark.parametrize(
    "name, closed",
    [
        ("a.conf", "/etc/modprobe.d/a.conf"),
        ("web01.conf", "/etc/modprobe.d/web01.conf"),
        ("a.conf", "/etc/modprobe.d"),
        ("a\nb.conf", "/etc/modprobe.d/a\nb.conf"),
        ("a\tb.conf", "/etc/modprobe.d/a\tb.conf"),
    ],
)
def test_a_blacklist_that_a_user_may_not_read_makes_modules_unknown(node, tmp_path, name, closed, arguments):
    node.tree()
    node.write("/etc/hostname", "web01\n")
    node.write(f"/etc/modprobe.d/{name}", "blacklist nf_nat\n")
    # The names in a directory with this mode can be read, but not the files.
    node.path(closed).chmod(0o744 if node.path(closed).is_dir() else 0o000)
    modules = observe_recording(record_as_user(node, tmp_path, *arguments))["modules"]
    assert modules["nf_nat"]["state"] == "unknown"


def test_a_link_whose_target_has_a_line_feed_makes_its_directory_unreadable(node):
    node.tree()
    node.write("/opt/a\nb", "blacklist nf_nat\n")
    node.link("/etc/modprobe.d/a.conf", "/opt/a\nb")
    assert observe_recording(record_tree(node))["modules"]["nf_nat"]["state"] == "unknown"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(
    "closed", ["/etc/modprobe.d", "/boot", "/var/lib/dpkg/info", "/etc/modprobe.d/site.conf", "/etc"]
)
def test_what_a_user_may_not_read_is_unreadable_in_the_recording(node, tmp_path, closed):
    WRITERS["debian"](node)
    node.path(closed).chmod(0o000)
    record_as_user(node, tmp_path)
    with AnotherUser(65534):
        expected = observe(Files(str(node.root)))
    assert expected["unreadable"]
    assert observe_recording(open_recording(str(tmp_path / "x.tar.gz"))) == expected


class AnotherUser:
    """Run with the permissions of another user."""

    def __init__(self, uid):
        self.uid = uid

    def __enter__(self):
        os.setegid(self.uid)
        os.seteuid(self.uid)

    def __exit__(self, *_error):
        os.seteuid(0)
        os.setegid(0)


def test_a_module_tree_of_the_catalogue_is_recorded_whole(node):
    node.tree([], **module_tree.build_catalogue())
    assert observe_recording(record_tree(node)) == observe(Files(str(node.root)))
