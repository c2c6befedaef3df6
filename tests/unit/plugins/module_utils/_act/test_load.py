# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which modules are loaded, which are listed at boot, and why the others are not."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._act import load
from ansible_collections.nodeprep.istio.plugins.module_utils._managed import boot_block


@pytest.fixture
def read(node):
    node.tree(["xt_owner", "xt_mark", "x_tables"], builtin=["kernel/net/netfilter/nf_nat.ko"])
    node.write("/proc/modules", "xt_mark 16384 1 - Live 0x0\n")

    def read_node():
        return node.observe(["xt_owner", "xt_mark", "nf_nat", "nf_nat_ipv4", "xt_set"])

    return read_node


def test_only_absent_modules_are_loaded(read):
    loadable = load.split_loadable(read(), ["xt_owner", "xt_mark", "nf_nat", "nf_nat_ipv4", "xt_set"])
    assert loadable.names == ["xt_owner"]
    assert [failure["name"] for failure in loadable.failures] == ["xt_set"]
    assert "/lib/modules/" in loadable.failures[0]["cause"]


def test_a_blacklisted_module_is_neither_loaded_nor_listed(node, read):
    node.write("/etc/modprobe.d/hard.conf", "blacklist xt_owner\n")
    loadable = load.split_loadable(read(), ["xt_owner"])
    assert loadable.names == []
    assert "/etc/modprobe.d/hard.conf:1" in loadable.failures[0]["cause"]
    assert load.select_persistable(read(), ["xt_owner"], set()) == []


@pytest.mark.parametrize("softdep", ["pre", "post"])
def test_a_module_that_would_load_a_blacklisted_one_is_neither_loaded_nor_listed(node, read, softdep):
    node.tree(xt_owner=("kernel", ["x_tables"], []), x_tables=("kernel", [], []), xt_mark=("kernel", [], []))
    node.write("/etc/modprobe.d/hard.conf", "blacklist x_tables\n")
    node.write("/etc/modprobe.d/soft.conf", f"softdep xt_mark {softdep}: x_tables\n")
    node.write("/proc/modules", "")
    loadable = load.split_loadable(read(), ["x_tables", "xt_owner", "xt_mark"])
    assert loadable.names == []
    causes = {failure["name"]: failure["cause"] for failure in loadable.failures}
    for name in ("xt_owner", "xt_mark"):
        assert causes[name] == "boot: needs x_tables: blacklisted (/etc/modprobe.d/hard.conf:1)"
    assert load.select_persistable(read(), ["x_tables", "xt_owner", "xt_mark"], set()) == []


def test_a_blacklisted_dependency_that_is_loaded_already_keeps_nothing_from_loading(node, read):
    node.tree(xt_owner=("kernel", ["x_tables"], []), x_tables=("kernel", [], []))
    node.write("/etc/modprobe.d/hard.conf", "blacklist x_tables\n")
    node.write("/proc/modules", "x_tables 16384 0 - Live 0x0\n")
    assert load.split_loadable(read(), ["xt_owner"]) == (["xt_owner"], [])
    assert load.select_persistable(read(), ["xt_owner", "x_tables"], set()) == ["xt_owner"]


def test_builtin_merged_and_missing_modules_are_not_listed(read):
    names = ["xt_owner", "xt_mark", "nf_nat", "nf_nat_ipv4", "xt_set"]
    assert load.select_persistable(read(), names, set()) == ["xt_owner", "xt_mark"]


def test_modules_that_other_lines_list_are_not_listed_again(node, read):
    node.write("/usr/lib/modules-load.d/vendor.conf", "xt_mark\n")
    node.write(boot_block.PATH, "xt_owner\n")
    assert load.select_persistable(read(), ["xt_owner", "xt_mark"], set()) == ["xt_owner"]
    assert load.select_persistable(read(), ["xt_owner", "xt_mark"], {"xt_owner"}) == []


def test_a_module_that_is_listed_only_until_a_reboot_is_listed_again(node, read):
    node.write("/run/modules-load.d/cloud.conf", "xt_owner\n")
    assert load.select_persistable(read(), ["xt_owner"], set()) == ["xt_owner"]
    assert node.facts(["xt_owner"])["boot_files"] == {}


def test_a_module_that_loads_only_after_a_reboot_is_listed(node, read):
    node.write("/proc/sys/kernel/modules_disabled", "1\n")
    loadable = load.split_loadable(read(), ["xt_owner"])
    assert loadable.names == []
    assert "modules_disabled" in loadable.failures[0]["cause"]
    assert load.select_persistable(read(), ["xt_owner", "xt_set"], set()) == ["xt_owner"]
    node.write("/etc/modprobe.d/hard.conf", "install xt_owner /bin/false\n")
    assert load.select_persistable(read(), ["xt_owner"], set()) == []


class Kernel:
    """A modprobe that loads all modules except the broken ones, whatever its exit code is."""

    def __init__(self, broken):
        self.broken = broken
        self.loaded = set()

    def modprobe(self, arguments):
        self.loaded.update(name for name in arguments if not name.startswith("-") and name not in self.broken)
        is_single = len(arguments) == 2
        return 0, "", self.broken.get(arguments[-1], "") if is_single else "messages of all modules"


def test_loading_goes_on_after_a_failure_and_each_failure_has_its_own_cause():
    kernel = Kernel({"b": "modprobe: ERROR: could not insert 'b': Key was rejected by service\n", "c": ""})
    failures = load.load_modules(["a", "b", "c", "d"], kernel.modprobe, lambda: kernel.loaded)
    assert kernel.loaded == {"a", "d"}
    assert failures == [
        {"name": "b", "cause": "modprobe: ERROR: could not insert 'b': Key was rejected by service"},
        {"name": "c", "cause": "modprobe exited with 0, but /proc/modules does not list it"},
    ]
