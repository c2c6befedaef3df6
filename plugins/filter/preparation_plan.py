# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter preparation_plan: a thin adapter over plugin_utils."""

from __future__ import annotations

DOCUMENTATION = r"""
name: preparation_plan
short_description: Plan what is to be done on a node
version_added: 0.1.0
description:
  - Gives what is to be done on a node, by the role and by its owner, and the verdict that the node will have afterwards.
  - The role P(nodeprep.istio.istio_node#role) does what this plan says and nothing else, and check mode shows the same plan.
  - Each step is planned on the facts as those before it will leave them. Under profile V(combined) the modules are all that the page and the
    rules ask for and the kernel has. Legacy tables are left out where loading them would make Istio pick another iptables variant.
options:
  _input:
    description: The node's facts, C(ansible_facts.istio_node) of M(nodeprep.istio.node_facts).
    type: dict
    required: true
  state:
    description: V(prepared) plans the preparation, as does V(audited), V(absent) what takes it back.
    type: str
    choices: [prepared, audited, absent]
    default: prepared
  load:
    description: Whether modules are to be loaded now.
    type: bool
    default: true
  persist:
    description: Whether modules are to be loaded at every boot.
    type: bool
    default: true
  install_packages:
    description: Whether packages may be installed.
    type: bool
    default: false
  override_conflicts:
    description: Whether lines of others that keep a required module from loading may be taken back, by files of the role's own.
    type: bool
    default: false
  selinux:
    description:
      - V(preload) relies on the modules being loaded on the host, V(policy) also lets containers ask for modules, V(none) has nothing to say.
    type: str
    choices: [preload, policy, none]
    default: preload
  selinux_domains:
    description: The SELinux types that V(policy) allows to ask for modules.
    type: list
    elements: str
    default: [container_t]
  selinux_priority:
    description: The priority of the policy module, from 1 to 999.
    type: int
    default: 300
  selinux_boolean:
    description: Value for the boolean C(domain_kernel_load_modules). It is left alone by default.
    type: bool
  reboot:
    description: Whether the role may reboot the node where nothing else helps.
    type: str
    choices: [never, if_needed]
    default: never
extends_documentation_fragment:
  - nodeprep.istio._selection
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: The plan
  ansible.builtin.debug:
    msg: "{{ ansible_facts.istio_node | nodeprep.istio.preparation_plan }}"
"""

RETURN = r"""
_value:
  description: The plan.
  type: dict
  contains:
    state:
      description: V(prepared) or V(absent).
      type: str
    steps:
      description:
        - What is done, in order, with C(kind) (V(packages), V(overrides), V(policy), V(boolean), V(modules), V(reboot), V(conflict), a line
          of somebody else's, V(repair), what only the owner can mend), C(what),
          C(why), C(by) (V(role), V(owner)), C(reboot), whether it takes a reboot to count, and where there are any C(where), a file,
          C(how), a command, and C(args), the arguments of the role's task.
      type: list
      elements: dict
    modules:
      description: The modules that are asked for; C(optional) are those of them that are not required.
      type: list
      elements: str
    boot_only:
      description: Those of them that only belong into the boot file, since Istio would pick another iptables variant if they were loaded now.
      type: list
      elements: str
    load:
      description: The modules that will be loaded.
      type: list
      elements: str
    persist:
      description: What our block of the boot file will hold.
      type: list
      elements: str
    fails:
      description: The required modules that cannot be loaded, with C(name) and C(cause).
      type: list
      elements: dict
    change:
      description: Whether the role will change anything.
      type: bool
    refused:
      description: Why the role does nothing at all on this node.
      type: list
      elements: str
    forecast:
      description: Which iptables variant Istio would pick afterwards.
      type: dict
    hints:
      description: What else the owner should know.
      type: list
      elements: str
    artifact:
      description: Where Ansible must not write, what the owner declares instead, C(kind) and C(text).
      type: dict
    left:
      description: With V(absent), what is left on the node and why.
      type: list
      elements: str
    after:
      description: The C(verdict), and the C(verdicts) of all profiles, that the node will have, and the names that will be C(unmet) then.
      type: dict
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInput
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import checked
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.builder import preparation
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection


def preparation_plan(facts: Any, **options: Any) -> dict[str, Any]:
    """Return the plan as a dict; raises AnsibleFilterError for bad facts or options."""
    known = [*Selection.__dataclass_fields__, *Consent.__dataclass_fields__]
    unknown = next((name for name in options if name not in known), None)
    if unknown:
        raise AnsibleFilterError(
            f"nodeprep.istio.preparation_plan: there is no option '{unknown}'; there are {', '.join(known)}"
        )
    consent = {name: options.pop(name) for name in Consent.__dataclass_fields__ if name in options}
    try:
        return preparation(checked(facts), Selection.from_options(options), Consent.from_options(consent))
    except InvalidInput as exc:
        raise AnsibleFilterError(f"nodeprep.istio.preparation_plan: {exc}") from exc


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"preparation_plan": preparation_plan}
