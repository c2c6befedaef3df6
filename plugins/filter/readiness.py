# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter readiness: a thin adapter over plugin_utils."""

from __future__ import annotations

DOCUMENTATION = r"""
name: readiness
short_description: Judge whether a node is ready for Istio
version_added: 0.1.0
description:
  - Gives each requirement of the selection a grade now and one after a reboot, with a reason, and the node a verdict.
options:
  _input:
    description: The node's facts, C(ansible_facts.istio_node) of M(nodeprep.istio.node_facts).
    type: dict
    required: true
extends_documentation_fragment:
  - nodeprep.istio._selection
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: The verdict
  ansible.builtin.debug:
    msg: "{{ (ansible_facts.istio_node | nodeprep.istio.readiness(backend='nftables')).verdict }}"
"""

RETURN = r"""
_value:
  description: The C(verdict) (V(ready), V(on_demand), V(at_risk), V(not_ready) or V(unknown)) and the C(requirements) it rests on.
  type: dict
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts import checked
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection import InvalidInput, Selection


def readiness(facts: Any, **options: Any) -> dict[str, Any]:
    """Return the assessment as a dict; raises AnsibleFilterError for bad facts or options."""
    try:
        return assess(checked(facts), Selection.from_options(options)).as_dict()
    except InvalidInput as exc:
        raise AnsibleFilterError(f"nodeprep.istio.readiness: {exc}") from exc


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"readiness": readiness}
