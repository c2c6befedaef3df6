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
  - Gives every module of the selection whose grade now is not C(present), blocked and missing ones included.
  - What is to be loaded is said by P(nodeprep.istio.preparation_plan#filter), not by this list.
options:
  _input:
    description: The node's facts, C(ansible_facts.istio_node) of M(nodeprep.istio.node_facts).
    type: dict
    required: true
  levels:
    description: Only requirements of these levels.
    type: list
    elements: str
    choices: [must, should]
    default: [must, should]
  states:
    description: Only modules in these states, of V(loaded), V(builtin), V(merged), V(loadable), V(blocked), V(missing), V(unknown).
    type: list
    elements: str
extends_documentation_fragment:
  - nodeprep.istio._selection
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: What is missing for ambient mode
  ansible.builtin.debug:
    msg: "{{ ansible_facts.istio_node | nodeprep.istio.missing_modules(mode='ambient', levels=['must']) }}"
"""

RETURN = r"""
_value:
  description: Module names.
  type: list
  elements: str
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInput
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import VALUES, checked
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection

LEVELS = ("must", "should")


def missing_modules(facts: Any, levels: Any = LEVELS, states: Any = VALUES["state"], **options: Any) -> list[str]:
    """Return the names whose grade now is not present; raises AnsibleFilterError for bad facts or options."""
    try:
        _check("levels", levels, LEVELS)
        _check("states", states, VALUES["state"])
        assessment = assess(checked(facts), Selection.from_options(options))
    except InvalidInput as exc:
        raise AnsibleFilterError(f"nodeprep.istio.missing_modules: {exc}") from exc
    rows = [row for row in assessment.requirements if row.kind == "module" and row.now != "present"]
    return list(dict.fromkeys(row.name for row in rows if row.level in levels and row.state in states))


def _check(option: str, value: Any, choices: tuple[str, ...]) -> None:
    if not isinstance(value, (list, tuple)):
        raise InvalidInput(f"{option}: {value!r} is not a list")
    for item in value:
        if item not in choices:
            raise InvalidInput(f"{option}: {item!r} is not one of {', '.join(choices)}")


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"missing_modules": missing_modules}
