# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Observe a node, assess it and plan, as one task.

A module, two filters and set_fact would do the same at three times the controller's cost. Ansible starts a process for
each task of each node, and in that process each filter imports the catalogue again. It imports an action once, before
it starts the processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError, describe_task_failure
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.other_system import (
    describe_skip,
    find_other_system,
    read_other_system,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import expand, parse_expanded
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.builder import build_plan
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.outcome import Execution
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.remaining import find_remaining
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import NodePlan
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.target import judge_target
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.role_variables import (
    describe_misspelling,
    find_unknown_variables,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.rollout import check_reboot_timeout
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.task_files import check_task_file
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.target import parse_target
from ansible_collections.nodeprep.istio.plugins.plugin_utils._values import NODE_PREFIX, to_bool

ARGUMENTS = {
    "use_role_variables": {"type": "bool", "default": False},
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
        system = self._find_other_system(variables)
        if system:
            return {**result, **describe_skip(system)}
        try:
            return {**result, **self._assess_node(arguments, variables)}
        except InvalidInputError as exc:
            return {**result, "failed": True, "msg": f"nodeprep.istio: {exc}"}

    def _assess_node(self, arguments: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """Return the result of the task. Everything is checked before the node is contacted."""
        _check_variables(variables)
        if arguments["use_role_variables"]:
            arguments.update(self._read_role_variables(variables))
            self._check_reboot_timeout(variables)
        selection = Selection.from_options(arguments["selection"])
        target = parse_target(arguments["selection"], arguments["target"])
        consent = Consent.from_options(arguments["consent"])
        execution = None
        if arguments["execution"]:
            execution = Execution.from_option(arguments["execution"], self._task.check_mode)
        observed = self._observe(execution, variables)
        if "istio_node" not in (observed.get("ansible_facts") or {}):
            return observed
        expanded = expand(observed["ansible_facts"]["istio_node"])
        facts = parse_expanded(expanded)
        assessment = assess(facts, selection)
        result = {key: observed[key] for key in PASSED_ON if key in observed}
        result.update(changed=False, _ansible_verbose_override=True)
        result.update(facts=expanded, assessment=assessment.as_dict())
        if target is not None:
            result["target"] = judge_target(facts, target).as_dict()
        deviation = None
        if execution is None:
            plan = build_plan(facts, selection, consent, target, assessment)
            self._check_task_files(plan, variables)
            result["plan"] = plan.as_dict()
        else:
            result.update(plan=arguments["execution"]["plan"], execution=execution.as_dict(facts))
            regression = execution.find_regression(facts, assessment)
            if regression:
                result["deviation"] = regression
            deviation = execution.deviation(facts, assessment)
        if arguments["use_role_variables"]:
            result["remaining"] = find_remaining(
                result["plan"],
                assessment.verdict,
                consent,
                is_executed=execution is not None,
                has_probe=bool(to_bool(arguments["probe"])),
            )
        return {**result, "failed": True, "msg": deviation} if deviation else result

    def _observe(self, execution: Execution | None, variables: dict[str, Any]) -> dict[str, Any]:
        """Return the result of node_facts; if there are no facts, the result of this task."""
        if execution is not None and execution.unreachable_error:
            return _describe_loss(execution.unreachable_error)
        try:
            observed: dict[str, Any] = self._execute_module(
                module_name="nodeprep.istio.node_facts", module_args={}, task_vars=variables
            )
        except AnsibleConnectionFailure as exc:
            if execution is None:
                raise
            return _describe_loss(execution.describe_loss(exc))
        system = read_other_system(observed)
        if system:
            return describe_skip(system)
        if "istio_node" in (observed.get("ansible_facts") or {}):
            return observed
        return {**observed, "msg": describe_task_failure(observed)}

    def _read_role_variables(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments that the variables of role istio_node make.

        As arguments of the task, each variable would be one more template, which each process compiles again.
        """

        def read(names: Iterable[str]) -> dict[str, Any]:
            given = [name for name in names if NODE_PREFIX + name in variables]
            return {name: self._templar.template(variables[NODE_PREFIX + name]) for name in given}

        return {
            "selection": read(Selection.__dataclass_fields__),
            "consent": read(Consent.__dataclass_fields__),
            "target": None,
            "probe": False,
            **read(("target", "probe")),
        }

    def _check_reboot_timeout(self, variables: Mapping[str, Any]) -> None:
        """Raise InvalidInputError for a wrong timeout, with which the role would reboot the node and then fail."""
        name = f"{NODE_PREFIX}reboot_timeout"
        error = check_reboot_timeout(self._templar.template(variables[name])) if name in variables else ""
        if error:
            raise InvalidInputError(f"{name}: {error}")

    def _find_other_system(self, variables: dict[str, Any]) -> str:
        """Return what the host is, if the way in which Ansible reaches it shows that it is not a Linux node."""
        network_os = variables.get("ansible_network_os")
        if network_os:
            network_os = self._templar.template(network_os)
        shell = self._connection._shell.SHELL_FAMILY
        return find_other_system(self._connection.transport, shell, str(network_os or ""))

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
