# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Assess a node: a grade for each requirement now and after a reboot, and the verdict. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess import findings as _findings
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess import iptables_forecast
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.evaluators import JUDGES
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.grades import Grade, Grades
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.iptables_forecast import Forecast
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.effective import Variant
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.profiles import PROFILES, Asked, asked
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.requirement import Level
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInput
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts import projection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import REMEDY
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._values import at_least

# From this version on iptables-nft matches ports and marks without the kernel's xt_tcpudp and xt_mark.
NEW_IPTABLES = "1.8.8"

# For each mode of a selection, which iptables variant Istio would pick.
Forecasts = Mapping[str, Forecast]
COLUMNS = ("now", "after_reboot")

# What is said of a requirement that only one of page and rules has.
PAGE_ALONE = "the page asks for it and no rule of this selection uses it"
RULES_ALONE = "rules of this selection use it and the page does not name it"


@dataclass(frozen=True)
class Assessed:
    """One requirement as it stands on one node; ``profiles`` are those that ask for it, at any level."""

    id: str
    name: str
    kind: str
    wording: str
    level: Level
    profiles: tuple[str, ...]
    state: str
    now: Grade
    after_reboot: Grade
    reason: str
    source: str
    remedy: str | None = None
    any_of: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        row = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        return {key: value for key, value in row.items() if value or key not in ("remedy", "any_of")}


@dataclass(frozen=True)
class Assessment:
    """A node's verdict under one selection, and what it rests on."""

    selection: Selection
    verdict: str
    verdicts: Mapping[str, str]
    requirements: tuple[Assessed, ...]
    findings: tuple[_findings.Finding, ...]
    disagreements: tuple[dict[str, str], ...]
    forecasts: Forecasts
    forecasts_after_reboot: Forecasts

    def as_dict(self) -> dict[str, Any]:
        release = self.selection.release
        return {
            "selection": self.selection.as_dict(),
            "profile": self.selection.profile,
            "verdict": self.verdict,
            "verdicts": dict(self.verdicts),
            "requirements": [row.as_dict() for row in self.requirements],
            "findings": [asdict(finding) for finding in self.findings],
            "disagreements": list(self.disagreements),
            "forecast": iptables_forecast.summed_up(self.forecasts, self.forecasts_after_reboot),
            "catalogue": {
                "requested": release.asked,
                "used": release.used,
                "note": release.note,
                "reconcile": self.selection.reconciles,
            },
        }


def assess(facts: Mapping[str, Any], selection: Selection) -> Assessment:
    """Judge checked facts. Raises InvalidInput where they lack a module that the selection asks for."""
    picked: dict[str, Forecasts] = {column: {} for column in COLUMNS}
    if selection.backend == "iptables":
        _check_known(facts, iptables_forecast.NEEDS)
        moments = {"now": facts, "after_reboot": projection.rebooted(facts)}
        picked = {
            column: {mode: iptables_forecast.forecast(moment, selection, mode) for mode in selection.mode}
            for column, moment in moments.items()
        }
    old = _has_old_iptables(facts)
    forecasts = {column: _settled(facts, selection, column, found, old) for column, found in picked.items()}
    rows = asked(
        selection,
        {mode: {variant for one in forecasts.values() for variant in one[mode].variants} for mode in picked["now"]},
        old,
    )
    _check_known(facts, (name for row in rows for name in row.requirement.modules))

    needed = {
        column: _needed(selection, tuple((mode, one.variants) for mode, one in found.items()), old)
        for column, found in forecasts.items()
    }
    judged = {
        profile: [_by_column(row, needed, profile) for row in _judge(facts, rows, profile)] for profile in PROFILES
    }
    verdicts = {profile: verdict(judged[profile]) for profile in PROFILES}
    return Assessment(
        selection,
        verdicts[selection.profile],
        verdicts,
        tuple(judged[selection.profile]),
        tuple(_findings.findings(facts, selection, picked["now"], picked["after_reboot"])),
        tuple(_disagreements(judged["combined"])),
        forecasts["now"],
        forecasts["after_reboot"],
    )


def verdict(rows: Iterable[Assessed]) -> str:
    """Return the first verdict that holds over the rows of level must."""
    must = [row for row in rows if row.level == "must"]
    now = {row.now for row in must}
    after = {row.after_reboot for row in must}
    ladder = (
        ("not_ready", "unmet" in now),
        ("unknown", "unknown" in now),
        ("at_risk", "unmet" in after),
        ("unknown", "unknown" in after),
        ("on_demand", "on_demand" in now | after),
    )
    return next((name for name, holds in ladder if holds), "ready")


def _judge(facts: Mapping[str, Any], rows: Iterable[Asked], profile: str) -> list[Assessed]:
    """Return the rows of one profile with their grades; what is asked for together can come as each other's dependency."""
    rows = [row for row in rows if profile in row.levels]
    grades = Grades(facts["modules"], [name for row in rows for name in row.requirement.modules])
    return [_assessed(facts, row, row.levels[profile], grades) for row in rows]


def _assessed(facts: Mapping[str, Any], row: Asked, level: Level, grades: Grades) -> Assessed:
    asked_for = row.requirement
    judged = JUDGES[asked_for.kind](facts, asked_for, grades)
    return Assessed(
        asked_for.id,
        asked_for.name,
        asked_for.kind,
        asked_for.wording,
        level,
        tuple(profile for profile in PROFILES if profile in row.levels),
        judged.state,
        judged.now,
        judged.after_reboot,
        judged.reason,
        asked_for.source,
        judged.remedy,
        asked_for.any_of,
    )


def _settled(
    facts: Mapping[str, Any], selection: Selection, column: str, picked: Forecasts, old_iptables: bool
) -> Forecasts:
    """Return the forecasts to judge one column by.

    Where Istio would take iptables-legacy only for want of modules that can be loaded, and that fails too, it is told what
    iptables-nft lacks: the verdict is the same, and those are the modules that mend it.
    """
    forecasts = {mode: iptables_forecast.as_asked(selection, one) for mode, one in picked.items()}
    if not any(one.once_loaded for one in forecasts.values()):
        return forecasts
    rows = _judge(
        facts, asked(selection, {mode: one.variants for mode, one in forecasts.items()}, old_iptables), "effective"
    )
    if not any(row.level == "must" and getattr(row, column) == "unmet" for row in rows):
        return forecasts
    told = "which does not work either, and once what is lacking is loaded Istio picks nft"
    return {
        mode: replace(one, variant="nft", reason=f"{one.reason}, {told}") if one.once_loaded else one
        for mode, one in forecasts.items()
    }


@lru_cache(maxsize=256)
def _needed(
    selection: Selection, variants: tuple[tuple[str, tuple[Variant, ...]], ...], old_iptables: bool
) -> dict[str, tuple[set[str], set[str]]]:
    """Return for each profile the ids of the rows of level must: those that hold in any case, and those that may hold.

    They differ where it cannot be told which variant Istio picks in some mode.
    """
    cases = product(*([(mode, variant) for variant in of_mode] for mode, of_mode in variants))
    rows = [asked(selection, {mode: (variant,) for mode, variant in case}, old_iptables) for case in cases]
    found = {}
    for profile in PROFILES:
        ids = [{row.requirement.id for row in of_case if row.levels.get(profile) == "must"} for of_case in rows]
        found[profile] = (set.intersection(*ids), set.union(*ids))
    return found


def _by_column(row: Assessed, needed: Mapping[str, Mapping[str, tuple[set[str], set[str]]]], profile: str) -> Assessed:
    """Return the row with the grades that count: what no rule needs in a column cannot be unmet there, and what may be needed is unknown then."""
    if row.level != "must" or all(row.id in needed[column][profile][0] for column in COLUMNS):
        return row
    grades: dict[str, Grade] = {}
    for column in COLUMNS:
        certain, possible = needed[column][profile]
        grade: Grade = getattr(row, column)
        doubtful: Grade = "unknown" if grade == "unmet" else grade
        grades[column] = grade if row.id in certain else doubtful if row.id in possible else "not_needed"
    return replace(row, now=grades["now"], after_reboot=grades["after_reboot"], reason=_when(row.reason, grades))


def _when(reason: str, grades: Mapping[str, Grade]) -> str:
    """Return the reason, with when the row is needed where that is not always."""
    when = {
        "now": "needed after a reboot only, when Istio picks the other iptables variant",
        "after_reboot": "needed until a reboot only",
    }
    said = next((when[column] for column, grade in grades.items() if grade == "not_needed"), "")
    return f"{said}: {reason}" if said and reason else said or reason


def _disagreements(rows: Iterable[Assessed]) -> Iterable[dict[str, str]]:
    """Yield what only the page or only the rules ask for and what is not there, now or after a reboot."""
    for row in rows:
        if ("documented" in row.profiles) == ("effective" in row.profiles) or {row.now, row.after_reboot} <= {
            "present",
            "not_needed",
        }:
            continue
        page = "documented" in row.profiles
        said = PAGE_ALONE if page else RULES_ALONE
        yield {
            "id": row.id,
            "name": row.name,
            "required_by": "documented" if page else "effective",
            "state": row.state,
            "now": row.now,
            "after_reboot": row.after_reboot,
            "message": f"{row.name}: {said}",
        }


def _check_known(facts: Mapping[str, Any], names: Iterable[str]) -> None:
    for name in names:
        if name not in facts["modules"]:
            raise InvalidInput(f"the facts say nothing of module '{name}': {REMEDY}")


def _has_old_iptables(facts: Mapping[str, Any]) -> bool:
    version = (facts["tools"].get("iptables") or {}).get("version")
    return version is not None and at_least(str(version), NEW_IPTABLES) is False
