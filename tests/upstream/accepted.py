# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences that are accepted, with the reason of each. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

DETECTION = "the rule by which Istio tests an iptables binary is in no golden file (pkg/dependencies)"
ROUTING = "Istio creates the rules and routes of policy routing over netlink, not by a program"
GUARDRAILS = "the rules that drop all traffic while Istio replaces others are in no golden file (pkg/builder)"


@dataclass(frozen=True)
class Accepted:
    """A requirement that no golden rule shows: a pattern of its id, and one of its requests or its option."""

    row: str
    need: str
    reason: str


ACCEPTED = (
    Accepted("*/option/IP*_MULTIPLE_TABLES", "*", ROUTING),
    Accepted("iptables/module/xt_comment", "*", DETECTION),
    Accepted("iptables/module/ip6table_*/*probe", "*", DETECTION),
    # Istio up to 1.27.1 tests ip6tables even if it writes no IPv6 rules.
    Accepted("iptables/module/nft_chain_nat/ipv4", "nft-chain-10-nat", DETECTION),
    Accepted("iptables/module/ip*table_filter", "*", GUARDRAILS),
)


def find_reason(row: str, need: str) -> str | None:
    """Return why no golden rule has to show a requirement, or one of its requests; None if one has to."""
    for accepted in ACCEPTED:
        if fnmatchcase(row, accepted.row) and fnmatchcase(need, accepted.need):
            return accepted.reason
    return None
