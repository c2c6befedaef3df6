# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forecast which iptables binary Istio picks on a node, from the facts alone. Pure.

Istio tries its binaries in the network namespace in which it writes rules: the host's in ambient mode, the pod's for a
sidecar (tools/istio-iptables/pkg/dependencies/implementation.go and implementation_linux.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.grades import Grades
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.effective import Variant
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.legacy_tables import (
    LEGACY_MODULES,
    PREFIXES,
    find_in_host,
    find_ruled_in_host,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection

VARIANTS: tuple[Variant, ...] = ("legacy", "nft")
# The request for a NAT chain of iptables-nft and ip6tables-nft.
NAT_CHAIN_REQUESTS = {"ipv4": "nft-chain-2-nat", "ipv6": "nft-chain-10-nat"}
FAMILY_NAMES = {"ipv4": "IPv4", "ipv6": "IPv6"}
WORST_FIRST = (False, None, True)
# A part of the sentence about legacy tables whose rules cannot be listed.
RULES_UNKNOWN = "whether they hold rules cannot be determined"
# The modules that a forecast looks at.
FORECAST_MODULES = (
    *LEGACY_MODULES,
    "nf_tables",
    "nft_counter",
    "nft_chain_nat",
    "nft_chain_nat_ipv4",
    "nft_chain_nat_ipv6",
    "nft_compat",
    "xt_comment",
)
# Since this kernel one module, nft_chain_nat, has the NAT chains of all families.
ONE_NAT_CHAIN_SINCE = (5, 2)


@dataclass(frozen=True, slots=True)
class Forecast:
    """The variant that Istio picks in one mode, and why.

    ``is_nft_once_loaded`` says that Istio picks nft instead once the modules that iptables-nft lacks here are loaded,
    ``tables`` are the legacy tables for which it picks legacy. ``nft_works`` is whether Istio's test of iptables-nft
    succeeds; None if that is unknown, or if this release tests nothing. ``is_legacy_after_restart`` says that Istio's
    test of iptables-legacy creates the table for which it picks legacy when it starts again.
    """

    variant: Literal["legacy", "nft", "unknown"]
    reason: str
    is_nft_once_loaded: bool = False
    tables: tuple[str, ...] = ()
    nft_works: bool | None = None
    is_legacy_after_restart: bool = False

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
        has_ipv6 = selection.ambient_writes_ipv6 if self.is_host else selection.ipv6
        # Istio detects the binaries for IPv4 and for IPv6 one after the other. Without IPv6 the second one decides
        # nothing: no IPv6 rule can work.
        self.families = ("ipv4", "ipv6") if has_ipv6 and facts.kernel.ipv6 is not False else ("ipv4",)
        self.grades = {}
        for family in self.families:
            self.grades[family] = Grades(facts.modules, {"nft_chain_nat": (NAT_CHAIN_REQUESTS[family],)})
        self.namespace = "the host's network namespace" if self.is_host else "a pod's new network namespace"
        # "iptables" without a suffix is the binary of Istio's image, or the host's if the CNI plugin runs that. The
        # profile "ambient" sets global.variant to distroless (manifests/helm-profiles/ambient.yaml).
        self.plain: Variant = "legacy" if selection.ambient else self.release.plain_variant
        tool = facts.tools.get("iptables")
        if selection.cni_plugin and not self.is_host and tool is not None:
            for variant in VARIANTS:
                if tool.variant == variant:
                    self.plain = variant

    def forecast(self) -> Forecast:
        by_family = {family: self._forecast_family(family) for family in self.families}
        found = list(by_family.values())
        variants = {forecast.variant for forecast in found}
        if "unknown" in variants:
            return next(forecast for forecast in found if forecast.variant == "unknown")
        if len(variants) > 1:
            return Forecast("unknown", f"Istio picks another variant for each IP family: {_join_reasons(by_family)}")
        tables = tuple(table for forecast in found for table in forecast.tables)
        return Forecast(
            found[0].variant,
            self._describe_tables(tables) if tables else _join_reasons(by_family),
            is_nft_once_loaded=any(forecast.is_nft_once_loaded for forecast in found),
            tables=tables,
            nft_works=min((forecast.nft_works for forecast in found), key=WORST_FIRST.index),
            is_legacy_after_restart=any(forecast.is_legacy_after_restart for forecast in found),
        )

    def _forecast_family(self, family: str) -> Forecast:
        tables = find_in_host(self.facts, (family,)) if self.is_host else ()
        if tables is None:
            reason = (
                "whether legacy tables exist in the host's network namespace cannot be determined: "
                "/proc/net/ip_tables_names can only be read by root"
            )
            return Forecast("unknown", reason)
        if self.release.probe_table is None:
            return self._forecast_without_probe(family, tables)
        return self._forecast_with_probe(family, tables)

    def _describe_tables(self, tables: tuple[str, ...]) -> str:
        """Return why these tables make Istio pick legacy."""
        if self.release.probe_table is None:
            return f"only legacy tables exist in {self.namespace}, and Istio before 1.25.4 then picks legacy"
        if self.release.rules_decide:
            return f"legacy tables with rules exist in {self.namespace}: {', '.join(tables)}"
        return f"legacy tables exist in {self.namespace}: {', '.join(tables)}"

    def _forecast_without_probe(self, family: str, tables: tuple[str, ...]) -> Forecast:
        """Return the forecast for Istio before 1.25.4, which only looks for rules.

        It takes three lines of iptables-save for rules. A table without rules has more.
        """
        has_nft_tables = self._has_nft_tables(family)
        if has_nft_tables:
            reason = f"tables of iptables-nft exist in {self.namespace}, and Istio before 1.25.4 then picks nft"
            return Forecast("nft", reason)
        if has_nft_tables is None:
            reason = (
                f"whether iptables-nft shows tables in {self.namespace} cannot be determined: that needs root, the "
                "host's iptables-nft-save, and tables without rules of nft"
            )
            return Forecast("unknown", reason)
        if tables:
            return Forecast("legacy", self._describe_tables(tables), tables=tables)
        reason = f"no tables of iptables exist in {self.namespace}, and Istio before 1.25.4 then picks {self.plain}"
        return Forecast(self.plain, reason)

    def _has_nft_tables(self, family: str) -> bool | None:
        """Return whether tables of iptables-nft exist; a new network namespace has none."""
        if not self.is_host or self.facts.modules["nf_tables"].state == "missing":
            return False
        return self.facts.netfilter.nft_tables.get(family)

    def _forecast_with_probe(self, family: str, tables: tuple[str, ...]) -> Forecast:
        """Return the forecast for Istio that tries each binary with a rule."""
        legacy_works = self._does_legacy_work(family)
        decisive: tuple[str, ...] | None = tables
        if tables and self.release.rules_decide:
            decisive = find_ruled_in_host(self.facts, (family,))
        if legacy_works and decisive:
            return Forecast("legacy", self._describe_tables(decisive), tables=decisive)
        lacking = self._list_lacking(family)
        # If iptables-nft cannot work, Istio falls back to the binary without a suffix.
        is_legacy_anyway = bool(lacking) and self.plain == "legacy"
        if legacy_works is not False and decisive is None and not is_legacy_anyway:
            reason = (
                f"legacy tables exist in {self.namespace}, and {RULES_UNKNOWN}: that needs root and the host's "
                "iptables-legacy-save"
            )
            return Forecast("unknown", reason)
        if (legacy_works is None and decisive) or (lacking is None and self.plain == "legacy"):
            reason = "whether the kernel autoloads the modules for Istio's test of iptables cannot be determined"
            return Forecast("unknown", reason)
        flips = self._flips(tables, legacy_works)
        if lacking is None:
            reason = "both iptables-nft and the iptables binary without a suffix are nft"
            return Forecast("nft", reason, is_legacy_after_restart=flips)
        if not lacking:
            reason = self._describe_nft(tables, legacy_works is False)
            return Forecast("nft", reason, nft_works=True, is_legacy_after_restart=flips)
        reason = (
            f"iptables-nft cannot work without {' and '.join(lacking)}; "
            f"the iptables binary without a suffix is {self.plain}"
        )
        is_nft_once_loaded = self.plain == "legacy" and self._can_nft_be_enabled(family)
        return Forecast(self.plain, reason, is_nft_once_loaded=is_nft_once_loaded, nft_works=False)

    def _describe_nft(self, tables: tuple[str, ...], legacy_fails: bool) -> str:
        if tables and legacy_fails:
            return "iptables-legacy cannot work"
        if tables:
            return f"no legacy table in {self.namespace} holds rules, and iptables-nft can work"
        return f"no legacy table exists in {self.namespace}, and iptables-nft can work"

    def _flips(self, tables: tuple[str, ...], legacy_works: bool | None) -> bool:
        """Return whether Istio's own test creates the legacy table that decides when Istio starts again."""
        return self.is_host and not self.release.rules_decide and not tables and legacy_works is True

    def _does_legacy_work(self, family: str) -> bool | None:
        """Return whether Istio's test of iptables-legacy, a rule in one table, succeeds; None if that is unknown."""
        names = [f"{PREFIXES[family]}{self.release.probe_table}"]
        if self.release.probe_has_comment:
            names.append("xt_comment")
        return min((self._is_available(family, name) for name in names), key=WORST_FIRST.index)

    def _list_nft_modules(self, family: str) -> list[str]:
        """Return the modules that Istio's test of iptables-nft needs."""
        names = ["nf_tables", "nft_counter"]
        if self.release.probe_table == "nat":
            names.append(f"nft_chain_nat_{family}" if self._has_nat_chain_of(family) else "nft_chain_nat")
        if self.release.probe_has_comment:
            # A comment of iptables-nft is a match of x_tables.
            names += ["nft_compat", "xt_comment"]
        return names

    def _has_nat_chain_of(self, family: str) -> bool:
        """Return whether this kernel has a separate module for the NAT chains of a family."""
        modules = self.facts.modules
        if modules["nft_chain_nat"].state != "missing":
            return False
        version = self.facts.kernel.version
        is_old = bool(version) and version < ONE_NAT_CHAIN_SINCE
        return is_old or modules[f"nft_chain_nat_{family}"].state != "missing"

    def _list_lacking(self, family: str) -> list[str] | None:
        """Return what keeps Istio's test of iptables-nft from succeeding; None if that cannot be determined."""
        names = self._list_nft_modules(family)
        # The code of a merged module is in one of the others.
        own = [name for name in names if self.facts.modules[name].state != "merged"]
        lacking = [name for name in own if self.grades[family].now(name) == "unmet"]
        option = f"NF_TABLES_{family.upper()}"
        if self.facts.options.get(option) == "n":
            lacking.append(f"CONFIG_{option}")
        if not lacking and any(self.grades[family].now(name) == "unknown" for name in names):
            return None
        return lacking

    def _is_available(self, family: str, name: str) -> bool | None:
        """Return whether this module is present or autoloaded; None if that cannot be determined."""
        grade = self.grades[family].now(name)
        return None if grade == "unknown" else grade != "unmet"

    def _can_nft_be_enabled(self, family: str) -> bool:
        """Return whether loading the modules that iptables-nft lacks is the right fix.

        It is not if the rules of iptables-nft cannot work even then, and those of iptables-legacy could.
        """
        if self.facts.options.get(f"NF_TABLES_{family.upper()}") == "n":
            return False
        if not all(self._can_be_loaded(family, name) for name in self._list_nft_modules(family)):
            return False
        can_legacy_be_enabled = self._can_be_loaded(family, "ip_tables") and self._can_be_loaded(family, "iptable_nat")
        return self._can_be_loaded(family, "nft_compat") or not can_legacy_be_enabled

    def _can_be_loaded(self, family: str, name: str) -> bool:
        return self.grades[family].now(name) != "unmet" or self.facts.modules[name].state == "loadable"


def _join_reasons(by_family: Forecasts) -> str:
    """Return the reasons for each IP family as one text, or the reason of all of them."""
    reasons = {forecast.reason for forecast in by_family.values()}
    if len(reasons) == 1:
        return reasons.pop()
    return "; ".join(f"{FAMILY_NAMES[family]}: {forecast.reason}" for family, forecast in by_family.items())
