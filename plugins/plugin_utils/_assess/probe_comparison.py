# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the result of a probe with the assessment of the same node, and trace each failure to requirements. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeVar, get_args

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.finding import Finding, FindingId, Severity
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.grades import AVAILABLE_GRADES
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue import effective
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._records import StructureError, from_mapping

Status = Literal["passed", "failed", "not_tested", "not_testable"]
Result = Literal["passed", "failed", "incomplete", "not_tested"]

STATUSES: tuple[Status, ...] = get_args(Status)
SOURCE = "nodeprep.istio.interception_probe"
REMEDY = "pass the registered result of nodeprep.istio.interception_probe from this version of the collection"
ASSESSMENT_REMEDY = "pass the result of nodeprep.istio.readiness from this version of the collection"

# Under these verdicts every rule is predicted to load now, at least if the kernel autoloads modules.
LOADS_NOW = ("ready", "on_demand", "at_risk")
# The requirements for a kernel with IPv6, one per backend. If one is unmet, no module is missing.
IPV6_REQUIREMENTS = frozenset(
    row.requirement.id
    for row in effective.ROWS
    if row.requirement.kind == "kernel" and row.requirement.feature == "ipv6"
)

# The probe does not test policy routing and faults of an Istio release. Its rules load without them.
UNTESTED_OPTIONS = ("IP_MULTIPLE_TABLES", "IPV6_MULTIPLE_TABLES")
UNTESTED_KIND = "release"

T = TypeVar("T")


class RuleSetName(NamedTuple):
    """For example iptables-nft/ipv6/sidecar-dns."""

    tool: str
    family: str
    construct: str


@dataclass(frozen=True, slots=True)
class RuleSetResult:
    """What the probe returned for one rule set; ``would_load`` are the modules that the kernel would have to load."""

    status: Status
    message: str | None = None
    missing: tuple[str, ...] = ()
    missing_options: tuple[str, ...] = ()
    would_load: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Probe:
    """The result of interception_probe; ``loaded`` are the modules that the kernel loaded for it."""

    rule_sets: Mapping[str, RuleSetResult]
    loaded: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.rule_sets:
            if len(name.split("/")) != len(RuleSetName._fields):
                raise StructureError("does not have the form tool/family/rules", ("rule_sets", name))


@dataclass(frozen=True, slots=True)
class PredictedRequirement:
    """A requirement of the assessment."""

    id: str
    name: str
    kind: str
    now: str | None = None
    any_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PredictedVariants:
    """The forecast of the assessment, for all modes together and for each mode."""

    variant: str | None = None
    modes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdicts:
    effective: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """The part of an assessment that a probe can prove or contradict."""

    verdicts: Verdicts
    requirements: tuple[PredictedRequirement, ...]
    forecast: PredictedVariants | None


class FailureKey(NamedTuple):
    """What rule sets that fail for one cause have in common."""

    kind: Literal["missing", "no_ipv6", "message"]
    missing: tuple[str, ...] = ()
    missing_options: tuple[str, ...] = ()
    message: str = ""


@dataclass(frozen=True, slots=True)
class ProbeCause:
    """Why rule sets failed.

    ``kind`` is "missing" if they lack modules or kernel options, "no_ipv6" if the kernel has no IPv6, and "message" if
    there is only an error message. ``missing`` also includes the options, as CONFIG_NAME.
    """

    kind: Literal["missing", "no_ipv6", "message"]
    message: str
    rule_sets: tuple[str, ...]
    missing: tuple[str, ...]
    missing_options: tuple[str, ...]
    requirements: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        return {
            "message": self.message,
            "rule_sets": list(self.rule_sets),
            "missing": list(self.missing),
            "missing_options": list(self.missing_options),
            "requirements": list(self.requirements),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """The comparison over the rule sets that Istio would program; ``hint`` says how to test those that were not."""

    predicted: str
    result: Result
    counts: Mapping[Status, int]
    causes: tuple[ProbeCause, ...]
    hint: str | None
    findings: tuple[Finding, ...]

    def as_dict(self) -> dict[str, object]:
        return {
            "predicted": self.predicted,
            "result": self.result,
            "counts": dict(self.counts),
            "causes": [cause.as_dict() for cause in self.causes],
            "hint": self.hint,
            "findings": [finding.as_dict() for finding in self.findings],
        }


def compare_with_probe(raw_probe: Any, raw_assessment: Any) -> Comparison:
    """Compare the result of the probe with the assessment of the same node under the same selection.

    :param raw_probe: what interception_probe returned.
    :param raw_assessment: what filter readiness or action node_readiness returned as assessment.

    Raises InvalidInputError if one of them is malformed.
    """
    probe = _read(Probe, raw_probe, "the result of the probe", REMEDY)
    prediction = _read(Prediction, raw_assessment, "the assessment", ASSESSMENT_REMEDY)
    results = {}
    for name, rule_set in probe.rule_sets.items():
        if _is_programmed(RuleSetName(*name.split("/")), prediction.forecast):
            results[name] = rule_set
    result = _combine_tools(results)
    causes = tuple(_find_causes(results, prediction.requirements))
    return Comparison(
        prediction.verdicts.effective,
        result,
        _count_statuses(results.values()),
        causes,
        _make_hint(results.values()),
        tuple(_find_contradictions(probe, prediction, result, causes)),
    )


def _read(kind: type[T], value: Any, label: str, remedy: str) -> T:
    try:
        return from_mapping(kind, value)
    except StructureError as error:
        raise InvalidInputError(f"{label}: {error}; {remedy}") from None


def _is_programmed(rule_set: RuleSetName, forecast: PredictedVariants | None) -> bool:
    """Return whether Istio would program this rule set with this tool, or may do so."""
    if rule_set.tool == "nft" or forecast is None:
        return True
    mode = rule_set.construct.split("-")[0]
    variant = forecast.modes.get(mode, forecast.variant)
    return variant not in ("nft", "legacy") or rule_set.tool == f"iptables-{variant}"


def _combine_tools(results: Mapping[str, RuleSetResult]) -> Result:
    """Return the result over all tools.

    If Istio may use either of two tools, the result is known only if both have the same.
    """
    statuses: dict[str, set[Status]] = {}
    for name, result in results.items():
        statuses.setdefault(RuleSetName(*name.split("/")).tool, set()).add(result.status)
    of_tools = {_combine_statuses(of_tool) for of_tool in statuses.values()}
    if not of_tools:
        return "not_tested"
    return of_tools.pop() if len(of_tools) == 1 else "incomplete"


def _combine_statuses(statuses: set[Status]) -> Result:
    if "failed" in statuses:
        return "failed"
    if statuses == {"passed"}:
        return "passed"
    return "incomplete" if "passed" in statuses else "not_tested"


def _count_statuses(results: Iterable[RuleSetResult]) -> dict[Status, int]:
    counts = dict.fromkeys(STATUSES, 0)
    for result in results:
        counts[result.status] += 1
    return counts


def _make_hint(results: Iterable[RuleSetResult]) -> str | None:
    names = sorted({name for result in results for name in result.would_load})
    if not names:
        return None
    return (
        f"some rule sets were not tested because the kernel would have to load {', '.join(names)}: "
        "prepare the node first, or set istio_node_probe_autoload: true"
    )


def _find_causes(
    results: Mapping[str, RuleSetResult], requirements: Collection[PredictedRequirement]
) -> Iterator[ProbeCause]:
    without_ipv6 = tuple(row.id for row in requirements if row.id in IPV6_REQUIREMENTS and row.now == "unmet")
    failures: dict[FailureKey, list[str]] = {}
    for name, result in sorted(results.items()):
        if result.status == "failed":
            is_without_ipv6 = bool(without_ipv6) and RuleSetName(*name.split("/")).family == "ipv6"
            failures.setdefault(_explain(result, is_without_ipv6), []).append(name)
    for failure, names in failures.items():
        if failure.kind == "no_ipv6":
            yield ProbeCause(failure.kind, "the kernel has no IPv6", tuple(names), (), (), without_ipv6)
            continue
        missing = (*failure.missing, *(f"CONFIG_{option}" for option in failure.missing_options))
        message = f"missing: {', '.join(missing)}"
        if failure.kind == "message":
            message = f"every module is present, but the rules fail: {failure.message}"
        yield ProbeCause(
            failure.kind,
            message,
            tuple(names),
            missing,
            failure.missing_options,
            tuple(_trace_to_requirements(failure, names, requirements)),
        )


def _explain(result: RuleSetResult, is_without_ipv6: bool) -> FailureKey:
    if result.missing or result.missing_options:
        return FailureKey("missing", result.missing, result.missing_options)
    if is_without_ipv6:
        return FailureKey("no_ipv6")
    return FailureKey("message", message=result.message or "")


def _trace_to_requirements(
    failure: FailureKey, rule_sets: Iterable[str], requirements: Iterable[PredictedRequirement]
) -> Iterator[str]:
    """Yield the ids of the requirements for what is missing, or for the tools that failed if nothing is missing."""
    wanted = {("module", name) for name in failure.missing}
    wanted |= {("option", name) for name in failure.missing_options}
    if failure.kind == "message":
        for name in rule_sets:
            wanted.add(("tool", "nft" if RuleSetName(*name.split("/")).tool == "nft" else "iptables"))
    for row in requirements:
        if any((row.kind, name) in wanted for name in (row.name, *row.any_of)):
            yield row.id


def _find_contradictions(
    probe: Probe, prediction: Prediction, result: Result, causes: Collection[ProbeCause]
) -> Iterator[Finding]:
    predicted = prediction.verdicts.effective
    wrongly_met = _list_wrongly_met(prediction.requirements, causes)
    if result == "failed" and predicted in LOADS_NOW:
        details = "; ".join(f"{', '.join(cause.rule_sets)}: {cause.message}" for cause in causes)
        message = f"predicted {predicted}, but rules like Istio's fail on this node. {details}"
        yield _make_finding("prediction_contradicted", "error", message)
    elif wrongly_met:
        names = ", ".join(wrongly_met)
        message = f"predicted {predicted} for other reasons; rules also fail because these are missing: {names}"
        yield _make_finding("prediction_contradicted", "error", message)
    if result == "passed" and predicted == "not_ready" and probe.loaded:
        message = (
            f"the rules load because the kernel loaded {', '.join(probe.loaded)} for the probe, after the prediction "
            "was made"
        )
        yield _make_finding("passed_by_loading", "info", message)
    elif result == "passed" and predicted == "not_ready" and not any(map(_is_untested, prediction.requirements)):
        message = "predicted not_ready, but every rule set like Istio's loads and redirects on this node"
        yield _make_finding("prediction_contradicted", "warning", message)
    unlisted = sorted({name for cause in causes if not cause.requirements for name in cause.missing})
    if unlisted:
        names = ", ".join(unlisted)
        message = f"rules fail because these are missing, and no requirement of this selection lists them: {names}"
        yield _make_finding("requirement_not_listed", "warning", message)


def _is_untested(row: PredictedRequirement) -> bool:
    """Return whether a requirement is unmet that the probe does not test."""
    return row.now == "unmet" and (row.kind == UNTESTED_KIND or row.name in UNTESTED_OPTIONS)


def _list_wrongly_met(requirements: Iterable[PredictedRequirement], causes: Iterable[ProbeCause]) -> list[str]:
    """Return the names that are available in the assessment although rules fail because they are missing."""
    missing: set[str] = set()
    for cause in causes:
        missing.update(cause.missing, cause.missing_options)
    # Of any-of modules another one may be present.
    met = {row.name for row in requirements if row.now in AVAILABLE_GRADES and not row.any_of}
    return sorted(met & missing)


def _make_finding(finding_id: FindingId, severity: Severity, message: str) -> Finding:
    return Finding(finding_id, severity, message, SOURCE)
