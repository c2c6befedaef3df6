# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forecast which iptables binary Istio picks on a node, from the facts alone. Pure.

Istio tries its binaries in the network namespace in which it writes rules: the host's in ambient mode, the pod's for a
sidecar (tools/istio-iptables/pkg/dependencies/implementation.go and implementation_linux.go).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.grades import Grades
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.effective import Variant
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.legacy_tables import (
    LEGACY_MODULES,
    PREFIXES,
    find_in_host,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection

VARIANTS: tuple[Variant, ...] = ("legacy", "nft")
# The requests for a NAT chain of iptables-nft and ip6tables-nft.
NAT_CHAIN_REQUESTS = ("nft-chain-2-nat", "nft-chain-10-nat")
# The modules that a forecast looks at.
FORECAST_MODULES = (*LEGACY_MODULES, "nf_tables", "nft_counter", "nft_chain_nat", "nft_chain_nat_ipv4", "nft_compat")


@dataclass(frozen=True, slots=True)
class Forecast:
    """The variant that Istio picks in one mode, and why.

    ``is_nft_once_loaded`` says that Istio picks nft instead once the modules that iptables-nft lacks here are loaded,
    ``tables`` are the legacy tables for which it picks legacy.
    """

    variant: Literal["legacy", "nft", "unknown"]
    reason: str
    is_nft_once_loaded: bool = False
    tables: tuple[str, ...] = ()

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The variants that Istio may pick."""
        return ("nft", "legacy") if self.variant == "unknown" else (self.variant,)


# The forecast of each mode of a selection; empty for the backend nftables.
Forecasts = Mapping[str, Forecast]


@dataclass(frozen=True, slots=True)
class ForecastSummary:
    """The forecasts of all modes together.

    ``modes`` maps each mode to its variant. ``variant`` is the variant of all modes, or "mixed". ``after_reboot`` is
    the summary after a reboot; None if the modes have the same variants then.
    """

    variant: str
    reason: str
    modes: Mapping[str, str]
    after_reboot: ForecastSummary | None = None

    def as_dict(self) -> dict[str, object]:
        after_reboot = None if self.after_reboot is None else self.after_reboot._modes_as_dict()
        return {**self._modes_as_dict(), "after_reboot": after_reboot}

    def _modes_as_dict(self) -> dict[str, object]:
        return {"variant": self.variant, "reason": self.reason, "modes": dict(self.modes)}


def forecast_variant(facts: Facts, selection: Selection, mode: str) -> Forecast:
    """Return which variant Istio itself picks in a mode on a node with these facts."""
    return _Node(facts, selection, mode).forecast()


def apply_choice(selection: Selection, forecast: Forecast) -> Forecast:
    """Return the variant to assess: the one that the selection names, else the one that Istio picks."""
    for variant in VARIANTS:
        if selection.iptables_variant == variant:
            return Forecast(variant, f"iptables_variant is {variant}")
    return forecast


def summarize(now: Forecasts, after_reboot: Forecasts) -> ForecastSummary | None:
    """Return the forecasts of the modes as one summary; None if there are no forecasts."""
    if not now:
        return None
    summary = _summarize_modes(now)
    later = _summarize_modes(after_reboot)
    return summary if later.modes == summary.modes else replace(summary, after_reboot=later)


def _summarize_modes(forecasts: Forecasts) -> ForecastSummary:
    modes: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for mode, forecast in forecasts.items():
        modes[mode] = forecast.variant
        reasons[mode] = forecast.reason
    variants = set(modes.values())
    if len(set(reasons.values())) == 1:
        reason = next(iter(reasons.values()))
    else:
        reason = "; ".join(f"{mode}: {text}" for mode, text in reasons.items())
    return ForecastSummary(variants.pop() if len(variants) == 1 else "mixed", reason, modes)


class _Node:
    """One node as Istio finds it in one mode."""

    def __init__(self, facts: Facts, selection: Selection, mode: str) -> None:
        self.facts = facts
        self.release = selection.release
        self.is_host = mode == "ambient"
        self.ipv6 = selection.ambient_ipv6 if self.is_host else selection.ipv6
        # A rule in one table for each family. ip6tables-nft requests the chain type of its own family.
        self.probes_ipv6 = self.ipv6 or self.release.needs_ipv6_probe
        requests = NAT_CHAIN_REQUESTS if self.probes_ipv6 else NAT_CHAIN_REQUESTS[:1]
        self.grades = Grades(facts.modules, {"nft_chain_nat": requests})
        self.namespace = "the host's network namespace" if self.is_host else "a pod's new network namespace"
        # "iptables" without a suffix is the binary of Istio's image, or the host's if the CNI plugin runs that.
        self.plain: Variant = self.release.plain_variant
        tool = facts.tools.get("iptables")
        if selection.cni_plugin and not self.is_host and tool is not None:
            for variant in VARIANTS:
                if tool.variant == variant:
                    self.plain = variant

    def forecast(self) -> Forecast:
        tables = find_in_host(self.facts) if self.is_host else ()
        if tables is None:
            reason = (
                "whether legacy tables exist in the host's network namespace cannot be determined: "
                "/proc/net/ip_tables_names can only be read by root"
            )
            return Forecast("unknown", reason)
        if self.release.probe_table is None:
            return self._forecast_without_probe(tables)
        return self._forecast_with_probe(tables)

    def _forecast_without_probe(self, tables: tuple[str, ...]) -> Forecast:
        """Return the forecast for Istio before 1.25.4, which looks for rules only."""
        if self.is_host and self.facts.netfilter.nft_compat_uses:
            return Forecast("nft", f"rules of iptables-nft exist in {self.namespace}")
        if tables:
            reason = f"legacy tables exist in {self.namespace}, and Istio before 1.25.4 then picks legacy"
            return Forecast("legacy", reason, tables=tables)
        reason = f"no rules exist in {self.namespace}, and Istio before 1.25.4 then picks {self.plain}"
        return Forecast(self.plain, reason)

    def _forecast_with_probe(self, tables: tuple[str, ...]) -> Forecast:
        """Return the forecast for Istio that tries each binary with a rule."""
        legacy_works = self._does_legacy_work() if tables else False
        if legacy_works:
            reason = f"legacy tables exist in {self.namespace}: {', '.join(tables)}"
            return Forecast("legacy", reason, tables=tables)
        nft_works = self._are_available(self._list_nft_modules())
        if legacy_works is None or (nft_works is None and self.plain == "legacy"):
            reason = "whether the kernel autoloads the modules for Istio's test of iptables cannot be determined"
            return Forecast("unknown", reason)
        if nft_works and tables:
            return Forecast("nft", "iptables-legacy cannot work")
        if nft_works:
            return Forecast("nft", f"no legacy table exists in {self.namespace}, and iptables-nft can work")
        reason = (
            f"iptables-nft cannot work without {' and '.join(self._list_nft_modules())}; "
            f"the iptables binary without a suffix is {self.plain}"
        )
        is_nft_once_loaded = self.plain == "legacy" and self._can_nft_be_enabled()
        return Forecast(self.plain, reason, is_nft_once_loaded=is_nft_once_loaded)

    def _does_legacy_work(self) -> bool | None:
        """Return whether Istio's test of iptables-legacy succeeds; None if that cannot be determined.

        The test is a rule in one table, for IPv4 and for IPv6.
        """
        families = ["ipv4"]
        if self.probes_ipv6:
            families.append("ipv6")
            # ip6tables-legacy opens a socket of the family.
            if self.facts.kernel.ipv6 is False:
                return False
        return self._are_available(f"{PREFIXES[family]}{self.release.probe_table}" for family in families)

    def _list_nft_modules(self) -> list[str]:
        """Return the modules that Istio's test of iptables-nft needs."""
        names = ["nf_tables", "nft_counter"]
        if self.release.probe_table == "nat":
            is_old = self.facts.modules["nft_chain_nat"].state == "missing"
            names.append("nft_chain_nat_ipv4" if is_old else "nft_chain_nat")
        return names

    def _are_available(self, names: Iterable[str]) -> bool | None:
        """Return whether these modules are present or autoloaded; None if that cannot be determined."""
        grades = {self.grades.now(name) for name in names}
        if "unmet" in grades:
            return False
        return None if "unknown" in grades else True

    def _can_nft_be_enabled(self) -> bool:
        """Return whether loading the modules that iptables-nft lacks is the right fix.

        It is not if the rules of iptables-nft cannot work even then, and those of iptables-legacy could.
        """
        if not all(self._can_be_loaded(name) for name in self._list_nft_modules()):
            return False
        can_legacy_be_enabled = self._can_be_loaded("ip_tables") and self._can_be_loaded("iptable_nat")
        return self._can_be_loaded("nft_compat") or not can_legacy_be_enabled

    def _can_be_loaded(self, name: str) -> bool:
        return self.grades.now(name) != "unmet" or self.facts.modules[name].state == "loadable"
