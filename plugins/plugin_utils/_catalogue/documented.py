# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documented catalogue: Istio's page "Platform Requirements", row for row and in the same order. Pure."""

from __future__ import annotations

from typing import Literal

from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.requirement import (
    Condition,
    Kind,
    Requirement,
    Row,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection

PAGE = "https://istio.io/latest/docs/ops/deployment/platform-requirements/"

DocumentedCondition = Condition[Selection]

ALWAYS = DocumentedCondition("", lambda _selection: True)
IPV6 = DocumentedCondition("Only needed for IPv6/dual-stack clusters", lambda selection: selection.ipv6)
AMBIENT = DocumentedCondition("Needed for ambient dataplane mode", lambda selection: selection.ambient)
SIDECAR_DNS = DocumentedCondition(
    "Only needed for DNS interception in sidecar mode", lambda selection: selection.sidecar_dns
)
AMBIENT_OR_TPROXY = DocumentedCondition(
    "Needed for ambient dataplane mode, and sidecar dataplane mode with TPROXY interception (default)",
    lambda selection: selection.ambient or selection.sidecar_tproxy,
)


def _module(
    backend: str,
    name: str,
    wording: Literal["required", "should", "available"],
    condition: DocumentedCondition = ALWAYS,
) -> Row[Selection]:
    return Row(Requirement(backend, name, wording, PAGE), condition)


def _version(name: str, kind: Kind, minimum: str) -> Row[Selection]:
    return Row(Requirement("nftables", name, "required", PAGE, kind=kind, minimum=minimum), ALWAYS)


ROWS: tuple[Row[Selection], ...] = (
    _module("iptables", "br_netfilter", "required"),
    _module("iptables", "ip6table_mangle", "required", IPV6),
    _module("iptables", "ip6table_nat", "required", IPV6),
    _module("iptables", "ip6table_raw", "required", IPV6),
    _module("iptables", "iptable_mangle", "required"),
    _module("iptables", "iptable_nat", "required"),
    _module("iptables", "iptable_raw", "required", SIDECAR_DNS),
    _module("iptables", "xt_REDIRECT", "required"),
    _module("iptables", "xt_connmark", "required", AMBIENT_OR_TPROXY),
    _module("iptables", "xt_conntrack", "required"),
    _module("iptables", "xt_mark", "required", AMBIENT_OR_TPROXY),
    _module("iptables", "xt_owner", "required"),
    _module("iptables", "xt_tcpudp", "required"),
    _module("iptables", "xt_multiport", "required"),
    _module("iptables", "ip_set", "required", AMBIENT),
    _module("iptables", "bridge", "should"),
    _module("iptables", "ip6_tables", "should", IPV6),
    _module("iptables", "ip_tables", "should"),
    _module("iptables", "nf_conntrack", "should"),
    _module("iptables", "nf_conntrack_ipv4", "should"),
    _module("iptables", "nf_conntrack_ipv6", "should", IPV6),
    _module("iptables", "nf_nat", "should"),
    _module("iptables", "nf_nat_ipv4", "should"),
    _module("iptables", "nf_nat_ipv6", "should", IPV6),
    _module("iptables", "nf_nat_redirect", "should"),
    _module("iptables", "x_tables", "should"),
    _module("iptables", "ip_set_hash_ip", "should", AMBIENT),
    _version("nft", "tool", "1.0.1"),
    _version("kernel", "kernel", "5.13"),
    _module("nftables", "nf_tables", "available"),
    _module("nftables", "nf_conntrack", "available"),
    _module("nftables", "nft_ct", "available"),
    _module("nftables", "nf_defrag_ipv4", "available"),
    _module("nftables", "nf_defrag_ipv6", "available", IPV6),
    _module("nftables", "nft_nat", "available"),
    _module("nftables", "nft_socket", "available"),
    _module("nftables", "nft_tproxy", "available"),
    _module("nftables", "nft_redir", "available"),
)


def select_requirements(selection: Selection) -> list[Requirement]:
    """Return the requirements that the page lists for a selection."""
    rows = [row for row in ROWS if row.requirement.backend == selection.backend]
    return [row.requirement for row in rows if row.condition.holds(selection)]
