# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The other installed kernels: which modules and options they lack."""

from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node_facts import OPTIONS
from ansible_collections.nodeprep.istio.tests.unit.support import module_tree
from ansible_collections.nodeprep.istio.tests.unit.support.module_tree import RELEASE

OTHER = "6.1.1-test"
MERGED = ("nf_conntrack_ipv4", "nf_conntrack_ipv6", "nf_nat_ipv4", "nf_nat_ipv6", "nf_nat_redirect")


def observe(node):
    return node.facts(["xt_owner"]).get("other_kernels")


def write_tree(node, release, without=(), builtin=()):
    modules = {name: entry for name, entry in module_tree.build_catalogue().items() if name not in (*without, *builtin)}
    node.tree([], release=release, builtin=["kernel/{}.ko".format(name) for name in builtin], **modules)


def test_a_node_with_one_kernel_has_no_other_one(node):
    node.tree()
    assert observe(node) is None


def test_modules_are_lacking_that_are_neither_in_the_index_nor_built_in(node):
    node.tree()
    write_tree(node, OTHER, without=("xt_owner", "nft_compat"), builtin=("nf_tables",))
    assert observe(node) == {OTHER: {"lacks": ["nft_compat", "xt_owner"], "unset_options": None}}


def test_merged_names_are_lacking_with_their_module(node):
    node.tree()
    write_tree(node, OTHER, without=(*MERGED, "nft_counter"))
    assert observe(node)[OTHER]["lacks"] == []
    write_tree(node, "6.1.2-test", without=(*MERGED, "nft_counter", "nf_nat"))
    assert observe(node)["6.1.2-test"]["lacks"] == ["nf_nat", "nf_nat_ipv4", "nf_nat_ipv6", "nf_nat_redirect"]


def test_a_name_that_the_kernel_configures_was_not_merged(node):
    node.tree()
    write_tree(node, OTHER, without=("nft_counter",))
    node.write("/boot/config-" + OTHER, "CONFIG_NFT_COUNTER=m\n")
    assert observe(node)[OTHER]["lacks"] == ["nft_counter"]


def test_the_options_are_those_of_the_kernels_own_configuration(node):
    node.tree()
    write_tree(node, OTHER)
    node.write("/boot/config-" + RELEASE, "CONFIG_MODULES=y\n")
    assert observe(node)[OTHER]["unset_options"] is None
    lines = ["CONFIG_{}=y\n".format(option) for option in OPTIONS if option != "IP_MULTIPLE_TABLES"]
    lines.append("# CONFIG_IP_MULTIPLE_TABLES is not set\n")
    node.write("/lib/modules/{}/config".format(OTHER), "".join(lines))
    assert observe(node)[OTHER]["unset_options"] == ["IP_MULTIPLE_TABLES"]


def test_the_newest_kernels_of_the_running_flavour_come_first(node):
    node.tree()
    for release in ("6.0.0-test", "6.1.1-test", "6.1.2-test", "6.2.0-other"):
        node.tree(["xt_owner"], release=release)
    assert list(observe(node)) == ["6.1.2-test", "6.1.1-test", "6.0.0-test"]


def test_a_kernel_without_an_index_is_left_out(node):
    node.tree()
    node.write("/lib/modules/{}/modules.builtin".format(OTHER), "kernel/nf_nat.ko\n")
    assert observe(node) is None


def test_a_container_has_no_other_kernel(node):
    node.tree()
    write_tree(node, OTHER)
    node.write("/.dockerenv", "")
    assert observe(node) is None


def test_the_facts_are_parsed_with_the_other_kernels(node):
    node.tree()
    write_tree(node, OTHER, without=("xt_owner",))
    assert node.facts(KNOWN_MODULES)["other_kernels"] == {OTHER: {"lacks": ["xt_owner"], "unset_options": None}}


def test_another_kernel_as_the_subject_of_the_facts_has_no_other_one(node):
    node.tree()
    write_tree(node, OTHER)
    assert "other_kernels" not in node.facts(["xt_owner"], OTHER)
