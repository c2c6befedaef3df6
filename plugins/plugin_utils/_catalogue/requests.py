# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's requests for a module that Istio's rules trigger. Pure.

A module may answer many requests, for each IP family, table family, match and target. Only those of the rules matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import AUTOLOAD_REQUESTS
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.effective import (
    COMMENT_PROBE,
    DNS,
    EXCLUDES_UDP,
    HOST_BINARY,
    IPV6,
    IPV6_PROBE,
    LEGACY,
    NAT_PROBE,
    NATIVE,
    NFT,
    OLD_IPTABLES,
    TPROXY,
    Rules,
    RulesCondition,
)

# iptables-nft 1.8.8 and newer has expressions of nftables for marks and ports (iptables/nft.c: add_nft_mark(),
# add_nft_udp()), and requests the module only for the match of TCP without a port in the rules of ambient mode.
MATCHED = LEGACY | OLD_IPTABLES
# Ports of UDP are matched for DNS. Since 1.25 the rules of the CNI plugin also exclude the port of probes for UDP.
UDP_PORTS = DNS | (HOST_BINARY & EXCLUDES_UDP)

# The rules that trigger a request. Without an entry, all rules that use the module do; for "ip6t_", all IPv6 rules.
# The target MARK is in the rules of sidecars with TPROXY (tools/istio-iptables/pkg/capture/run.go); other rules have
# the match only. Native rules have chains of the family inet. Istio up to 1.27.1 also tests ip6tables
# (tools/istio-iptables/pkg/dependencies/implementation_linux.go) if it writes no IPv6 rules.
CONDITIONS: Mapping[str, RulesCondition] = {
    "ipt_MARK": TPROXY,
    "ip6t_MARK": TPROXY & IPV6,
    "ipt_mark": MATCHED,
    "ip6t_mark": MATCHED & IPV6,
    "ipt_udp": MATCHED & UDP_PORTS,
    "ip6t_udp": MATCHED & UDP_PORTS & IPV6,
    "ip6t_comment": IPV6 | (COMMENT_PROBE & IPV6_PROBE),
    "nft-chain-1-nat": NATIVE,
    "nft-chain-2-nat": NFT,
    "nft-chain-10-nat": NFT & (IPV6 | (NAT_PROBE & IPV6_PROBE)),
}

# The kernel option without which modules have no alias for requests that start like this (Linux
# net/netfilter/nft_chain_nat.c). The numbers are those of the table families inet, IPv4 and IPv6.
FAMILY_OPTIONS: Mapping[str, str] = {
    "nft-chain-1-": "NF_TABLES_INET",
    "nft-chain-2-": "NF_TABLES_IPV4",
    "nft-chain-10-": "NF_TABLES_IPV6",
}


def find_family_option(request: str) -> str | None:
    """Return the kernel option of the table family that a request is for, or None if it is for no family."""
    return next((option for prefix, option in FAMILY_OPTIONS.items() if request.startswith(prefix)), None)


def list_requests(name: str, sets: Iterable[Rules]) -> tuple[str, ...]:
    """Return the requests for a module that any of these sets of rules triggers; empty if it is never requested.

    :param sets: those that use the module.
    """
    rule_sets = list(sets)
    return tuple(
        request
        for request in AUTOLOAD_REQUESTS.get(name, ())
        if any(_is_triggered(request, rules) for rules in rule_sets)
    )


def _is_triggered(request: str, rules: Rules) -> bool:
    condition = CONDITIONS.get(request)
    if condition is not None:
        return condition.holds(rules)
    return rules.ipv6 or not request.startswith("ip6t_")
