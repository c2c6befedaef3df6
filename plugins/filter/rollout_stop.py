# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter rollout_stop: a thin adapter over plugin_utils."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rollout_stop
short_description: Decide whether a rollout stops before its next batch
version_added: 1.0.0
description:
  - Returns why a rollout stops. It stops if a node is worse than its plan predicted, or if too many nodes have failed.
    A node that is unreachable has failed, too.
  - Playbook C(nodeprep.istio.prepare_istio_nodes) stores the error of a failed node as C(failure) in its outcome. If
    C(istio_node_serial) is set, the playbook does not change the nodes of later batches.
options:
  _input:
    description: The variable C(istio_node_outcome) of each node that was handled, by the name of the node.
    type: dict
    required: true
  max_fail_percentage:
    description: The percentage of failed nodes above which the rollout stops.
    type: float
    default: 0
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Show why the rollout stops
  ansible.builtin.debug:
    msg: "{{ dict(handled | zip(outcomes)) | nodeprep.istio.rollout_stop(max_fail_percentage=10) }}"
  vars:
    nodes: "{{ groups.all | map('extract', hostvars) | selectattr('istio_node_outcome', 'defined') }}"
    handled: "{{ nodes | map(attribute='inventory_hostname') }}"
    outcomes: "{{ nodes | map(attribute='istio_node_outcome') }}"
"""

RETURN = r"""
_value:
  description: The reason, or an empty string if the rollout continues.
  type: str
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.rollout import find_stop


def rollout_stop(outcomes: Any, max_fail_percentage: Any = 0) -> str:
    """Return the reason. Raises AnsibleFilterError for input of a wrong type."""
    if not isinstance(outcomes, Mapping):
        raise AnsibleFilterError("nodeprep.istio.rollout_stop: the input is not a mapping; give outcomes by node")
    try:
        return find_stop(outcomes, float(max_fail_percentage))
    except InvalidInputError as exc:
        raise AnsibleFilterError(f"nodeprep.istio.rollout_stop: {exc}") from exc


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"rollout_stop": rollout_stop}
