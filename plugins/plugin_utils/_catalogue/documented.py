# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documented catalogue: Istio's page "Platform Requirements", row for row and in its order."""

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

ALWAYS = DocumentedCondition("", lambda selection: True)
IPV6 = DocumentedCondition("Only needed for IPv6/dual-stack clusters", lambda selection: selection.ipv6)
AMBIENT = DocumentedCondition("Needed for ambient dataplane mode", lambda selection: selection.ambient)
SIDECAR_DNS = DocumentedCondition(
    "Only needed for DNS interception in sidecar mode", lambda selection: selection.sidecar_dns
)
AMBIENT_OR_TPROXY = DocumentedCondition(
    "Needed for ambient dataplane mode, and sidecar dataplane mode with TPROXY interception (default)",
    lambda selection: selection.ambient or selection.sidecar_tproxy,
)


def _row(
    backend: str,
    name: str,
    wording: Literal["required", "should", "available"],
    condition: DocumentedCondition = ALWAYS,
    kind: Kind = "module",
    minimum: str | None = None,
) -> Row[Selection]:
    return Row(Requirement(backend, name, wording, PAGE, kind=kind, minimum=minimum), condition)


ROWS: tuple[Row[Selection], ...] = (
    _row("iptables", "br_netfilter", "required"),
    _row("iptables", "ip6table_mangle", "required", IPV6),
    _row("iptables", "ip6table_nat", "required", IPV6),
    _row("iptables", "ip6table_raw", "required", IPV6),
    _row("iptables", "iptable_mangle", "required"),
    _row("iptables", "iptable_nat", "required"),
    _row("iptables", "iptable_raw", "required", SIDECAR_DNS),
    _row("iptables", "xt_REDIRECT", "required"),
    _row("iptables", "xt_connmark", "required", AMBIENT_OR_TPROXY),
    _row("iptables", "xt_conntrack", "required"),
    _row("iptables", "xt_mark", "required", AMBIENT_OR_TPROXY),
    _row("iptables", "xt_owner", "required"),
    _row("iptables", "xt_tcpudp", "required"),
    _row("iptables", "xt_multiport", "required"),
    _row("iptables", "ip_set", "required", AMBIENT),
    _row("iptables", "bridge", "should"),
    _row("iptables", "ip6_tables", "should", IPV6),
    _row("iptables", "ip_tables", "should"),
    _row("iptables", "nf_conntrack", "should"),
    _row("iptables", "nf_conntrack_ipv4", "should"),
    _row("iptables", "nf_conntrack_ipv6", "should", IPV6),
    _row("iptables", "nf_nat", "should"),
    _row("iptables", "nf_nat_ipv4", "should"),
    _row("iptables", "nf_nat_ipv6", "should", IPV6),
    _row("iptables", "nf_nat_redirect", "should"),
    _row("iptables", "x_tables", "should"),
    _row("iptables", "ip_set_hash_ip", "should", AMBIENT),
    _row("nftables", "nft", "required", kind="tool", minimum="1.0.1"),
    _row("nftables", "kernel", "required", kind="kernel", minimum="5.13"),
    _row("nftables", "nf_tables", "available"),
    _row("nftables", "nf_conntrack", "available"),
    _row("nftables", "nft_ct", "available"),
    _row("nftables", "nf_defrag_ipv4", "available"),
    _row("nftables", "nf_defrag_ipv6", "available", IPV6),
    _row("nftables", "nft_nat", "available"),
    _row("nftables", "nft_socket", "available"),
    _row("nftables", "nft_tproxy", "available"),
    _row("nftables", "nft_redir", "available"),
)


def requirements(selection: Selection) -> list[Requirement]:
    """Return what the page asks of a node for a selection."""
    return [
        row.requirement
        for row in ROWS
        if row.requirement.backend == selection.backend and row.condition.holds(selection)
    ]
