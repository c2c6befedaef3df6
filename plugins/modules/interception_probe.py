#!/usr/bin/python
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test on a node whether rules like Istio's load and redirect traffic."""

DOCUMENTATION = r"""
module: interception_probe
short_description: Load rules like Istio's in a scratch network namespace and redirect a connection through them
version_added: 1.0.0
description:
  - Creates scratch network namespaces, loads the kinds of rules that Istio programs for the selection, with the
    node's own tools, and sends traffic through them. A TCP connection to another address must arrive at Istio's
    port with its original destination. A DNS query over UDP must be answered from the address that it was sent to.
  - Each rule set tests one construct with one tool and one IP family. A rule set that fails therefore shows what is
    missing.
  - The rules load with the permissions of Istio's containers. The programs have C(CAP_NET_ADMIN) and C(CAP_NET_RAW)
    and cannot see the module tree.
  - It never touches the host's network namespace. The scratch namespaces have no name and end with the process,
    even if it is killed.
  - It needs neither C(ip), C(unshare) nor C(ipset) on the node.
options:
  backend:
    description: The backend that Istio uses. V(nftables) is for C(values.global.nativeNftables=true).
    type: str
    choices: [iptables, nftables]
    default: iptables
  mode:
    description: Istio's data plane mode, V(sidecar) or V(ambient), or a list of both.
    type: list
    elements: str
    choices: [sidecar, ambient]
    default: [sidecar]
  ip_family:
    description: The IP family of the cluster.
    type: str
    choices: [ipv4, ipv6, dual]
    default: ipv4
  interception:
    description: How the traffic of sidecars is intercepted, V(redirect) or V(tproxy), or a list of both.
    type: list
    elements: str
    choices: [redirect, tproxy]
    default: [redirect]
  dns_capture:
    description:
      - Whether Istio intercepts DNS. By default off in sidecar mode and on in ambient mode, as since Istio 1.25.
    type: bool
  invalid_drop:
    description: Whether sidecars drop packets that belong to no connection (C(INVALID_DROP)).
    type: bool
    default: false
  reconcile:
    description:
      - Whether Istio replaces rules that differ. Meanwhile other rules drop all traffic.
      - By default off in sidecar mode and on in ambient mode.
    type: bool
  ambient_ipv6:
    description:
      - Whether ambient mode also writes IPv6 rules (C(values.cni.ambient.ipv6)), regardless of the cluster's IP
        family.
    type: bool
    default: true
  iptables_variant:
    description: The iptables variant to test. V(auto) tests both.
    type: str
    choices: [auto, legacy, nft]
    default: auto
  release_rules:
    description:
      - How the rules of the Istio release differ from those of the newest one. The filter
        P(nodeprep.istio.readiness#filter) returns it as C(catalogue.rules).
    type: dict
    suboptions:
      ambient_dns_zones:
        description: Whether DNS capture of ambient mode uses conntrack zones, as it does since Istio 1.24.
        type: bool
        default: true
      ambient_interception:
        description: How the traffic of ambient pods is intercepted, V(tproxy) up to Istio 1.23.
        type: str
        choices: [redirect, tproxy]
        default: redirect
      counters:
        description: Whether native nftables rules have counters, as they do since Istio 1.28.
        type: bool
        default: true
      detection_comment:
        description: Whether the rule by which Istio tests an iptables binary has a comment.
        type: bool
        default: false
      detection_table:
        description: The table of that rule. V(none) is for releases before 1.25.4, which do not test a binary.
        type: str
        choices: [nat, filter, none]
        default: nat
  autoload:
    description:
      - Whether the kernel may load modules on demand for the rules, as it would for Istio's containers. These
        modules stay loaded.
      - With V(false) a rule set is not tested if the kernel would have to load a module for it.
      - In check mode nothing is loaded in either case.
    type: bool
    default: false
  selinux_domain:
    description:
      - SELinux type in which the programs run, such as V(container_t). SELinux then denies the probe the same
        requests as Istio. If the policy does not let the kernel load a module for a rule set, the rule set is tested
        even without O(autoload).
      - Fails if SELinux is disabled, if the policy does not define the type, or if the policy does not let the user
        who runs the probe enter it.
      - The probe itself creates the ipset of ambient mode over netlink, so it does this in its own domain.
    type: str
  timeout:
    description: Time limit of the probe in seconds, up to 86400. The remaining rule sets are not tested.
    type: int
    default: 60
extends_documentation_fragment:
  - nodeprep.istio._attributes
attributes:
  check_mode:
    support: full
    details: It tests what it can test without loading a module, and lists the modules that the kernel would load.
  diff_mode:
    support: full
notes:
  - Needs root and the right to create namespaces. Containers rarely have this right, so run the probe on the host.
seealso:
  - plugin: nodeprep.istio.probe_comparison
    plugin_type: filter
    description: Compares the result with the prediction.
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Test whether the rules of sidecars work on a node, with the modules that are loaded now
  nodeprep.istio.interception_probe:
  become: true

- name: Test ambient mode, and let the kernel load what it would load for Istio
  nodeprep.istio.interception_probe:
    mode: ambient
    ip_family: dual
    autoload: true
  become: true
"""

RETURN = r"""
rule_sets:
  description: The result of each rule set, by id, with the keys below.
  returned: success
  type: dict
  contains:
    status:
      description:
        - V(passed) means that the rules loaded and their traffic was redirected correctly.
        - V(failed) means that the rules did not load, or that their traffic went elsewhere.
        - V(not_tested) means that the kernel would have had to load a module, that it would have loaded a blacklisted
          module as a dependency, or that the time limit was reached.
        - V(not_testable) means that the node does not provide the tool or the IP family.
      returned: always
      type: str
    message:
      description: Details of the result.
      returned: if there are details
      type: str
    missing:
      description: The modules that are missing for the rule set.
      returned: for V(failed)
      type: list
      elements: str
    missing_options:
      description: The kernel options that are missing for the rule set.
      returned: for V(failed)
      type: list
      elements: str
    would_load:
      description: The modules that the kernel would have loaded.
      returned: for V(not_tested), if the kernel would have had to load a module
      type: list
      elements: str
  sample: {"nft/ipv4/sidecar-redirect": {"status": "passed", "message": "SO_ORIGINAL_DST is ('192.0.2.1', 80)"}}
loaded:
  description:
    - Modules that are loaded now and were not loaded before the probe. In check mode, the modules that the kernel
      would load.
  returned: success
  type: list
  elements: str
capabilities:
  description:
    - The effective capabilities of the programs, as C(/proc/self/status) shows them; null if no program ran.
  returned: success
  type: str
  sample: "0000000000003000"
elapsed:
  description: Duration of the probe in seconds.
  returned: success
  type: float
"""

import os
import time
from typing import Any, Dict, Optional

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.selinux import observe_selinux
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.namespaces import SandboxError
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.runner import ProbeResult, probe_node
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.selection import select_rule_sets

SELECTION_OPTIONS: Dict[str, Dict[str, Any]] = {
    "backend": {"type": "str", "choices": ["iptables", "nftables"], "default": "iptables"},
    "mode": {"type": "list", "elements": "str", "choices": ["sidecar", "ambient"], "default": ["sidecar"]},
    "ip_family": {"type": "str", "choices": ["ipv4", "ipv6", "dual"], "default": "ipv4"},
    "interception": {"type": "list", "elements": "str", "choices": ["redirect", "tproxy"], "default": ["redirect"]},
    "dns_capture": {"type": "bool"},
    "invalid_drop": {"type": "bool", "default": False},
    "reconcile": {"type": "bool"},
    "ambient_ipv6": {"type": "bool", "default": True},
    "iptables_variant": {"type": "str", "choices": ["auto", "legacy", "nft"], "default": "auto"},
}
RELEASE_OPTIONS: Dict[str, Dict[str, Any]] = {
    "ambient_dns_zones": {"type": "bool", "default": True},
    "ambient_interception": {"type": "str", "choices": ["redirect", "tproxy"], "default": "redirect"},
    "counters": {"type": "bool", "default": True},
    "detection_comment": {"type": "bool", "default": False},
    "detection_table": {"type": "str", "choices": ["nat", "filter", "none"], "default": "nat"},
}
PROBE_OPTIONS: Dict[str, Dict[str, Any]] = {
    "release_rules": {"type": "dict", "options": RELEASE_OPTIONS},
    "autoload": {"type": "bool", "default": False},
    "selinux_domain": {"type": "str"},
    "timeout": {"type": "int", "default": 60},
}

# Seconds. The sandbox sets an alarm for this time, and alarms have a limit.
MAX_TIMEOUT = 86400


def find_problem(params: Dict[str, Any]) -> Optional[str]:
    """Return why the probe cannot run with these options, or None."""
    if os.geteuid() != 0:
        return "become: the probe needs root; set become: true"
    if not 1 <= params["timeout"] <= MAX_TIMEOUT:
        return f"timeout: {params['timeout']} is out of range; valid values: 1 to {MAX_TIMEOUT} seconds"
    for option in ("mode", "interception"):
        if not params[option]:
            return f"{option}: the list is empty; valid values: {', '.join(SELECTION_OPTIONS[option]['choices'])}"
    return None


def build_return_values(probe: ProbeResult, announce: bool) -> Dict[str, Any]:
    """Return what the module returns.

    :param announce: whether C(loaded) lists the modules that the kernel would load, as in check mode with autoload.
    """
    loaded = probe.loaded
    if announce:
        loaded = sorted({name for result in probe.results.values() for name in result.would_load or ()})
    return {
        "changed": bool(loaded),
        "rule_sets": {rule_set_id: result.as_dict() for rule_set_id, result in probe.results.items()},
        "loaded": loaded,
        "capabilities": probe.capabilities,
    }


def main() -> None:
    module = AnsibleModule(argument_spec=dict(SELECTION_OPTIONS, **PROBE_OPTIONS), supports_check_mode=True)
    params = module.params
    problem = find_problem(params)
    if problem:
        module.fail_json(msg=problem)

    files = Files()
    domain = params["selinux_domain"]
    autoload = params["autoload"] and not module.check_mode
    started = time.time()
    try:
        probe = probe_node(
            files, select_rule_sets(params, params["release_rules"]), autoload, params["timeout"], domain
        )
    except SandboxError as exc:
        module.fail_json(msg=str(exc))
    if domain and observe_selinux(files)["mode"] == "permissive":
        module.warn(f"selinux_domain: SELinux is permissive on this node, so it does not deny anything to {domain}")
    result = build_return_values(probe, announce=params["autoload"] and module.check_mode)
    result["elapsed"] = round(time.time() - started, 3)
    if module._diff:
        result["diff"] = {
            "before_header": "loaded modules",
            "after_header": "loaded modules",
            "before": "",
            "after": "".join(name + "\n" for name in result["loaded"]),
        }
    module.exit_json(**result)


if __name__ == "__main__":
    main()
