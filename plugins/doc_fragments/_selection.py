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
  profile:
    description: Which catalogue to hold the node against. V(documented) is Istio's page "Platform Requirements".
    type: str
    choices: [documented]
    default: documented
"""
