# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Assess a node: a grade for each requirement now and after a reboot, and the verdict. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils import _findings, _forecast
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue import PROFILES, Asked, asked
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInput
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts import REMEDY
from ansible_collections.nodeprep.istio.plugins.plugin_utils._forecast import Forecast
from ansible_collections.nodeprep.istio.plugins.plugin_utils._grades import Grade, Grades
from ansible_collections.nodeprep.istio.plugins.plugin_utils._judges import JUDGES
from ansible_collections.nodeprep.istio.plugins.plugin_utils._requirement import Level
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection import Selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._versions import at_least

# From this version on iptables-nft matches ports and marks without the kernel's xt_tcpudp and xt_mark.
NEW_IPTABLES = "1.8.8"

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
    alternatives: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        row = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        return {key: value for key, value in row.items() if value or key not in ("remedy", "alternatives")}


@dataclass(frozen=True)
class Assessment:
    """A node's verdict under one selection, and what it rests on."""

    selection: Selection
    verdict: str
    verdicts: Mapping[str, str]
    requirements: tuple[Assessed, ...]
    findings: tuple[_findings.Finding, ...]
    disagreements: tuple[dict[str, str], ...]
    forecasts: Mapping[str, Forecast]

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
            "forecast": _forecast.summed_up(self.forecasts),
            "catalogue": {"asked": release.asked, "used": release.used, "note": release.note, "reconcile": self.selection.reconciles},
        }


def assess(facts: Mapping[str, Any], selection: Selection) -> Assessment:
    """Judge checked facts. Raises InvalidInput where they lack a module that the selection asks for."""
    picked = {}
    if selection.backend == "iptables":
        _check_known(facts, _forecast.NEEDS)
        picked = {mode: _forecast.forecast(facts, selection, mode) for mode in selection.mode}
    forecasts = {mode: _forecast.as_asked(selection, one) for mode, one in picked.items()}
    rows = asked(selection, {mode: one.variants for mode, one in forecasts.items()}, _has_old_iptables(facts))
    _check_known(facts, (name for row in rows for name in row.requirement.modules))

    judged = {profile: _judge(facts, rows, profile) for profile in PROFILES}
    if any(one.variant == "unknown" for one in forecasts.values()):
        either = [asked(selection, {mode: (variant,) for mode in selection.mode}) for variant in ("nft", "legacy")]
        judged = {profile: _with_doubt(judged[profile], either, profile) for profile in PROFILES}
    verdicts = {profile: verdict(judged[profile]) for profile in PROFILES}
    return Assessment(
        selection,
        verdicts[selection.profile],
        verdicts,
        tuple(judged[selection.profile]),
        tuple(_findings.findings(facts, selection, picked)),
        tuple(_disagreements(judged["combined"])),
        forecasts,
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
        asked_for.alternatives,
    )


def _with_doubt(rows: list[Assessed], either: list[list[Asked]], profile: str) -> list[Assessed]:
    """Where it cannot be told which variant Istio picks, what only one of them needs is not known to be unmet."""
    needed = [{row.requirement.id for row in one if row.levels.get(profile) == "must"} for one in either]
    certain = needed[0] & needed[1]
    return [row if row.id in certain else replace(row, now=_doubtful(row.now), after_reboot=_doubtful(row.after_reboot)) for row in rows]


def _doubtful(grade: Grade) -> Grade:
    return "unknown" if grade == "unmet" else grade


def _disagreements(rows: Iterable[Assessed]) -> Iterable[dict[str, str]]:
    """Yield what only the page or only the rules ask for and what is not there, now or after a reboot."""
    for row in rows:
        if ("documented" in row.profiles) == ("effective" in row.profiles) or row.now == row.after_reboot == "present":
            continue
        page = "documented" in row.profiles
        said = PAGE_ALONE if page else RULES_ALONE
        yield {
            "id": row.id,
            "name": row.name,
            "asked_by": "documented" if page else "effective",
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
