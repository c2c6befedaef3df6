# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter required_modules: a thin adapter over plugin_utils."""

from __future__ import annotations

DOCUMENTATION = r"""
name: required_modules
short_description: List the kernel modules that a selection requires
version_added: 0.1.0
description:
  - Gives the module names of the profile, those of Istio's page first and in its order. Its input is the backend.
  - Takes a whole selection as options too; its O(backend) has to be the one of the input.
options:
  _input:
    description: The backend, V(iptables) or V(nftables).
    type: str
    required: true
extends_documentation_fragment:
  - nodeprep.istio._selection
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: What ambient mode asks for
  ansible.builtin.debug:
    msg: "{{ 'iptables' | nodeprep.istio.required_modules(mode='ambient') }}"

- name: What the mesh asks for that a node was judged for
  ansible.builtin.debug:
    msg: "{{ selection.backend | nodeprep.istio.required_modules(**selection) }}"
  vars:
    selection: "{{ istio_node_outcome.assessment.selection }}"
"""

RETURN = r"""
_value:
  description: Module names.
  type: list
  elements: str
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.profiles import required_modules as names_of
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInput
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection


def required_modules(asked: Any, /, **options: Any) -> list[str]:
    """Return the names of the modules that a selection requires; raises AnsibleFilterError for a bad option."""
    try:
        if options.get("backend") not in (None, asked):
            raise InvalidInput(
                f"backend: the input says {asked!r} and the option {options['backend']!r}; the input is enough"
            )
        return names_of(Selection.from_options({**options, "backend": asked}))
    except InvalidInput as exc:
        raise AnsibleFilterError(f"nodeprep.istio.required_modules: {exc}") from exc


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"required_modules": required_modules}
