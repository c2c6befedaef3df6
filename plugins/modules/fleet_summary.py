#!/usr/bin/python
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

DOCUMENTATION = r"""
module: fleet_summary
short_description: Print a summary of the fleet
version_added: 0.1.0
description:
  - Prints one line for each node, with its verdict and the reason, and the totals. Runs on the controller only.
options:
  title:
    description: What was asked of the nodes.
    type: str
    required: true
  outcomes:
    description:
      - Maps each node's name to the outcome of role P(nodeprep.istio.istio_node#role), or to a mapping with C(failure).
      - A node without an assessment is shown as C(no_data).
    type: dict
    required: true
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Returns details on what has changed, or would change, in diff mode.
    support: N/A
    details: It changes nothing.
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Print the summary
  nodeprep.istio.fleet_summary:
    title: iptables, sidecar
    outcomes:
      node-1: "{{ hostvars['node-1'].istio_node_outcome }}"
  run_once: true
"""

RETURN = r"""
lines:
  description: The lines that were printed.
  returned: success
  type: list
  elements: str
"""
