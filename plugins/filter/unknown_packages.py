# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter unknown_packages: a thin adapter over plugin_utils."""

from __future__ import annotations

DOCUMENTATION = r"""
name: unknown_packages
short_description: List the packages that no repository of a node has
version_added: 1.0.0
positional: names
description:
  - Reads which of these names C(apt-get) or M(ansible.builtin.dnf) did not find. Both install nothing at all if they do
    not know one of the names.
  - Role P(nodeprep.istio.istio_node#role) installs the other packages, and then fails.
options:
  _input:
    description: Lines of C(stderr_lines) of C(apt-get) in the C locale, or C(failures) of M(ansible.builtin.dnf).
    type: list
    elements: str
    required: true
  names:
    description: Names of the packages to install.
    type: list
    elements: str
    required: true
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Simulate the installation
  ansible.builtin.command:
    argv: [apt-get, --simulate, --no-install-recommends, install, nftables, ipset]
  register: simulated
  changed_when: false
  failed_when: false

- name: Show the packages that no repository has
  ansible.builtin.debug:
    msg: "{{ simulated.stderr_lines | nodeprep.istio.unknown_packages(['nftables', 'ipset']) }}"
"""

RETURN = r"""
_value:
  description: The unknown names, in the order of O(names).
  type: list
  elements: str
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.package_output import find_unknown_packages


def unknown_packages(lines: Any, names: Any) -> list[str]:
    """Return the names that no repository has. Raises AnsibleFilterError for input of a wrong type."""
    if not isinstance(lines, (list, tuple)):
        raise AnsibleFilterError(
            "nodeprep.istio.unknown_packages: the input is not a list; give the lines of the output"
        )
    if not isinstance(names, (list, tuple)):
        raise AnsibleFilterError("nodeprep.istio.unknown_packages: names: not a list; give the names of the packages")
    return find_unknown_packages(lines, names)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"unknown_packages": unknown_packages}
