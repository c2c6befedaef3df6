#!/usr/bin/python
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove on the node itself that rules like Istio's load and redirect traffic."""

DOCUMENTATION = r"""
module: interception_probe
short_description: Load rules like Istio's in a scratch network namespace and redirect a connection through them
version_added: 0.2.0
description:
  - Makes network namespaces of its own, loads the kinds of rules that Istio programs for the selection, with the node's own
    tools, and sends traffic through them. A TCP connection to another address has to arrive at Istio's port with its original
    destination, a DNS query over UDP has to be answered from where it went.
  - Each rule set holds one construct for one tool and one IP family, so that one that fails names what is lacking.
  - The rules load with the rights of Istio's containers. The programs have C(CAP_NET_ADMIN) and C(CAP_NET_RAW) and see no modules tree.
  - Never touches the host's network namespace. The namespaces have no name and end with the process, even when it is killed.
  - It needs neither C(ip), C(unshare) nor C(ipset) on the node.
options:
  backend:
    description: Which backend Istio uses.
    type: str
    choices: [iptables, nftables]
    default: iptables
  mode:
    description: Istio's data plane mode, or several.
    type: list
    elements: str
    choices: [sidecar, ambient]
    default: [sidecar]
  ip_family:
    description: The cluster's IP family.
    type: str
    choices: [ipv4, ipv6, dual]
    default: ipv4
  interception:
    description: How sidecars get their traffic, one way or both.
    type: list
    elements: str
    choices: [redirect, tproxy]
    default: [redirect]
  dns_capture:
    description: Whether Istio intercepts DNS. By default off in sidecar mode and on in ambient mode.
    type: bool
  invalid_drop:
    description: Whether sidecars drop packets that conntrack calls invalid.
    type: bool
    default: false
  reconcile:
    description:
      - Whether Istio replaces rules that differ, behind rules that drop all traffic meanwhile.
      - By default off in sidecar mode and on in ambient mode.
    type: bool
  ambient_ipv6:
    description: Whether ambient mode programs IPv6 rules in an IPv4 cluster too, as it does by default.
    type: bool
    default: true
  iptables_variant:
    description: Which iptables to prove; V(auto) proves both.
    type: str
    choices: [auto, legacy, nft]
    default: auto
  autoload:
    description:
      - Whether the kernel may load modules on demand for the rules, as it would for Istio's containers. They stay loaded.
      - With V(false) a rule set for which the kernel would have to load a module is not tested.
      - In check mode nothing is loaded in either case.
    type: bool
    default: false
  selinux_domain:
    description:
      - SELinux type to run the programs in, such as V(container_t), so that a denial is met as Istio would meet it. Rule sets for which
        the policy lets the kernel load nothing are tried without O(autoload) too.
      - Fails where SELinux is disabled, where the policy does not know the type, or does not let the user who probes enter it.
      - The ipset of ambient mode is made over netlink by the probe itself, so in its own domain.
    type: str
  timeout:
    description: Seconds after which the probe ends, up to 86400; rule sets that it did not come to are not tested.
    type: int
    default: 60
extends_documentation_fragment:
  - nodeprep.istio._attributes
attributes:
  check_mode:
    support: full
    details: Tests what it can test without the kernel loading a module, and tells what it would load.
  diff_mode:
    support: full
notes:
  - Needs root, and the right to make namespaces. A container seldom has it; run the probe on the host.
seealso:
  - plugin: nodeprep.istio.probe_comparison
    plugin_type: filter
    description: Compares the result with what was predicted.
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Prove that a node takes the rules of sidecars, with what is loaded now
  nodeprep.istio.interception_probe:
  become: true

- name: The same for ambient mode, letting the kernel load what it would load for Istio
  nodeprep.istio.interception_probe:
    mode: ambient
    ip_family: dual
    autoload: true
  become: true
"""

RETURN = r"""
rule_sets:
  description:
    - For each rule set, by its id, the C(status) and where there is one a C(message).
    - V(proved) loaded, and the traffic that goes with it went where it should. V(failed) did not, and C(lacking) names the
      modules and C(options) the kernel options that are not there. V(not_tested) was left out, C(would_load) names the modules
      that the kernel would have loaded. V(not_testable) cannot be tried here.
  returned: success
  type: dict
  sample: {"nft/ipv4/sidecar-redirect": {"status": "proved", "message": "SO_ORIGINAL_DST is ('192.0.2.1', 80)"}}
loaded:
  description: Modules that were not loaded before the probe and are now; in check mode those that the kernel would load.
  returned: success
  type: list
  elements: str
capabilities:
  description: The effective capabilities that the programs ran with, as C(/proc/self/status) shows them; null where none ran.
  returned: success
  type: str
  sample: "0000000000003000"
elapsed:
  description: Seconds that the probe took.
  returned: success
  type: float
"""

import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import selinux
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import rule_sets as _rule_sets
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import runner, sandbox

SELECTION = {
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


# Longer than this is no probe any more, and the kernel's alarms end somewhere.
LONGEST = 86400


def refusal(params):
    """Return why the probe cannot run at all, or None."""
    if os.geteuid() != 0:
        return "the probe needs root: set become to true"
    if not 1 <= params["timeout"] <= LONGEST:
        return "timeout: {0} is no number of seconds from 1 to {1}".format(params["timeout"], LONGEST)
    empty = next((option for option in ("mode", "interception") if not params[option]), None)
    return empty and "{0}: the list is empty; name {1}, or both".format(empty, " or ".join(SELECTION[empty]["choices"]))


def main():
    module = AnsibleModule(
        argument_spec=dict(
            SELECTION,
            autoload={"type": "bool", "default": False},
            selinux_domain={"type": "str"},
            timeout={"type": "int", "default": 60},
        ),
        supports_check_mode=True,
    )
    files = Files()
    reason = refusal(module.params)
    if reason:
        module.fail_json(msg=reason)

    started = time.time()
    rule_sets = _rule_sets.chosen(module.params)
    may_load = module.params["autoload"] and not module.check_mode
    try:
        results, loaded, capabilities = runner.examine(
            files, rule_sets, may_load, module.params["timeout"], module.params["selinux_domain"]
        )
    except sandbox.Refused as exc:
        module.fail_json(msg=str(exc))
    if module.params["selinux_domain"] and selinux.observe(files)["mode"] == "permissive":
        module.warn(
            "SELinux is permissive on this node: what it would deny {0} is let pass".format(
                module.params["selinux_domain"]
            )
        )
    if module.check_mode and module.params["autoload"]:
        loaded = sorted({name for result in results.values() for name in result.get("would_load", ())})
    result = {
        "changed": bool(loaded),
        "rule_sets": results,
        "loaded": loaded,
        "capabilities": capabilities,
        "elapsed": round(time.time() - started, 3),
    }
    if module._diff:
        result["diff"] = {
            "before_header": "loaded modules",
            "after_header": "loaded modules",
            "before": "",
            "after": "".join(name + "\n" for name in loaded),
        }
    module.exit_json(**result)


if __name__ == "__main__":
    main()
