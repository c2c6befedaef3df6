#!/usr/bin/python
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

DOCUMENTATION = r"""
module: fleet_report
short_description: Write the report of the whole fleet
version_added: 1.0.0
description:
  - Builds one document from the results of role P(nodeprep.istio.istio_node#role) on each node of this run, or from
    recordings, recorded facts and other reports, and writes it in the selected formats. Runs on the controller only.
  - A node that did not respond is reported as C(no_data), with the reason.
  - Use it through role P(nodeprep.istio.istio_report#role).
options:
  dir:
    description: Directory for the files, on the controller. It is created if it does not exist.
    type: path
    required: true
  formats:
    description: The formats to write. V(json) is always written.
    type: list
    elements: str
    choices: [html, json, junit, csv, markdown, prometheus, remaining]
    default: [json, html]
  templates:
    description: Directory with C(report.html.j2), C(report.css) and C(report.js) of the HTML report.
    type: path
    required: true
  generated_at:
    description:
      - The time of the report in UTC, such as V(2026-11-24T04:00:00Z). The same input and time always produce
        identical files.
    type: str
    required: true
  hosts:
    description: Names of the hosts that the run contacted. By default the hosts of the play.
    type: list
    elements: str
  nodes:
    description:
      - Names of the nodes that belong in the report, whether or not this run selected them or a source has them.
    type: list
    elements: str
    default: []
  sources:
    description:
      - Build the report from these sources instead of this run. Each source is a path, or a mapping of C(path) and
        C(label).
      - A path is a recording, a file of recorded facts, a report, or a directory of them, such as the C(jsonfile) fact
        cache. A label is put before the names of the nodes, for sites that use the same names.
      - A recording is a C(tar.gz) file, a directory with its content, or a text file with the base64 text of one or
        many recordings, such as the logs of pods. A damaged recording makes its node one without data.
      - In a directory, hidden files and files whose names end in C(.html), C(.xml), C(.csv), C(.md), C(.prom),
        C(.yml), C(.yaml) or C(.txt) are ignored, unless they contain recordings. Each other file must contain
        recordings, the facts of a node or a report.
      - Recordings and recorded facts are assessed with the variables of role P(nodeprep.istio.istio_node#role).
    type: list
    elements: raw
    default: []
  waivers:
    description: YAML file of waivers, each with C(requirement), C(nodes), C(reason) and C(until).
    type: path
  previous:
    description:
      - An earlier C(report.json). The report then shows what has changed since.
      - By default the previous report in O(dir), if it can be read. An empty string disables the comparison.
    type: str
  max_age_hours:
    description: Report nodes that were observed more than this many hours ago as C(no_data). For recorded facts.
    type: float
  summary:
    description:
      - Print the summary of all nodes instead of the conclusion alone. Only with O(sources), since
        M(nodeprep.istio.fleet_summary) prints it after a run.
    type: bool
    default: false
  fail_on:
    description:
      - The verdicts whose nodes RV(failing) and RV(failures) list.
      - V(probe_failed) is a node on which the probe showed that rules like Istio's fail, although its verdict
        before waivers is not C(not_ready).
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
    details: It also writes the report in check mode, because it contacts no node.
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
  description: The root cause that explains most gaps, as a sentence; empty if there is none.
  returned: success
  type: str
failing:
  description: The nodes with a verdict of O(fail_on), as a sentence; empty if there are none.
  returned: success
  type: str
failures:
  description:
    - For each host of the play that failed, or whose node has a verdict of O(fail_on), the reason and the path of
      the report.
    - The reasons of nodes outside the play are added to one of these hosts. If there is none, they are added to the
      host that runs this task.
  returned: success
  type: dict
"""
