# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The indexes of a modules tree."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod import modules_tree
from ansible_collections.nodeprep.istio.tests.unit.support import module_tree
from ansible_collections.nodeprep.istio.tests.unit.support.module_tree import RELEASE

TREE = "/lib/modules/" + RELEASE


def read(node, wanted=()):
    return modules_tree.read_tree(Files(str(node.root)), RELEASE, wanted)


@pytest.mark.parametrize(
    "path, name",
    [("kernel/net/xt-foo.ko.xz", "xt_foo"), ("xt_owner.ko", "xt_owner"), ("extra/a.b.ko.gz", "a.b")],
)
def test_the_name_of_a_module_comes_from_its_file(path, name):
    assert modules_tree.parse_module_name(path) == name


def test_the_index_lists_files_and_dependencies(node):
    node.tree()
    tree = read(node)
    assert (tree.present, tree.indexed, tree.empty) == (True, True, False)
    assert tree.find_file("xt_owner") == TREE + "/kernel/net/netfilter/xt_owner.ko"
    assert tree.list_dependencies("nf_nat") == ["nf_conntrack", "nf_defrag_ipv4"]
    assert tree.find_file("absent") is None
    assert tree.list_dependencies("absent") == []


def test_only_wanted_aliases_are_kept(node):
    node.tree(builtin_aliases=[("xt-set", "ipt-set"), ("xt_set", "ip6t_set")])
    tree = read(node, {"ipt_owner", "ipt_set"})
    assert tree.aliases == {"ipt_owner": ["xt_owner"], "ipt_set": ["xt_set"]}
    assert tree.builtin == {"xt_set": "modules.builtin.modinfo"}


def test_builtin_modules_are_listed(node):
    node.tree(["x_tables"], builtin=["kernel/net/xt-owner.ko"])
    assert read(node).builtin == {"xt_owner": "kernel/net/xt-owner.ko"}


def test_a_release_without_a_tree_is_absent(node):
    tree = read(node)
    assert (tree.present, tree.indexed, tree.path) == (False, False, TREE)
    assert tree.find_unindexed_file("xt_owner") is None


def test_a_tree_may_be_in_usr(node):
    node.write("/usr/lib/modules/{}/kernel/x".format(RELEASE), "")
    assert read(node).path == "/usr/lib/modules/" + RELEASE


def test_a_tree_without_a_folder_of_modules_is_empty(node):
    node.write(TREE + "/modules.builtin", "")
    assert read(node).empty


def test_a_file_that_the_index_does_not_list_is_found(node):
    node.tree(["x_tables"])
    path = "{}/{}/xt_owner.ko".format(TREE, module_tree.NETFILTER)
    node.write(path, module_tree.build_module("xt_owner"))
    tree = read(node)
    assert tree.find_unindexed_file("xt_owner") == path
    assert tree.find_unindexed_file("x_tables") is None
    assert tree.find_unindexed_file("xt_mark") is None


def test_only_busybox_reads_the_text_of_the_index(node):
    node.tree()
    node.remove(TREE + "/modules.dep.bin")
    entry = node.describe("xt_owner")
    assert (entry["state"], entry["reasons"][0]["code"]) == ("unknown", "index_missing")
    node.link("/sbin/modprobe", "/bin/busybox")
    entry = node.describe("xt_owner")
    assert (entry["state"], entry["autoload"], entry["boot"], entry["reasons"]) == ("loadable", "yes", "no", [])


def test_the_tree_of_nixos_is_found_for_the_booted_the_current_and_the_next_system(node):
    store = "/nix/store/0a1b-linux-{}-modules".format(RELEASE)
    for link in ("/run/booted-system", "/run/current-system", "/nix/var/nix/profiles/system"):
        node.tree(["xt_owner", "x_tables"])
        directory = link + "/kernel-modules"
        node.path(directory).parent.mkdir(parents=True, exist_ok=True)
        if not node.path(store).exists():
            node.path(store + "/lib").mkdir(parents=True)
            node.path("/lib/modules").rename(node.path(store + "/lib/modules"))
        node.link(directory, store)
        tree = read(node)
        assert (tree.path, tree.indexed) == ("{}/lib/modules/{}".format(directory, RELEASE), True)
        assert tree.find_file("xt_owner").endswith("/xt_owner.ko")
        node.path(directory).unlink()


@pytest.mark.parametrize(
    "paths, flat_directory",
    [
        (["/lib/modules/xt_owner.ko"], "/lib/modules"),
        (["/lib/modules/xt_owner.ko.xz", "/lib/modules/other/modules.dep"], "/lib/modules"),
        (["/lib/modules/{}/xt_owner.ko".format(RELEASE)], None),
        (["/lib/modules/{}/kernel/xt_owner.ko".format(RELEASE)], None),
        (["/lib/modules/xt_owner.ko", "/lib/modules/{}/kernel/x_tables.ko".format(RELEASE)], None),
        (["/lib/modules/other/modules.dep"], None),
        ([], None),
    ],
)
def test_modules_that_lie_in_one_directory_without_an_index_are_noticed(node, paths, flat_directory):
    for path in paths:
        node.write(path, "")
    assert read(node).flat_directory == flat_directory


def test_modules_directly_in_the_tree_only_need_an_index(node):
    node.write(TREE + "/xt_owner.ko", "")
    tree = read(node)
    assert (tree.present, tree.indexed, tree.empty, tree.flat_directory) == (True, False, False, None)
    node.write(TREE + "/modules.dep", "xt_owner.ko:\n")
    node.write(TREE + "/modules.dep.bin", "")
    assert read(node).paths == {"xt_owner": "xt_owner.ko"}
