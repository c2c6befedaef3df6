# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a probe proves: the node's proof beside its prediction, each failure led back to requirements. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInput

STATUSES = ("passed", "failed", "not_tested", "not_testable")
SOURCE = "nodeprep.istio.interception_probe"
REMEDY = "register what nodeprep.istio.interception_probe of this collection's version returns"

# The requirement of a kernel with IPv6 (_effective.py), and how its want is told: no module is missing then.
IPV6 = "/kernel/kernel/ipv6"
NO_IPV6 = "the kernel has no IPv6"

# Under these verdicts every rule is predicted to load now, at least with the kernel's help; with these grades a requirement is.
LOADS_NOW = ("ready", "on_demand", "at_risk")
MET_NOW = ("present", "on_demand")


@dataclass(frozen=True)
class Cause:
    """Why rule sets failed: what they lack, or what was said of them where nothing is missing."""

    message: str
    rule_sets: tuple[str, ...]
    missing: tuple[str, ...]
    missing_options: tuple[str, ...]
    requirements: tuple[str, ...]


@dataclass(frozen=True)
class Conclusion:
    """``result`` is "passed", "failed", "incomplete" or "not_tested", over the rule sets that Istio would program here; ``hint`` says what would test more."""

    predicted: str
    result: str
    counts: Mapping[str, int]
    causes: tuple[Cause, ...]
    hint: str | None
    findings: tuple[Mapping[str, str], ...]

    def as_dict(self) -> dict[str, Any]:
        causes = [
            {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(cause).items()}
            for cause in self.causes
        ]
        return {
            "predicted": self.predicted,
            "result": self.result,
            "counts": dict(self.counts),
            "causes": causes,
            "hint": self.hint,
            "findings": [dict(one) for one in self.findings],
        }


def conclude(probe: Any, assessment: Any) -> Conclusion:
    """Compare what the probe returned with the assessment of the same node under the same selection.

    Raises InvalidInput for what is no such result.
    """
    results = _checked(probe, assessment)
    forecast = assessment["forecast"] or {}
    counted = {name: result for name, result in results.items() if _counts(name, forecast)}
    tools = {name.split("/")[0] for name in counted}
    verdicts = {
        _overall_result([result["status"] for name, result in counted.items() if name.startswith(tool + "/")])
        for tool in tools
    }
    # Of two tools of which either may be the one, only what both prove is result, and only what both fail has failed.
    result = verdicts.pop() if len(verdicts) == 1 else "incomplete" if verdicts else "not_tested"
    predicted = str(assessment["verdicts"]["effective"])
    causes = tuple(_causes(counted, assessment["requirements"]))
    return Conclusion(
        predicted,
        result,
        {status: sum(result["status"] == status for result in counted.values()) for status in STATUSES},
        causes,
        _hint(counted.values()),
        tuple(_findings(predicted, result, causes, list(probe.get("loaded", ())), assessment["requirements"])),
    )


def _counts(rule_set: str, forecast: Mapping[str, Any]) -> bool:
    """Whether Istio would program this rule set with this tool, as far as the forecast tells."""
    tool, _family, construct = rule_set.split("/")
    mode = construct.split("-")[0]
    variant = forecast.get("modes", {}).get(mode, forecast.get("variant"))
    return tool == "nft" or variant not in ("nft", "legacy") or tool == f"iptables-{variant}"


def _overall_result(statuses: Iterable[str]) -> str:
    found = set(statuses)
    if "failed" in found:
        return "failed"
    if found == {"passed"}:
        return "passed"
    return "incomplete" if "passed" in found else "not_tested"


def _hint(results: Iterable[Mapping[str, Any]]) -> str | None:
    names = sorted({str(name) for result in results for name in result.get("would_load", ())})
    if not names:
        return None
    return f"not tested is what the kernel would have to load {', '.join(names)} for: prepare the node first, or set istio_node_probe_autoload: true"


def _causes(results: Mapping[str, Mapping[str, Any]], rows: Iterable[Mapping[str, Any]]) -> Iterable[Cause]:
    rows = list(rows)
    without_ipv6 = tuple(row["id"] for row in rows if str(row["id"]).endswith(IPV6) and row.get("now") == "unmet")
    groups: dict[tuple[tuple[str, ...], tuple[str, ...], str], list[str]] = {}
    for name, result in sorted(results.items()):
        if result["status"] == "failed":
            missing, options = tuple(result.get("missing", ())), tuple(result.get("missing_options", ()))
            said = (
                ""
                if missing or options
                else NO_IPV6
                if without_ipv6 and "/ipv6/" in name
                else str(result.get("message", ""))
            )
            groups.setdefault((missing, options, said), []).append(name)
    for (missing, options, said), names in groups.items():
        if said == NO_IPV6:
            yield Cause(NO_IPV6, tuple(names), (), (), without_ipv6)
            continue
        missing = [*missing, *(f"CONFIG_{option}" for option in options)]
        tools = {"nft" if name.startswith("nft/") else "iptables" for name in names}
        wanted = {("module", name) for name in missing} | {("option", name) for name in options} or {
            ("tool", tool) for tool in tools
        }
        message = (
            f"for want of {', '.join(missing)}" if missing else f"every module is there, and the rules fail: {said}"
        )
        yield Cause(
            message, tuple(names), missing, options, tuple(row["id"] for row in rows if wanted & set(_names(row)))
        )


def _names(row: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    return ((str(row["kind"]), str(name)) for name in (row["name"], *row.get("any_of", ())))


def _findings(
    predicted: str, result: str, causes: Iterable[Cause], loaded: list[str], rows: Iterable[Mapping[str, Any]]
) -> Iterable[Mapping[str, str]]:
    missing = {name for cause in causes for name in (*cause.missing, *cause.missing_options)}
    if result == "failed" and predicted in LOADS_NOW:
        said = "; ".join(f"{', '.join(cause.rule_sets)}: {cause.message}" for cause in causes)
        yield _finding(
            "prediction_contradicted",
            "error",
            f"predicted {predicted}, but rules like Istio's fail on this node. {said}",
        )
    elif refuted := sorted(
        {row["name"] for row in rows if row.get("now") in MET_NOW and not row.get("any_of")} & missing
    ):
        said = f"predicted {predicted}, but not for {', '.join(refuted)}, for want of which rules fail too"
        yield _finding("prediction_contradicted", "error", said)
    if result == "passed" and predicted == "not_ready":
        if loaded:
            yield _finding(
                "passed_by_loading",
                "info",
                f"the rules load since the probe had the kernel load {', '.join(loaded)}; the prediction is older",
            )
        else:
            yield _finding(
                "prediction_contradicted",
                "warning",
                "predicted not_ready, but every rule set like Istio's loads and redirects on this node",
            )
    unnamed = sorted({name for cause in causes if not cause.requirements for name in cause.missing})
    if unnamed:
        yield _finding(
            "requirement_not_listed",
            "warning",
            f"rules fail for want of {', '.join(unnamed)}, which no requirement of this selection names",
        )


def _finding(name: str, severity: str, message: str) -> Mapping[str, str]:
    return {"id": name, "severity": severity, "message": message, "source": SOURCE}


def _checked(probe: Any, assessment: Any) -> Mapping[str, Mapping[str, Any]]:
    if not isinstance(assessment, Mapping) or not {"verdicts", "requirements", "forecast"} <= assessment.keys():
        raise InvalidInput(
            "the assessment has no verdicts, requirements and forecast: give what nodeprep.istio.readiness returns"
        )
    results = probe.get("rule_sets") if isinstance(probe, Mapping) else None
    if not isinstance(results, Mapping):
        raise InvalidInput(f"the result of the probe has no mapping 'rule_sets': {REMEDY}")
    for name, result in results.items():
        if (
            not isinstance(name, str)
            or name.count("/") != 2
            or not isinstance(result, Mapping)
            or result.get("status") not in STATUSES
        ):
            raise InvalidInput(
                f"the result of rule set '{name}' has none of the statuses {', '.join(STATUSES)}: {REMEDY}"
            )
    return results
