# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The typed facts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import ModuleFacts, NextBootState, Reason
from ansible_collections.nodeprep.istio.plugins.plugin_utils._records import StructureError
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import facts, parse_facts

FILE = "/etc/modprobe.d/a.conf:1"
LOADED = ModuleFacts("loaded", "yes", "no")


def with_reasons(*reasons):
    return replace(LOADED, reasons=reasons)


@pytest.mark.parametrize(
    "next_boot, state, autoload",
    [
        (None, "loaded", "yes"),
        (NextBootState(), "loaded", "yes"),
        (NextBootState("missing"), "missing", "yes"),
        (NextBootState(autoload="never"), "loaded", "never"),
        (NextBootState("blocked", "denied"), "blocked", "denied"),
    ],
)
def test_the_answers_of_the_next_boot_are_those_of_now_unless_they_differ(next_boot, state, autoload):
    module = replace(LOADED, next_boot=next_boot)
    assert module.state_at_next_boot == state
    assert module.autoload_at_next_boot == autoload


def test_a_module_is_blacklisted_by_a_blacklist_line_only():
    assert with_reasons(Reason("autoload", "blacklist", "blacklisted", FILE)).is_blacklisted
    assert not with_reasons(Reason("now", "install_override", "install override", FILE)).is_blacklisted
    assert not LOADED.is_blacklisted


def test_the_names_on_the_blacklist_lines_are_those_of_the_module_and_of_what_is_loaded_with_it():
    module = with_reasons(
        Reason("autoload", "blacklist", "blacklisted", FILE),
        Reason("boot", "blacklist", "blacklisted", FILE, dependency="nf_nat"),
        Reason("boot", "blacklist", "blacklisted", "/etc/b.conf:1", dependency="nf_nat"),
    )
    assert module.list_blacklisted("xt_REDIRECT") == ("xt_REDIRECT", "nf_nat")
    assert LOADED.list_blacklisted("xt_REDIRECT") == ()


@pytest.mark.parametrize("code", ["blacklist", "install_override", "module_blacklist"])
def test_lines_without_a_place_are_not_listed(code):
    assert with_reasons(Reason("now", code, "text")).has_unlisted_lines
    assert not with_reasons(Reason("now", code, "text", FILE)).has_unlisted_lines


def test_a_reason_that_is_no_line_needs_no_place():
    assert not with_reasons(Reason("autoload", "selinux", "text")).has_unlisted_lines


def test_reasons_are_described_with_their_axis():
    reasons = (Reason("now", "blacklist", "one"), Reason("boot", "container", "two"))
    assert with_reasons(*reasons).describe_reasons() == "one; boot: two"
    assert LOADED.describe_reasons() == ""


def test_a_merged_module_has_a_known_provider():
    found = parse_facts(facts(nf_nat_ipv4={"state": "merged", "provider": "nf_nat"}))
    assert found.modules["nf_nat_ipv4"].provider == "nf_nat"
    merged = replace(LOADED, state="merged", provider="nosuch")
    with pytest.raises(StructureError, match=r"'modules.nf_nat_ipv4' has an unknown provider"):
        replace(found, modules={**found.modules, "nf_nat_ipv4": merged})


def test_a_module_waits_for_one_that_waits_for_none():
    waits = {"autoload_after": "ip_tables"}
    found = parse_facts(facts(iptable_nat=waits))
    assert found.modules["iptable_nat"].autoload_after == "ip_tables"
    chain = {**found.modules, "ip_tables": replace(LOADED, autoload_after="x_tables")}
    with pytest.raises(StructureError, match=r"'modules.iptable_nat' has autoload_after 'ip_tables'"):
        replace(found, modules=chain)
