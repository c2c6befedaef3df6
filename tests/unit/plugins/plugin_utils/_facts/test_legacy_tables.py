# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of iptables-legacy in the host's network namespace."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.legacy_tables import (
    creates_tables_on_load,
    find_in_host,
    find_ruled_in_host,
    with_legacy_tables,
)
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import LEGACY, OLD, facts, parse_facts

NEW = (6, 1, 0)
LOADED = {"state": "loaded"}
MISSING = {"state": "missing", "autoload": "never"}


def node(ipv4=(), ipv6=(), **changes):
    """Return facts with these tables, of a node without any legacy module but those that are given."""
    tables = {"ipv4": None if ipv4 is None else list(ipv4), "ipv6": None if ipv6 is None else list(ipv6)}
    return parse_facts(facts(netfilter={"legacy_tables": tables}, **{**dict.fromkeys(LEGACY, MISSING), **changes}))


def tables_of(found):
    return found.netfilter.legacy_tables


def with_rules(found, ruled):
    return replace(found, netfilter=replace(found.netfilter, legacy_rules=ruled))


def with_state(found, name, state):
    return {**found.modules, name: replace(found.modules[name], state=state)}


def test_tables_are_named_as_their_modules():
    assert find_in_host(node(["nat"], ["raw", "nat"])) == ("iptable_nat", "ip6table_raw", "ip6table_nat")


def test_a_table_without_rules_of_istio_counts_since_istio_finds_it():
    assert find_in_host(node(["security"])) == ("iptable_security",)


def test_a_table_of_an_unknown_name_does_not_count():
    assert find_in_host(node(["broute"])) == ()


def test_rules_count_only_in_tables_that_exist():
    ruled = {"ipv4": ("nat",), "ipv6": ()}
    assert find_ruled_in_host(with_rules(node(["filter", "nat"], ["nat"]), ruled)) == ("iptable_nat",)
    assert find_ruled_in_host(node([], [])) == ()
    assert find_ruled_in_host(node(["nat"], [])) is None
    assert find_ruled_in_host(node(["nat"], []), ("ipv6",)) == ()
    assert find_ruled_in_host(node(None, None, iptable_nat=LOADED)) is None


def test_rules_are_expected_again_and_new_tables_hold_none():
    found = with_rules(node(["filter"], [], kernel=OLD), {"ipv4": ("filter",)})
    after = with_legacy_tables(found, with_state(found, "iptable_nat", "loaded"), found.kernel)
    assert set(find_in_host(after)) == {"iptable_nat", "iptable_filter"}
    assert find_ruled_in_host(after) == ("iptable_filter",)
    empty = node([], [], kernel=OLD)
    after = with_legacy_tables(empty, with_state(empty, "iptable_nat", "loaded"))
    assert find_in_host(after) == ("iptable_nat",)
    assert find_ruled_in_host(after) == ()


def test_unreadable_tables_are_unknown_only_if_a_module_may_have_one():
    assert find_in_host(node(None, None)) == ()
    assert find_in_host(node(None, None, iptable_nat=LOADED)) is None
    assert find_in_host(node(None, None, ip6table_nat={"state": "unknown"})) is None


@pytest.mark.parametrize(
    "kernel, changes, expected",
    [
        (OLD, {}, True),
        ((5, 14, 0), {}, True),
        ((5, 15, 0), {}, False),
        (NEW, {}, False),
        ((), {}, True),
        # A loaded module without its table shows that this kernel creates tables on first use: a backport.
        ((5, 14, 0), {"iptable_nat": LOADED}, False),
    ],
)
def test_old_kernels_create_a_table_when_its_module_is_loaded(kernel, changes, expected):
    assert creates_tables_on_load(node(kernel=kernel, **changes)) is expected


def test_on_an_old_kernel_a_loaded_module_brings_its_table():
    found = node(kernel=OLD)
    after = with_legacy_tables(found, with_state(found, "iptable_nat", "loaded"))
    assert tables_of(after) == {"ipv4": ("nat",), "ipv6": ()}
    assert after.modules["iptable_nat"].state == "loaded"


def test_on_a_new_kernel_a_loaded_module_brings_no_table():
    found = node(["filter"], kernel=NEW, iptable_filter=LOADED)
    after = with_legacy_tables(found, with_state(found, "iptable_nat", "loaded"))
    assert tables_of(after) == tables_of(found)


def test_unreadable_tables_stay_unknown():
    found = node(None, None, kernel=OLD, iptable_filter=LOADED)
    after = with_legacy_tables(found, with_state(found, "iptable_nat", "loaded"))
    assert find_in_host(after) is None


def test_a_table_whose_module_is_unknown_stays_as_it_is_without_a_reboot():
    unknown = {"state": "unknown", "autoload": "unknown"}
    found = node(["nat"], kernel=OLD, iptable_nat=unknown, iptable_raw=unknown)
    after = with_legacy_tables(found, found.modules)
    assert tables_of(after) == {"ipv4": ("nat",), "ipv6": ()}
    after = with_legacy_tables(found, found.modules, found.kernel)
    assert tables_of(after) == {"ipv4": None, "ipv6": ()}


def test_a_kernel_that_creates_tables_on_first_use_does_not_take_over_tables_of_loaded_modules():
    found = node(["nat"], kernel=OLD, iptable_nat=LOADED)
    after = with_legacy_tables(found, found.modules, replace(found.kernel, version=NEW))
    assert tables_of(after) == {"ipv4": (), "ipv6": ()}
    assert after.kernel.version == NEW


@pytest.mark.parametrize("version, tables", [((5, 14, 1), ()), ((5, 13, 0), ("nat",))])
def test_a_backport_stays_in_kernels_that_are_not_older(version, tables):
    found = node(kernel=(5, 14, 0), iptable_nat=LOADED)
    after = with_legacy_tables(found, found.modules, replace(found.kernel, version=version))
    assert tables_of(after)["ipv4"] == tables
