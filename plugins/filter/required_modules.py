# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter required_modules: a thin adapter over plugin_utils."""

from __future__ import annotations

DOCUMENTATION = r"""
name: required_modules
short_description: List the kernel modules that a selection requires
version_added: 1.0.0
description:
  - Lists the module names of the profile. The modules of Istio's page come first, in the order of the page. The
    input is the backend.
  - Also accepts a whole selection as options. Its O(backend) must be the same as the input.
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
- name: Show the modules that ambient mode requires
  ansible.builtin.debug:
    msg: "{{ 'iptables' | nodeprep.istio.required_modules(mode='ambient') }}"

- name: Show the modules that the selection of an assessed node requires
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
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.profiles import list_required_modules
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection


def required_modules(backend: Any, /, **options: Any) -> list[str]:
    """Return the names of the modules that a selection requires. Raises AnsibleFilterError for an invalid option."""
    try:
        if options.get("backend") not in (None, backend):
            raise InvalidInputError(
                f"backend: the input is {backend!r}, but the option is {options['backend']!r}; leave the option out"
            )
        return list_required_modules(Selection.from_options({**options, "backend": backend}))
    except InvalidInputError as exc:
        raise AnsibleFilterError(f"nodeprep.istio.required_modules: {exc}") from exc


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"required_modules": required_modules}
