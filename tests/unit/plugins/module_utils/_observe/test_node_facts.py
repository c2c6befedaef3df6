# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be read, what the policy says, and what is around the node."""

import gzip
import json
import lzma
import os
import subprocess
import sys
import time

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils import _files, _module_names
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod import module_file
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import node_facts, selinux, surroundings
from ansible_collections.nodeprep.istio.tests.unit.support import module_tree

LISTED = {"/etc/modules-load.d/a.conf": "xt_owner\n"}


@pytest.mark.parametrize(
    "path, axes",
    [
        ("/etc/modprobe.d/a.conf", ("unknown", "unknown", "unknown")),
        ("/etc/modules-load.d/b.conf", ("loadable", "yes", "unknown")),
        ("/modules.dep", ("unknown", "unknown", "unknown")),
    ],
)
def test_without_root_what_cannot_be_read_is_unknown_and_named(node, forbid, path, axes):
    node.tree()
    node.write("/etc/modprobe.d/a.conf", "")
    node.write("/etc/modules-load.d/b.conf", "xt_owner\n")
    forbid(path)
    facts = node.facts(["xt_owner"])
    entry = facts["modules"]["xt_owner"]
    assert (entry["state"], entry["autoload"], entry["boot"]) == axes
    assert any(path in reason.get("where", "") for reason in node.reasons(facts, "xt_owner"))
    assert any(unreadable.endswith(path) for unreadable in facts["unreadable"])


@pytest.mark.parametrize(
    "path, axes",
    [
        # Unread, it may mask what others list; of lower precedence it may not.
        ("/etc/modules-load.d", ("loadable", "yes", "unknown")),
        ("/lib/modules-load.d", ("loadable", "yes", "yes")),
        ("/etc/systemd/system/systemd-modules-load.service", ("loadable", "yes", "unknown")),
        ("/etc/modprobe.d", ("unknown", "unknown", "unknown")),
    ],
)
def test_what_is_not_what_it_should_be_may_hide_anything(node, path, axes):
    node.tree()
    node.write("/usr/lib/modules-load.d/v.conf", "xt_owner\n")
    if path.endswith(".service"):
        node.write(path + "/x", "")
    else:
        node.write(path, "x\n")
    facts = node.facts(["xt_owner"])
    entry = facts["modules"]["xt_owner"]
    assert (entry["state"], entry["autoload"], entry["boot"]) == axes
    assert path in facts["unreadable"]


def test_what_sysctl_does_at_boot_and_may_not_be_read_is_unknown_then(node, forbid):
    node.tree()
    node.write("/etc/sysctl.d/a.conf", "")
    forbid("/etc/sysctl.d/a.conf")
    entry = node.describe("xt_owner")
    assert (entry["autoload"], entry["next_boot"]) == ("yes", {"autoload": "unknown"})
    assert [(reason["code"], reason["where"]) for reason in entry["reasons"]] == [
        ("unreadable", "/etc/sysctl.d/a.conf")
    ]


def test_a_tree_that_may_not_be_looked_at_is_not_gone(node, monkeypatch):
    node.tree()
    stat = os.stat

    def refuse(path, *arguments, **options):
        if "/lib/modules/" in str(path):
            raise PermissionError(13, "Permission denied")
        return stat(path, *arguments, **options)

    monkeypatch.setattr(_files.os, "stat", refuse)
    entry = node.describe("xt_owner")
    assert (entry["state"], entry["autoload"], entry["reasons"][0]["code"]) == ("unknown", "unknown", "unreadable")


def test_what_may_not_be_looked_at_is_unknown_from_the_first_time_on(node, monkeypatch):
    node.write("/boot/there", "")
    files = _files.Files(str(node.root))
    assert files.exists("/boot/there") is True and files.exists("/boot/gone") is False

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(_files.os, "stat", refuse)
    assert files.exists("/boot/there") is None and files.exists("/boot/there") is None


@pytest.mark.parametrize("path, axis", [("/etc/modprobe.d/b.conf", "state"), ("/etc/modules-load.d/b.conf", "boot")])
def test_a_fifo_is_refused_and_not_waited_for(node, path, axis):
    node.tree()
    node.write(path, "")
    node.remove(path)
    os.mkfifo(str(node.path(path)))
    facts = node.facts(["xt_owner"])
    assert facts["unreadable"][path] == "not a regular file"
    assert facts["modules"]["xt_owner"][axis] == "unknown"


@pytest.mark.parametrize(
    "make", [lambda path: path.mkdir(), lambda path: os.mkfifo(str(path))], ids=["directory", "fifo"]
)
def test_a_module_that_is_no_file_is_never_ready(node, make):
    node.tree()
    path = node.path("/lib/modules/{}/{}/xt_owner.ko".format(module_tree.RELEASE, module_tree.NETFILTER))
    path.unlink()
    make(path)
    node.write("/etc/modules-load.d/a.conf", "xt_owner\n")
    entry = node.describe("xt_owner")
    assert (entry["state"], entry["autoload"], entry["boot"]) == ("unknown", "unknown", "unknown")


@pytest.mark.parametrize(
    "path",
    ["/etc/modprobe.d/a.conf", "/etc/modules-load.d", "/lib/modules/{}/modules.alias".format(module_tree.RELEASE)],
)
def test_links_that_lead_nowhere_are_absent_files(node, path):
    node.tree()
    if path.startswith("/lib"):
        node.remove(path)
    node.link(path, os.path.basename(path))
    facts = node.facts(["xt_owner", "xt_mark"])
    assert facts["unreadable"] == {}
    expected = ("loadable", "never" if path.startswith("/lib") else "yes", "no")
    assert all((entry["state"], entry["autoload"], entry["boot"]) == expected for entry in facts["modules"].values())


@pytest.mark.parametrize(
    "path, axis",
    [("/etc/modprobe.d/b.conf", "state"), ("/etc/modules-load.d/b.conf", "boot"), ("/proc/config.gz", None)],
)
def test_a_file_that_would_fill_the_memory_is_refused(node, path, axis):
    node.tree()
    node.write(path, "")
    os.truncate(str(node.path(path)), _files.MOST_BYTES + 1)
    facts = node.facts(["xt_owner"])
    assert facts["unreadable"][path] == "larger than 64 MiB"
    assert axis is None or facts["modules"]["xt_owner"][axis] == "unknown"


@pytest.mark.parametrize("suffix, pack", [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_a_packed_file_that_would_fill_the_memory_is_refused(node, monkeypatch, suffix, pack):
    bomb = pack(bytes(3 << 20))
    monkeypatch.setattr(_files, "MOST_BYTES", 1 << 20)
    monkeypatch.setattr(module_file, "MOST_BYTES", 1 << 20)
    node.write("/m.ko" + suffix, bomb)
    assert module_file.is_signed(node.files, "/m.ko" + suffix) is None
    assert suffix == ".xz" or (
        node.files.read_gzip("/m.ko.gz") is None and "larger than 1 MiB" in node.files.unreadable["/m.ko.gz"]
    )


def test_a_files_name_of_any_bytes_is_told_in_utf_8(node):
    node.tree()
    for directory, content in (
        ("modprobe.d", b"blacklist xt_owner\n"),
        ("modules-load.d", b"xt_mark\nxt_owner \xff\n"),
    ):
        node.write("/etc/{}/x".format(directory), "")
        with open(os.fsencode(str(node.path("/etc/" + directory))) + b"/\xff.conf", "wb") as written:
            written.write(content)
    facts = node.facts(["xt_owner", "xt_mark"])
    json.dumps(facts, ensure_ascii=False).encode("utf-8")
    assert facts["boot_files"] == {"/etc/modules-load.d/?.conf": ["xt_mark"]}
    assert node.reasons(facts, "xt_owner")[0]["where"] == "/etc/modprobe.d/?.conf:1"


def test_of_many_unreadable_files_not_all_are_told(node):
    node.path("/etc/modules-load.d").mkdir(parents=True)
    for number in range(200):
        os.mkfifo(str(node.path("/etc/modules-load.d/{}.conf".format(number))))
    assert len(node.facts(["xt_owner"])["unreadable"]) == node_facts.MOST_UNREADABLE


def test_many_patterns_take_no_time(node):
    node.tree()
    lines = ["alias pci:v{0}d*sv* x{0}\ninstall x{0}* /bin/false\n".format(number) for number in range(30000)]
    node.write("/etc/modprobe.d/a.conf", "".join(lines) + "install " + "*" * 60 + "Q /bin/false\n")
    started = time.process_time()
    assert node.facts(_module_names.KNOWN_MODULES)["modules"]["xt_owner"]["state"] == "loadable"
    assert time.process_time() - started < 20


def test_busybox_reads_the_text_of_the_index(node):
    node.tree()
    node.remove("/lib/modules/{}/modules.dep.bin".format(module_tree.RELEASE))
    assert (node.describe("xt_owner")["state"], node.describe("xt_owner")["reasons"][0]["code"]) == (
        "unknown",
        "index_missing",
    )
    node.link("/sbin/modprobe", "/bin/busybox")
    entry = node.describe("xt_owner")
    assert (entry["state"], entry["autoload"], entry["boot"], entry["reasons"]) == ("loadable", "yes", "no", [])


def test_the_null_device_is_empty_and_other_devices_are_refused():
    files = _files.Files()
    assert files.read_bytes("/dev/null") == b"" and files.unreadable == {}
    assert files.read_bytes("/dev/zero") is None and files.unreadable == {"/dev/zero": "not a regular file"}


def test_a_nul_in_a_path_is_no_file(node):
    files = _files.Files(str(node.root))
    assert (files.is_dir("/a\0b"), files.listdir("/a\0b"), files.exists("/a\0b"), files.read("/a\0b")) == (
        False,
        [],
        None,
        None,
    )


def test_without_lzma_a_signature_cannot_be_told(node):
    node.tree(suffix=".xz")
    node.write("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n")
    script = "import sys; sys.modules['lzma'] = None; sys.path.insert(0, sys.argv[2]); from {0} import _files; from {0}._observe import node_facts; import json; "
    script += "print(json.dumps(node_facts.facts(_files.Files(sys.argv[1]), ['xt_owner'], '', None)))"
    package = "ansible_collections.nodeprep.istio.plugins.module_utils"
    root = os.path.abspath(_files.__file__).split("/ansible_collections/")[0]
    done = subprocess.run(
        [sys.executable, "-c", script.format(package), str(node.root), root], stdout=subprocess.PIPE, check=True
    )
    facts = json.loads(done.stdout.decode())
    assert facts["modules"]["xt_owner"]["state"] == "unknown" and facts["reasons"][0]["code"] == "unsigned_module"


class Policy:
    """A loaded SELinux policy that answers what the kernel's would."""

    def __init__(self, files, domains):
        self.files = files
        self.domains = domains

    def __getattr__(self, name):
        return getattr(self.files, name)

    def transact(self, path, request):
        assert path == "/sys/fs/selinux/access"
        source, target, number = request.decode("ascii").split()
        domain = source.split(":")[2]
        assert (target.split(":")[2], number) == ("kernel_t", "3")
        if domain not in self.domains:
            raise OSError(22, "Invalid argument")
        return "{:x} ffffffff 0 ffffffff 1 {}".format(*self.domains[domain]).encode("ascii")


def selinuxfs(node, enforce="1"):
    node.write("/sys/fs/selinux/enforce", enforce)
    node.write("/sys/fs/selinux/mls", "1")
    node.write("/sys/fs/selinux/class/system/index", "3")
    node.write("/sys/fs/selinux/class/system/perms/module_request", "5")
    node.write("/sys/fs/selinux/booleans/domain_kernel_load_modules", "0 0")
    node.write("/etc/selinux/config", "# c\nSELINUX=enforcing\nSELINUXTYPE=targeted\n")


@pytest.mark.parametrize(
    "domains, autoload, domain",
    [
        ({"container_t": (0b10000, 0)}, "yes", "container_t"),
        ({"container_t": (0b01111, 0)}, "denied", "container_t"),
        ({"container_t": (0, 1)}, "yes", "container_t"),
        ({"svirt_lxc_net_t": (0, 0)}, "denied", "svirt_lxc_net_t"),
        ({}, "unknown", None),
    ],
)
def test_selinuxs_policy_is_asked(node, domains, autoload, domain):
    node.tree()
    selinuxfs(node)
    facts = node_facts.facts(Policy(node.files, domains), ["xt_owner", "nf_nat"], "2026-01-01T00:00:00Z", None)
    assert facts["modules"]["xt_owner"]["autoload"] == autoload
    assert facts["modules"]["nf_nat"]["autoload"] == "never"
    assert facts["selinux"]["domain"] == domain
    assert (facts["selinux"]["policy"], facts["selinux"]["domain_kernel_load_modules"]) == ("targeted", False)
    assert autoload == "yes" or [reason["code"] for reason in node.reasons(facts, "xt_owner")] == ["selinux"]


def test_a_recorded_policy_cannot_be_asked_and_a_permissive_one_need_not(node):
    node.tree()
    selinuxfs(node)
    assert node.describe("xt_owner")["autoload"] == "unknown"
    node.write("/sys/fs/selinux/enforce", "0")
    assert node.describe("xt_owner")["autoload"] == "yes"


@pytest.mark.parametrize("allowed, following", [(0b10000, None), (0, {"autoload": "denied"})])
def test_selinux_that_a_reboot_makes_enforcing_denies_then(node, allowed, following):
    node.tree()
    selinuxfs(node, "0")
    facts = node_facts.facts(
        Policy(node.files, {"container_t": (allowed, 0)}), ["xt_owner"], "2026-01-01T00:00:00Z", None
    )
    entry = facts["modules"]["xt_owner"]
    assert (facts["selinux"]["mode"], entry["autoload"], entry.get("next_boot")) == ("permissive", "yes", following)


@pytest.mark.parametrize("content", ["", "x", "99999999999999999999999999"])
def test_odd_numbers_in_selinuxfs_are_no_answer(node, content):
    selinuxfs(node)
    node.write("/sys/fs/selinux/class/system/index", content)
    assert selinux.observe(node.files)["module_request"] is None


@pytest.mark.parametrize(
    "files, release, container",
    [
        ({}, "6.1.0", None),
        ({}, "5.15.90.1-microsoft-standard-WSL2", "wsl"),
        ({"/proc/1/environ": "PATH=/bin\0container=lxc\0"}, "6.1.0", "lxc"),
        ({"/run/systemd/container": "systemd-nspawn\n"}, "6.1.0", "systemd-nspawn"),
        ({"/run/.containerenv": ""}, "6.1.0", "podman"),
        ({"/.dockerenv": ""}, "6.1.0", "docker"),
    ],
)
def test_surroundings(node, files, release, container):
    for path, text in files.items():
        node.write(path, text)
    node.write("/sys/class/dmi/id/sys_vendor", "Amazon EC2\n")
    assert surroundings.observe(node.files, release) == {
        "container": container,
        "machine": "Amazon EC2",
        "can_load_modules": None,
    }
