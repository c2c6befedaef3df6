# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Observe a node, assess it and plan, as one task.

A module, two filters and set_fact would do the same at three times the controller's cost. Ansible starts a process for
each task of each node, and in that process each filter imports the catalogue again. It imports an action once, before
it starts the processes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError, describe_task_failure
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import expand, parse_expanded
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.builder import build_plan
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.outcome import Execution
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import NodePlan
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.target import judge_target
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.role_variables import (
    describe_misspelling,
    find_unknown_variables,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.task_files import check_task_file
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.target import parse_target

ARGUMENTS = {
    "selection": {"type": "dict", "default": {}},
    "consent": {"type": "dict", "default": {}},
    "execution": {"type": "dict"},
    "target": {"type": "raw"},
}
# Results of module node_facts that the task returns, too.
PASSED_ON = ("ansible_facts", "warnings", "deprecations")


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        variables = task_vars or {}
        try:
            # Everything is checked before the node is contacted.
            _check_variables(variables)
            selection = Selection.from_options(arguments["selection"])
            target = parse_target(arguments["selection"], arguments["target"])
            consent = Consent.from_options(arguments["consent"])
            execution = None
            if arguments["execution"]:
                execution = Execution.from_option(arguments["execution"], self._task.check_mode)
                if execution.unreachable_error:
                    return {**result, **_describe_loss(execution.unreachable_error)}
            try:
                observed = self._execute_module(
                    module_name="nodeprep.istio.node_facts", module_args={}, task_vars=variables
                )
            except AnsibleConnectionFailure as exc:
                if execution is None:
                    raise
                return {**result, **_describe_loss(execution.describe_loss(exc))}
            if "istio_node" not in (observed.get("ansible_facts") or {}):
                return {**result, **observed, "msg": describe_task_failure(observed)}
            expanded = expand(observed["ansible_facts"]["istio_node"])
            facts = parse_expanded(expanded)
            assessment = assess(facts, selection)
            result.update({key: observed[key] for key in PASSED_ON if key in observed})
            result.update(changed=False, _ansible_verbose_override=True)
            result.update(facts=expanded, assessment=assessment.as_dict())
            if target is not None:
                result["target"] = judge_target(facts, target).as_dict()
            if execution is None:
                plan = build_plan(facts, selection, consent, target)
                self._check_task_files(plan, variables)
                return {**result, "plan": plan.as_dict()}
            result.update(plan=arguments["execution"]["plan"], execution=execution.as_dict(facts))
            regression = execution.find_regression(facts, assessment)
            if regression:
                result["deviation"] = regression
            deviation = execution.deviation(facts, assessment)
            return {**result, "failed": True, "msg": deviation} if deviation else result
        except InvalidInputError as exc:
            return {**result, "failed": True, "msg": f"nodeprep.istio: {exc}"}

    def _check_task_files(self, plan: NodePlan, variables: dict[str, Any]) -> None:
        """Raise InvalidInputError if the owner's tasks before or after a disruption cannot be run.

        The playbooks of the collection check the files first; in other plays only this check runs.
        """
        for option, path in (("before", plan.tasks_before), ("after", plan.tasks_after)):
            if path:
                error = check_task_file(path, variables["playbook_dir"], self._loader.load_from_file)
                if error:
                    raise InvalidInputError(f"istio_node_{option}_disruption_tasks: {error}")


def _describe_loss(message: str) -> dict[str, Any]:
    """Return the result for a node that a step of the plan made unreachable: no plan predicts that."""
    return {"failed": True, "connection_lost": True, "msg": message, "deviation": message}


def _check_variables(names: Iterable[str]) -> None:
    """Raise InvalidInputError for a misspelled role variable.

    The playbooks of the collection check all variables first; in other plays only this check runs.
    """
    for name, meant in find_unknown_variables(names).items():
        if meant:
            raise InvalidInputError(describe_misspelling(name, meant))
