# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of iptables-legacy: their modules, and which of them exist in the host's network namespace. Pure.

A new namespace, such as that of a pod, has none. There a table appears on its first use, on every kernel since 4.6
(net/ipv4/netfilter/iptable_nat.c; seen on 5.10 too).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts, Kernel, ModuleFacts, State

TABLES = ("filter", "mangle", "nat", "raw")
# No rule of Istio uses this table, but Istio finds it like the others. Its module is not in the facts.
OTHER_TABLES = ("security",)
PREFIXES = {"ipv4": "iptable_", "ipv6": "ip6table_"}
TABLE_MODULES = tuple(prefix + table for prefix in PREFIXES.values() for table in TABLES)
LEGACY_MODULES = ("ip_tables", "ip6_tables", *TABLE_MODULES)

# Since this kernel a legacy table appears in the host's namespace too on its first use. Before, it appears as soon as
# its module is loaded (fdacd57c79b7, "netfilter: x_tables: never register tables by default").
LAZY_TABLES_SINCE = (5, 15)

Modules = Mapping[str, ModuleFacts]


def find_in_host(facts: Facts, families: Iterable[str] = tuple(PREFIXES)) -> tuple[str, ...] | None:
    """Return the tables that exist in the host's network namespace, as module names; None if they cannot be read."""
    names = []
    for family in families:
        prefix = PREFIXES[family]
        tables = facts.netfilter.legacy_tables.get(family)
        if tables is None and _may_have_a_table(facts.modules, prefix):
            return None
        for table in tables or ():
            if table in TABLES + OTHER_TABLES:
                names.append(prefix + table)
    return tuple(names)


def find_ruled_in_host(facts: Facts, families: Iterable[str] = tuple(PREFIXES)) -> tuple[str, ...] | None:
    """Return the tables in the host's network namespace that hold rules, as module names; None if that is unknown."""
    names = []
    for family in families:
        tables = find_in_host(facts, (family,))
        ruled = () if tables == () else _list_ruled(facts, family)
        if tables is None or ruled is None:
            return None
        names += [PREFIXES[family] + table for table in ruled]
    return tuple(names)


def _list_ruled(facts: Facts, family: str) -> tuple[str, ...] | None:
    """Return the tables of a family that hold rules; a family without any table has none."""
    if not facts.netfilter.legacy_tables.get(family, ()):
        return ()
    return facts.netfilter.legacy_rules.get(family)


def creates_tables_on_load(facts: Facts) -> bool:
    """Return whether loading the module of a table creates the table in the host's namespace."""
    return _is_old(facts.kernel) and not _is_lazy(facts)


def with_legacy_tables(facts: Facts, modules: Modules, kernel: Kernel | None = None) -> Facts:
    """Return the facts with these modules, and with the tables that the host's namespace then has.

    Tables that appear on first use were created by a program that wrote rules. They are expected to appear again, and
    so are the rules that a table holds now. A table that its module creates holds none.

    :param kernel: the kernel after a reboot; None if there is no reboot. If the running kernel creates tables on first
        use, so does a kernel that is not older: a distribution keeps a change that it backported.
    """
    after = replace(facts, modules=modules, kernel=kernel or facts.kernel)
    stays_lazy = _is_lazy(facts) and after.kernel.version >= facts.kernel.version
    creates_tables = _is_old(after.kernel) and not stays_lazy
    if not creates_tables:
        # On this kernel, only the loading of their modules created the tables that exist now.
        return _with_tables(after, dict.fromkeys(PREFIXES, ())) if creates_tables_on_load(facts) else after
    present = find_in_host(facts)
    if present is None:
        return after
    tables = {}
    for family, prefix in PREFIXES.items():
        tables[family] = _list_tables(modules, prefix, present, is_rebooted=kernel is not None)
    return _with_tables(after, tables)


def _may_have_a_table(modules: Modules, prefix: str) -> bool:
    return any(_get_state(modules, prefix + table) in ("loaded", "builtin", "unknown") for table in TABLES)


def _list_tables(
    modules: Modules, prefix: str, present: tuple[str, ...], *, is_rebooted: bool
) -> tuple[str, ...] | None:
    """Return the tables of one family that its modules create when they are loaded; None if that is unknown."""
    tables = []
    for table in TABLES:
        state = _get_state(modules, prefix + table)
        if state == "unknown" and is_rebooted:
            return None
        # Without a reboot, the table of a module whose state is unknown stays as it is.
        if state in ("loaded", "builtin") or (state == "unknown" and prefix + table in present):
            tables.append(table)
    return tuple(tables)


def _with_tables(facts: Facts, tables: Mapping[str, tuple[str, ...] | None]) -> Facts:
    after: dict[str, tuple[str, ...] | None] = {}
    rules: dict[str, tuple[str, ...] | None] = {}
    for family, of_family in tables.items():
        ruled = _list_ruled(facts, family)
        # The program that wrote the rules writes them again.
        kept = tuple(table for table in ruled or () if of_family is not None and table not in of_family)
        after[family] = None if of_family is None else of_family + kept
        rules[family] = ruled
    return replace(facts, netfilter=replace(facts.netfilter, legacy_tables=after, legacy_rules=rules))


def _is_lazy(facts: Facts) -> bool:
    """Return whether a module without its table shows that this kernel creates tables on first use."""
    present = find_in_host(facts)
    if present is None:
        return False
    return any(_get_state(facts.modules, name) == "loaded" and name not in present for name in TABLE_MODULES)


def _is_old(kernel: Kernel) -> bool:
    return not kernel.version or kernel.version < LAZY_TABLES_SINCE


def _get_state(modules: Modules, name: str) -> State | None:
    module = modules.get(name)
    return None if module is None else module.state
