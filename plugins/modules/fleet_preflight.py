#!/usr/bin/python
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

DOCUMENTATION = r"""
module: fleet_preflight
short_description: Check hosts, variables and files before any node is contacted
version_added: 1.0.0
description:
  - Checks, once and on the controller, the hosts of a run, the variables of the collection's roles on each of them,
    and the files that these variables name. Lists each mistake once and fails before any node is contacted.
  - A variable that has the prefix of a role's variables but is unknown is an error if it resembles a known one, and
    a warning otherwise.
  - Only names that begin with C(istio_node_), C(istio_report_), C(istio_declaration_) or C(istio_recordings), or with a
    similar prefix such as C(istio_nodes_), are checked. For example, C(istio_mode) is ignored without a message.
  - The playbooks of the collection begin with this module.
options:
  pattern:
    description: The pattern of the hosts to contact, for the error message if no host is in the run.
    type: str
    required: true
  hosts:
    description: Names of the hosts that the pattern matches. Hosts that C(--limit) excludes are not checked.
    type: list
    elements: str
    required: true
extends_documentation_fragment:
  - nodeprep.istio._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
    details: It changes nothing.
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Check hosts, variables and files
  nodeprep.istio.fleet_preflight:
    pattern: workers
    hosts: "{{ query('ansible.builtin.inventory_hostnames', 'workers') }}"
  run_once: true
"""

RETURN = r"""
hosts:
  description: Number of hosts that were checked.
  returned: when the run has hosts
  type: int
"""
