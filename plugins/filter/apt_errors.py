# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter apt_errors: a thin adapter over plugin_utils."""

from __future__ import annotations

DOCUMENTATION = r"""
name: apt_errors
short_description: List the errors in the output of apt-get
version_added: 1.0.0
description:
  - Returns the error messages that C(apt-get) wrote to stderr, each once, without the prefix C(E:) or C(W:).
  - A package list that cannot be downloaded is also an error. C(apt-get update) only warns about it and exits with 0.
options:
  _input:
    description: C(stderr_lines) of C(apt-get) in the C locale.
    type: list
    elements: str
    required: true
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Read the package lists
  ansible.builtin.command:
    argv: [apt-get, --quiet, update]
  environment:
    LC_ALL: C.UTF-8
  register: updated
  changed_when: false
  failed_when: updated.rc != 0 or updated.stderr_lines | nodeprep.istio.apt_errors | length > 0
"""

RETURN = r"""
_value:
  description: Error messages.
  type: list
  elements: str
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.package_output import find_apt_errors


def apt_errors(lines: Any) -> list[str]:
    """Return the error messages. Raises AnsibleFilterError for input of a wrong type."""
    if not isinstance(lines, (list, tuple)):
        raise AnsibleFilterError("nodeprep.istio.apt_errors: the input is not a list; give the lines of stderr")
    return find_apt_errors(lines)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"apt_errors": apt_errors}
