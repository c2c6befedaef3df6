# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter remaining_hosts: a thin adapter over the host variables."""

from __future__ import annotations

DOCUMENTATION = r"""
name: remaining_hosts
short_description: List the nodes on which role istio_node has yet to do something
version_added: 1.0.0
description:
  - Returns those of the hosts whose C(istio_node_outcome) has this value of C(remaining), and no C(failure). Playbook
    C(nodeprep.istio.prepare_istio_nodes) runs each part of the role only for the hosts that need it, because a task
    costs the controller a process for each of its hosts, even if it is skipped.
options:
  _input:
    description: The variable C(hostvars).
    type: dict
    required: true
  remaining:
    description: The value of C(remaining), as M(nodeprep.istio.node_readiness) returns it.
    type: str
    choices: [modules, more]
    required: true
  hosts:
    description:
      - Names of the hosts to select from. Other hosts are never returned, because an earlier playbook of the same run
        may have stored their outcomes.
    type: list
    elements: str
    required: true
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Load and persist the modules
  hosts: "{{ hostvars | nodeprep.istio.remaining_hosts('modules', groups.workers) }}"
  tasks: []
"""

RETURN = r"""
_value:
  description: Names of hosts, or the pattern V(!all), which matches no host and causes no warning.
  type: list
  elements: str
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def remaining_hosts(hostvars: Any, remaining: str, hosts: Iterable[str]) -> list[str]:
    """Return the names of the hosts, for a play."""
    return list(_find_hosts(hostvars, remaining, hosts)) or ["!all"]


def _find_hosts(hostvars: Any, remaining: str, hosts: Iterable[str]) -> Iterator[str]:
    for host in hosts:
        outcome = hostvars.raw_get(host).get("istio_node_outcome")
        if isinstance(outcome, Mapping) and outcome.get("remaining") == remaining and "failure" not in outcome:
            yield str(host)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"remaining_hosts": remaining_hosts}
