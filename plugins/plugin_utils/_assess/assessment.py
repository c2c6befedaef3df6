# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Assess a node: a grade for each requirement now and after a reboot, and the verdict. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.evaluators import evaluate
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.finding import Finding
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.findings import find_all
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.grades import (
    COLUMNS,
    Column,
    Grade,
    Grades,
    PerColumn,
    Verdict,
    decide_verdict,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.iptables_forecast import (
    FORECAST_MODULES,
    Forecasts,
    apply_choice,
    forecast_variant,
    summarize,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.needs import Needs, VariantsOfModes, find_needs
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.effective import Variant
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.profiles import (
    PROFILES,
    RequiredRow,
    requirement_rows,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.requirement import (
    Kind,
    Level,
    join_requests,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.projection import after_reboot
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import REMEDY
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.release_rules import describe_release_rules
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._values import is_at_least

# From this version on iptables-nft matches ports and marks without the kernel's xt_tcpudp and xt_mark.
NEW_IPTABLES = "1.8.8"

PAGE_ALONE = "Istio's page requires it, but no rule of this selection uses it"
RULES_ALONE = "rules of this selection use it, but Istio's page does not list it"


@dataclass(frozen=True, slots=True)
class AssessedRequirement:
    """One requirement with its grades on one node; ``profiles`` are those that require it, at any level."""

    id: str
    name: str
    kind: Kind
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

    def get_grade(self, column: Column) -> Grade:
        """Return the grade in one column."""
        return self.now if column == "now" else self.after_reboot

    def as_dict(self) -> dict[str, object]:
        row: dict[str, object] = {
            "id": self.id,
            "name": self.name,
            "kind": self.kind,
            "wording": self.wording,
            "level": self.level,
            "profiles": list(self.profiles),
            "state": self.state,
            "now": self.now,
            "after_reboot": self.after_reboot,
            "reason": self.reason,
            "source": self.source,
        }
        if self.remedy:
            row["remedy"] = self.remedy
        if self.any_of:
            row["any_of"] = list(self.any_of)
        return row


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A requirement that only the page or only the rules have, and that is not present now or after a reboot."""

    id: str
    name: str
    required_by: Literal["documented", "effective"]
    state: str
    now: Grade
    after_reboot: Grade

    @property
    def message(self) -> str:
        if self.required_by == "documented":
            return f"{self.name}: {PAGE_ALONE}"
        return f"{self.name}: {RULES_ALONE}"

    def as_dict(self) -> dict[str, str]:
        return {
            "id": self.id,
            "name": self.name,
            "required_by": self.required_by,
            "state": self.state,
            "now": self.now,
            "after_reboot": self.after_reboot,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class Assessment:
    """A node's verdict under one selection, and what it is based on."""

    selection: Selection
    verdict: Verdict
    verdicts: Mapping[str, Verdict]
    requirements: tuple[AssessedRequirement, ...]
    findings: tuple[Finding, ...]
    disagreements: tuple[Disagreement, ...]
    forecasts: Forecasts
    forecasts_after_reboot: Forecasts

    def as_dict(self) -> dict[str, object]:
        release = self.selection.release
        forecast = summarize(self.forecasts, self.forecasts_after_reboot)
        return {
            "selection": self.selection.as_dict(),
            "profile": self.selection.profile,
            "verdict": self.verdict,
            "verdicts": dict(self.verdicts),
            "requirements": [row.as_dict() for row in self.requirements],
            "findings": [finding.as_dict() for finding in self.findings],
            "disagreements": [disagreement.as_dict() for disagreement in self.disagreements],
            "forecast": None if forecast is None else forecast.as_dict(),
            "catalogue": {
                "requested": release.requested,
                "used": release.used,
                "note": release.note,
                "dns_capture": self.selection.captured_dns,
                "ambient_ipv6": self.selection.allows_ambient_ipv6,
                "reconcile": self.selection.reconciles,
                "rules": describe_release_rules(release),
            },
        }


@dataclass(frozen=True, slots=True)
class _Basis:
    """What the assessments by all profiles have in common.

    ``picked`` is what Istio itself picks, ``forecasts`` are those to assess by.
    """

    picked: PerColumn[Forecasts]
    forecasts: PerColumn[Forecasts]
    rows: tuple[RequiredRow, ...]
    needs: PerColumn[Mapping[str, Needs]]


def assess(facts: Facts, selection: Selection) -> Assessment:
    """Return the assessment of a node under a selection.

    Raises InvalidInputError if the facts lack a module that the selection requires.
    """
    basis = _find_basis(facts, selection)
    assessed = {profile: _assess_profile(facts, basis, profile) for profile in PROFILES}
    verdicts = {profile: decide_verdict(rows) for profile, rows in assessed.items()}
    return Assessment(
        selection=selection,
        verdict=verdicts[selection.profile],
        verdicts=verdicts,
        requirements=assessed[selection.profile],
        findings=tuple(find_all(facts, selection, basis.picked)),
        disagreements=tuple(_find_disagreements(assessed["combined"])),
        forecasts=basis.forecasts.now,
        forecasts_after_reboot=basis.forecasts.after_reboot,
    )


def assess_requirements(facts: Facts, selection: Selection) -> tuple[AssessedRequirement, ...]:
    """Return only the requirements of an assessment, which costs a third of it.

    Raises InvalidInputError as :func:`assess` does.
    """
    return _assess_profile(facts, _find_basis(facts, selection), selection.profile)


def _find_basis(facts: Facts, selection: Selection) -> _Basis:
    has_old_iptables = _has_old_iptables(facts)
    picked = _forecast_variants(facts, selection)
    forecasts = PerColumn(
        now=_choose_forecasts(facts, selection, "now", picked.now, has_old_iptables),
        after_reboot=_choose_forecasts(facts, selection, "after_reboot", picked.after_reboot, has_old_iptables),
    )
    rows = requirement_rows(selection, _join_variants(forecasts), has_old_iptables)
    _check_modules_known(facts, (name for row in rows for name in row.requirement.modules))
    needs = PerColumn(
        now=find_needs(selection, _list_variants(forecasts.now), has_old_iptables),
        after_reboot=find_needs(selection, _list_variants(forecasts.after_reboot), has_old_iptables),
    )
    return _Basis(picked, forecasts, rows, needs)


def _assess_profile(facts: Facts, basis: _Basis, profile: str) -> tuple[AssessedRequirement, ...]:
    needs = PerColumn(basis.needs.now[profile], basis.needs.after_reboot[profile])
    return tuple(_apply_needs(row, needs) for row in _evaluate_rows(facts, basis.rows, profile))


def _forecast_variants(facts: Facts, selection: Selection) -> PerColumn[Forecasts]:
    """Return which iptables variant Istio itself picks in each mode."""
    if selection.backend != "iptables":
        return PerColumn({}, {})
    _check_modules_known(facts, FORECAST_MODULES)
    rebooted = after_reboot(facts)
    now = {}
    later = {}
    for mode in selection.mode:
        now[mode] = forecast_variant(facts, selection, mode)
        later[mode] = forecast_variant(rebooted, selection, mode)
    return PerColumn(now, later)


def _choose_forecasts(
    facts: Facts, selection: Selection, column: Column, picked: Forecasts, has_old_iptables: bool
) -> Forecasts:
    """Return the forecasts to assess one column by.

    If Istio picks iptables-legacy only because modules are not loaded, and that variant does not work either, the
    column is assessed for iptables-nft. The verdict is the same, and the modules to load are those of iptables-nft.
    """
    forecasts = {mode: apply_choice(selection, forecast) for mode, forecast in picked.items()}
    if not any(forecast.is_nft_once_loaded for forecast in forecasts.values()):
        return forecasts
    variants = {mode: forecast.variants for mode, forecast in forecasts.items()}
    rows = _evaluate_rows(facts, requirement_rows(selection, variants, has_old_iptables), "effective")
    if not any(row.level == "must" and row.get_grade(column) == "unmet" for row in rows):
        return forecasts
    for mode, forecast in forecasts.items():
        if forecast.is_nft_once_loaded:
            reason = (
                f"{forecast.reason}, which does not work either; Istio picks nft once the missing modules are loaded"
            )
            forecasts[mode] = replace(forecast, variant="nft", reason=reason)
    return forecasts


def _join_variants(forecasts: PerColumn[Forecasts]) -> dict[str, set[Variant]]:
    """Return the variants that Istio may pick in each mode, now or after a reboot."""
    variants: dict[str, set[Variant]] = {}
    for mode, forecast in forecasts.now.items():
        variants[mode] = {*forecast.variants, *forecasts.after_reboot[mode].variants}
    return variants


def _list_variants(forecasts: Forecasts) -> VariantsOfModes:
    return tuple((mode, forecast.variants) for mode, forecast in forecasts.items())


def _evaluate_rows(facts: Facts, rows: Iterable[RequiredRow], profile: str) -> list[AssessedRequirement]:
    """Return the rows of one profile with their grades."""
    of_profile = [row for row in rows if profile in row.levels]
    # A required module may load another one as its dependency.
    grades = Grades(facts.modules, join_requests(row.requirement for row in of_profile))
    return [_evaluate_row(facts, row, row.levels[profile], grades) for row in of_profile]


def _evaluate_row(facts: Facts, row: RequiredRow, level: Level, grades: Grades) -> AssessedRequirement:
    requirement = row.requirement
    evaluation = evaluate(facts, requirement, grades)
    return AssessedRequirement(
        id=requirement.id,
        name=requirement.name,
        kind=requirement.kind,
        wording=requirement.wording,
        level=level,
        profiles=tuple(profile for profile in PROFILES if profile in row.levels),
        state=evaluation.state,
        now=evaluation.now,
        after_reboot=evaluation.after_reboot,
        reason=evaluation.reason,
        source=requirement.source,
        remedy=evaluation.remedy,
        any_of=requirement.any_of,
    )


def _apply_needs(row: AssessedRequirement, needs: PerColumn[Needs]) -> AssessedRequirement:
    """Return the row with the grades that count. If it is needed in one column only, its reason says in which."""
    if row.level != "must" or all(row.id in needs.get(column).certain for column in COLUMNS):
        return row
    now = needs.now.apply(row.id, row.now)
    after = needs.after_reboot.apply(row.id, row.after_reboot)
    reason = row.reason
    if now == "not_needed":
        reason = _join_texts("needed only after a reboot, when Istio picks the other iptables variant", reason)
    elif after == "not_needed":
        reason = _join_texts("needed only until a reboot", reason)
    return replace(row, now=now, after_reboot=after, reason=reason)


def _join_texts(first: str, second: str) -> str:
    return f"{first}: {second}" if second else first


def _find_disagreements(rows: Iterable[AssessedRequirement]) -> Iterator[Disagreement]:
    """Yield what only the page or only the rules require, unless it is present now and after a reboot."""
    for row in rows:
        is_documented, is_effective = "documented" in row.profiles, "effective" in row.profiles
        is_fine = {row.now, row.after_reboot} <= {"present", "not_needed"}
        if is_documented != is_effective and not is_fine:
            required_by: Literal["documented", "effective"] = "documented" if is_documented else "effective"
            yield Disagreement(row.id, row.name, required_by, row.state, row.now, row.after_reboot)


def _check_modules_known(facts: Facts, names: Iterable[str]) -> None:
    for name in names:
        if name not in facts.modules:
            raise InvalidInputError(f"the facts: module '{name}' is missing; {REMEDY}")


def _has_old_iptables(facts: Facts) -> bool:
    iptables = facts.tools.get("iptables")
    version = None if iptables is None else iptables.version
    return version is not None and is_at_least(version, NEW_IPTABLES) is False
