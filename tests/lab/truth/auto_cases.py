# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cases of the test of the iptables variant: the states of a machine, and the selections."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import cases
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.selection import RULE_SETS

# Besides the releases that choose differently: the oldest kind, and the first in which a failure for IPv6 is not fatal.
RELEASES = ("1.24", *cases.RELEASES, "1.27.2")
MESHES = ("sidecar", "sidecar dual", "ambient", "ambient ipv4, no dns")

LEGACY_TABLES = [
    f"{prefix}_{table}" for prefix in ("iptable", "ip6table") for table in ("filter", "mangle", "nat", "raw")
]
LEGACY = ["ip_tables", "ip6_tables", *LEGACY_TABLES]
IPV6_LEGACY = [name for name in LEGACY if name.startswith("ip6")]


def _for_both_families(*commands: str) -> list[str]:
    """Return commands of iptables for both IP families; {} is the family's address for documentation."""
    both = []
    for command in commands:
        both.append("iptables" + command.format("192.0.2.1"))
        both.append("ip6tables" + command.format("2001:db8::1"))
    return both


def _list_native_rules(family: str) -> list[str]:
    """Return commands of nft for a table that iptables-nft finds."""
    return [
        f"nft add table {family} filter",
        f"nft add chain {family} filter SITE",
        f"nft add rule {family} filter SITE tcp dport 22 accept",
    ]


_LEGACY_RULES = ("-legacy -t filter -A INPUT -s {} -j DROP", "-legacy -t nat -A OUTPUT -d {} -j ACCEPT")
_NFT_RULES = ("-nft -t filter -A INPUT -s {} -m conntrack --ctstate INVALID -j DROP",)
_PLAIN_NFT_RULES = ("-nft -t filter -A INPUT -s {} -j DROP",)
# The commands that bring the host's network namespace into each state.
NODE_STATES = {
    "no legacy table": [],
    "an empty legacy table": _for_both_families("-legacy -t nat -L -n"),
    # The kubelet creates this chain to find out whether something else flushes the tables.
    "chains, no rules": _for_both_families(
        "-legacy -t mangle -N KUBE-KUBELET-CANARY", "-legacy -t nat -N KUBE-KUBELET-CANARY"
    ),
    "legacy rules": _for_both_families(*_LEGACY_RULES),
    "legacy rules, only mangle": _for_both_families("-legacy -t mangle -A OUTPUT -d {} -j ACCEPT"),
    "nft rules": _for_both_families(*_NFT_RULES),
    "both": _for_both_families(*_LEGACY_RULES, *_NFT_RULES),
}
# States for some conditions only, since each takes half a minute.
MORE_NODE_STATES = {
    # These do not use nft_compat.
    "nft rules without extensions": _for_both_families(*_PLAIN_NFT_RULES),
    # If iptables-nft shows these, it can make the kernel load modules.
    "rules of nft": [*_list_native_rules("ip"), *_list_native_rules("ip6")],
    "legacy rules, only IPv4": _for_both_families(*_LEGACY_RULES)[::2],
    "legacy rules, only IPv6": _for_both_families(*_LEGACY_RULES)[1::2],
    "nft rules, only IPv4": _for_both_families(*_NFT_RULES)[::2],
    "nft rules without extensions, only IPv6": _for_both_families(*_PLAIN_NFT_RULES)[1::2],
}
# The states of the conditions that have not just all of NODE_STATES.
NODE_STATES_OF = {
    "all modules": [*NODE_STATES, *(name for name in MORE_NODE_STATES if name != "rules of nft")],
    "no nft_compat": [*NODE_STATES, "nft rules without extensions"],
    # A failing probe of both variants does not depend on the other states.
    "no xt_comment": ["no legacy table", "legacy rules"],
    "nothing loaded, autoload": [*NODE_STATES, "nft rules without extensions", "rules of nft"],
}


def list_conditions() -> list[dict[str, Any]]:
    """Return which modules are loaded, whether the kernel may load more, and the states of the host's namespace to try.

    In most of them the rules of one variant work and those of the other do not: so a wrong forecast is a wrong verdict.
    """
    all_modules = sorted({name for rule_set in RULE_SETS for name in rule_set.all_modules} | {*LEGACY, "xt_comment"})
    without = {
        "all modules": [],
        "no nft_compat": ["nft_compat"],
        "no legacy table mangle": ["iptable_mangle", "ip6table_mangle"],
        "no legacy table nat": ["iptable_nat", "ip6table_nat"],
        "legacy for IPv4 only": [*IPV6_LEGACY, *cases.NFT_MODULES],
        "no xt_comment": ["xt_comment"],
    }
    conditions: list[dict[str, Any]] = []
    for name, removed in without.items():
        conditions.append({"name": name, "loaded": cases.without(all_modules, removed), "autoload": False})
    conditions.append({"name": "nothing loaded, autoload", "loaded": [], "autoload": True})
    for condition in conditions:
        condition["node_states"] = NODE_STATES_OF.get(condition["name"], list(NODE_STATES))
    return conditions


def list_auto_cases(host_iptables: bool) -> list[cases.AutoCase]:
    """Return the selections, each for every release."""
    return cases.list_auto_cases(host_iptables, RELEASES, MESHES)


def list_rule_sets(tested: Collection[cases.Case]) -> list[str]:
    """Return the ids of the rule sets and routes of both variants for these meshes."""
    names = set()
    for case in tested:
        if case.mesh in MESHES and case.engine != "native":
            names.update(case.rule_sets)
    return sorted(names)
