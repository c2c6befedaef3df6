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
    return not _is_lazy(facts) and _is_old(facts["kernel"])


def remade(
    facts: Facts, modules: Mapping[str, Mapping[str, Any]], kernel: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the facts with other states of these modules, and with the tables that the host's namespace then has.

    Tables that appear on first use were made by a program that wrote rules, and are taken to come again.

    :param kernel: what is known of the kernel, where another one boots. What the running one shows of itself holds for those
        that are not older: a distribution's kernel keeps what it took over.
    """
    after = {**facts, "modules": modules, "kernel": kernel or facts["kernel"]}
    known = _is_lazy(facts) and _version(after["kernel"]) >= _version(facts["kernel"])
    eager = _is_old(after["kernel"]) and not known
    if not eager and instantiates(facts):
        return _with_tables(after, {family: [] for family in PREFIXES})  # They were there for their modules alone.
    seen = in_host(facts)
    if not eager or seen is None:
        return after
    states = {family: {table: _state(after, prefix + table) for table in TABLES} for family, prefix in PREFIXES.items()}
    if kernel is None:
        # Without a reboot, where a module's state cannot be told its table is what it was.
        for family, prefix in PREFIXES.items():
            states[family].update(
                {
                    table: "loaded" if prefix + table in seen else "missing"
                    for table, state in states[family].items()
                    if state == "unknown"
                }
            )
    return _with_tables(
        after,
        {
            family: None
            if "unknown" in of_family.values()
            else [table for table, state in of_family.items() if state in THERE]
            for family, of_family in states.items()
        },
    )


def _with_tables(facts: Facts, tables: Mapping[str, list[str] | None]) -> dict[str, Any]:
    return {**facts, "netfilter": {**(facts.get("netfilter") or {}), "legacy_tables": tables}}


def _is_lazy(facts: Facts) -> bool:
    """Whether a module that is loaded without its table shows that this kernel makes tables on first use, whatever its version."""
    tables = in_host(facts)
    return tables is not None and any(_state(facts, name) == "loaded" and name not in tables for name in TABLE_MODULES)


def _is_old(kernel: Mapping[str, Any]) -> bool:
    return not _version(kernel) or _version(kernel) < LAZY_TABLES_SINCE


def _version(kernel: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(kernel.get("version") or ())


def _state(facts: Facts, name: str) -> str:
    return str(facts["modules"].get(name, {}).get("state"))
