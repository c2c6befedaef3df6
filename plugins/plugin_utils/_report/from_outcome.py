# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the outcome of role istio_node for a node, as its host variables hold it. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import AssessedRequirement
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError, describe_task_failure
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.other_system import read_other_system
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import SCHEMA
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration import Declaration
from ansible_collections.nodeprep.istio.plugins.plugin_utils._records import StructureError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import OTHER_SYSTEM, Details, ReportTarget
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.outcome import (
    Failure,
    NodeAssessment,
    NodeExecution,
    NodeFacts,
    NodeModules,
    NodePlan,
    NodeProbe,
    Outcome,
    PlannedTarget,
    read_clean,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import to_one_line

REMEDY = "run role nodeprep.istio.istio_node from this version of the collection again"
NO_ANSWER = "no answer in this run"


class OutcomeReader:
    """Reads the outcomes of a fleet. A fleet consists of few kinds of nodes: equal requirements are read once."""

    def __init__(self) -> None:
        self._requirements: dict[Hashable, AssessedRequirement] = {}

    def read(self, raw: object) -> Outcome | Failure:
        """Return the outcome of a node from its host variables; a node without an outcome did not answer.

        Raises InvalidInputError if it is malformed, or if its facts have another schema.
        """
        if not isinstance(raw, Mapping):
            return Failure("no_answer", NO_ANSWER)
        facts, assessment = raw.get("facts"), raw.get("assessment")
        if not isinstance(facts, Mapping) or not isinstance(assessment, Mapping):
            return _read_failure(raw)
        try:
            _check_schema(facts)
            requirements = self._read_requirements(assessment.get("requirements"))
            return _read_outcome(raw, facts, assessment, requirements)
        except StructureError as error:
            raise make_outcome_error(error) from error

    def _read_requirements(self, rows: Any) -> tuple[AssessedRequirement, ...]:
        if not isinstance(rows, (list, tuple)):
            raise StructureError("is not a list", ("assessment", "requirements"))
        requirements = []
        for index, row in enumerate(rows):
            try:
                requirements.append(self._read_requirement(row))
            except StructureError as error:
                raise error.within(index).within("requirements").within("assessment") from None
        return tuple(requirements)

    def _read_requirement(self, row: Any) -> AssessedRequirement:
        key = _make_key(row)
        if key is None:
            return read_clean(AssessedRequirement, row)
        if key not in self._requirements:
            self._requirements[key] = read_clean(AssessedRequirement, row)
        return self._requirements[key]


def make_outcome_error(problem: object) -> InvalidInputError:
    """Return the error for an outcome that cannot be used, with the remedy."""
    return InvalidInputError(f"{problem}; {REMEDY}")


def _check_schema(facts: Mapping[str, Any]) -> None:
    schema = facts.get("schema")
    if schema != SCHEMA:
        raise StructureError(f"is {schema!r}, not {SCHEMA}", ("facts", "schema"))


def _make_key(row: Any) -> Hashable | None:
    """Return a key that only equal requirements share; None if the requirement is malformed."""
    if not isinstance(row, Mapping):
        return None
    pairs = []
    for name, value in row.items():
        pairs.append((name, tuple(value) if isinstance(value, list) else value))
    key = tuple(pairs)
    try:
        hash(key)
    except TypeError:
        return None
    return key


def _read_outcome(
    raw: Mapping[str, Any],
    facts: Mapping[str, Any],
    assessment: Mapping[str, Any],
    requirements: tuple[AssessedRequirement, ...],
) -> Outcome:
    return Outcome(
        facts=read_clean(NodeFacts, facts, "facts"),
        modules=NodeModules(_get_mapping(facts, "facts", "modules")),
        assessment=read_clean(NodeAssessment, assessment, "assessment"),
        requirements=requirements,
        selection=_get_mapping(assessment, "assessment", "selection"),
        failure=to_one_line(describe_failure(raw)),
        plan=_read_details(NodePlan, raw, "plan"),
        execution=_read_details(NodeExecution, raw, "execution"),
        probe=_read_details(NodeProbe, raw, "probe"),
        target=_read_target(raw),
        declarations=_read_declarations(raw),
    )


def _read_details(kind: type[NodePlan | NodeExecution | NodeProbe], raw: Mapping[str, Any], name: str) -> Details:
    return read_clean(kind, raw[name], name).to_details() if raw.get(name) else ()


def _read_target(raw: Mapping[str, Any]) -> ReportTarget | None:
    """Return the node under the target selection: as it will be after the plan, unless that was executed."""
    if not raw.get("target"):
        return None
    target = read_clean(ReportTarget, raw["target"], "target")
    plan, execution = raw.get("plan"), raw.get("execution")
    is_executed = isinstance(execution, Mapping) and execution.get("check_mode") is not True
    if is_executed or not isinstance(plan, Mapping) or not plan.get("target"):
        return target
    planned = read_clean(PlannedTarget, plan["target"], "plan", "target")
    return replace(target, verdict=planned.expected, reasons=planned.reasons)


def _read_declarations(raw: Mapping[str, Any]) -> tuple[Declaration, ...]:
    """Return the declarations in chosen formats, or else that of the plan, if there is one."""
    if "declarations" in raw:
        return tuple(read_clean(Declaration, entry, "declarations") for entry in raw["declarations"])
    plan = raw.get("plan")
    if not isinstance(plan, Mapping) or not plan.get("declaration"):
        return ()
    return (read_clean(Declaration, plan["declaration"], "plan", "declaration"),)


def describe_failure(raw: object) -> str:
    """Return the error of the run on a node, or an empty string.

    The playbooks store it as "failure". If they could not, since the task of the role itself failed or did not reach
    the node, it is the error of that task.
    """
    if not isinstance(raw, Mapping):
        return ""
    if "failure" in raw:
        return str(raw["failure"])
    if raw.get("unreachable"):
        return f"unreachable: {describe_task_failure(raw)}"
    return describe_task_failure(raw) if raw.get("failed") else ""


def _read_failure(raw: Mapping[str, Any]) -> Failure:
    if read_other_system(raw):
        return Failure(OTHER_SYSTEM, to_one_line(raw.get("msg")))
    text = to_one_line(describe_failure(raw))
    if not text:
        return Failure("no_answer", NO_ANSWER)
    # The action node_readiness returns connection_lost if the node became unreachable after its plan had begun.
    is_unreachable = raw.get("unreachable") is True or raw.get("connection_lost") is True
    return Failure("unreachable" if is_unreachable else "failed", text)


def _get_mapping(raw: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    value = raw.get(path[-1])
    if not isinstance(value, Mapping):
        raise StructureError("is not a mapping", path)
    return value
