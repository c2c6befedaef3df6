# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modprobe would do for a name. The corpus compares more situations with the real modprobe."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod import modprobe_conf, modules_tree
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.modprobe import Modprobe, Target
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.module_file import SignatureCheck
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Code
from ansible_collections.nodeprep.istio.tests.unit.support.module_tree import RELEASE


@pytest.fixture
def read(node):
    node.tree()

    def read_modprobe(conf="", loaded=(), signatures=False):
        if conf:
            node.write("/etc/modprobe.d/a.conf", conf)
        files = Files(str(node.root))
        tree = modules_tree.read_tree(files, RELEASE, {"ipt_owner", "ipt_mark", "nfnetlink_subsys_10"})
        check = SignatureCheck(files, tree) if signatures else None
        return Modprobe(files, modprobe_conf.read_conf(files, "", tree.path), tree, loaded, check)

    return read_modprobe


def test_a_name_stands_for_its_module_and_an_alias_for_another(read):
    modprobe = read()
    assert modprobe.lookup("xt_owner").targets == [Target("xt_owner", False)]
    assert modprobe.lookup("ipt_owner").targets == [Target("xt_owner", True)]
    assert modprobe.lookup("no_such_module") == ([], None)


def test_an_alias_line_takes_precedence(read):
    modprobe = read("alias ipt_owner xt_mark\nalias xt_mark off\n")
    assert modprobe.lookup("ipt_owner").targets == [Target("xt_mark", True)]
    targets, block = modprobe.lookup("xt_mark")
    assert targets == []
    assert (block.code, block.text) == (Code.ALIAS_OVERRIDE, "alias xt_mark off")


def test_a_request_leads_to_a_module_or_has_a_cause(read):
    modprobe = read("blacklist xt_owner\nalias ipt_mark xt_owner\n")
    assert modprobe.resolve_request("xt_owner", "xt_owner", False) == (True, None)
    assert modprobe.resolve_request("xt_owner", "xt_owner", True)[1].code == Code.BLACKLIST
    assert modprobe.resolve_request("ipt_owner", "xt_owner", False)[1].code == Code.BLACKLIST
    assert modprobe.resolve_request("ipt_mark", "xt_mark", False)[1].code == Code.ALIAS_OVERRIDE
    assert modprobe.resolve_request("no_such_request", "xt_mark", False) == (False, None)


def test_a_blocked_dependency_blocks_a_module_until_it_is_loaded(read):
    cause = read("install x_tables /bin/false\n").find_block("xt_owner")
    assert (cause.code, cause.dependency, cause.where) == (
        Code.INSTALL_OVERRIDE,
        "x_tables",
        "/etc/modprobe.d/a.conf:1",
    )
    assert read(loaded={"x_tables"}).find_block("xt_owner") is None


def test_all_lines_in_the_way_are_found(read):
    modprobe = read("blacklist xt_owner\ninstall xt_owner /bin/false\ninstall x_tables /bin/false\n")
    assert [(cause.code, cause.dependency) for cause in modprobe.find_conflicts("xt_owner")] == [
        (Code.BLACKLIST, None),
        (Code.INSTALL_OVERRIDE, None),
        (Code.INSTALL_OVERRIDE, "x_tables"),
    ]


@pytest.mark.parametrize(
    "conf, loaded, found",
    [
        ("blacklist x_tables\n", (), ["x_tables"]),
        ("blacklist x_tables\n", ("x_tables",), []),
        ("blacklist x_tables\ninstall x_tables /bin/false\n", (), ["x_tables"]),
        ("blacklist xt_owner\n", (), []),
        ("blacklist nf_nat\n", (), []),
        ("blacklist nf_nat\nsoftdep xt_owner pre: nf_nat\n", (), ["nf_nat"]),
        ("blacklist nf_conntrack\nsoftdep x_tables post: nf_nat\n", ("x_tables",), ["nf_conntrack"]),
        ("blacklist xt_mark\nsoftdep xt_owner pre: ipt_mark\n", (), ["xt_mark"]),
        ("blacklist nf_nat\nsoftdep xt_owner pre: nf_nat\ninstall nf_nat /bin/false\n", (), []),
        ("blacklist nf_nat\nweakdep xt_owner nf_nat\n", (), []),
    ],
)
def test_blacklisted_modules_that_would_be_loaded_with_a_module_are_found(read, conf, loaded, found):
    modprobe = read(conf, loaded=set(loaded))
    causes = modprobe.find_blacklisted_with("xt_owner")
    assert [(cause.code, cause.dependency, cause.where) for cause in causes] == [
        (Code.BLACKLIST, name, "/etc/modprobe.d/a.conf:1") for name in found
    ]
    assert set(causes) <= set(modprobe.find_conflicts("xt_owner"))


def test_the_next_boot_has_no_loaded_modules_and_its_own_configuration(read):
    modprobe = read("install x_tables /bin/false\n", loaded={"x_tables"})
    assert modprobe.find_block("xt_owner") is None
    assert modprobe.for_next_boot(modprobe.conf).find_block("xt_owner") is not None
    assert modprobe.for_next_boot(modprobe_conf.ModprobeConf()).find_block("xt_owner") is None


def test_dependencies_and_soft_dependencies_are_loaded_with_a_module(read):
    modprobe = read("softdep xt_owner post: ipt_mark nf_nat\ninstall nf_nat /bin/false\nblacklist xt_mark\n")
    assert sorted(modprobe.list_loaded_with("xt_owner")) == ["x_tables", "xt_mark"]


def test_a_missing_module_file_blocks_a_module(read, node):
    node.remove("/lib/modules/{}/kernel/net/netfilter/xt_owner.ko".format(RELEASE))
    assert read().find_block("xt_owner").code == Code.MODULE_FILE_MISSING


def test_a_kernel_that_accepts_only_signed_modules_blocks_the_others(read):
    assert read().find_block("xt_owner") is None
    assert read(signatures=True).find_block("xt_owner").code == Code.UNSIGNED_MODULE


def test_an_unreadable_configuration_makes_everything_uncertain(read, node):
    node.write("/etc/modprobe.d", "x")
    cause = read().find_uncertainty("xt_owner")
    assert (cause.code, cause.where) == (Code.UNREADABLE, "/etc/modprobe.d")


@pytest.mark.parametrize("name, dependency", [("x_tables", None), ("xt_owner", "x_tables")])
def test_a_module_file_without_permission_is_uncertain(read, monkeypatch, name, dependency):
    modprobe = read()
    monkeypatch.setattr(modprobe._files, "exists", lambda path: None if path.endswith("x_tables.ko") else True)
    cause = modprobe.find_uncertainty(name)
    assert (cause.code, cause.dependency) == (Code.UNREADABLE, dependency)
    assert modprobe.find_uncertainty("nf_defrag_ipv4") is None
