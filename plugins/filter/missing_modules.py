# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter missing_modules: a thin adapter over plugin_utils."""

from __future__ import annotations

DOCUMENTATION = r"""
name: missing_modules
short_description: List the required kernel modules that are not present
version_added: 1.0.0
description:
  - Lists every module of the selection whose current grade is not C(present), including blocked and missing modules.
  - To find out which modules to load, use P(nodeprep.istio.preparation_plan#filter) instead of this list.
options:
  _input:
    description: The node's facts, C(ansible_facts.istio_node) of M(nodeprep.istio.node_facts).
    type: dict
    required: true
  levels:
    description: List only requirements of these levels.
    type: list
    elements: str
    choices: [must, should]
    default: [must, should]
  states:
    description:
      - List only modules in these states, which are V(loaded), V(builtin), V(merged), V(loadable), V(blocked),
        V(missing) and V(unknown).
    type: list
    elements: str
extends_documentation_fragment:
  - nodeprep.istio._selection
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Show the modules that are missing for ambient mode
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
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import STATES, parse_facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.site_checks import LEVELS
from ansible_collections.nodeprep.istio.plugins.plugin_utils._values import check_choice


def missing_modules(facts: Any, levels: Any = LEVELS, states: Any = STATES, **options: Any) -> list[str]:
    """Return the modules whose grade now is not present. Raises AnsibleFilterError for invalid facts or options."""
    try:
        _check_list("levels", levels, LEVELS)
        _check_list("states", states, STATES)
        assessment = assess(parse_facts(facts), Selection.from_options(options))
    except InvalidInputError as exc:
        raise AnsibleFilterError(f"nodeprep.istio.missing_modules: {exc}") from exc
    names = []
    for row in assessment.requirements:
        is_missing = row.kind == "module" and row.now != "present"
        if is_missing and row.level in levels and row.state in states:
            names.append(row.name)
    return list(dict.fromkeys(names))


def _check_list(option: str, value: Any, choices: tuple[str, ...]) -> None:
    if not isinstance(value, (list, tuple)):
        raise InvalidInputError(f"{option}: {value!r} is not a list; valid values: {', '.join(choices)}")
    for item in value:
        check_choice(option, item, choices)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"missing_modules": missing_modules}
