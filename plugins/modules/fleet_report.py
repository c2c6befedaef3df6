#!/usr/bin/python
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

DOCUMENTATION = r"""
module: fleet_report
short_description: Write the report of the whole fleet
version_added: 0.2.0
description:
  - Makes one document of what role P(nodeprep.istio.istio_node#role) found on each node in this run, or of recorded facts
    and other reports, and writes it in the formats asked for. Runs on the controller only.
  - A node without an answer is in the report with the reason, as C(no_data).
  - Use it through role P(nodeprep.istio.istio_report#role).
options:
  dir:
    description: Directory for the files, on the controller. It is made where it is not there.
    type: path
    required: true
  formats:
    description: Which formats to write. V(json) is always written.
    type: list
    elements: str
    choices: [html, json, junit, csv, markdown, prometheus]
    default: [json, html]
  templates:
    description: Directory with the HTML report's C(report.html.j2), C(report.css) and C(report.js).
    type: path
    required: true
  generated_at:
    description: When the report is made, in UTC, such as V(2026-11-24T04:00:00Z). The same input with the same time makes the same files.
    type: str
    required: true
  hosts:
    description: Names of the hosts that were asked. By default those of the play.
    type: list
    elements: str
  nodes:
    description: Names of nodes that belong in the report whether or not this run asked them.
    type: list
    elements: str
    default: []
  sources:
    description:
      - Make the report of these instead of this run. Each is a path, or a mapping of C(path) and C(label).
      - A path is a directory of recorded facts (one JSON file a node, such as the C(jsonfile) fact cache) or of reports, or one
        such file. A label is put before the nodes' names, for sites that use the same ones.
      - Recorded facts are judged by the variables of role P(nodeprep.istio.istio_node#role).
    type: list
    elements: raw
    default: []
  waivers:
    description: YAML file of waivers, each with C(requirement), C(nodes), C(reason) and C(until).
    type: path
  previous:
    description:
      - An earlier C(report.json); the report then says what changed since.
      - By default the one in O(dir) that is about to be replaced, if it can be read. An empty text compares with nothing.
    type: str
  max_age_hours:
    description: Count nodes that were observed earlier than this as C(no_data).
    type: float
  fail_on:
    description: Verdicts that RV(failing) and RV(failures) are to speak of; V(probe_failed) is a node whose probe failed although its verdict is not C(not_ready).
    type: list
    elements: str
    choices: [ready, on_demand, at_risk, not_ready, unknown, no_data, probe_failed]
    default: []
extends_documentation_fragment:
  - nodeprep.istio._attributes
attributes:
  check_mode:
    support: full
    details: It writes the report in check mode too, since no node is touched.
  diff_mode:
    support: N/A
    details: It changes nothing on a node.
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Report on this run
  nodeprep.istio.fleet_report:
    dir: /srv/reports/istio
    templates: "{{ role_path }}/templates"
    generated_at: "{{ now(utc=true, fmt='%Y-%m-%dT%H:%M:%SZ') }}"
  run_once: true
"""

RETURN = r"""
files:
  description: The paths of the files for each format.
  returned: success
  type: dict
totals:
  description: Number of nodes for each verdict.
  returned: success
  type: dict
nodes:
  description: Number of nodes in the report.
  returned: success
  type: int
headline:
  description: The root cause that explains most gaps, as a sentence; empty where there is none.
  returned: success
  type: str
failing:
  description: The nodes that O(fail_on) speaks of, as a sentence; empty where there are none.
  returned: success
  type: str
failures:
  description:
    - For each host of the play on which something failed, or whose node O(fail_on) speaks of, what it was and where the report lies.
    - Nodes of which the play has no host are told on one of these hosts, or on the one that this task runs for where nothing else failed.
  returned: success
  type: dict
"""
