#!/usr/bin/python
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

DOCUMENTATION = r"""
module: node_readiness
short_description: Observe a node, assess it, and plan how to make it ready for Istio
version_added: 1.0.0
description:
  - Runs M(nodeprep.istio.node_facts) on the node. On the controller it then assesses the facts as
    P(nodeprep.istio.readiness#filter) does, and plans as P(nodeprep.istio.preparation_plan#filter) does. This is one
    task, which keeps the load on the controller low.
  - Changes nothing. The options are checked before the node is contacted.
options:
  use_role_variables:
    description:
      - Whether O(selection), O(consent) and O(target) are the variables C(istio_node_*) of the host, as role
        P(nodeprep.istio.istio_node#role) documents them. The task then also returns C(remaining).
      - The role uses this, because it costs the controller less than a template for each variable.
    type: bool
    default: false
  selection:
    description: The description of the mesh, with the options of P(nodeprep.istio.validate_selection#filter).
    type: dict
    default: {}
  consent:
    description:
      - What the plan may do. Accepts the options of P(nodeprep.istio.preparation_plan#filter) that are not part of
        the selection.
    type: dict
    default: {}
  execution:
    description:
      - The results of a plan that was executed. The node is then observed and assessed again, and the task fails if
        the node is not as the plan predicted.
    type: dict
    suboptions:
      plan:
        description: The plan that was executed.
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
      reboot:
        description: The result of M(ansible.builtin.reboot).
        type: dict
        default: {}
      boot_id:
        description: The boot ID of the node before the execution, C(kernel.boot_id) of its facts.
        type: str
        required: true
  target:
    description:
      - The options of O(selection) that a planned change of the mesh changes, for example C(istio_version). The
        node is then also assessed by the changed selection, and the plan prepares it for both.
    type: raw
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
- name: Assess whether this node is ready for ambient mode
  nodeprep.istio.node_readiness:
    selection:
      mode: ambient
  register: outcome

- name: Show the verdict
  ansible.builtin.debug:
    msg: "{{ outcome.assessment.verdict }}"

- name: Show why a module would not be present, with file and line
  ansible.builtin.debug:
    msg: "{{ outcome.facts.modules.xt_owner.reasons | map(attribute='text') }}"
"""

RETURN = r"""
ansible_facts:
  description: The facts as M(nodeprep.istio.node_facts) returns them.
  returned: success
  type: dict
facts:
  description:
    - The facts of the node, C(ansible_facts.istio_node), as they were assessed.
    - Here, the entry of each module contains its C(reasons). Each reason consists of C(axis), C(code) and the whole
      sentence as C(text). If they apply, it also contains C(where) (a path and line), C(listed_in) and C(dependency).
  returned: success
  type: dict
assessment:
  description: The assessment as P(nodeprep.istio.readiness#filter) returns it.
  returned: success
  type: dict
plan:
  description:
    - The plan as P(nodeprep.istio.preparation_plan#filter) returns it, or the plan that was executed. Its C(text) is
      the plan in words.
  returned: success
  type: dict
remaining:
  description:
    - What the role has yet to do on the node. V(nothing), V(modules) (only the step of the plan that loads and persists
      modules), or V(more), which is anything else, such as other steps, an error because the node is not ready, or the
      probe.
  returned: with O(use_role_variables)
  type: str
target:
  description: The node under the changed selection.
  returned: with O(target), if it changes anything
  type: dict
  contains:
    selection:
      description: The changed selection, with all options.
      type: dict
    text:
      description: The changed selection in words.
      type: str
    verdict:
      description: The verdict of the node under the changed selection.
      type: str
    reasons:
      description: What the node lacks for the changed selection, and why.
      type: list
      elements: str
execution:
  description: What the execution of the plan did, or in check mode would do.
  returned: with O(execution), if the node was observed again
  type: dict
  contains:
    check_mode:
      description: Whether this was check mode.
      type: bool
    loaded:
      description: The modules that were loaded.
      type: list
      elements: str
    persisted:
      description: The modules in the block of the boot file.
      type: list
      elements: str
    boot_file:
      description: Path of the boot file.
      type: str
    packages:
      description: The packages that were installed.
      type: list
      elements: str
    files:
      description: The files in C(/etc/modprobe.d) that were written or removed.
      type: list
      elements: str
    policy:
      description: What was done to the SELinux policy module, V(present), V(absent) or V(unchanged).
      type: str
    boot_ids:
      description: The boot IDs before and after the reboot; empty if the plan includes no reboot.
      type: list
      elements: str
    not_removed:
      description: With state V(absent), what remains on the node and why.
      type: list
      elements: str
other_system:
  description:
    - What the host is, such as V(Windows) or V(FreeBSD). The task is then skipped, and returns nothing else.
    - A host with a shell of Windows, with a connection for network devices, or with C(ansible_network_os) is not
      contacted.
  returned: if the host is not a Linux node
  type: str
deviation:
  description: How the node is worse than the plan predicted, for example because it did not come back from its reboot.
  returned: with O(execution), if the node is worse
  type: str
connection_lost:
  description:
    - V(true) if the node became unreachable after its plan had begun. The task then fails and returns no facts.
  returned: with O(execution), if the node became unreachable
  type: bool
"""
