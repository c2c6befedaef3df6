# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modprobe.d says about modules. The corpus has more situations, compared with the real modprobe."""

import time

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod import modprobe_conf
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Code

TREE = "/lib/modules/6.1.0"


def read(node, cmdline="", **options):
    return modprobe_conf.read_conf(Files(str(node.root)), cmdline, TREE, **options)


def places(causes):
    return [cause.where for cause in causes]


def test_each_line_that_blacklists_a_module_is_a_cause(node):
    node.write("/etc/modprobe.d/b.conf", "blacklist xt_owner\n")
    node.write("/usr/lib/modprobe.d/a.conf", "# c\nblacklist xt-owner\n")
    conf = read(node, "modprobe.blacklist=xt_owner,xt_mark modprobe.blacklist=xt_owner")
    assert places(conf.find_blacklists("xt_owner")) == [
        "/usr/lib/modprobe.d/a.conf:2",
        "/etc/modprobe.d/b.conf:1",
        "/proc/cmdline",
    ]
    assert conf.find_blacklist("nf_nat") is None


def test_of_many_lines_the_first_five_are_causes_of_their_own(node):
    node.write("/etc/modprobe.d/a.conf", "blacklist xt_owner\n" * 8 + "install xt_owner /bin/false\n" * 7)
    conf = read(node)
    blacklists = conf.find_blacklists("xt_owner")
    assert len(blacklists) == 6
    assert (blacklists[-1].text, blacklists[-1].where) == ("blacklisted in 3 more places", None)
    overrides = conf.find_install_overrides("xt_owner")
    assert len(overrides) == 6
    assert (overrides[-1].text, overrides[-1].where) == ("install overrides in 2 more places", None)


def test_install_lines_count_up_to_one_that_loads_the_module(node):
    node.write(
        "/etc/modprobe.d/a.conf",
        "install xt_owner /bin/false\n"
        "install xt_* /bin/true\n"
        "install xt_owner modprobe -i xt_owner\n"
        "install xt_owner /bin/false\n",
    )
    conf = read(node)
    assert places(conf.find_install_overrides("xt_owner")) == ["/etc/modprobe.d/a.conf:1", "/etc/modprobe.d/a.conf:2"]
    assert conf.find_custom_install("xt_owner") is None


def test_an_install_line_that_loads_the_module_is_reported(node):
    node.write("/etc/modprobe.d/a.conf", "install xt_owner modprobe --ignore-install xt-owner; logger x\n")
    conf = read(node)
    assert conf.find_block("xt_owner") is None
    assert conf.find_custom_install("xt_owner").code == Code.CUSTOM_INSTALL


def test_a_long_command_is_cut(node):
    node.write("/etc/modprobe.d/a.conf", "install xt_owner /bin/{}\n".format("x" * 300))
    assert len(read(node).find_install_override("xt_owner").text) < 150


def test_module_blacklist_blocks_and_its_last_value_counts(node):
    conf = read(node, "module_blacklist=xt_mark module_blacklist=xt_owner,nf_nat")
    assert conf.find_block("xt_owner").code == Code.MODULE_BLACKLIST
    assert conf.find_block("xt_mark") is None


def test_disabled_modules_block_every_module(node):
    conf = read(node, modules_disabled=True)
    assert conf.find_block("xt_owner").code == Code.MODULES_DISABLED_AT_BOOT
    assert read(node).find_blocker() is None


def test_a_blacklist_does_not_block_a_module(node):
    node.write("/etc/modprobe.d/a.conf", "install xt_owner /bin/false\nblacklist xt_owner\nblacklist xt_mark\n")
    conf = read(node)
    assert conf.find_block("xt_owner").code == Code.INSTALL_OVERRIDE
    assert conf.find_block("xt_mark") is None


@pytest.mark.parametrize(
    "line", ["blacklist", "install xt_owner", "alias ipt_owner", "install xt_[o* /bin/false", "x y"]
)
def test_an_incomplete_line_is_skipped(node, line):
    node.write("/etc/modprobe.d/a.conf", line + "\n")
    conf = read(node)
    assert (conf.blacklist, conf.install, conf.aliases, conf.softdeps) == ({}, [], [], [])


def test_aliases_and_soft_dependencies_are_read(node):
    node.write("/etc/modprobe.d/a.conf", "alias ipt-* xt-owner\nsoftdep xt_owner pre: nf-nat post: xt_mark\n")
    conf = read(node)
    assert [line.module for line in conf.find_alias_targets("ipt_owner")] == ["xt_owner"]
    assert conf.find_softdeps("xt_owner") == ["nf_nat", "xt_mark"]
    assert list(conf.find_softdeps("xt_mark")) == []


def test_the_soft_dependencies_of_the_tree_have_their_place_by_name(node):
    node.write(TREE + "/modules.softdep", "softdep xt_owner post: nf_nat\n")
    node.write("/etc/modprobe.d/z.conf", "softdep xt_owner post: xt_mark\n")
    assert read(node).find_softdeps("xt_owner") == ["nf_nat"]
    node.write("/etc/modprobe.d/a.conf", "softdep xt_owner post: x_tables\n")
    assert read(node).find_softdeps("xt_owner") == ["x_tables"]


def test_configuration_in_run_is_gone_after_a_reboot(node):
    assert not modprobe_conf.has_volatile_conf(Files(str(node.root)))
    node.write("/run/modprobe.d/a.conf", "blacklist xt_owner\n")
    assert modprobe_conf.has_volatile_conf(Files(str(node.root)))
    assert read(node).find_blacklist("xt_owner").where == "/run/modprobe.d/a.conf:1"
    assert read(node, live=False).find_blacklist("xt_owner") is None


def test_an_unreadable_file_is_noted(node, forbid):
    node.write("/etc/modprobe.d/a.conf", "")
    node.write("/etc/modprobe.d/b.conf", "blacklist xt_owner\n")
    forbid("/etc/modprobe.d/a.conf")
    conf = read(node)
    assert conf.unreadable_path == "/etc/modprobe.d/a.conf"
    assert conf.find_blacklist("xt_owner") is not None


def test_an_unreadable_directory_is_noted(node):
    node.write("/etc/modprobe.d", "x")
    assert read(node).unreadable_path == "/etc/modprobe.d"


def test_many_patterns_cost_little_time(node):
    node.tree()
    lines = ["alias pci:v{0}d*sv* x{0}\ninstall x{0}* /bin/false\n".format(number) for number in range(30000)]
    node.write("/etc/modprobe.d/a.conf", "".join(lines) + "install " + "*" * 60 + "Q /bin/false\n")
    started = time.process_time()
    assert node.facts(KNOWN_MODULES)["modules"]["xt_owner"]["state"] == "loadable"
    assert time.process_time() - started < 20
