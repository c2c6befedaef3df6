# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter preparation_plan: a thin adapter over plugin_utils."""

from __future__ import annotations

DOCUMENTATION = r"""
name: preparation_plan
short_description: Plan the preparation of a node
version_added: 1.0.0
description:
  - Lists the steps that the role and the owner take to prepare a node, and the verdict that the node will have
    afterwards.
  - Role P(nodeprep.istio.istio_node#role) executes this plan and nothing else. Check mode shows the same plan.
  - Each step is planned on the facts as they will be after the steps before it.
  - With profile V(combined), the plan lists all modules that the page and the rules require, if the kernel has them.
    Legacy tables are omitted if loading them would make Istio pick another iptables variant.
options:
  _input:
    description: The node's facts, C(ansible_facts.istio_node) of M(nodeprep.istio.node_facts).
    type: dict
    required: true
  state:
    description:
      - V(prepared) and V(audited) plan the preparation. V(absent) plans the removal of everything that the role
        wrote.
    type: str
    choices: [prepared, audited, absent]
    default: prepared
  load:
    description: Whether to load the modules now.
    type: bool
    default: true
  persist:
    description: Whether to load the modules at every boot.
    type: bool
    default: true
  install_packages:
    description:
      - Whether to install the packages of missing required modules and tools. Only packages for the running kernel
        are installed, and never another kernel.
      - With V(false) the plan lists the packages for the owner.
    type: bool
    default: false
  override_conflicts:
    description:
      - Whether to override C(blacklist) and C(install) lines that block a required module. The role does this with
        its own files and never edits other files.
      - A C(blacklist) line in a file in C(/etc/modprobe.d) cannot be overridden. Only the owner can remove it.
      - With V(false), modules that such a line blocks are not loaded. The plan lists the file, the line, its owner
        and the smallest change.
    type: bool
    default: false
  selinux:
    description:
      - V(preload) relies on the modules that are loaded on the host. Containers then do not have to request one.
      - V(policy) also installs a policy module that allows containers to request modules. C(ip_tables) and
        C(ip6_tables), which the kernel never requests, are then loaded and persisted regardless of O(load) and
        O(persist).
      - V(none) does the same as V(preload), but gives no hint if O(load) or O(persist) is off.
    type: str
    choices: [preload, policy, none]
    default: preload
  selinux_domains:
    description: The SELinux domains that the policy module allows to request kernel modules.
    type: list
    elements: str
    default: [container_t]
  selinux_priority:
    description: The priority of the policy module, from 1 to 999.
    type: int
    default: 300
  selinux_boolean:
    description:
      - Value for the SELinux boolean C(domain_kernel_load_modules), which allows every domain to request modules.
        By default the role only reports it.
    type: bool
  reboot:
    description:
      - V(if_needed) reboots the node if the required modules need only a reboot, and verifies the new boot ID.
    type: str
    choices: [never, if_needed]
    default: never
  before_disruption_tasks:
    description:
      - Path of the owner's task file that the role includes before its first step, if the plan disrupts the node. The
        C(text) of the plan names it.
    type: str
  after_disruption_tasks:
    description:
      - Path of the owner's task file that the role includes after its last step, if the plan disrupts the node. The
        C(text) of the plan names it.
    type: str
extends_documentation_fragment:
  - nodeprep.istio._selection
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Show the plan
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
      description: The steps, in order.
      type: list
      elements: dict
      contains:
        kind:
          description:
            - V(packages), V(overrides), V(policy), V(boolean), V(modules) or V(reboot).
            - V(conflict) is a line of modprobe.d or a mask of systemd-modules-load that only its owner can remove.
              V(declare) is what the owner sets up to load modules at boot, because the boot file would have no
              effect on this node. V(repair) is something that only the owner of the node can repair.
          type: str
        what:
          description: What is done.
          type: str
        why:
          description: The reason for the step.
          type: str
        by:
          description: Who does it, V(role) or V(owner).
          type: str
        where:
          description: The file, with the line if there is one.
          returned: if there is one
          type: str
        command:
          description: A command that performs the step or has the same effect, as a list of arguments.
          returned: if there is one
          type: list
          elements: str
        reboot:
          description: Whether the step takes effect only after a reboot.
          type: bool
        args:
          description: The arguments of the role's task.
          returned: for steps by the role
          type: dict
    modules:
      description: The modules of the selection that should be present.
      type: list
      elements: str
    optional:
      description: The C(modules) that are not required.
      type: list
      elements: str
    boot_only:
      description:
        - The C(modules) that are only listed in the boot file, because loading them now would make Istio pick
          another iptables variant.
      type: list
      elements: str
    load:
      description: The modules that will be loaded.
      type: list
      elements: str
    persist:
      description: The modules that the block of the boot file will list.
      type: list
      elements: str
    not_loadable:
      description: The required modules that cannot be loaded, with C(name) and C(cause).
      type: list
      elements: dict
    change:
      description: Whether the role will change anything.
      type: bool
    disruption:
      description:
        - The steps of the role that may interrupt the pods or the traffic of the node, as C(kind) and C(text). The kind
          is V(reboot), V(selinux) (the policy or a boolean changes) or V(br_netfilter) (the module is loaded on a node
          that has bridges, or whose bridges are unknown).
      type: list
      elements: dict
    refused:
      description: The reasons why the role does nothing on this node.
      type: list
      elements: str
    forecast:
      description: The iptables variant that Istio would pick after the plan; null for backend V(nftables).
      returned: with state V(prepared)
      type: dict
    hints:
      description: Further information for the owner.
      type: list
      elements: str
    declaration:
      description:
        - The declaration for a node that the role must not write to, or whose C(/etc) a reboot does not keep, as
          filter P(nodeprep.istio.declaration#filter) returns it. The comments of its C(text) name the lines that keep
          required modules from loading. Null if there is nothing to declare, or if no format for the system is known.
      returned: with state V(prepared)
      type: dict
    not_removed:
      description: What remains on the node and why.
      returned: with state V(absent)
      type: list
      elements: str
    expected:
      description:
        - The expected C(verdict) of the node, its C(verdicts) under all profiles, and the names of the requirements
          that will be C(unmet).
      returned: with state V(prepared)
      type: dict
    alternatives:
      description:
        - Single changes to the mesh, or to the kernel of the node, that would make the node ready, the least invasive
          first. Each one was verified by planning again with the change. Empty if the C(expected) verdict is V(ready)
          or V(on_demand).
      returned: with state V(prepared)
      type: list
      elements: dict
      contains:
        kind:
          description:
            - V(iptables_variant) forces the other iptables variant, V(ambient_ipv6) and V(dns_capture) switch a feature
              off, V(backend) is the other backend, V(init_container) is sidecars without the CNI plugin, V(release) is
              another release of Istio, and V(kernel) is another installed kernel.
          type: str
        change:
          description: What the owner does.
          type: str
        verdict:
          description: The expected verdict after the change and the steps of the role, V(ready) or V(on_demand).
          type: str
        settings:
          description: Istio's settings that make the change, as in C(values.global.nativeNftables=true).
          returned: if there are any
          type: list
          elements: str
        selection:
          description: The options of this filter that change, to plan with the change.
          returned: unless the change is another kernel
          type: dict
        kernel:
          description: The release of the installed kernel to boot.
          returned: if the change is another kernel
          type: str
    kernel_config:
      description:
        - Lines for the configuration of a kernel that has the options which this one was built without, as in
          C(CONFIG_NFT_COMPAT=m). C(scripts/kconfig/merge_config.sh) of the kernel's source merges them. Empty if the
          kernel lacks nothing that is required, if its configuration cannot be read, or if it is older than 5.10.
      returned: with state V(prepared)
      type: list
      elements: str
    target:
      description:
        - The selection after a planned change of the mesh as C(text), its C(verdict) now, the C(expected) verdict after
          the plan, and the C(reasons) if that is not V(ready) or V(on_demand). The filter itself has no target.
      returned: from M(nodeprep.istio.node_readiness), with a target
      type: dict
    text:
      description:
        - The plan in words, with the verdict before and after it, and one line for each step, hint, alternative and
          line of C(kernel_config).
          It names the owner's tasks at the point at which they run. The role shows it before it executes the plan.
      type: list
      elements: str
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import parse_facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.builder import build_plan
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._values import check_option_names


def preparation_plan(facts: Any, **options: Any) -> dict[str, object]:
    """Return the plan as a dict. Raises AnsibleFilterError for invalid facts or options."""
    consent = {name: options.pop(name) for name in Consent.__dataclass_fields__ if name in options}
    try:
        check_option_names(options, [*Selection.__dataclass_fields__, *Consent.__dataclass_fields__])
        plan = build_plan(parse_facts(facts), Selection.from_options(options), Consent.from_options(consent))
    except InvalidInputError as exc:
        raise AnsibleFilterError(f"nodeprep.istio.preparation_plan: {exc}") from exc
    return plan.as_dict()


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"preparation_plan": preparation_plan}
