# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter missing_modules: a thin adapter over plugin_utils."""

from __future__ import annotations

DOCUMENTATION = r"""
name: missing_modules
short_description: List the required kernel modules that are not there
version_added: 0.1.0
description:
  - Gives every module of the selection that is neither loaded nor built in now, blocked and missing ones included.
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
- name: What is missing for ambient mode
  ansible.builtin.debug:
    msg: "{{ ansible_facts.istio_node | nodeprep.istio.missing_modules(mode='ambient') }}"
"""

RETURN = r"""
_value:
  description: Module names.
  type: list
  elements: str
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts import checked
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection import InvalidInput, Selection


def missing_modules(facts: Any, **options: Any) -> list[str]:
    """Return the names whose grade now is not present; raises AnsibleFilterError for bad facts or options."""
    try:
        assessment = assess(checked(facts), Selection.from_options(options))
    except InvalidInput as exc:
        raise AnsibleFilterError(f"nodeprep.istio.missing_modules: {exc}") from exc
    return [row.name for row in assessment.requirements if row.kind == "module" and row.now != "present"]


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"missing_modules": missing_modules}
