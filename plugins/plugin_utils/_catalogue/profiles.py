# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The profiles: which rows of the two catalogues a node must satisfy, and at which level. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import MERGED_INTO
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue import documented, effective
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.effective import Rules, Variant
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.requests import list_requests
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.requirement import Level, Requirement, Row
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import CHOICES, Selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.site_checks import ExtraCheck

PROFILES = CHOICES["profile"]
VARIANTS: tuple[Variant, ...] = ("nft", "legacy")
RELEASES = "https://istio.io/latest/docs/releases/supported-releases/"


@dataclass
class RequiredRow:
    """A requirement, and ``levels``: its level in each profile that has it."""

    requirement: Requirement
    levels: dict[str, Level] = field(default_factory=dict)

    def raise_to(self, profile: str, level: Level) -> None:
        """Set the level in a profile, but never lower it from must to should."""
        if self.levels.get(profile) != "must":
            self.levels[profile] = level


def requirement_rows(
    selection: Selection, variants: Mapping[str, Iterable[Variant]], old_host_iptables: bool = False
) -> tuple[RequiredRow, ...]:
    """Return the requirements of a selection: the page's rows in its order, other rows of the rules, then site checks.

    :param variants: the iptables variants that Istio would pick in each mode; both if the evidence does not settle it.
    :param old_host_iptables: whether the host's iptables is 1.8.7 or older.
    """
    modes = tuple((mode, tuple(sorted(set(variants_of_mode)))) for mode, variants_of_mode in variants.items())
    return _cached_rows(selection, modes, old_host_iptables)


# Thousands of nodes of a fleet have the same few arguments.
@lru_cache(maxsize=256)
def _cached_rows(
    selection: Selection, modes: tuple[tuple[str, tuple[Variant, ...]], ...], old_host_iptables: bool
) -> tuple[RequiredRow, ...]:
    rows: dict[str, RequiredRow] = {}
    for requirement in documented.select_requirements(selection):
        row = rows.setdefault(requirement.id, RequiredRow(requirement))
        row.raise_to("documented", "must")
        # The rules may not need a module of the page, but its minimum version of the kernel still applies. A tool of
        # the host matters only if Istio runs it.
        if requirement.kind != "tool" or selection.runs_host_tools:
            row.raise_to("combined", "should" if requirement.kind == "module" else "must")
    for effective_row in _select_effective_rows(selection, dict(modes), old_host_iptables):
        row = _merge_effective(rows, effective_row)
        row.raise_to("effective", effective_row.level)
        row.raise_to("combined", effective_row.level)
    if selection.iptables_variant == "auto":
        # The profile combined prepares for the other variant, too. The plan omits modules that would change Istio's
        # choice.
        both = dict.fromkeys(selection.mode, VARIANTS)
        for effective_row in _select_effective_rows(selection, both, old_host_iptables):
            _merge_effective(rows, effective_row).raise_to("combined", "should")
    if selection.release.is_too_old:
        # The rules of the oldest known release say little about an older one.
        too_old = Requirement(selection.backend, "istio", "used", RELEASES, kind="release", feature="too_old")
        rows[too_old.id] = RequiredRow(too_old, dict.fromkeys(PROFILES, "must"))
    for check in selection.extra_checks:
        row = _build_check_row(check)
        rows[row.requirement.id] = row
    return tuple(rows.values())


def _select_effective_rows(
    selection: Selection, variants: Mapping[str, Iterable[Variant]], old_host_iptables: bool
) -> list[Row[Rules]]:
    sets = effective.build_rule_sets(selection, variants, old_host_iptables)
    rows = []
    for row in effective.select_rows(sets):
        using = [rules for rules in sets if row.condition.holds(rules)]
        requests = [request for name in row.requirement.modules for request in list_requests(name, using)]
        rows.append(replace(row, requirement=replace(row.requirement, requests=tuple(dict.fromkeys(requests)))))
    return rows


def _merge_effective(rows: dict[str, RequiredRow], row: Row[Rules]) -> RequiredRow:
    """Return the entry of an effective row. If the page has the same requirement, add what the row knows to it."""
    known = rows.setdefault(row.requirement.id, RequiredRow(row.requirement))
    if "effective" not in known.levels:
        known.requirement = replace(known.requirement, requests=row.requirement.requests)
    if row.requirement.source not in known.requirement.source:
        source = f"{known.requirement.source}; {row.requirement.source}"
        known.requirement = replace(known.requirement, source=source)
    return known


def _build_check_row(check: ExtraCheck) -> RequiredRow:
    requirement = Requirement(
        "site",
        check.id,
        check.level,
        f"extra_checks: {check.query}",
        kind="check",
        query=check.query,
        message=check.message,
    )
    return RequiredRow(requirement, dict.fromkeys(PROFILES, check.level))


def list_required_modules(selection: Selection) -> list[str]:
    """Return the names of the modules that the selection's profile requires on a node of which nothing is known.

    With profile effective and iptables_variant auto, these are the modules of iptables-nft, which Istio picks if there
    are no rules of iptables-legacy. Before Istio 1.25.4 these are the modules of iptables-legacy.
    """
    variant = _default_variant(selection)
    names = []
    for row in requirement_rows(selection, dict.fromkeys(selection.mode, (variant,))):
        if row.requirement.kind == "module" and selection.profile in row.levels:
            names.append(row.requirement.name)
    return list(dict.fromkeys(names))


def list_image_modules(selection: Selection) -> list[str]:
    """Return the modules that must load at boot on a node of which nothing is known but that its kernel is current.

    Modules of level should are left out, since one of them may make Istio pick another iptables variant, and so are
    names whose code current kernels have in another module.
    """
    variant = _default_variant(selection)
    names = []
    for row in requirement_rows(selection, dict.fromkeys(selection.mode, (variant,))):
        is_required = row.levels.get(selection.profile) == "must"
        if row.requirement.kind == "module" and is_required and row.requirement.name not in MERGED_INTO:
            names.append(row.requirement.name)
    return list(dict.fromkeys(names))


def _default_variant(selection: Selection) -> Variant:
    if selection.iptables_variant == "legacy":
        return "legacy"
    if selection.iptables_variant == "auto" and selection.release.probe_table is None:
        return "legacy"
    return "nft"
