# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter failed_percentage: a thin adapter over plugin_utils."""

from __future__ import annotations

DOCUMENTATION = r"""
name: failed_percentage
short_description: Calculate the percentage of failed nodes of a rollout
version_added: 0.2.0
description:
  - Returns the percentage of failed nodes among the nodes that a rollout has handled so far.
  - Playbook C(nodeprep.istio.prepare_istio_nodes) stores the error of a failed node as C(failure) in its outcome.
    With C(istio_node_serial), it stops the rollout if the percentage exceeds C(istio_node_max_fail_percentage).
options:
  _input:
    description: The variable C(istio_node_outcome) of each node that was handled.
    type: list
    elements: dict
    required: true
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Show the percentage of failed nodes
  ansible.builtin.debug:
    msg: "{{ outcomes | nodeprep.istio.failed_percentage }}"
  vars:
    outcomes: "{{ groups.all | map('extract', hostvars) | selectattr('istio_node_outcome', 'defined')
      | map(attribute='istio_node_outcome') }}"
"""

RETURN = r"""
_value:
  description: A percentage from 0 to 100. 0 if no node was handled.
  type: float
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.rollout import calculate_failed_percentage


def failed_percentage(outcomes: Any) -> float:
    """Return the percentage. Raises AnsibleFilterError for input of a wrong type."""
    if not isinstance(outcomes, (list, tuple)):
        raise AnsibleFilterError("nodeprep.istio.failed_percentage: the input is not a list; give a list of outcomes")
    try:
        return calculate_failed_percentage(outcomes)
    except InvalidInputError as exc:
        raise AnsibleFilterError(f"nodeprep.istio.failed_percentage: {exc}") from exc


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"failed_percentage": failed_percentage}
