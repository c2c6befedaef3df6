# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which iptables binary Istio would pick on this node, from the facts alone. Pure.

Istio tries its binaries in the network namespace where it writes rules: the host's in ambient mode, the pod's for a
sidecar (tools/istio-iptables/pkg/dependencies/implementation.go and implementation_linux.go).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ansible_collections.nodeprep.istio.plugins.plugin_utils._effective import Variant
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection import Selection

TABLES = ("filter", "mangle", "nat", "raw")
PREFIXES = {"ipv4": "iptable_", "ipv6": "ip6table_"}
LEGACY_MODULES = ("ip_tables", "ip6_tables", *(prefix + table for prefix in PREFIXES.values() for table in TABLES))

# Since this kernel a legacy table appears in a network namespace on its first use, before that wherever its module is
# (fdacd57c79b7, "netfilter: x_tables: never register tables by default").
LAZY_TABLES_SINCE = (5, 15)
USABLE = ("loaded", "builtin", "loadable", "unknown")
NEEDS = (*LEGACY_MODULES, "nf_tables", "nft_chain_nat", "nft_chain_nat_ipv4")


@dataclass(frozen=True)
class Forecast:
    """The variant Istio would pick, "unknown" where it cannot be told, and why."""

    variant: Literal["legacy", "nft", "unknown"]
    reason: str

    @property
    def variants(self) -> tuple[Variant, ...]:
        return ("nft", "legacy") if self.variant == "unknown" else (self.variant,)


def forecast(facts: Mapping[str, Any], selection: Selection, mode: str, loading: Collection[str] = ()) -> Forecast:
    """Return the forecast for one mode.

    :param loading: modules that are about to be loaded, to tell what Istio would pick afterwards.
    """
    return _Node(facts, selection, mode, loading).pick()


def as_asked(selection: Selection, picked: Forecast) -> Forecast:
    """Return the variant to judge by: the one that the owner names, else the one that Istio would pick."""
    named: dict[str, Variant] = {"legacy": "legacy", "nft": "nft"}
    variant = named.get(selection.iptables_variant)
    return Forecast(variant, f"iptables_variant is {variant}") if variant else picked


def summed_up(forecasts: Mapping[str, Forecast]) -> dict[str, Any] | None:
    """Return the forecasts of a selection's modes as one entry of the assessment; None where there are none."""
    if not forecasts:
        return None
    variants = {one.variant for one in forecasts.values()}
    reasons = dict.fromkeys(one.reason for one in forecasts.values())
    return {
        "variant": variants.pop() if len(variants) == 1 else "mixed",
        "reason": "; ".join(f"{mode}: {one.reason}" for mode, one in forecasts.items()) if len(reasons) > 1 else next(iter(reasons)),
        "modes": {mode: one.variant for mode, one in forecasts.items()},
    }


def legacy_tables(facts: Mapping[str, Any]) -> list[str] | None:
    """Return the legacy tables that exist in the host's namespace, as module names; None where that cannot be read."""
    seen = (facts.get("netfilter") or {}).get("legacy_tables") or {}
    names: list[str] = []
    for family, prefix in PREFIXES.items():
        tables = seen.get(family)
        if tables is None and any(_there(facts, prefix + table) for table in TABLES):
            return None
        names += [prefix + table for table in tables or () if table in TABLES]
    return names


def instantiates(facts: Mapping[str, Any]) -> bool:
    """Whether loading a legacy table's module makes the table in every network namespace of this kernel."""
    tables = legacy_tables(facts)
    if tables is not None and any(_loaded(facts, name) and name not in tables for name in LEGACY_MODULES[2:]):
        return False
    version = tuple(facts["kernel"].get("version") or ())
    return not version or version < LAZY_TABLES_SINCE


class _Node:
    def __init__(self, facts: Mapping[str, Any], selection: Selection, mode: str, loading: Collection[str]) -> None:
        self.facts = facts
        self.selection = selection
        self.release = selection.release
        self.host = mode == "ambient"
        self.ipv6 = selection.ambient_ipv6 if self.host else selection.ipv6
        self.loading = loading
        variant = (facts["tools"].get("iptables") or {}).get("variant") if selection.cni and not self.host else None
        self.plain: Variant = variant or self.release.plain_variant

    def pick(self) -> Forecast:
        tables = self._tables()
        where = "the host's network namespace" if self.host else "every pod's network namespace"
        if tables is None:
            return Forecast("unknown", "whether legacy tables exist cannot be read: /proc/net/ip_tables_names needs root")
        if self.release.probe_table is None:
            return self._before_probing(tables, where)
        if tables and self._legacy_works():
            return Forecast("legacy", f"legacy tables exist in {where}: {', '.join(tables)}")
        if self._works("nf_tables") and (self._works("nft_chain_nat") or self._works("nft_chain_nat_ipv4")):
            return Forecast("nft", f"no legacy table exists in {where}, and iptables-nft can work" if not tables else "iptables-legacy cannot work")
        return Forecast(self.plain, "iptables-nft cannot work without nf_tables and nft_chain_nat; iptables without a suffix is " + self.plain)

    def _before_probing(self, tables: list[str], where: str) -> Forecast:
        if self.host and (self.facts.get("netfilter") or {}).get("nft_compat_uses"):
            return Forecast("nft", f"rules of iptables-nft exist in {where}")
        found = f"legacy tables exist in {where}" if tables else f"no rules exist in {where}"
        return Forecast("legacy" if tables else self.plain, f"{found}, and Istio before 1.25.4 then takes " + ("legacy" if tables else self.plain))

    def _tables(self) -> list[str] | None:
        """Return the legacy tables where this mode writes its rules, as module names; None where that cannot be told."""
        eager = instantiates(self.facts)
        made = [name for name in LEGACY_MODULES[2:] if eager and (name in self.loading or _there(self.facts, name))]
        if not self.host:
            return made
        seen = legacy_tables(self.facts)
        return None if seen is None else list(dict.fromkeys(seen + made))

    def _legacy_works(self) -> bool:
        """Whether Istio's probe of iptables-legacy succeeds: a rule in one table, for IPv4 and for IPv6."""
        families = ["ipv4"] + (["ipv6"] if self.ipv6 or self.release.needs_ipv6_probe else [])
        return all(self._served(f"{PREFIXES[family]}{self.release.probe_table}") for family in families)

    def _served(self, table: str) -> bool:
        entry = self.facts["modules"][table]
        base = "ip6_tables" if table.startswith("ip6") else "ip_tables"
        asks = entry["autoload"] == "yes" and (_there(self.facts, base) or base in self.loading)
        return _there(self.facts, table) or table in self.loading or (entry["state"] == "loadable" and asks)

    def _works(self, name: str) -> bool:
        return self.facts["modules"][name]["state"] in USABLE


def _there(facts: Mapping[str, Any], name: str) -> bool:
    return facts["modules"][name]["state"] in ("loaded", "builtin")


def _loaded(facts: Mapping[str, Any], name: str) -> bool:
    return bool(facts["modules"][name]["state"] == "loaded")
