# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of a node, above all of one with files that cannot be read."""

import json
import os
import subprocess
import sys
import time

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils import _files, _module_names
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import node_facts
from ansible_collections.nodeprep.istio.tests.unit.support import module_tree

TREE = "/lib/modules/" + module_tree.RELEASE


def get_axes(entry):
    return entry["state"], entry["autoload"], entry["boot"]


def test_the_kernel_and_the_system_are_described(node):
    node.tree(["xt_owner", "x_tables"])
    node.write("/etc/os-release", 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12"\n')
    node.write("/proc/sys/kernel/random/boot_id", "0123\n")
    node.write("/boot/config-" + module_tree.RELEASE, "CONFIG_MODULES=y\nCONFIG_NF_CONNTRACK_MARK=y\n")
    facts = node.facts(["xt_owner"])
    assert facts["schema"] == node_facts.SCHEMA
    assert facts["os"] == {"id": "debian", "version": "12", "name": "Debian GNU/Linux 12"}
    # The configuration does not mention the other options, nor what these depend on.
    assert facts["options"] == {"MODULES": "y", "NF_CONNTRACK_MARK": "y", "NF_CONNTRACK_ZONES": "n"}
    assert facts["kernel"] == {
        "release": module_tree.RELEASE,
        "version": [6, 1, 0],
        "running": True,
        "boot_id": "0123",
        "modules_supported": True,
        "module_tree_present": True,
        "config": "/boot/config-" + module_tree.RELEASE,
        "ipv6": False,
        "next_boot": {
            "release": module_tree.RELEASE,
            "source": "the only installed kernel",
            "certain": True,
        },
    }


def test_a_provider_outside_the_requested_modules_is_described_too(node):
    node.tree(["nf_conntrack", "nf_defrag_ipv4"])
    modules = node.facts(["nf_conntrack_ipv4"])["modules"]
    assert modules["nf_conntrack_ipv4"]["provider"] == "nf_conntrack"
    assert modules["nf_conntrack"]["state"] == "loadable"


def test_boot_files_list_only_requested_modules(node):
    node.write("/etc/modules-load.d/a.conf", "xt_mark\nxt_owner\nbridge\nxt-owner\n")
    node.write("/etc/modules-load.d/b.conf", "bridge\n")
    assert node.facts(["xt_owner", "xt_mark"])["boot_files"] == {"/etc/modules-load.d/a.conf": ["xt_mark", "xt_owner"]}


def test_a_file_in_the_place_of_an_override_is_reported(node):
    node.tree(["xt_owner", "x_tables"])
    node.write("/usr/lib/modprobe.d/a.conf", "blacklist xt_owner\n")
    assert "occupied_paths" not in node.facts(["xt_owner"])["managed"]
    node.write("/etc/modprobe.d/a.conf/x", "")
    assert node.facts(["xt_owner"])["managed"]["occupied_paths"] == ["/etc/modprobe.d/a.conf"]


@pytest.mark.parametrize(
    "path, axes",
    [
        ("/etc/modprobe.d/a.conf", ("unknown", "unknown", "unknown")),
        ("/etc/modules-load.d/b.conf", ("loadable", "yes", "unknown")),
        ("/modules.dep", ("unknown", "unknown", "unknown")),
    ],
)
def test_without_permission_to_read_a_file_answers_are_unknown_and_the_file_is_named(node, forbid, path, axes):
    node.tree()
    node.write("/etc/modprobe.d/a.conf", "")
    node.write("/etc/modules-load.d/b.conf", "xt_owner\n")
    forbid(path)
    facts = node.facts(["xt_owner"])
    assert get_axes(facts["modules"]["xt_owner"]) == axes
    assert any(path in reason.get("where", "") for reason in node.reasons(facts, "xt_owner"))
    assert any(unreadable.endswith(path) for unreadable in facts["unreadable"])


@pytest.mark.parametrize(
    "path, axes",
    [
        # An unreadable directory may mask what others list, but one of lower precedence may not.
        ("/etc/modules-load.d", ("loadable", "yes", "unknown")),
        ("/lib/modules-load.d", ("loadable", "yes", "yes")),
        ("/etc/systemd/system/systemd-modules-load.service", ("loadable", "yes", "unknown")),
        ("/etc/modprobe.d", ("unknown", "unknown", "unknown")),
    ],
)
def test_a_file_in_place_of_a_directory_and_a_directory_in_place_of_a_file_are_unreadable(node, path, axes):
    node.tree()
    node.write("/usr/lib/modules-load.d/v.conf", "xt_owner\n")
    if path.endswith(".service"):
        node.write(path + "/x", "")
    else:
        node.write(path, "x\n")
    facts = node.facts(["xt_owner"])
    assert get_axes(facts["modules"]["xt_owner"]) == axes
    assert path in facts["unreadable"]


def test_unreadable_settings_of_the_next_boot_are_unknown_after_a_reboot(node, forbid):
    node.tree()
    node.write("/etc/sysctl.d/a.conf", "")
    forbid("/etc/sysctl.d/a.conf")
    entry = node.describe("xt_owner")
    assert entry["autoload"] == "yes"
    assert entry["next_boot"] == {"autoload": "unknown"}
    places = [(reason["code"], reason["where"]) for reason in entry["reasons"]]
    assert places == [("unreadable", "/etc/sysctl.d/a.conf")]


def test_a_modules_tree_without_permission_is_not_a_missing_one(node, monkeypatch):
    node.tree()
    stat = os.stat

    def refuse(path, *arguments, **options):
        if "/lib/modules/" in str(path):
            raise PermissionError(13, "Permission denied")
        return stat(path, *arguments, **options)

    monkeypatch.setattr(_files.os, "stat", refuse)
    entry = node.describe("xt_owner")
    assert (entry["state"], entry["autoload"]) == ("unknown", "unknown")
    assert entry["reasons"][0]["code"] == "unreadable"


@pytest.mark.parametrize("path, axis", [("/etc/modprobe.d/b.conf", "state"), ("/etc/modules-load.d/b.conf", "boot")])
def test_a_fifo_is_unreadable_and_not_waited_for(node, path, axis):
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
def test_a_module_that_is_not_a_regular_file_is_never_ready(node, make):
    node.tree()
    path = node.path("{}/{}/xt_owner.ko".format(TREE, module_tree.NETFILTER))
    path.unlink()
    make(path)
    node.write("/etc/modules-load.d/a.conf", "xt_owner\n")
    assert get_axes(node.describe("xt_owner")) == ("unknown", "unknown", "unknown")


@pytest.mark.parametrize("path", ["/etc/modprobe.d/a.conf", "/etc/modules-load.d", TREE + "/modules.alias"])
def test_dangling_links_are_absent_files(node, path):
    node.tree()
    if path.startswith("/lib"):
        node.remove(path)
    node.link(path, os.path.basename(path))
    facts = node.facts(["xt_owner", "xt_mark"])
    assert facts["unreadable"] == {}
    axes = ("loadable", "never" if path.startswith("/lib") else "yes", "no")
    assert {name: get_axes(entry) for name, entry in facts["modules"].items()} == {"xt_owner": axes, "xt_mark": axes}


@pytest.mark.parametrize(
    "path, axis",
    [("/etc/modprobe.d/b.conf", "state"), ("/etc/modules-load.d/b.conf", "boot"), ("/proc/config.gz", None)],
)
def test_a_file_that_is_too_large_is_unreadable(node, path, axis):
    node.tree()
    node.write(path, "")
    os.truncate(str(node.path(path)), _files.MAX_FILE_BYTES + 1)
    facts = node.facts(["xt_owner"])
    assert facts["unreadable"][path] == "larger than 64 MiB"
    if axis:
        assert facts["modules"]["xt_owner"][axis] == "unknown"


def test_a_file_name_of_any_bytes_becomes_valid_utf_8(node):
    node.tree()
    for directory, content in (
        ("modprobe.d", b"blacklist xt_owner\n"),
        ("modules-load.d", b"xt_mark\nxt_owner \xff\n"),
    ):
        node.write("/etc/{}/x".format(directory), "")
        with open(os.fsencode(str(node.path("/etc/" + directory))) + b"/\xff.conf", "wb") as stream:
            stream.write(content)
    facts = node.facts(["xt_owner", "xt_mark"])
    json.dumps(facts, ensure_ascii=False).encode("utf-8")
    assert facts["boot_files"] == {"/etc/modules-load.d/?.conf": ["xt_mark"]}
    assert node.reasons(facts, "xt_owner")[0]["where"] == "/etc/modprobe.d/?.conf:1"


def test_of_many_unreadable_files_some_are_left_out(node):
    node.path("/etc/modules-load.d").mkdir(parents=True)
    for number in range(200):
        os.mkfifo(str(node.path("/etc/modules-load.d/{}.conf".format(number))))
    assert len(node.facts(["xt_owner"])["unreadable"]) == node_facts.MAX_UNREADABLE


def test_many_patterns_cost_little_time(node):
    node.tree()
    lines = ["alias pci:v{0}d*sv* x{0}\ninstall x{0}* /bin/false\n".format(number) for number in range(30000)]
    node.write("/etc/modprobe.d/a.conf", "".join(lines) + "install " + "*" * 60 + "Q /bin/false\n")
    started = time.process_time()
    assert node.facts(_module_names.KNOWN_MODULES)["modules"]["xt_owner"]["state"] == "loadable"
    assert time.process_time() - started < 20


GATHER_WITHOUT_LZMA = """
import json, sys
sys.modules["lzma"] = None
sys.path.insert(0, sys.argv[2])
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node_facts import gather_facts
print(json.dumps(gather_facts(Files(sys.argv[1]), ["xt_owner"], "", None)))
"""


def test_without_lzma_signatures_are_unknown(node):
    node.tree(suffix=".xz")
    node.write("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n")
    root = os.path.abspath(_files.__file__).split("/ansible_collections/")[0]
    done = subprocess.run(
        [sys.executable, "-c", GATHER_WITHOUT_LZMA, str(node.root), root], stdout=subprocess.PIPE, check=True
    )
    facts = json.loads(done.stdout.decode())
    assert facts["modules"]["xt_owner"]["state"] == "unknown"
    assert facts["reasons"][0]["code"] == "unsigned_module"
