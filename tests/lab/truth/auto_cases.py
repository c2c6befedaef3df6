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


_LEGACY_RULES = ("-legacy -t filter -A INPUT -s {} -j DROP", "-legacy -t nat -A OUTPUT -d {} -j ACCEPT")
_NFT_RULES = ("-nft -t filter -A INPUT -s {} -m conntrack --ctstate INVALID -j DROP",)
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
# A failing probe of both variants does not depend on the other states.
FEW_NODE_STATES = {"no xt_comment": ["no legacy table", "legacy rules"]}


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
        condition["node_states"] = FEW_NODE_STATES.get(condition["name"], list(NODE_STATES))
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
