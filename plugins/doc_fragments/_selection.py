# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that make up a selection."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  backend:
    description: Which backend Istio uses.
    type: str
    choices: [iptables, nftables]
    default: iptables
  mode:
    description: Istio's data plane mode, V(sidecar) or V(ambient), or a list of them.
    type: raw
    default: sidecar
  ip_family:
    description: The cluster's IP family.
    type: str
    choices: [ipv4, ipv6, dual]
    default: ipv4
  interception:
    description: How sidecars get their traffic, V(redirect) or V(tproxy), or a list of them.
    type: raw
    default: redirect
  dns_capture:
    description: Whether Istio intercepts DNS. By default off in sidecar mode and on in ambient mode.
    type: bool
  invalid_drop:
    description: Whether sidecars drop packets that belong to no connection (C(INVALID_DROP)).
    type: bool
    default: false
  reconcile:
    description:
      - Whether Istio replaces its iptables rules in running pods. By default off in sidecar mode, and on in ambient mode since
        Istio 1.29 (C(values.cni.ambient.reconcileIptablesOnStartup)).
    type: bool
  ambient_ipv6:
    description: Whether ambient Istio writes IPv6 rules too (C(values.cni.ambient.ipv6)), whatever the cluster's IP family is.
    type: bool
    default: true
  cni:
    description: Whether sidecars get their rules from Istio's CNI plugin. It runs the host's own C(iptables) or C(nft).
    type: bool
    default: false
  iptables_variant:
    description:
      - The iptables that Istio uses. V(auto) is what Istio itself would pick on the node, forecast from the facts.
      - V(legacy) and V(nft) are for C(FORCE_IPTABLES_BINARY); only that variant is judged and prepared.
    type: str
    choices: [auto, legacy, nft]
    default: auto
  istio_version:
    description:
      - Istio's version, such as V(1.30) (then its newest patch) or V(1.30.3). Quote it, since an unquoted 1.30 is the number 1.3.
      - V(1.25) to V(1.31) are known. A newer one is judged as the newest, an older one as the oldest, and the assessment says so.
    type: str
    default: "1.31"
  profile:
    description:
      - Which catalogue decides. V(documented) is Istio's page "Platform Requirements", V(effective) what the rules that Istio programs
        really use.
      - V(combined) requires what the rules use, and has what only the page names loaded where the kernel has it.
    type: str
    choices: [documented, effective, combined]
    default: combined
  extra_checks:
    description: The site's own checks of the node's facts.
    type: list
    elements: dict
    suboptions:
      id:
        description: Name of the check.
        type: str
        required: true
      query:
        description:
          - JMESPath expression that must give true. It is over C(ansible_facts.istio_node), where each of the C(modules) has C(reasons) of its own
            as well, as M(nodeprep.istio.node_readiness) returns them in C(facts).
        type: str
        required: true
      message:
        description: What is wrong where it does not.
        type: str
        required: true
      level:
        description: Whether it decides the verdict.
        type: str
        choices: [must, should]
        default: must
"""
