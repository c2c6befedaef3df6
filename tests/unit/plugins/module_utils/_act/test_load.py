# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is loaded, what is listed at boot, and what is said of the rest."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._act import load
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._managed import boot_block
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import node_facts


@pytest.fixture
def read(node):
    node.tree(["xt_owner", "xt_mark", "x_tables"], builtin=["kernel/net/netfilter/nf_nat.ko"])
    node.write("/proc/modules", "xt_mark 16384 1 - Live 0x0\n")

    def read_node():
        return node_facts.read_node(Files(str(node.root)), ["xt_owner", "xt_mark", "nf_nat", "nf_nat_ipv4", "xt_set"])

    return read_node


def test_only_what_is_not_there_is_loaded(read):
    to_load, failures = load.sort_out(read(), ["xt_owner", "xt_mark", "nf_nat", "nf_nat_ipv4", "xt_set"])
    assert to_load == ["xt_owner"]
    assert [failure["name"] for failure in failures] == ["xt_set"]
    assert "/lib/modules/" in failures[0]["cause"]


def test_a_blacklisted_module_is_neither_loaded_nor_listed(node, read):
    node.write("/etc/modprobe.d/hard.conf", "blacklist xt_owner\n")
    to_load, failures = load.sort_out(read(), ["xt_owner"])
    assert to_load == [] and "/etc/modprobe.d/hard.conf:1" in failures[0]["cause"]
    assert load.persistable(read(), ["xt_owner"], set()) == []


def test_what_comes_along_is_no_failure_whatever_a_blacklist_says(node, read):
    node.write("/etc/modprobe.d/hard.conf", "blacklist x_tables\n")
    assert load.sort_out(read(), ["x_tables", "xt_owner"]) == (["xt_owner"], [])
    assert [failure["name"] for failure in load.sort_out(read(), ["x_tables"])[1]] == ["x_tables"]


def test_builtin_merged_and_missing_ones_are_not_listed(read):
    names = ["xt_owner", "xt_mark", "nf_nat", "nf_nat_ipv4", "xt_set"]
    assert load.persistable(read(), names, set()) == ["xt_owner", "xt_mark"]


def test_what_others_list_is_not_listed_again(node, read):
    node.write("/usr/lib/modules-load.d/vendor.conf", "xt_mark\n")
    node.write(boot_block.PATH, "xt_owner\n")
    assert load.persistable(read(), ["xt_owner", "xt_mark"], set()) == ["xt_owner"]
    assert load.persistable(read(), ["xt_owner", "xt_mark"], {"xt_owner"}) == []


def test_what_is_listed_for_this_boot_alone_is_listed_again(node, read):
    node.write("/run/modules-load.d/cloud.conf", "xt_owner\n")
    assert load.persistable(read(), ["xt_owner"], set()) == ["xt_owner"]
    assert node.facts(["xt_owner"])["boot_files"] == {}


class Kernel:
    """A modprobe that loads all but some modules, whatever its exit code."""

    def __init__(self, broken):
        self.broken = broken
        self.there = set()

    def modprobe(self, arguments):
        self.there.update(name for name in arguments if not name.startswith("-") and name not in self.broken)
        return 0, "", self.broken.get(arguments[-1], "") if len(arguments) == 2 else "noise"


def test_loading_goes_on_after_a_failure_and_gives_each_its_own_cause():
    kernel = Kernel({"b": "modprobe: ERROR: could not insert 'b': Key was rejected by service\n", "c": ""})
    failures = load.load(["a", "b", "c", "d"], kernel.modprobe, lambda: kernel.there)
    assert kernel.there == {"a", "d"}
    assert failures == [
        {"name": "b", "cause": "modprobe: ERROR: could not insert 'b': Key was rejected by service"},
        {"name": "c", "cause": "modprobe ended with 0, and the module is not in /proc/modules"},
    ]


def test_what_waits_for_a_reboot_is_listed(node, read):
    node.write("/proc/sys/kernel/modules_disabled", "1\n")
    to_load, failures = load.sort_out(read(), ["xt_owner"])
    assert to_load == [] and "modules_disabled" in failures[0]["cause"]
    assert load.persistable(read(), ["xt_owner", "xt_set"], set()) == ["xt_owner"]
    node.write("/etc/modprobe.d/hard.conf", "install xt_owner /bin/false\n")
    assert load.persistable(read(), ["xt_owner"], set()) == []


def test_a_tree_without_modules_lacks_its_package(node):
    node.write("/lib/modules/{}/modules.builtin".format(node.facts([])["kernel"]["release"]), "")
    entry = node.describe("xt_owner")
    assert entry["state"] == "missing" and entry["reasons"][0]["code"] == "not_installed"
