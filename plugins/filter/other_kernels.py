# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter other_kernels: a thin adapter over plugin_utils."""

from __future__ import annotations

DOCUMENTATION = r"""
name: other_kernels
short_description: List the packages of other kernels in a simulated installation
version_added: 1.0.0
positional: release
description:
  - Reads which packages C(apt-get --simulate install) or M(ansible.builtin.dnf) in check mode would install. Returns
    the packages of kernels and kernel modules whose name or version does not contain the running kernel's release.
  - Role P(nodeprep.istio.istio_node#role) fails if the list is not empty, because it must not change the kernel of a
    node.
options:
  _input:
    description: Lines of C(stdout_lines) of C(apt-get --simulate install), or C(results) of M(ansible.builtin.dnf).
    type: list
    elements: str
    required: true
  release:
    description: Release of the running kernel, as it appears in the names or versions of its packages.
    type: str
    required: true
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Simulate the installation
  ansible.builtin.command:
    argv: [apt-get, --simulate, --no-install-recommends, install, nftables]
  register: simulated
  changed_when: false

- name: Show the kernels that would be installed
  ansible.builtin.debug:
    msg: "{{ simulated.stdout_lines | nodeprep.istio.other_kernels(ansible_facts.istio_node.kernel.release) }}"
"""

RETURN = r"""
_value:
  description: Names of the packages, in the order of the input. Those from C(dnf) include the versions.
  type: list
  elements: str
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.package_output import find_other_kernels


def other_kernels(lines: Any, release: Any) -> list[str]:
    """Return the packages of other kernels. Raises AnsibleFilterError for input of a wrong type."""
    if not isinstance(lines, (list, tuple)):
        raise AnsibleFilterError("nodeprep.istio.other_kernels: the input is not a list; give the lines of the output")
    if not isinstance(release, str) or not release:
        raise AnsibleFilterError(
            f"nodeprep.istio.other_kernels: release: invalid kernel release {release!r}; give one such as 6.12.43-amd64"
        )
    return find_other_kernels(lines, release)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"other_kernels": other_kernels}
