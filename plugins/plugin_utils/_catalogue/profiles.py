# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue: what is asked of a node under each profile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue import documented
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue import effective as _effective
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.effective import Rules, Variant
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.requirement import Level, Requirement, Row
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection

PROFILES = ("documented", "effective", "combined")
BOTH: tuple[Variant, ...] = ("nft", "legacy")


@dataclass
class Asked:
    """A requirement as the profiles ask for it: ``levels`` has the profiles that do, with their level."""

    requirement: Requirement
    levels: dict[str, Level] = field(default_factory=dict)

    def raise_to(self, profile: str, level: Level) -> None:
        if self.levels.get(profile) != "must":
            self.levels[profile] = level


def asked(
    selection: Selection, variants: Mapping[str, Iterable[Variant]], old_host_iptables: bool = False
) -> tuple[Asked, ...]:
    """Return what is asked of a node: the page's rows in its order, then those that only the rules have, then the site's.

    :param variants: for each mode the iptables variants that Istio would pick; more than one where it cannot be told.
    :param old_host_iptables: whether the host's iptables is 1.8.7 or older.
    """
    return _asked(
        selection, tuple((mode, tuple(sorted(set(of_mode)))) for mode, of_mode in variants.items()), old_host_iptables
    )


@lru_cache(maxsize=256)
def _asked(
    selection: Selection, of_modes: tuple[tuple[str, tuple[Variant, ...]], ...], old_host_iptables: bool
) -> tuple[Asked, ...]:
    """Thousands of nodes ask for the same few."""
    variants = dict(of_modes)
    found: dict[str, Asked] = {}
    for requirement in documented.requirements(selection):
        row = found.setdefault(requirement.id, Asked(requirement))
        row.raise_to("documented", "must")
        # A version is no module that rules may do without: the page's floor counts beside the rules too.
        row.raise_to("combined", "should" if requirement.kind == "module" else "must")
    for effective in _effective.rows(_effective.rules(selection, variants, old_host_iptables)):
        row = _add(found, effective)
        row.raise_to("effective", effective.level)
        row.raise_to("combined", effective.level)
    if selection.iptables_variant == "auto":
        # Combined prepares for either variant, as far as that changes nothing about which one is picked.
        for effective in _effective.rows(
            _effective.rules(selection, {mode: BOTH for mode in selection.mode}, old_host_iptables)
        ):
            _add(found, effective).raise_to("combined", "should")
    for check in selection.extra_checks:
        requirement = Requirement(
            "site",
            check.id,
            check.level,
            f"extra_checks: {check.query}",
            kind="check",
            query=check.query,
            message=check.message,
        )
        found[requirement.id] = Asked(requirement, {profile: check.level for profile in PROFILES})
    return tuple(found.values())


def _add(found: dict[str, Asked], row: Row[Rules]) -> Asked:
    """Return the entry of this row, beside the page's own where that asks for the same."""
    known = found.get(row.requirement.id)
    if known is None:
        return found.setdefault(row.requirement.id, Asked(row.requirement))
    if row.requirement.source not in known.requirement.source:
        known.requirement = Requirement(
            **{**vars(known.requirement), "source": f"{known.requirement.source}; {row.requirement.source}"}
        )
    return known


def required_modules(selection: Selection) -> list[str]:
    """Return the names of the modules that the selection's profile asks for, on a node that is not known.

    Under profile effective with iptables_variant auto these are those of iptables-nft, which Istio picks where no rules
    of iptables-legacy are; before Istio 1.25.4 those of iptables-legacy.
    """
    variant: Variant = "legacy" if selection.iptables_variant == "legacy" else "nft"
    if selection.iptables_variant == "auto" and selection.release.probe_table is None:
        variant = "legacy"
    rows = [
        row
        for row in asked(selection, {mode: (variant,) for mode in selection.mode})
        if selection.profile in row.levels
    ]
    return list(dict.fromkeys(row.requirement.name for row in rows if row.requirement.kind == "module"))


def known_modules() -> set[str]:
    """Return every module name that any row of either catalogue has."""
    requirements = [row.requirement for row in documented.ROWS] + [row.requirement for row in _effective.ROWS]
    return {name for requirement in requirements for name in requirement.modules}
