# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that make up a selection."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  backend:
    description: The backend that Istio uses. V(nftables) is for C(values.global.nativeNftables=true).
    type: str
    choices: [iptables, nftables]
    default: iptables
  mode:
    description: Istio's data plane mode, V(sidecar) or V(ambient), or a list of both.
    type: raw
    default: sidecar
  ip_family:
    description: The IP family of the cluster.
    type: str
    choices: [ipv4, ipv6, dual]
    default: ipv4
  interception:
    description: How the traffic of sidecars is intercepted, V(redirect) or V(tproxy), or a list of both.
    type: raw
    default: redirect
  dns_capture:
    description: Whether Istio intercepts DNS. By default off in sidecar mode, and on in ambient mode since Istio 1.25.
    type: bool
  invalid_drop:
    description: Whether sidecars drop packets that belong to no connection (C(INVALID_DROP)).
    type: bool
    default: false
  reconcile:
    description:
      - Whether Istio replaces its iptables rules in running pods
        (C(values.cni.ambient.reconcileIptablesOnStartup)).
      - By default off in sidecar mode, and on in ambient mode since Istio 1.29.
      - If the mesh sets C(compatibilityVersion) to 1.25, 1.26, 1.27 or 1.28, the default of Istio is off. Then set
        this option to V(false).
    type: bool
  ambient_ipv6:
    description:
      - Whether ambient mode also writes IPv6 rules (C(values.cni.ambient.ipv6)), regardless of the cluster's IP
        family.
    type: bool
    default: true
  cni_plugin:
    description:
      - Whether Istio's CNI plugin writes the rules of sidecars. The plugin runs the host's own C(iptables) or
        C(nft).
    type: bool
    default: false
  iptables_variant:
    description:
      - The iptables variant that Istio uses. V(auto) is the variant that Istio would pick on the node, forecast
        from the facts.
      - V(legacy) and V(nft) are for C(FORCE_IPTABLES_BINARY). Only that variant is assessed and prepared.
    type: str
    choices: [auto, legacy, nft]
    default: auto
  istio_version:
    description:
      - Istio's version, such as V(1.30) (its newest patch release) or V(1.30.3). Quote it, because an unquoted 1.30
        is the number 1.3.
      - V(1.22) to V(1.32) are known. A newer version is assessed as the newest of these, an older version as the
        oldest but with no verdict better than V(unknown). A finding reports this.
    type: str
    default: "1.32"
  profile:
    description:
      - The requirements that decide the verdict. V(documented) uses Istio's page "Platform Requirements". V(effective)
        uses what the rules that Istio programs require.
      - V(combined) requires what the rules use. It also loads the modules that only the page lists, if the kernel
        has them.
    type: str
    choices: [documented, effective, combined]
    default: combined
  extra_checks:
    description:
      - The site's own checks. Each one is a JMESPath expression over the node's facts that must evaluate to true.
    type: list
    elements: dict
    suboptions:
      id:
        description: Name of the check.
        type: str
        required: true
      query:
        description:
          - The JMESPath expression. It is evaluated on the facts as M(nodeprep.istio.node_readiness) returns them,
            in which the reasons of each module are in C(modules.NAME.reasons).
        type: str
        required: true
      message:
        description: What is wrong if the expression is not true.
        type: str
        required: true
      level:
        description: Whether the check decides the verdict (V(must)) or is only reported (V(should)).
        type: str
        choices: [must, should]
        default: must
"""
