# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The truth test's cases: what is asked of a machine, and the states it is put into.

Which modules are varied, and which rule sets are loaded for a selection, comes from the rule sets and the page, never from the
catalogue that is on trial.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.nodeprep.istio.plugins.module_utils._probe import rule_sets as _rule_sets
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue import documented

SIDECAR: dict[str, dict[str, Any]] = {
    "sidecar": {},
    "sidecar dual": {"ip_family": "dual"},
    "sidecar dns": {"dns_capture": True},
    "sidecar tproxy": {"interception": "tproxy"},
    "sidecar all": {
        "ip_family": "dual",
        "dns_capture": True,
        "interception": ["redirect", "tproxy"],
        "invalid_drop": True,
    },
}
# What is asked for in the fast test.
FEW = ("sidecar", "sidecar dual", "ambient ipv4, no dns")
AMBIENT: dict[str, dict[str, Any]] = {
    "ambient": {"mode": "ambient"},
    "ambient ipv4, no dns": {"mode": "ambient", "ambient_ipv6": False, "dns_capture": False, "reconcile": False},
    "both modes": {"mode": ["sidecar", "ambient"], "ip_family": "dual"},
}
ENGINES: dict[str, dict[str, Any]] = {
    "legacy": {"iptables_variant": "legacy"},
    "nft": {"iptables_variant": "nft"},
    "native": {"backend": "nftables"},
}
# What a selection is where it does not say otherwise; a null is Istio's default for the mode.
PLAIN: dict[str, Any] = {
    "backend": "iptables",
    "mode": "sidecar",
    "ip_family": "ipv4",
    "interception": "redirect",
    "dns_capture": None,
    "invalid_drop": False,
    "reconcile": None,
    "ambient_ipv6": True,
}
# The rules by which Istio tries an iptables binary, in the table that it tries.
PROBES = {
    f"probe {variant} {family} {table}": [f"iptables-{variant}/{family}/{construct}"]
    for variant in ("legacy", "nft")
    for family in ("ipv4", "ipv6")
    for table, construct in (("nat", "detection"), ("filter", "guardrail"))
}
# Releases between which the choice of the binary differs.
RELEASES = ("1.25.3", "1.26", "1.30", "1.31")
PAGE = sorted({row.requirement.name for row in documented.ROWS if row.requirement.kind == "module"})
PAGE_ALONE = "the page, denied"
PAGE_AND_MORE = "the page and what it leaves out, denied"
# What the page leaves out and today's rules use: with these added every rule set loads.
LEFT_OUT = [
    "xt_CT",
    "xt_set",
    "xt_nat",
    "xt_TPROXY",
    "nft_compat",
    "nft_chain_nat",
    "nft_counter",
    "iptable_filter",
    "ip6table_filter",
]
NFT = ("nf_tables", "nft_compat", "nft_chain_nat", "nft_counter")
SHARED = ("nf_conntrack", "nf_nat", "x_tables")


def selections(host_iptables: bool = False) -> dict[str, dict[str, Any]]:
    """Return the options of each selection by its name.

    :param host_iptables: whether the machine's own iptables, and not one as new as in Istio's images, loads the rules: then
        only what Istio has the host's binary do can be put to the test with iptables-nft.
    """
    found = {
        f"{engine}, {name}": {**options, **more}
        for engine, options in ENGINES.items()
        for name, more in {**SIDECAR, **AMBIENT}.items()
    }
    if not host_iptables:
        return found
    return {
        name: {**options, "cni_plugin": True} if name.startswith("nft") else options
        for name, options in found.items()
        if not name.startswith("nft") or options.get("mode", "sidecar") == "sidecar"
    }


def automatic(host_iptables: bool = False) -> dict[str, tuple[dict[str, Any], dict[str, str]]]:
    """Return what is asked where Istio picks the variant itself: the options, and for each mode the selection whose rules it then loads, by name."""
    modes = {
        **{name: {"sidecar": name} for name in SIDECAR},
        **{name: {"ambient": name} for name in AMBIENT},
        "both modes": {"sidecar": "sidecar dual", "ambient": "ambient"},
    }
    found = {}
    for release in RELEASES:
        for name, options in {**SIDECAR, **AMBIENT}.items():
            more = {
                "istio_version": release,
                **({"reconcile": True} if "ambient" in modes[name] and "reconcile" not in options else {}),
            }
            cni = {"cni_plugin": True} if host_iptables and list(modes[name]) == ["sidecar"] else {}
            found[f"auto {release}, {name}"] = ({**options, **more, **cni}, modes[name])
    return found


def rule_sets(options: dict[str, Any]) -> list[str]:
    """Return the ids of the rule sets that Istio would load for a selection."""
    asked = {**PLAIN, **options}
    lists = {name: asked[name] if isinstance(asked[name], list) else [asked[name]] for name in ("mode", "interception")}
    return [rule_set.id for rule_set in _rule_sets.chosen({**asked, **lists})]


def without(names: list[str], others: Iterable[str]) -> list[str]:
    return [name for name in names if name not in others]


def smallest(asked: dict[str, list[str]], name: str, number: int) -> list[str]:
    """Return of each engine's selections those with the fewest rule sets among the ones that a module has to do with."""
    using = {
        rule_set.id for rule_set in _rule_sets.RULE_SETS if name in SHARED or name in rule_set.needs + rule_set.may_need
    }
    found = sorted(
        (selection for selection, ids in asked.items() if using & set(ids)), key=lambda selection: len(asked[selection])
    )
    return [selection for engine in ENGINES for selection in [one for one in found if one.startswith(engine)][:number]]


def states(asked: dict[str, list[str]], fast: bool = False) -> list[dict[str, Any]]:
    """Return the states, each after the one it builds on; with I(fast) a few of them.

    Having the kernel load modules is what takes time: of a module that it is not to load, the smallest selections are tried.

    :param asked: the ids of the rule sets of each selection.
    """
    needed = sorted({name for rule_set in _rule_sets.RULE_SETS for name in rule_set.needs + rule_set.may_need})
    legacy = [name for name in needed if name.startswith(("ip_tables", "ip6_tables", "iptable_", "ip6table_"))]
    found: list[dict[str, Any]] = [
        {"name": "nothing", "autoload": True},
        {"name": "prepared, denied", "autoload": False, "then": needed, "boot": needed},
        {"name": "nothing, denied", "autoload": False},
        {"name": PAGE_ALONE, "autoload": False, "then": PAGE, "boot": PAGE, "every": True},
        {"name": PAGE_AND_MORE, "autoload": False, "then": PAGE + LEFT_OUT, "boot": PAGE + LEFT_OUT, "every": True},
        {"name": "loaded, not listed, denied", "autoload": False, "then": needed},
        {"name": "legacy at boot only, denied", "autoload": False, "then": without(needed, legacy), "boot": needed},
        {"name": "legacy not listed, denied", "autoload": False, "then": needed, "boot": without(needed, legacy)},
        {
            "name": "nat at boot only, denied",
            "autoload": False,
            "then": without(needed, legacy),
            "boot": [*without(needed, legacy), "iptable_nat", "ip6table_nat"],
        },
        {
            "name": "nothing of nft, denied",
            "autoload": False,
            "then": without(needed, NFT),
            "boot": without(needed, NFT),
        },
        {"name": "nft at boot only, denied", "autoload": False, "then": without(needed, NFT), "boot": needed},
        {
            "name": "no legacy tables",
            "autoload": False,
            "removed": legacy,
            "reindexed": True,
            "then": needed,
            "boot": needed,
        },
    ]
    names = ["xt_owner", "nft_chain_nat"] if fast else [*needed, *SHARED]
    for name in names:
        touches = {} if name in SHARED else {"touches": [name]}
        others = [other for other in needed if other != name]
        denied = {"base": "prepared, denied", **touches, "autoload": False, "boot": needed}
        demand = {"base": "nothing", **touches, "autoload": True}
        two, one = ({"selections": smallest(asked, name, number)} for number in (2, 1))
        found += [
            {"name": f"{name} removed, rest prepared", "removed": [name], "then": others, **denied},
            {"name": f"{name} blacklisted after it was prepared", "before": needed, "blacklisted": [name], **denied},
            {
                "name": f"{name} overridden, nothing loaded",
                "overridden": {name: "true" if len(name) % 2 else "false"},
                **demand,
                **two,
            },
            {"name": f"{name} blacklisted, nothing loaded", "blacklisted": [name], **demand, **one},
        ]
    if fast:
        return found
    extra = [name for name in needed if name.startswith(("xt_", "ip_set", "nft_compat"))]
    return [
        *found,
        {"name": "the page", "autoload": True, "then": PAGE, "boot": PAGE},
        {"name": "loaded, not listed", "autoload": True, "then": needed},
        {
            "name": "ip_tables alone",
            "autoload": True,
            "then": ["ip_tables", "ip6_tables"],
            "boot": ["ip_tables", "ip6_tables"],
        },
        {"name": "extra modules not installed", "autoload": True, "removed": extra, "reindexed": True},
    ]
