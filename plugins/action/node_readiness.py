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

from ansible.plugins.action import ActionBase
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError, describe_task_failure
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import expand, parse_expanded
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.builder import build_plan
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.outcome import Execution
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.remaining import find_remaining
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.target import judge_target
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.role_variables import (
    describe_misspelling,
    find_unknown_variables,
)
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
        try:
            # Everything is checked before the node is contacted.
            _check_variables(variables)
            if arguments["use_role_variables"]:
                arguments.update(self._read_role_variables(variables))
            selection = Selection.from_options(arguments["selection"])
            target = parse_target(arguments["selection"], arguments["target"])
            consent = Consent.from_options(arguments["consent"])
            execution = None
            if arguments["execution"]:
                execution = Execution.from_option(arguments["execution"], self._task.check_mode)
                if execution.unreachable_error:
                    msg = execution.unreachable_error
                    return {**result, "failed": True, "connection_lost": True, "msg": msg}
            observed = self._execute_module(
                module_name="nodeprep.istio.node_facts", module_args={}, task_vars=variables
            )
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
                result["plan"] = build_plan(facts, selection, consent, target, assessment).as_dict()
            else:
                result.update(plan=arguments["execution"]["plan"], execution=execution.as_dict(facts))
            if arguments["use_role_variables"]:
                result["remaining"] = find_remaining(
                    result["plan"],
                    assessment.verdict,
                    consent,
                    is_executed=execution is not None,
                    has_probe=bool(to_bool(arguments["probe"])),
                )
            deviation = execution and execution.deviation(facts, assessment)
            return {**result, "failed": True, "msg": deviation} if deviation else result
        except InvalidInputError as exc:
            return {**result, "failed": True, "msg": f"nodeprep.istio: {exc}"}

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


def _check_variables(names: Iterable[str]) -> None:
    """Raise InvalidInputError for a misspelled role variable.

    The playbooks of the collection check all variables first; in other plays only this check runs.
    """
    for name, meant in find_unknown_variables(names).items():
        if meant:
            raise InvalidInputError(describe_misspelling(name, meant))
