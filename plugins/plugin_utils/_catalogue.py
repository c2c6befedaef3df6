# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue: what Istio requires of a node, as data.

The rows are those of Istio's page "Platform Requirements" (docs/ops/deployment/platform-requirements), in its order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection import Selection

Kind = Literal["module", "tool", "kernel"]

PAGE = "https://istio.io/latest/docs/ops/deployment/platform-requirements/"


@dataclass(frozen=True)
class Condition:
    """When a row holds: the page's remark and the same as a test of the selection."""

    remark: str
    holds: Callable[[Selection], bool]


ALWAYS = Condition("", lambda selection: True)
IPV6 = Condition("Only needed for IPv6/dual-stack clusters", lambda selection: selection.ipv6)
AMBIENT = Condition("Needed for ambient dataplane mode", lambda selection: selection.ambient)
SIDECAR_DNS = Condition("Only needed for DNS interception in sidecar mode", lambda selection: selection.sidecar_dns)
AMBIENT_OR_TPROXY = Condition(
    "Needed for ambient dataplane mode, and sidecar dataplane mode with TPROXY interception (default)",
    lambda selection: selection.ambient or selection.sidecar_tproxy,
)


@dataclass(frozen=True)
class Requirement:
    """One row of the catalogue.

    ``name`` is a module's or a tool's name, or "kernel"; ``minimum`` the lowest version of a tool or of the kernel;
    ``wording`` the page's own: modules are "required", "should" be loaded, or must be "available".
    """

    backend: str
    name: str
    wording: Literal["required", "should", "available"]
    condition: Condition = ALWAYS
    kind: Kind = "module"
    minimum: str | None = None
    source: str = PAGE

    @property
    def id(self) -> str:
        """Name of this row in reports, for example "iptables/module/xt_owner"."""
        return f"{self.backend}/{self.kind}/{self.name}"


CATALOGUE: tuple[Requirement, ...] = (
    Requirement("iptables", "br_netfilter", "required"),
    Requirement("iptables", "ip6table_mangle", "required", IPV6),
    Requirement("iptables", "ip6table_nat", "required", IPV6),
    Requirement("iptables", "ip6table_raw", "required", IPV6),
    Requirement("iptables", "iptable_mangle", "required"),
    Requirement("iptables", "iptable_nat", "required"),
    Requirement("iptables", "iptable_raw", "required", SIDECAR_DNS),
    Requirement("iptables", "xt_REDIRECT", "required"),
    Requirement("iptables", "xt_connmark", "required", AMBIENT_OR_TPROXY),
    Requirement("iptables", "xt_conntrack", "required"),
    Requirement("iptables", "xt_mark", "required", AMBIENT_OR_TPROXY),
    Requirement("iptables", "xt_owner", "required"),
    Requirement("iptables", "xt_tcpudp", "required"),
    Requirement("iptables", "xt_multiport", "required"),
    Requirement("iptables", "ip_set", "required", AMBIENT),
    Requirement("iptables", "bridge", "should"),
    Requirement("iptables", "ip6_tables", "should", IPV6),
    Requirement("iptables", "ip_tables", "should"),
    Requirement("iptables", "nf_conntrack", "should"),
    Requirement("iptables", "nf_conntrack_ipv4", "should"),
    Requirement("iptables", "nf_conntrack_ipv6", "should", IPV6),
    Requirement("iptables", "nf_nat", "should"),
    Requirement("iptables", "nf_nat_ipv4", "should"),
    Requirement("iptables", "nf_nat_ipv6", "should", IPV6),
    Requirement("iptables", "nf_nat_redirect", "should"),
    Requirement("iptables", "x_tables", "should"),
    Requirement("iptables", "ip_set_hash_ip", "should", AMBIENT),
    Requirement("nftables", "nft", "required", kind="tool", minimum="1.0.1"),
    Requirement("nftables", "kernel", "required", kind="kernel", minimum="5.13"),
    Requirement("nftables", "nf_tables", "available"),
    Requirement("nftables", "nf_conntrack", "available"),
    Requirement("nftables", "nft_ct", "available"),
    Requirement("nftables", "nf_defrag_ipv4", "available"),
    Requirement("nftables", "nf_defrag_ipv6", "available", IPV6),
    Requirement("nftables", "nft_nat", "available"),
    Requirement("nftables", "nft_socket", "available"),
    Requirement("nftables", "nft_tproxy", "available"),
    Requirement("nftables", "nft_redir", "available"),
)


def requirements(selection: Selection) -> list[Requirement]:
    """Return the rows that hold for a selection, in the page's order."""
    return [row for row in CATALOGUE if row.backend == selection.backend and row.condition.holds(selection)]


def required_modules(selection: Selection) -> list[str]:
    """Return the names of the modules that a selection asks for, in the page's order."""
    return [row.name for row in requirements(selection) if row.kind == "module"]
