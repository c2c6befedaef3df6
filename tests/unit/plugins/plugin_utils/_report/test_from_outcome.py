# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outcomes as host variables hold them: checked, cleaned, and never trusted."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.from_outcome import (
    NO_ANSWER,
    OutcomeReader,
    describe_failure,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.outcome import Failure
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import make_outcome, make_target


def read(raw):
    return OutcomeReader().read(raw)


@pytest.mark.parametrize(
    "raw, failure",
    [
        pytest.param(None, Failure("no_answer", NO_ANSWER), id="nothing"),
        pytest.param({}, Failure("no_answer", NO_ANSWER), id="an empty mapping"),
        pytest.param("junk", Failure("no_answer", NO_ANSWER), id="text"),
        pytest.param({"failure": "boom", "facts": {}}, Failure("failed", "boom"), id="an error that a playbook stored"),
        pytest.param({"failed": True, "msg": "boom"}, Failure("failed", "boom"), id="the task failed"),
        pytest.param(
            {"unreachable": True, "msg": "timed out"},
            Failure("unreachable", "unreachable: timed out"),
            id="the task did not reach the node",
        ),
        pytest.param(
            {"failed": True, "connection_lost": True, "failure": "unreachable: gone"},
            Failure("unreachable", "unreachable: gone"),
            id="a step of the plan did not reach the node",
        ),
        pytest.param({"failure": "unreachable: says a text"}, Failure("failed", "unreachable: says a text"), id="text"),
    ],
)
def test_an_outcome_without_data(raw, failure):
    assert read(raw) == failure


def test_the_prefix_of_ansible_is_left_out_of_an_error():
    lost = {"unreachable": True, "msg": "Task failed: Failed to connect to the host via ssh: timed out"}
    assert describe_failure(lost) == "unreachable: Failed to connect to the host via ssh: timed out"
    assert describe_failure({"failed": True, "msg": "nodeprep.istio: mode: 'x'"}) == "nodeprep.istio: mode: 'x'"


def test_an_error_on_a_node_with_data_is_kept():
    outcome = read(make_outcome(failure="modprobe:\nNo space left"))
    assert outcome.failure == "modprobe: No space left"


def test_text_is_cleaned():
    def change(found):
        found["os"]["name"] = "Debian\n\x1b[31m12"

    assert read(make_outcome(change)).facts.os.name == "Debian \ufffd[31m12"


@pytest.mark.parametrize(
    "part, path",
    [
        pytest.param({"facts": {}}, "'facts.schema' is None, not 3; run role ", id="empty facts"),
        pytest.param({"facts": {"schema": 2}}, "'facts.schema' is 2, not 3; run role ", id="an older schema"),
        pytest.param({"facts": {"schema": 3}}, "'facts.kernel' is missing", id="nothing but the schema"),
        pytest.param({"assessment": {"requirements": []}}, "'assessment.verdict' is missing", id="no verdict"),
        pytest.param({"plan": {"steps": [5]}}, "'plan.steps.0' is '5', not a mapping", id="a step that is a number"),
        pytest.param(
            {"plan": {"declaration": {"format": "docker", "modules": []}}},
            "'plan.declaration.format' is not a declaration format",
            id="an unknown format",
        ),
        pytest.param(
            {"plan": {"declaration": {"format": "talos", "modules": ["a: b"]}}},
            "'plan.declaration.modules' contains an invalid module name",
            id="a name that would be another line of a declaration",
        ),
        pytest.param({"probe": {"counts": {}}}, "'probe.result' is missing", id="a probe without a result"),
        pytest.param({"execution": {"loaded": "x"}}, "'execution.loaded' is 'x', not a list", id="text for a list"),
    ],
)
def test_a_malformed_outcome_gets_an_error_with_its_path(part, path):
    with pytest.raises(InvalidInputError, match=path):
        read({**make_outcome(), **part})


@pytest.mark.parametrize(
    "row, problem",
    [
        pytest.param(5, "is '5', not a mapping", id="a number"),
        pytest.param({"id": ["x"]}, "id' is .*, not text", id="a list for text"),
        pytest.param({"id": {}}, "id' is '{}', not text", id="a mapping for text"),
    ],
)
def test_a_malformed_requirement_gets_an_error_with_its_index(row, problem):
    outcome = make_outcome()
    outcome["assessment"]["requirements"][3:4] = [row]
    with pytest.raises(InvalidInputError, match=rf"'assessment\.requirements\.3.*{problem}"):
        read(outcome)


def test_equal_requirements_of_two_nodes_are_one_object():
    reader = OutcomeReader()
    first, second = reader.read(make_outcome()), reader.read(make_outcome())
    assert first.requirements[0] is second.requirements[0]


PLANNED = {"target": {"text": "x", "verdict": "not_ready", "expected": "at_risk", "reasons": ["y"]}}


@pytest.mark.parametrize(
    "parts, verdict, reasons",
    [
        pytest.param({}, "not_ready", ("x",), id="without a plan"),
        pytest.param({"plan": PLANNED}, "at_risk", ("y",), id="planned"),
        pytest.param({"plan": PLANNED, "execution": {"check_mode": True}}, "at_risk", ("y",), id="check mode"),
        pytest.param({"plan": PLANNED, "execution": {"check_mode": False}}, "not_ready", ("x",), id="executed"),
    ],
)
def test_the_target_counts_as_it_is_after_the_plan(parts, verdict, reasons):
    target = read({**make_outcome(target=make_target("not_ready", "x")), **parts}).target
    assert (target.text, target.verdict, target.reasons) == ("ambient", verdict, reasons)


def test_without_a_target_there_is_none():
    assert read(make_outcome()).target is None
    assert read(make_outcome(target=None)).target is None
