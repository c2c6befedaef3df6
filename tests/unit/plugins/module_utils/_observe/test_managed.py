# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of this collection on the node."""

import bz2

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._managed import boot_block
from ansible_collections.nodeprep.istio.plugins.module_utils._managed.modprobe_overrides import (
    INSTALL_OVERRIDE_FILE,
    Override,
    render_override,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import managed
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.managed import observe_managed

VENDOR = "/usr/lib/modprobe.d/hard.conf"
COPY = "/etc/modprobe.d/hard.conf"
OVERRIDE = Override(COPY, VENDOR, ("blacklist xt_owner",))
POLICY = "/etc/selinux/targeted/active/modules/{}/istio_node_prep/cil"


def observe(node, policy_type=None, reported=()):
    return observe_managed(Files(str(node.root)), policy_type, reported)


def test_a_node_without_files_of_this_collection(node):
    node.write("/etc/modprobe.d/other.conf", "blacklist dccp\n")
    assert observe(node, "targeted") == {"boot_file": [], "masked": False, "overrides": {}, "policy": None}


def test_the_names_in_the_block_and_on_other_lines_are_reported(node):
    node.write(boot_block.PATH, boot_block.replace_block("xt_mark\nbridge\nnot a name\n", ["xt_owner"]))
    seen = observe(node, reported=["bridge"])
    assert seen["boot_file"] == ["xt_owner"]
    assert seen["other_modules"] == ["xt_mark"]


def test_unbalanced_markers_are_reported(node):
    node.write(boot_block.PATH, boot_block.BEGIN + "\n")
    assert observe(node)["boot_file"] is None


@pytest.mark.parametrize(
    "text, is_empty",
    [
        ("xt_mark\n", None),
        (boot_block.BEGIN + "\n#xt_owner\n" + boot_block.END + "\n", True),
        (boot_block.replace_block("", ["xt_owner"]), None),
    ],
    ids=["no block", "a block without names", "a block with a name"],
)
def test_only_a_block_without_names_is_empty(node, text, is_empty):
    node.write(boot_block.PATH, text)
    assert observe(node).get("has_empty_block") is is_empty


def test_of_many_names_some_are_left_out(node):
    names = ["a_{}".format(number) for number in range(managed.MAX_NAMES + 1)]
    node.write(boot_block.PATH, boot_block.replace_block("", names))
    seen = observe(node)
    assert seen["boot_file"] == names[: managed.MAX_NAMES]
    assert seen["truncated"] is True


def test_a_link_to_the_null_device_masks_the_boot_file(node):
    node.link(boot_block.PATH, "/dev/null")
    assert observe(node)["masked"] is True


@pytest.mark.parametrize(
    "vendors, own, shadowed",
    [
        ({"/usr/lib": "# none\nwireguard\n"}, None, "/usr/lib/modules-load.d/istio.conf"),
        ({"/usr/lib": "wireguard\n", "/usr/local/lib": "xt_owner\n"}, None, "/usr/local/lib/modules-load.d/istio.conf"),
        ({"/usr/lib": "wireguard\n"}, "xt_owner\n", None),
        ({"/usr/lib": "# wireguard\n", "/run": "wireguard\n"}, None, None),
    ],
    ids=["a vendor's file", "of two the first", "the boot file exists", "no lines, or gone after a reboot"],
)
def test_a_vendors_file_that_the_boot_file_would_hide_is_reported(node, vendors, own, shadowed):
    for directory, text in vendors.items():
        node.write(directory + "/modules-load.d/istio.conf", text)
    if own:
        node.write(boot_block.PATH, own)
    assert observe(node).get("shadowed_file") == shadowed


def test_an_override_is_current_until_its_source_changes(node):
    node.write(VENDOR, "blacklist xt_owner\nblacklist dccp\n")
    node.write(COPY, render_override(OVERRIDE, "blacklist xt_owner\nblacklist dccp\n"))
    expected = {"source": VENDOR, "lines": ["blacklist xt_owner"], "current": True, "edited": False}
    assert observe(node)["overrides"] == {COPY: expected}
    node.write(VENDOR, "blacklist xt_owner\nblacklist sctp\n")
    assert observe(node)["overrides"] == {COPY: dict(expected, current=False)}


def test_an_edited_override_is_current(node):
    node.write(VENDOR, "blacklist xt_owner\n")
    node.write(COPY, render_override(OVERRIDE, "blacklist xt_owner\n") + "blacklist sctp\n")
    seen = observe(node)["overrides"][COPY]
    assert seen["edited"] is True
    assert seen["current"] is True


def test_files_in_the_place_of_overrides_are_found(node):
    node.write(COPY + "/x", "")
    node.write(INSTALL_OVERRIDE_FILE, "options nf_conntrack hashsize=131072\n")
    files = Files(str(node.root))
    assert managed.find_occupied_targets(files, []) == []
    assert managed.find_occupied_targets(files, ["/etc/modprobe.d/a.conf"]) == [INSTALL_OVERRIDE_FILE]
    assert managed.find_occupied_targets(files, [VENDOR]) == [INSTALL_OVERRIDE_FILE, COPY]


def test_an_override_does_not_occupy_its_own_place(node):
    node.write(COPY, render_override(OVERRIDE, "blacklist xt_owner\n"))
    assert managed.find_occupied_targets(Files(str(node.root)), [VENDOR]) == []


@pytest.mark.parametrize("pack", [bz2.compress, bytes], ids=["packed", "plain"])
def test_the_policy_is_found_in_the_store(node, pack):
    node.write("/var/lib/selinux/targeted/active/modules/300/istio_node_prep/cil", pack(b"(allow a b (c (d)))\n"))
    policy = {"priority": 300, "cil": "(allow a b (c (d)))\n", "priorities": [300], "semodule": False}
    assert observe(node, "targeted")["policy"] == policy
    assert observe(node, "mls")["policy"] is None
    assert observe(node)["policy"] is None


def test_of_several_priorities_the_highest_counts(node):
    for priority, text in (("100", "old"), ("400", "new"), ("300.bak", "copy"), ("\u00b2", "not a number")):
        node.write(POLICY.format(priority), text)
    node.write("/usr/sbin/semodule", "")
    policy = {"priority": 400, "cil": "new", "priorities": [100, 400], "semodule": True}
    assert observe(node, "targeted")["policy"] == policy


def test_a_disabled_policy_is_reported(node):
    node.write(POLICY.format("400"), "(allow a b (c (d)))\n")
    node.write("/etc/selinux/targeted/active/modules/disabled/istio_node_prep", "")
    assert observe(node, "targeted")["policy"]["disabled"] is True


def test_the_policy_is_found_while_selinux_is_disabled(node):
    node.write(POLICY.format("400"), "new")
    node.write("/etc/selinux/config", "SELINUX=disabled\nSELINUXTYPE=targeted\n")
    facts = node.facts(["xt_owner"])
    assert facts["selinux"]["mode"] == "disabled"
    assert facts["managed"]["policy"]["cil"] == "new"


def test_a_long_policy_is_reported_by_its_digest(node):
    node.write(POLICY.format("400"), "(allow a b (c (d)))\n" * 100)
    assert observe(node, "targeted")["policy"]["cil"].startswith("SHA-256 ")
