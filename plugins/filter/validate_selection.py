# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter selection: a thin adapter over plugin_utils."""

from __future__ import annotations

DOCUMENTATION = r"""
name: selection
short_description: Check what is asked of a node
version_added: 0.2.0
description:
  - Gives the selection with all its defaults, or one clear error, without any node.
options:
  _input:
    description: The options below as a mapping; absent and null ones have their default.
    type: dict
    required: true
extends_documentation_fragment:
  - nodeprep.istio._selection
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Check the options before any node is touched
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
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInput
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection


def selection(options: Any, **more: Any) -> dict[str, Any]:
    """Return the selection as a dict; raises AnsibleFilterError for a bad option."""
    if not isinstance(options, Mapping):
        raise AnsibleFilterError(
            f"nodeprep.istio.validate_selection: the options are {type(options).__name__}, not a mapping"
        )
    try:
        return Selection.from_options({**options, **more}).as_dict()
    except InvalidInput as exc:
        raise AnsibleFilterError(f"nodeprep.istio.validate_selection: {exc}") from exc


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"selection": selection}
