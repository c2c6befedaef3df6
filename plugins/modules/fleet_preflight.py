#!/usr/bin/python
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

DOCUMENTATION = r"""
module: fleet_preflight
short_description: Check what a run asks for before any node is asked
version_added: 0.2.0
description:
  - Looks, once and on the controller, at which hosts a run has, at the variables of the collection's roles on each of them, and
    at the files that these name. Fails with what is wrong, each mistake once, before any node is touched.
  - A variable that begins like those of a role and is none of them is an error where it looks like one that is meant, and a
    warning where it does not.
  - The collection's playbooks begin with it.
options:
  pattern:
    description: The pattern of the hosts that are to be asked, for the error where no host is in the run.
    type: str
    required: true
  hosts:
    description: Names of the hosts that the pattern matches; those that C(--limit) leaves out are not looked at.
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
- name: Check what is asked for
  nodeprep.istio.fleet_preflight:
    pattern: workers
    hosts: "{{ query('ansible.builtin.inventory_hostnames', 'workers') }}"
  run_once: true
"""

RETURN = r"""
hosts:
  description: Number of hosts that were looked at.
  returned: when there are any
  type: int
"""
