# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan where lines of others keep modules from loading."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import preparation_plan
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import (
    BLACKLISTED,
    MINE,
    NOT_INSTALLED,
    SEEN,
    VENDOR,
    node,
    reason,
    step,
    steps,
)


def test_a_conflict_is_the_owners_without_consent():
    plan = preparation_plan(node(xt_owner=BLACKLISTED, conflicts=SEEN))
    assert "xt_owner" not in plan["load"] + plan["persist"] and plan["expected"]["verdict"] == "not_ready"
    told = step(plan, "conflict")
    assert (
        told["where"] == VENDOR + ":3" and "'blacklist xt_owner'" in told["what"] and "package hardening" in told["why"]
    )
    assert "istio_node_override_conflicts: true" in told["what"]


def test_a_conflict_is_taken_back_with_consent():
    plan = preparation_plan(node(xt_owner=BLACKLISTED, conflicts=SEEN), override_conflicts=True)
    assert (
        steps(plan) == ["overrides", "modules"]
        and plan["expected"]["verdict"] == "ready"
        and "xt_owner" in plan["load"]
    )
    assert step(plan, "overrides")["args"] == {"lines": [{"path": VENDOR, "line": "blacklist xt_owner"}]}


@pytest.mark.parametrize(
    "code, where, line, taken",
    [
        ("blacklist", MINE + ":1", "blacklist xt_owner", False),
        ("install_override", MINE + ":1", "install xt_owner /bin/false", True),
        ("install_override", "/etc/modprobe.d/00-a.conf:1", "install xt_owner /bin/false", False),
        ("install_override", MINE + ":1", "install xt_* /bin/false", False),
        ("module_blacklist", "/proc/cmdline", "", False),
        ("blacklist", "/run/modprobe.d/x.conf:1", "blacklist xt_owner", True),
    ],
)
def test_what_a_file_of_ours_can_take_back(code, where, line, taken):
    path = where.rpartition(":")[0]
    made = node(xt_owner={"state": "blocked", "autoload": "denied", "reasons": [reason("now", code, where)]})
    made["conflicts"] = {path: {"package": None, "comment": "CIS", "lines": {"1": line}}}
    plan = preparation_plan(made, override_conflicts=True)
    assert ("overrides" in steps(plan)) == taken and ("conflict" in steps(plan, "owner")) != taken
    if where == "/proc/cmdline":
        assert step(plan, "conflict")["reboot"]


def blocked(where, *modules, needs=None):
    """Return entries of modules that the kernel command line keeps from loading, themselves or as what they need."""
    told = reason("now", "module_blacklist", where, "why") | ({"dependency": needs} if needs else {})
    return {name: {"state": "blocked", "autoload": "denied", "reasons": [told]} for name in modules}


def test_the_owner_is_told_the_module_that_the_command_line_names():
    made = node(
        **blocked("/proc/cmdline", "xt_REDIRECT", needs="nf_nat"),
        **blocked("/proc/cmdline", "xt_owner", needs="x_tables"),
    )
    told = step(preparation_plan(made), "conflict")
    assert (
        told["what"] == "take nf_nat, x_tables out of module_blacklist= on the kernel command line"
        and "keeps xt_REDIRECT, xt_owner" in told["why"]
    )


def test_consent_that_is_given_or_would_not_help_is_not_asked_for():
    entry = {
        "autoload": "denied",
        "reasons": [reason("autoload", "blacklist", VENDOR + ":3"), reason("autoload", "blacklist", MINE + ":1")],
    }
    made = node(
        xt_owner=entry,
        conflicts=SEEN | {MINE: {"package": None, "comment": None, "lines": {"1": "blacklist xt_owner"}}},
    )
    for consent in (False, True):
        plan = preparation_plan(made, override_conflicts=consent)
        assert steps(plan, "owner") == ["conflict", "conflict"] and "overrides" not in steps(plan)
        assert (
            "to take it back alone would not help" in plan["steps"][0]["what"]
            and "no file of ours can take it back" in plan["steps"][1]["what"]
        )


@pytest.mark.parametrize(
    "code, helped",
    [
        ("unsigned_module", False),
        ("alias_override", False),
        ("modules_disabled_at_boot", False),
        ("modules_disabled", True),
    ],
)
def test_no_line_is_taken_back_for_what_stays_blocked(code, helped):
    entry = {
        "state": "blocked",
        "autoload": "denied",
        "reasons": [reason("now", code), reason("autoload", "blacklist", VENDOR + ":3")],
    }
    plan = preparation_plan(node(xt_owner=entry, conflicts=SEEN), override_conflicts=True)
    assert ("overrides" in steps(plan)) == helped and ("conflict" in steps(plan, "owner")) != helped


def test_a_line_is_taken_back_for_those_whom_it_helps():
    needed = reason("now", "install_override", MINE + ":2") | {"dependency": "x_tables"}
    helped = {"state": "blocked", "autoload": "denied", "reasons": [needed]}
    stuck = helped | {"reasons": [needed, reason("autoload", "blacklist", MINE + ":1")]}
    lines = {"1": "blacklist xt_REDIRECT", "2": "install x_tables /bin/false"}
    made = node(
        xt_owner=helped, xt_REDIRECT=stuck, conflicts={MINE: {"package": None, "comment": None, "lines": lines}}
    )
    plan = preparation_plan(made, override_conflicts=True)
    assert "xt_owner" in plan["load"] and [failure["name"] for failure in plan["not_loadable"]] == ["xt_REDIRECT"]
    assert step(plan, "overrides")["args"] == {"lines": [{"path": MINE, "line": lines["2"]}]} and steps(
        plan, "owner"
    ) == ["conflict"]


def test_a_place_too_many_to_be_told_leaves_the_module_to_its_owner():
    made = node(
        xt_owner=BLACKLISTED | {"reasons": [*BLACKLISTED["reasons"], reason("autoload", "blacklist")]}, conflicts=SEEN
    )
    plan = preparation_plan(made, override_conflicts=True)
    assert "overrides" not in steps(plan) and [one["name"] for one in plan["not_loadable"]] == ["xt_owner"]
    told, untold = [one for one in plan["steps"] if one["by"] == "owner"]
    assert (
        told["where"] == VENDOR + ":3"
        and untold["what"] == "remove the 'blacklist' and 'install' lines of xt_owner"
        and untold["command"][0] == "grep"
    )


def test_what_a_package_brings_may_be_blacklisted_all_the_same():
    entry = NOT_INSTALLED | {"reasons": [*NOT_INSTALLED["reasons"], reason("autoload", "blacklist", VENDOR + ":3")]}
    made = node("rocky", "6.12.0-124.el10_1.x86_64", xt_owner=entry, conflicts=SEEN)
    assert steps(preparation_plan(made), "owner") == ["packages"]
    plan = preparation_plan(made, install_packages=True)
    assert (
        steps(plan, "owner") == ["conflict"]
        and [one["name"] for one in plan["not_loadable"]] == ["xt_owner"]
        and plan["expected"]["verdict"] == "not_ready"
    )
    plan = preparation_plan(made, install_packages=True, override_conflicts=True)
    assert (
        steps(plan) == ["packages", "overrides", "modules"]
        and plan["not_loadable"] == []
        and plan["expected"]["verdict"] == "ready"
    )


EDITED = {"/etc/modprobe.d/hard.conf": {"of": VENDOR, "lines": ["blacklist dccp"], "current": True, "edited": True}}


@pytest.mark.parametrize("consent", [True, False])
def test_a_file_of_ours_that_somebody_changed_is_the_owners(consent):
    made = node(state="builtin", boot="not_applicable", ours={"overrides": EDITED})
    plan = preparation_plan(made, override_conflicts=consent)
    assert (
        steps(plan) == []
        and not plan["change"]
        and "remove /etc/modprobe.d/hard.conf" in step(plan, "conflict")["what"]
    )
    entry = {"autoload": "denied", "reasons": [reason("autoload", "blacklist", "/etc/modprobe.d/hard.conf:9")]}
    seen = {"/etc/modprobe.d/hard.conf": {"package": None, "comment": None, "lines": {"9": "blacklist xt_owner"}}}
    plan = preparation_plan(
        node(xt_owner=entry, conflicts=seen, ours={"overrides": EDITED}), override_conflicts=consent
    )
    assert "overrides" not in steps(plan) and "no file of ours can take it back" in plan["steps"][0]["what"]


def test_undo_leaves_what_somebody_changed_and_says_so():
    ours = {
        "overrides": EDITED
        | {"/etc/modprobe.d/00-nodeprep-istio.conf": {"of": None, "lines": [], "current": True, "edited": False}}
    }
    plan = preparation_plan(node(state="loaded", ours=ours), state="absent")
    assert step(plan, "overrides")["where"] == "/etc/modprobe.d/00-nodeprep-istio.conf"
    assert (
        plan["not_removed"][0].startswith("/etc/modprobe.d/hard.conf stays, since it was changed")
        and "it takes back 'blacklist dccp'" in plan["not_removed"][0]
    )
    alone = preparation_plan(node(state="loaded", ours={"overrides": EDITED}), state="absent")
    assert alone["steps"] == [] and not alone["change"] and len(alone["not_removed"]) == 1


def test_our_copies_are_brought_up_to_date():
    plan = preparation_plan(
        node(
            state="builtin",
            boot="not_applicable",
            ours={"overrides": {"/etc/modprobe.d/hard.conf": {"of": VENDOR, "lines": [], "current": False}}},
        )
    )
    assert steps(plan) == ["overrides"] and plan["hints"]


def test_what_no_rule_needs_is_a_hint_and_no_step():
    blocked = {"state": "blocked", "autoload": "denied", "boot": "no"}
    lines = {
        "1": "install xt_owner /bin/false",
        "2": "install br_netfilter /bin/false",
        "3": "install xt_tcpudp /bin/false",
    }
    made = node(
        **{
            name: {**blocked, "reasons": [reason("now", "install_override", f"{MINE}:{number}")]}
            for number, name in ((2, "br_netfilter"), (3, "xt_tcpudp"))
        },
        xt_owner={**blocked, "reasons": [reason("now", "install_override", f"{MINE}:1")]},
        conflicts={MINE: {"package": None, "comment": None, "lines": lines}},
    )
    for options in ({}, {"override_conflicts": True}):
        plan = preparation_plan(made, **options)
        hints = [hint for hint in plan["hints"] if "from loading" in hint]
        assert hints == [
            f"{MINE} keeps br_netfilter, xt_tcpudp from loading; no rule of this node needs that, so that it is left as it is"
        ]
        assert "xt_owner" in str(plan["steps"]) and "br_netfilter /bin" not in str(plan["steps"])


def test_the_lines_of_a_file_are_one_sentence():
    lines = {"2": "install xt_REDIRECT /bin/false", "10": "install xt_owner /bin/false"}
    blocked = {
        name: {
            "state": "blocked",
            "autoload": "denied",
            "boot": "no",
            "reasons": [reason("now", "install_override", f"{MINE}:{number}")],
        }
        for name, number in (("xt_owner", 10), ("xt_REDIRECT", 2))
    }
    plan = preparation_plan(
        node(**blocked, conflicts={MINE: {"package": "hard", "comment": None, "lines": lines}}), override_conflicts=True
    )
    told = step(plan, "overrides")
    assert (
        told["what"]
        == f"take back line 2 '{lines['2']}', line 10 '{lines['10']}' of {MINE} by a file in /etc/modprobe.d"
    )
    assert told["why"] == f"{MINE} keeps xt_REDIRECT, xt_owner from loading (package hard)"
