# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The grades of a module, now and after a reboot, and the verdict over the grades of requirements."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.grades import (
    COLUMNS,
    Grades,
    PerColumn,
    decide_verdict,
)
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import facts, parse_facts

NEVER = {"autoload": "never"}


def grade(name, required=(), **modules):
    """Return the grades (now, after a reboot) of a module on a node with these changes to loadable modules."""
    grades = Grades(parse_facts(facts(**modules)).modules, dict.fromkeys(required, ()))
    return grades.now(name), grades.after_reboot(name)


def test_a_value_per_column_is_found_by_the_column():
    assert [PerColumn("a", "b").get(column) for column in COLUMNS] == ["a", "b"]


@pytest.mark.parametrize(
    "entry, now, after_reboot",
    [
        ({"state": "builtin", "boot": "not_applicable"}, "present", "present"),
        ({"state": "loaded", "boot": "yes"}, "present", "present"),
        ({"state": "loaded"}, "present", "on_demand"),
        ({"state": "loaded", **NEVER}, "present", "unmet"),
        ({"state": "loaded", "boot": "unknown"}, "present", "on_demand"),
        ({"state": "loaded", "boot": "unknown", **NEVER}, "present", "unknown"),
        ({"state": "loaded", "boot": "unknown", "autoload": "unknown"}, "present", "unknown"),
        ({"state": "missing", "boot": "unknown", **NEVER}, "unmet", "unknown"),
        ({}, "on_demand", "on_demand"),
        ({"boot": "yes", **NEVER}, "unmet", "present"),
        ({"autoload": "denied"}, "unmet", "unmet"),
        ({"autoload": "unknown"}, "unknown", "unknown"),
        ({"state": "blocked", "autoload": "denied"}, "unmet", "unmet"),
        ({"state": "missing", **NEVER}, "unmet", "unmet"),
        ({"state": "unknown", "autoload": "unknown"}, "unknown", "unknown"),
        ({"state": "unknown", "autoload": "unknown", "boot": "yes"}, "unknown", "present"),
        ({"state": "loaded", "next_boot": {"state": "missing", "autoload": "never"}}, "present", "unmet"),
        ({**NEVER, "next_boot": {"autoload": "yes"}}, "unmet", "on_demand"),
        ({"next_boot": {"state": "builtin"}}, "on_demand", "present"),
        ({"next_boot": {"state": "blocked", "autoload": "denied"}}, "on_demand", "unmet"),
    ],
)
def test_the_grades_follow_from_state_autoload_and_boot(entry, now, after_reboot):
    assert grade("xt_owner", xt_owner=entry) == (now, after_reboot)


def test_a_required_module_brings_its_dependencies():
    modules = {"nf_conntrack": NEVER, "nft_redir": {"depends": ["nf_conntrack"]}}
    assert grade("nf_conntrack", **modules) == ("unmet", "unmet")
    assert grade("nf_conntrack", ["nft_redir"], **modules) == ("on_demand", "on_demand")


def test_a_required_module_that_is_unmet_brings_nothing():
    modules = {"nf_conntrack": NEVER, "nft_redir": {"depends": ["nf_conntrack"], "autoload": "denied"}}
    assert grade("nf_conntrack", ["nft_redir"], **modules) == ("unmet", "unmet")


def test_no_module_brings_a_missing_dependency():
    modules = {"nf_conntrack": {"state": "missing", **NEVER}, "nft_redir": {"depends": ["nf_conntrack"]}}
    assert grade("nf_conntrack", ["nft_redir"], **modules) == ("unmet", "unmet")


@pytest.mark.parametrize(
    "ip_tables, now, after_reboot",
    [
        (NEVER, "unmet", "unmet"),
        ({"state": "loaded", **NEVER}, "on_demand", "unmet"),
        ({"state": "builtin", "boot": "not_applicable", **NEVER}, "on_demand", "on_demand"),
        ({"boot": "yes", **NEVER}, "unmet", "on_demand"),
        ({"autoload": "unknown"}, "unknown", "unknown"),
    ],
)
def test_a_module_that_waits_for_another_one_is_autoloaded_only_after_that(ip_tables, now, after_reboot):
    table = {"autoload_after": "ip_tables"}
    assert grade("iptable_nat", iptable_nat=table, ip_tables=ip_tables) == (now, after_reboot)


def test_a_merged_module_has_the_grades_of_its_provider():
    merged = {"state": "merged", "provider": "nf_nat", "boot": "not_applicable"}
    assert grade("nf_nat_ipv4", nf_nat_ipv4=merged, nf_nat={"state": "loaded", "boot": "yes"}) == ("present", "present")
    assert grade("nf_nat_ipv4", nf_nat_ipv4=merged, nf_nat=NEVER) == ("unmet", "unmet")


def test_a_module_that_the_next_kernel_has_merged_has_the_grade_of_its_provider_after_the_reboot():
    upgrade = {"boot": "not_applicable", "next_boot": {"state": "merged", "autoload": "yes"}}
    present = {"state": "loaded", "boot": "yes"}
    absent = {"state": "loaded", "boot": "no", "autoload": "denied"}
    assert grade("nft_counter", nft_counter=upgrade, nf_tables=present) == ("on_demand", "present")
    assert grade("nft_counter", nft_counter=upgrade, nf_tables=absent) == ("on_demand", "unmet")


def test_a_module_that_the_next_kernel_has_under_an_unknown_name_is_unknown_unless_a_boot_file_lists_it():
    entry = {"state": "loaded", "next_boot": {"state": "merged", "autoload": "yes"}}
    assert grade("xt_owner", xt_owner={**entry, "boot": "yes"}) == ("present", "present")
    assert grade("xt_owner", xt_owner={**entry, "boot": "no"}) == ("present", "unknown")


CHAINS = ("nft-chain-1-nat", "nft-chain-2-nat", "nft-chain-10-nat")


@pytest.mark.parametrize(
    "requests, now, after_reboot",
    [
        ((), "unmet", "unknown"),
        (CHAINS, "unmet", "unmet"),
        (CHAINS[:1], "on_demand", "unknown"),
        (CHAINS[1:2], "unmet", "on_demand"),
        (CHAINS[2:], "unmet", "unmet"),
        (CHAINS[:2], "unmet", "unknown"),
    ],
)
def test_only_the_requests_that_the_rules_trigger_count(requests, now, after_reboot):
    entry = {
        "autoload": "denied",
        "requests": {"nft-chain-1-nat": "yes", "nft-chain-10-nat": "never"},
        "next_boot": {"autoload": "unknown", "requests": {"nft-chain-2-nat": "yes", "nft-chain-10-nat": "never"}},
    }
    grades = Grades(parse_facts(facts(nft_chain_nat=entry)).modules, {"nft_chain_nat": requests})
    assert (grades.now("nft_chain_nat"), grades.after_reboot("nft_chain_nat")) == (now, after_reboot)


class Row(NamedTuple):
    """What a verdict needs of a requirement."""

    now: str
    after_reboot: str
    level: str = "must"


@pytest.mark.parametrize(
    "rows, verdict",
    [
        ([], "ready"),
        ([Row("present", "present")], "ready"),
        ([Row("present", "not_needed")], "ready"),
        ([Row("present", "on_demand")], "on_demand"),
        ([Row("on_demand", "present")], "on_demand"),
        ([Row("on_demand", "unknown")], "unknown"),
        ([Row("on_demand", "unmet"), Row("present", "unknown")], "at_risk"),
        ([Row("unknown", "unmet")], "unknown"),
        ([Row("unknown", "present"), Row("unmet", "present")], "not_ready"),
        ([Row("unmet", "unmet", "should")], "ready"),
    ],
)
def test_the_verdict_is_the_first_that_holds_over_the_must_rows(rows, verdict):
    assert decide_verdict(rows) == verdict
