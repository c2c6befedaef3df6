# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of iptables-legacy: their modules, and which of them exist in the host's network namespace. Pure.

A namespace that is new, as a pod's is, has none: there a table appears on its first use, on every kernel since 4.6
(net/ipv4/netfilter/iptable_nat.c; seen on 5.10 too).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Facts = Mapping[str, Any]

TABLES = ("filter", "mangle", "nat", "raw")
PREFIXES = {"ipv4": "iptable_", "ipv6": "ip6table_"}
TABLE_MODULES = tuple(prefix + table for prefix in PREFIXES.values() for table in TABLES)
LEGACY_MODULES = ("ip_tables", "ip6_tables", *TABLE_MODULES)

# Since this kernel a legacy table appears in the host's namespace too on its first use, before that as soon as its module is
# loaded (fdacd57c79b7, "netfilter: x_tables: never register tables by default").
LAZY_TABLES_SINCE = (5, 15)
THERE = ("loaded", "builtin")


def in_host(facts: Facts) -> list[str] | None:
    """Return the tables that exist in the host's network namespace, as module names; None where that cannot be read."""
    seen = (facts.get("netfilter") or {}).get("legacy_tables") or {}
    names: list[str] = []
    for family, prefix in PREFIXES.items():
        tables = seen.get(family)
        if tables is None and any(_state(facts, prefix + table) in (*THERE, "unknown") for table in TABLES):
            return None
        names += [prefix + table for table in tables or () if table in TABLES]
    return names


def instantiates(facts: Facts) -> bool:
    """Whether loading a table's module makes the table in the host's namespace."""
    tables = in_host(facts)
    if tables is not None and any(_state(facts, name) == "loaded" and name not in tables for name in TABLE_MODULES):
        return False
    version = tuple(facts["kernel"].get("version") or ())
    return not version or version < LAZY_TABLES_SINCE


def remade(facts: Facts, modules: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the facts with other states of these modules, and with the tables that the host's namespace then has.

    Tables that appear on first use were made by a program that wrote rules, and are taken to come again.
    """
    after = {**facts, "modules": modules}
    if not instantiates(facts) or in_host(facts) is None:
        return after
    states = {family: {table: _state(after, prefix + table) for table in TABLES} for family, prefix in PREFIXES.items()}
    made = {
        family: None if "unknown" in of_family.values() else [table for table, state in of_family.items() if state in THERE]
        for family, of_family in states.items()
    }
    return {**after, "netfilter": {**(facts.get("netfilter") or {}), "legacy_tables": made}}


def _state(facts: Facts, name: str) -> str:
    return str(facts["modules"].get(name, {}).get("state"))
