# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter validate_selection: a thin adapter over plugin_utils."""

from __future__ import annotations

DOCUMENTATION = r"""
name: validate_selection
short_description: Validate a selection
version_added: 1.0.0
description:
  - Returns the selection with all its defaults, or fails with one clear error. Contacts no node.
options:
  _input:
    description: The options below as a mapping. Options that are absent or null use their default.
    type: dict
    required: true
extends_documentation_fragment:
  - nodeprep.istio._selection
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Validate the options before any node is contacted
  ansible.builtin.debug:
    msg: "{{ {'mode': ['sidecar', 'ambient'], 'istio_version': '1.30'} | nodeprep.istio.validate_selection }}"
"""

RETURN = r"""
_value:
  description: The selection.
  type: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection


def validate_selection(options: Any, **more: Any) -> dict[str, Any]:
    """Return the selection as a dict. Raises AnsibleFilterError for an unknown option or value."""
    if not isinstance(options, Mapping):
        raise AnsibleFilterError(
            f"nodeprep.istio.validate_selection: the input is {type(options).__name__}; give a mapping of options"
        )
    try:
        return Selection.from_options({**options, **more}).as_dict()
    except InvalidInputError as exc:
        raise AnsibleFilterError(f"nodeprep.istio.validate_selection: {exc}") from exc


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"validate_selection": validate_selection}
