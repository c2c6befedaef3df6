# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conflicts: which lines keep which modules from loading, and which of them the role can override."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.conflicts import (
    find_conflicts,
    find_still_blocked,
    find_unblocked,
)
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import parse_facts
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import (
    ADMIN_FILE,
    BLACKLISTED,
    VENDOR_CONFLICT,
    VENDOR_FILE,
    make_conflict_file,
    make_node,
    make_reason,
)

CMDLINE = "/proc/cmdline"
EDITED_FILE = "/etc/modprobe.d/hard.conf"
INSTALL_OVERRIDES = "/etc/modprobe.d/00-nodeprep-istio.conf"


def find(node, *names, on_demand=True):
    return find_conflicts(parse_facts(node), names, on_demand=on_demand)


def make_blocked_node(code, where, line, **more):
    """Return a node on which one line blocks xt_owner."""
    path = where.rpartition(":")[0]
    module = {"state": "blocked", "autoload": "denied", "reasons": [make_reason("now", code, where)]}
    return make_node(xt_owner=module, conflicts={path: make_conflict_file({"1": line})}, **more)


def test_a_conflict_has_the_line_the_place_and_the_owner():
    (conflict,) = find(make_node(xt_owner=BLACKLISTED, conflicts=VENDOR_CONFLICT), "xt_owner")
    assert (conflict.path, conflict.number) == (VENDOR_FILE, 3)
    assert conflict.line == "blacklist xt_owner"
    assert conflict.owner == "package hardening"
    assert conflict.modules == conflict.named_modules == ("xt_owner",)


@pytest.mark.parametrize(
    "comment, owner",
    [("CIS", "not part of a package; first comment: 'CIS'"), (None, "not part of a package; no comment at the top")],
)
def test_a_file_without_a_package_is_described_by_its_first_comment(comment, owner):
    conflicts = {VENDOR_FILE: make_conflict_file({"3": "blacklist xt_owner"}, comment=comment)}
    (conflict,) = find(make_node(xt_owner=BLACKLISTED, conflicts=conflicts), "xt_owner")
    assert conflict.owner == owner


def test_a_line_on_the_kernel_command_line_has_no_number():
    (conflict,) = find(make_blocked_node("module_blacklist", CMDLINE, ""), "xt_owner")
    assert (conflict.path, conflict.number) == (CMDLINE, 0)
    assert conflict.owner == "the kernel command line"


def test_a_line_that_blocks_several_modules_is_one_conflict():
    reason = make_reason("now", "install_override", ADMIN_FILE + ":2") | {"dependency": "x_tables"}
    blocked = {"state": "blocked", "autoload": "denied", "reasons": [reason]}
    (conflict,) = find(make_node(xt_owner=blocked, xt_REDIRECT=blocked), "xt_owner", "xt_REDIRECT")
    assert conflict.modules == ("xt_owner", "xt_REDIRECT")
    assert conflict.named_modules == ("x_tables",)


@pytest.mark.parametrize(
    "code, where, line, can_be_overridden",
    [
        ("blacklist", ADMIN_FILE + ":1", "blacklist xt_owner", False),
        ("blacklist", "/run/modprobe.d/x.conf:1", "blacklist xt_owner", True),
        ("install_override", ADMIN_FILE + ":1", "install xt_owner /bin/false", True),
        ("install_override", "/etc/modprobe.d/00-a.conf:1", "install xt_owner /bin/false", False),
        ("install_override", ADMIN_FILE + ":1", "install xt_* /bin/false", False),
        ("module_blacklist", CMDLINE, "", False),
    ],
)
def test_a_line_can_be_overridden_if_a_file_of_the_role_is_read_before_or_instead(code, where, line, can_be_overridden):
    (conflict,) = find(make_blocked_node(code, where, line), "xt_owner")
    assert conflict.can_be_overridden is can_be_overridden


@pytest.mark.parametrize(
    "managed, can_be_overridden",
    [
        ({}, True),
        ({"occupied_paths": [INSTALL_OVERRIDES]}, False),
        ({"overrides": {INSTALL_OVERRIDES: {"current": True}}}, True),
        ({"overrides": {INSTALL_OVERRIDES: {"current": True, "edited": True}}}, False),
    ],
)
def test_an_install_line_can_be_overridden_if_the_file_of_the_role_can_be_written(managed, can_be_overridden):
    node = make_blocked_node("install_override", VENDOR_FILE + ":1", "install xt_owner /bin/false", managed=managed)
    (conflict,) = find(node, "xt_owner")
    assert conflict.can_be_overridden is can_be_overridden


@pytest.mark.parametrize(
    "managed, path, can_be_overridden",
    [
        ({}, VENDOR_FILE, True),
        ({"occupied_paths": [EDITED_FILE]}, VENDOR_FILE, False),
        ({"overrides": {EDITED_FILE: {"current": True}}}, EDITED_FILE, True),
        ({"overrides": {EDITED_FILE: {"current": True, "edited": True}}}, EDITED_FILE, False),
    ],
)
def test_a_blacklist_line_can_be_overridden_if_the_copy_can_be_written(managed, path, can_be_overridden):
    node = make_blocked_node("blacklist", path + ":1", "blacklist xt_owner", managed=managed)
    (conflict,) = find(node, "xt_owner")
    assert conflict.can_be_overridden is can_be_overridden


REQUEST_LINE = make_reason("autoload", "install_override", ADMIN_FILE + ":1")


@pytest.mark.parametrize(
    "module, counts",
    [
        ({"reasons": [REQUEST_LINE]}, False),
        ({"reasons": [REQUEST_LINE], "next_boot": {"state": "blocked"}}, True),
        ({"reasons": [make_reason("autoload", "blacklist", ADMIN_FILE + ":1")]}, True),
        ({"reasons": [make_reason("boot", "install_override", ADMIN_FILE + ":1")]}, True),
        ({"reasons": [make_reason("autoload", "selinux", ADMIN_FILE + ":1")]}, False),
    ],
    ids=["install line of a request", "blocked after a reboot", "blacklist", "boot list", "not a line"],
)
def test_without_loading_on_demand_a_line_counts_if_it_stops_the_role_or_the_boot_list(module, counts):
    node = make_node(xt_owner={"autoload": "denied"} | module)
    assert bool(find(node, "xt_owner", on_demand=False)) is counts


def test_for_loading_on_demand_the_install_line_of_a_request_counts():
    assert find(make_node(xt_owner={"autoload": "denied", "reasons": [REQUEST_LINE]}), "xt_owner", on_demand=True)


@pytest.mark.parametrize(
    "reason, is_blocked",
    [
        (make_reason("now", "unsigned_module"), True),
        (make_reason("now", "alias_override"), True),
        (make_reason("now", "modules_disabled_at_boot"), True),
        (make_reason("now", "modules_disabled"), False),
        (make_reason("autoload", "blacklist"), True),
    ],
    ids=["unsigned", "alias", "disabled at every boot", "disabled until a reboot", "a line that is not listed"],
)
def test_another_reason_that_no_reboot_removes_keeps_a_module_blocked(reason, is_blocked):
    reasons = [reason, make_reason("autoload", "blacklist", VENDOR_FILE + ":3")]
    module = {"state": "blocked", "autoload": "denied", "reasons": reasons}
    facts = parse_facts(make_node(xt_owner=module, conflicts=VENDOR_CONFLICT))
    conflicts = find_conflicts(facts, ["xt_owner"], on_demand=True)
    assert find_still_blocked(facts, conflicts, ["xt_owner"]) == ({"xt_owner"} if is_blocked else set())


def test_a_conflict_that_cannot_be_overridden_keeps_its_modules_blocked():
    facts = parse_facts(make_blocked_node("blacklist", ADMIN_FILE + ":1", "blacklist xt_owner"))
    conflicts = find_conflicts(facts, ["xt_owner"], on_demand=True)
    assert find_still_blocked(facts, conflicts, ["xt_owner"]) == {"xt_owner"}


def test_modules_are_unblocked_once_all_their_lines_are_overridden():
    reasons = [make_reason("autoload", "blacklist", f"{VENDOR_FILE}:{number}") for number in (1, 2)]
    node = make_node(
        xt_owner={"autoload": "denied", "reasons": reasons},
        xt_set={"autoload": "denied", "reasons": reasons[:1]},
    )
    facts = parse_facts(node)
    conflicts = find_conflicts(facts, ["xt_owner"], on_demand=True)
    assert find_unblocked(facts, conflicts[:1], on_demand=True) == {"xt_set"}
    assert find_unblocked(facts, conflicts, on_demand=True) == {"xt_owner", "xt_set"}
    assert find_unblocked(facts, (), on_demand=True) == set()
