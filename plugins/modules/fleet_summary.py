#!/usr/bin/python
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

DOCUMENTATION = r"""
module: fleet_summary
short_description: Print a summary of the fleet
version_added: 1.0.0
description:
  - Prints one line per node of this play, with its verdict, the reason and what to do. Then prints the totals.
    They include the nodes that the play did not select, as C(no_data). Runs on the controller only.
  - It reads the results of role P(nodeprep.istio.istio_node#role) from the nodes' facts of this run. A node without
    a result is shown as C(no_data), with the reason.
options:
  generated_at:
    description: The time in UTC that decides whether a waiver has expired, such as V(2026-11-24T04:00:00Z).
    type: str
    required: true
  waivers:
    description: YAML file of waivers, each with C(requirement), C(nodes), C(reason) and C(until).
    type: path
  nodes:
    description:
      - Names of the nodes that belong to the fleet. One line summarizes the nodes that this run did not select, or that
        no source has.
    type: list
    elements: str
    default: []
  sources:
    description:
      - Recordings, recorded facts and reports, to summarize instead of this run. They are those of
        O(nodeprep.istio.fleet_report#module:sources).
    type: list
    elements: raw
    default: []
  max_age_hours:
    description: Show nodes that were observed more than this many hours ago as C(no_data). For O(sources).
    type: float
  fail_on:
    description: The verdicts whose nodes RV(failing) lists.
    type: list
    elements: str
    choices: [ready, on_demand, at_risk, not_ready, unknown, no_data, probe_failed]
    default: []
extends_documentation_fragment:
  - nodeprep.istio._attributes
attributes:
  action_group:
    description: Use C(group/nodeprep.istio.report) in C(module_defaults) to set defaults for this module.
    support: full
    membership: [nodeprep.istio.report]
  check_mode:
    support: full
  diff_mode:
    support: N/A
    details: It changes nothing.
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Print the summary
  nodeprep.istio.fleet_summary:
    generated_at: "{{ now(utc=true, fmt='%Y-%m-%dT%H:%M:%SZ') }}"
  run_once: true
"""

RETURN = r"""
lines:
  description: The printed lines.
  returned: success
  type: list
  elements: str
hosts:
  description: The hosts of the play.
  returned: success
  type: list
  elements: str
failures:
  description: What failed on which node, by the node's name.
  returned: success
  type: dict
failing:
  description: The nodes with a verdict of O(fail_on), as a sentence; empty if there are none.
  returned: success
  type: str
report_host:
  description: The first node for which the variable C(istio_report_dir) is set; empty if there is none.
  returned: success
  type: str
"""
