# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Observe a node, assess it and plan, as one task.

A module, two filters and set_fact would do the same at three times the controller's cost: Ansible starts a process for each
task of each node, and there each filter imports the catalogue anew. An action it imports once, before it starts them.
"""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInput, cause
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import checked
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.builder import preparation
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.outcome import Acted
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.role_variables import misspelt, unknown
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection

ARGUMENTS = {
    "selection": {"type": "dict", "default": {}},
    "consent": {"type": "dict", "default": {}},
    "execution": {"type": "dict"},
}


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _checked, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        try:
            # The playbooks look at every variable first; a play of the owner's own has this alone.
            for name, meant in unknown(task_vars or ()).items():
                if meant:
                    raise InvalidInput(misspelt(name, meant))
            # All that is asked is checked before the node is touched.
            selection, consent = (
                Selection.from_options(arguments["selection"]),
                Consent.from_options(arguments["consent"]),
            )
            acted = (
                Acted.from_options(arguments["execution"], self._task.check_mode) if arguments["execution"] else None
            )
            if acted and acted.lost():
                return {**result, "failed": True, "msg": acted.lost()}
            observed = self._execute_module(
                module_name="nodeprep.istio.node_facts", module_args={}, task_vars=task_vars
            )
            if "istio_node" not in (observed.get("ansible_facts") or {}):
                return {**result, **observed, "msg": cause(observed)}
            facts = checked(observed["ansible_facts"]["istio_node"])
            assessment = assess(facts, selection).as_dict()
            result.update(
                {key: observed[key] for key in ("ansible_facts", "warnings", "deprecations") if key in observed}
            )
            result.update(changed=False, facts=facts, assessment=assessment, _ansible_verbose_override=True)
            if not acted:
                return {**result, "plan": preparation(facts, selection, consent)}
            shortfall = acted.shortfall(facts, assessment)
            result.update(plan=acted.plan, execution=acted.as_dict(facts))
            return {**result, "failed": True, "msg": shortfall} if shortfall else result
        except InvalidInput as exc:
            return {**result, "failed": True, "msg": f"nodeprep.istio: {exc}"}
