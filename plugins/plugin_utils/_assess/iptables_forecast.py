# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which iptables binary Istio would pick on this node, from the facts alone. Pure.

Istio tries its binaries in the network namespace where it writes rules: the host's in ambient mode, the pod's for a
sidecar (tools/istio-iptables/pkg/dependencies/implementation.go and implementation_linux.go).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.grades import Grades
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.effective import Variant
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.legacy_tables import (
    LEGACY_MODULES,
    PREFIXES,
    in_host,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection

NEEDS = (*LEGACY_MODULES, "nf_tables", "nft_counter", "nft_chain_nat", "nft_chain_nat_ipv4", "nft_compat")


@dataclass(frozen=True)
class Forecast:
    """The variant Istio would pick, "unknown" where it cannot be told, and why.

    ``once_loaded`` says that it would pick nft if the modules were loaded that iptables-nft lacks here, ``tables`` for which
    legacy tables it is legacy.
    """

    variant: Literal["legacy", "nft", "unknown"]
    reason: str
    once_loaded: bool = False
    tables: tuple[str, ...] = ()

    @property
    def variants(self) -> tuple[Variant, ...]:
        return ("nft", "legacy") if self.variant == "unknown" else (self.variant,)


def forecast(facts: Mapping[str, Any], selection: Selection, mode: str) -> Forecast:
    """Return the forecast for one mode on a node that is as these facts say."""
    return _Node(facts, selection, mode).pick()


def as_asked(selection: Selection, picked: Forecast) -> Forecast:
    """Return the variant to judge by: the one that the owner names, else the one that Istio would pick."""
    named: dict[str, Variant] = {"legacy": "legacy", "nft": "nft"}
    variant = named.get(selection.iptables_variant)
    return Forecast(variant, f"iptables_variant is {variant}") if variant else picked


def summed_up(now: Mapping[str, Forecast], after_reboot: Mapping[str, Forecast]) -> dict[str, Any] | None:
    """Return the forecasts of a selection's modes as one entry of the assessment; None where there are none."""
    if not now:
        return None
    found = _summed_up(now)
    after = _summed_up(after_reboot)
    return {**found, "after_reboot": None if after["modes"] == found["modes"] else after}


def _summed_up(forecasts: Mapping[str, Forecast]) -> dict[str, Any]:
    variants = {one.variant for one in forecasts.values()}
    reasons = dict.fromkeys(one.reason for one in forecasts.values())
    return {
        "variant": variants.pop() if len(variants) == 1 else "mixed",
        "reason": "; ".join(f"{mode}: {one.reason}" for mode, one in forecasts.items())
        if len(reasons) > 1
        else next(iter(reasons)),
        "modes": {mode: one.variant for mode, one in forecasts.items()},
    }


class _Node:
    def __init__(self, facts: Mapping[str, Any], selection: Selection, mode: str) -> None:
        self.facts = facts
        self.grades = Grades(facts["modules"], ())
        self.selection = selection
        self.release = selection.release
        self.host = mode == "ambient"
        self.ipv6 = selection.ambient_ipv6 if self.host else selection.ipv6
        variant = (
            (facts["tools"].get("iptables") or {}).get("variant") if selection.cni_plugin and not self.host else None
        )
        self.plain: Variant = variant if variant in ("legacy", "nft") else self.release.plain_variant

    def pick(self) -> Forecast:
        tables = in_host(self.facts) if self.host else []
        where = "the host's network namespace" if self.host else "a pod's new network namespace"
        if tables is None:
            return Forecast(
                "unknown",
                "whether legacy tables exist in the host's network namespace cannot be told: /proc/net/ip_tables_names needs root",
            )
        if self.release.probe_table is None:
            return self._before_probing(tables, where)
        legacy = self._legacy_works() if tables else False
        if legacy:
            return Forecast("legacy", f"legacy tables exist in {where}: {', '.join(tables)}", tables=tuple(tables))
        nft = self._are_there(self._of_nft())
        if legacy is None or (nft is None and self.plain == "legacy"):
            return Forecast("unknown", "whether the kernel would load what Istio tries iptables with cannot be told")
        if nft:
            return Forecast(
                "nft",
                f"no legacy table exists in {where}, and iptables-nft can work"
                if not tables
                else "iptables-legacy cannot work",
            )
        lacks = f"iptables-nft cannot work without {' and '.join(self._of_nft())}; iptables without a suffix is {self.plain}"
        return Forecast(self.plain, lacks, once_loaded=self.plain == "legacy" and self._is_to_be_mended())

    def _before_probing(self, tables: list[str], where: str) -> Forecast:
        if self.host and (self.facts.get("netfilter") or {}).get("nft_compat_uses"):
            return Forecast("nft", f"rules of iptables-nft exist in {where}")
        found = f"legacy tables exist in {where}" if tables else f"no rules exist in {where}"
        told = f"{found}, and Istio before 1.25.4 then takes " + ("legacy" if tables else self.plain)
        return Forecast("legacy" if tables else self.plain, told, tables=tuple(tables))

    def _legacy_works(self) -> bool | None:
        """Whether Istio's probe of iptables-legacy succeeds: a rule in one table, for IPv4 and for IPv6; None where it cannot be told."""
        families = ["ipv4"] + (["ipv6"] if self.ipv6 or self.release.needs_ipv6_probe else [])
        if "ipv6" in families and self.facts["kernel"].get("ipv6") is False:
            return False  # it asks by a socket of the family
        return self._are_there(f"{PREFIXES[family]}{self.release.probe_table}" for family in families)

    def _of_nft(self) -> list[str]:
        """Return what its probe of iptables-nft needs."""
        old = self.facts["modules"]["nft_chain_nat"]["state"] == "missing"
        chain = ["nft_chain_nat_ipv4" if old else "nft_chain_nat"] if self.release.probe_table == "nat" else []
        return ["nf_tables", "nft_counter", *chain]

    def _are_there(self, names: Iterable[str]) -> bool | None:
        """Whether these modules are there or come when they are asked for."""
        grades = {self.grades.now(name) for name in names}
        if "unmet" in grades:
            return False
        return None if "unknown" in grades else True

    def _is_to_be_mended(self) -> bool:
        """Whether loading what iptables-nft lacks is the way to go: not where its rules cannot work then, and iptables-legacy could."""
        works = self._can_be_loaded("nft_compat") or not (
            self._can_be_loaded("ip_tables") and self._can_be_loaded("iptable_nat")
        )
        return works and all(self._can_be_loaded(name) for name in self._of_nft())

    def _can_be_loaded(self, name: str) -> bool:
        return self.grades.now(name) != "unmet" or self.facts["modules"][name]["state"] == "loadable"
