#!/usr/bin/python
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

DOCUMENTATION = r"""
module: fleet_declarations
short_description: Print the declarations of the fleet
version_added: 1.0.0
description:
  - Prints what has declaratively configured systems load the modules at boot, once for all nodes with the same text,
    with the command that loads the modules now. Runs on the controller only.
  - Use it through the playbook C(declare_istio_nodes).
options:
  origin:
    description:
      - What the declarations are made of. V(nodes) are the results of role P(nodeprep.istio.istio_node#role) on the
        hosts of this play, V(sources) are recordings, recorded facts or reports, V(selection) is the selection alone,
        for an image that does not exist yet.
    type: str
    choices: [nodes, sources, selection]
    default: nodes
  formats:
    description:
      - Formats of filter P(nodeprep.istio.declaration#filter). Each node gets a declaration in each of them.
      - By default a node gets the one declaration of its plan, in the format of its system. The nodes of reports
        always do.
    type: list
    elements: str
    default: []
  sources:
    description: The sources, as in module M(nodeprep.istio.fleet_report).
    type: list
    elements: raw
    default: []
  dir:
    description:
      - Directory on the controller for one file per declaration, and C(declarations.json) with all of them and their
        nodes. It is created if it does not exist.
    type: path
  generated_at:
    description: The time of this run in UTC, such as V(2026-11-24T04:00:00Z).
    type: str
    required: true
extends_documentation_fragment:
  - nodeprep.istio._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
    details: It changes nothing on any node.
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Print a declaration for an image of Talos that does not exist yet
  nodeprep.istio.fleet_declarations:
    origin: selection
    formats: [talos]
    generated_at: "{{ now(utc=true, fmt='%Y-%m-%dT%H:%M:%SZ') }}"
"""

RETURN = r"""
declarations:
  description:
    - The declarations, as filter P(nodeprep.istio.declaration#filter) returns them, each with the names of its
      C(nodes) and of its C(file).
  returned: always
  type: list
  elements: dict
files:
  description: Paths of the files that were written.
  returned: always
  type: list
  elements: str
failures:
  description: What failed on which node, by the node's name; with V(sources) all of it for C(localhost).
  returned: always
  type: dict
"""
