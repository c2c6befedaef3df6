#!/usr/bin/python
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

DOCUMENTATION = r"""
module: node_readiness
short_description: Observe a node, assess it, and plan what would make it ready for Istio
version_added: 0.2.0
description:
  - Runs M(nodeprep.istio.node_facts) on the node, and on the controller judges its facts as P(nodeprep.istio.readiness#filter) does and plans
    as P(nodeprep.istio.preparation_plan#filter) does. One task, so that a large fleet costs its controller little.
  - Changes nothing. What is asked is checked before the node is touched.
options:
  selection:
    description: What is asked of the node, the options of P(nodeprep.istio.validate_selection#filter).
    type: dict
    default: {}
  consent:
    description: What may be done, the options of P(nodeprep.istio.preparation_plan#filter) beside those of the selection.
    type: dict
    default: {}
  acted:
    description:
      - After the plan was carried out, what came of it. The node is observed and judged again, and the task fails where it
        did not become what the plan foresaw.
    type: dict
    suboptions:
      plan:
        description: The plan that was carried out.
        type: dict
        required: true
      modules:
        description: The result of M(nodeprep.istio.kernel_modules).
        type: dict
        required: true
      overrides:
        description: The result of M(nodeprep.istio.modprobe_overrides).
        type: dict
        required: true
      boot_id:
        description: The node's boot id before, C(kernel.boot_id) of its facts.
        type: str
        required: true
extends_documentation_fragment:
  - nodeprep.istio._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
    details: It changes nothing.
  platform:
    description: Target OS/families that can be operated against.
    support: full
    platforms: linux
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Is this node ready for ambient mode?
  nodeprep.istio.node_readiness:
    selection:
      mode: ambient
  register: outcome

- name: Say it
  ansible.builtin.debug:
    msg: "{{ outcome.assessment.verdict }}"

- name: Say why a module would not be there, with file and line
  ansible.builtin.debug:
    msg: "{{ outcome.facts.modules.xt_owner.reasons | map(attribute='text') }}"
"""

RETURN = r"""
ansible_facts:
  description: As M(nodeprep.istio.node_facts) returns them.
  returned: success
  type: dict
facts:
  description:
    - The node's facts, C(ansible_facts.istio_node), as they were judged. Here each module's entry has C(reasons) of its own, each with C(axis),
      C(code), the whole sentence as C(text), and where they apply C(where), a path and line, C(listed) and C(needs).
  returned: success
  type: dict
assessment:
  description: What P(nodeprep.istio.readiness#filter) returns.
  returned: success
  type: dict
plan:
  description: What P(nodeprep.istio.preparation_plan#filter) returns, or the plan that was carried out.
  returned: success
  type: dict
act:
  description:
    - What was done by the plan, or in check mode would be, with C(loaded), C(persisted), C(boot_file), C(packages), C(files), C(policy),
      C(boot_ids), C(left) and C(check_mode).
  returned: with O(acted)
  type: dict
"""
