# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cases of the truth test: the selections, and the states of a machine.

The varied modules, and the rule sets of a selection, come from the probe's rule sets and from Istio's page. They never
come from the effective catalogue, because this is what the test checks. The routes are Istio's own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodeprep.istio.plugins.module_utils._probe.selection import RULE_SETS, select_rule_sets
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue import documented

SIDECAR_MESHES: dict[str, dict[str, Any]] = {
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
AMBIENT_MESHES: dict[str, dict[str, Any]] = {
    "ambient": {"mode": "ambient"},
    "ambient ipv4, no dns": {"mode": "ambient", "ambient_ipv6": False, "dns_capture": False, "reconcile": False},
    "both modes": {"mode": ["sidecar", "ambient"], "ip_family": "dual"},
}
MESHES = {**SIDECAR_MESHES, **AMBIENT_MESHES}
# The meshes of the fast test.
FAST_MESHES = ("sidecar", "sidecar dual", "ambient ipv4, no dns")
# The ways to load rules, and the options that select them.
ENGINES: dict[str, dict[str, Any]] = {
    "legacy": {"iptables_variant": "legacy"},
    "nft": {"iptables_variant": "nft"},
    "native": {"backend": "nftables"},
}
# The engine with the same rules.
OTHER_VARIANTS = {"legacy": "nft", "nft": "legacy"}
# The values of options that a selection does not set. None is Istio's default for the mode.
DEFAULT_OPTIONS: dict[str, Any] = {
    "backend": "iptables",
    "mode": "sidecar",
    "ip_family": "ipv4",
    "interception": "redirect",
    "dns_capture": None,
    "invalid_drop": False,
    "reconcile": None,
    "ambient_ipv6": True,
}
# The commands that make Istio's routes, for each mode that has routes. Istio fails if it cannot make them.
# cni/pkg/iptables/iptables_linux.go: AddInpodMarkIPRule(), AddLoopbackRoutes();
# tools/common/tproxy/run_linux.go: ConfigureRoutes()
ROUTE_COMMANDS = {
    "ambient": (
        "link set lo up",
        "rule add fwmark 0x111/0xfff pref 32764 lookup 100",
        "route replace local default dev lo table 100",
    ),
    "sidecar": (
        "link set lo up",
        "rule add fwmark 1337 lookup 133",
        "route add local default dev lo table 133",
    ),
}
FAMILY_FLAGS = {"ipv4": "-4", "ipv6": "-6"}
# The construct with which Istio tries an iptables binary, for each table that it tries.
CHECKED_TABLES = {"nat": "detection", "filter": "guardrail"}
# Releases that choose the binary differently: one on each side of each change of tools/istio-iptables/pkg/dependencies.
# The rule with which others test a binary has a comment, which no rule set here has: auto_cases.py covers those.
RELEASES = ("1.25.3", "1.26.7", "1.27.3", "1.29.7", "1.29.8", "1.30.4", "1.30.5", "1.31.0", "1.31.1", "1.32")
PAGE = sorted({row.requirement.name for row in documented.ROWS if row.requirement.kind == "module"})
PAGE_ALONE = "the page, denied"
PAGE_AND_MORE = "the page and what it leaves out, denied"
# Modules that the page does not have and that today's rules use. With them every rule set loads.
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
NFT_MODULES = ("nf_tables", "nft_compat", "nft_chain_nat", "nft_counter")
# Dependencies of all rules.
SHARED = ("nf_conntrack", "nf_nat", "x_tables")
LEGACY_PREFIXES = ("ip_tables", "ip6_tables", "iptable_", "ip6table_")
EXTRA_PREFIXES = ("xt_", "ip_set", "nft_compat")
FAST_MODULES = ("xt_owner", "nft_chain_nat")


@dataclass(frozen=True)
class Case:
    """A mesh whose rules one engine loads.

    :ivar options: of the selection.
    """

    engine: str
    mesh: str
    options: Mapping[str, Any]

    @property
    def name(self) -> str:
        return case_name(self.engine, self.mesh)

    @property
    def other_variant(self) -> str | None:
        """The name of the case that differs only in the iptables variant, or None."""
        other = OTHER_VARIANTS.get(self.engine)
        return other and case_name(other, self.mesh)

    @property
    def rule_sets(self) -> list[str]:
        """The ids of the rule sets that Istio would load, and of the routes that it would make."""
        selection = {**DEFAULT_OPTIONS, **self.options}
        for option in ("mode", "interception"):
            if not isinstance(selection[option], list):
                selection[option] = [selection[option]]
        return [rule_set.id for rule_set in select_rule_sets(selection)] + _select_routes(selection)


@dataclass(frozen=True)
class AutoCase:
    """A mesh for which Istio chooses the iptables variant.

    :ivar options: of the selection.
    :ivar mesh_by_mode: for each mode the mesh whose rules Istio then loads.
    """

    name: str
    options: Mapping[str, Any]
    mesh_by_mode: Mapping[str, str]


def route_name(family: str, mode: str) -> str:
    return f"route/{family}/{mode}"


def list_routes() -> dict[str, list[list[str]]]:
    """Return dict of the id of each route to the commands that make it."""
    return {
        route_name(family, mode): [["/bin/ip", flag, *command.split()] for command in commands]
        for family, flag in FAMILY_FLAGS.items()
        for mode, commands in ROUTE_COMMANDS.items()
    }


def _select_routes(selection: Mapping[str, Any]) -> list[str]:
    """Return the ids of the routes of a selection: ambient mode always has them, sidecars with TPROXY."""
    names = []
    if "ambient" in selection["mode"]:
        names.append(route_name("ipv4", "ambient"))
        if selection["ambient_ipv6"] or selection["ip_family"] != "ipv4":
            names.append(route_name("ipv6", "ambient"))
    if "sidecar" in selection["mode"] and "tproxy" in selection["interception"]:
        names.append(route_name("ipv4", "sidecar"))
        if selection["ip_family"] != "ipv4":
            names.append(route_name("ipv6", "sidecar"))
    return names


def case_name(engine: str, mesh: str) -> str:
    return f"{engine}, {mesh}"


def list_cases(host_iptables: bool = False) -> list[Case]:
    """Return the cases.

    :param host_iptables: whether the machine's own iptables loads the rules, and it is older than the one in Istio's
        images. Then iptables-nft can be tested only for the rules that Istio loads with the host's binary.
    """
    cases = []
    for engine, options in ENGINES.items():
        for mesh, mesh_options in MESHES.items():
            case_options = {**options, **mesh_options}
            if host_iptables and engine == "nft":
                if case_options.get("mode", "sidecar") != "sidecar":
                    continue
                case_options["cni_plugin"] = True
            cases.append(Case(engine, mesh, case_options))
    return cases


def list_auto_cases(
    host_iptables: bool = False, releases: Iterable[str] = RELEASES, meshes: Collection[str] = tuple(MESHES)
) -> list[AutoCase]:
    """Return the cases for which Istio chooses the variant, for each release."""
    cases = []
    for release in releases:
        for mesh in meshes:
            mesh_options = MESHES[mesh]
            options = {**mesh_options, "istio_version": release}
            mesh_by_mode = _mesh_by_mode(mesh)
            if list(mesh_by_mode) == ["ambient"]:
                # The tested rules are those of the newest release. Before 1.25, DNS capture is off by default.
                options.setdefault("dns_capture", True)
            if "ambient" in mesh_by_mode and "reconcile" not in mesh_options:
                options["reconcile"] = True
            if host_iptables and list(mesh_by_mode) == ["sidecar"]:
                options["cni_plugin"] = True
            cases.append(AutoCase(f"auto {release}, {mesh}", options, mesh_by_mode))
    return cases


def _mesh_by_mode(mesh: str) -> dict[str, str]:
    if mesh == "both modes":
        return {"sidecar": "sidecar dual", "ambient": "ambient"}
    return {"sidecar" if mesh in SIDECAR_MESHES else "ambient": mesh}


def check_name(variant: str, family: str, table: str) -> str:
    """Return the name of the check with which Istio tries an iptables binary."""
    return f"check {variant} {family} {table}"


def list_binary_checks() -> dict[str, list[str]]:
    """Return dict of the name of each check of an iptables binary to the ids of its rule sets."""
    return {
        check_name(variant, family, table): [f"iptables-{variant}/{family}/{construct}"]
        for variant in ("legacy", "nft")
        for family in ("ipv4", "ipv6")
        for table, construct in CHECKED_TABLES.items()
    }


def without(names: list[str], others: Iterable[str]) -> list[str]:
    return [name for name in names if name not in others]


def smallest_cases(cases: Iterable[Case], module: str, number: int) -> list[str]:
    """Return names of cases that use a module: of each engine those with the fewest rule sets."""
    using = set()
    for rule_set in RULE_SETS:
        if module in SHARED or module in rule_set.all_modules:
            using.add(rule_set.id)
    candidates = [case for case in cases if using & set(case.rule_sets)]
    candidates.sort(key=lambda case: len(case.rule_sets))
    names = []
    for engine in ENGINES:
        of_engine = [case.name for case in candidates if case.engine == engine]
        names += of_engine[:number]
    return names


def list_states(cases: Collection[Case], fast: bool = False) -> list[dict[str, Any]]:
    """Return the states, each after the one that it is based on.

    The kernel takes its time to load modules. So a module that it may not load is tested with the smallest cases only.

    :param fast: return only a few of them.
    """
    needed = sorted({name for rule_set in RULE_SETS for name in rule_set.all_modules})
    states = _common_states(needed)
    for name in FAST_MODULES if fast else [*needed, *SHARED]:
        states += _states_of_module(name, needed, cases)
    if fast:
        return states
    return [*states, *_more_states(needed)]


def _common_states(needed: list[str]) -> list[dict[str, Any]]:
    legacy = [name for name in needed if name.startswith(LEGACY_PREFIXES)]
    no_legacy = without(needed, legacy)
    no_nft = without(needed, NFT_MODULES)
    page_and_more = PAGE + LEFT_OUT
    nat_at_boot = [*no_legacy, "iptable_nat", "ip6table_nat"]
    denied = {"autoload": False}
    prepared = {"then": needed, "boot": needed}
    return [
        {"name": "nothing", "autoload": True},
        {"name": "prepared, denied", **denied, **prepared},
        {"name": "nothing, denied", **denied},
        {"name": PAGE_ALONE, **denied, "then": PAGE, "boot": PAGE, "every": True},
        {"name": PAGE_AND_MORE, **denied, "then": page_and_more, "boot": page_and_more, "every": True},
        {"name": "loaded, not listed, denied", **denied, "then": needed},
        {"name": "legacy at boot only, denied", **denied, "then": no_legacy, "boot": needed},
        {"name": "legacy not listed, denied", **denied, "then": needed, "boot": no_legacy},
        {"name": "nat at boot only, denied", **denied, "then": no_legacy, "boot": nat_at_boot},
        {"name": "nothing of nft, denied", **denied, "then": no_nft, "boot": no_nft},
        {"name": "nft at boot only, denied", **denied, "then": no_nft, "boot": needed},
        {"name": "no legacy tables", **denied, "removed": legacy, "reindexed": True, **prepared},
    ]


def _states_of_module(name: str, needed: list[str], cases: Collection[Case]) -> list[dict[str, Any]]:
    touches = {} if name in SHARED else {"touches": [name]}
    others = without(needed, [name])
    denied = {"base": "prepared, denied", **touches, "autoload": False, "boot": needed}
    on_demand = {"base": "nothing", **touches, "autoload": True}
    two = {"selections": smallest_cases(cases, name, 2)}
    one = {"selections": smallest_cases(cases, name, 1)}
    # Both commands are used: half of the modules have one, half the other.
    command = "true" if len(name) % 2 else "false"
    return [
        {"name": f"{name} removed, rest prepared", "removed": [name], "then": others, **denied},
        {"name": f"{name} blacklisted after it was prepared", "before": needed, "blacklisted": [name], **denied},
        {"name": f"{name} overridden, nothing loaded", "overridden": {name: command}, **on_demand, **two},
        {"name": f"{name} blacklisted, nothing loaded", "blacklisted": [name], **on_demand, **one},
    ]


def _more_states(needed: list[str]) -> list[dict[str, Any]]:
    extra = [name for name in needed if name.startswith(EXTRA_PREFIXES)]
    ip_tables = ["ip_tables", "ip6_tables"]
    return [
        {"name": "the page", "autoload": True, "then": PAGE, "boot": PAGE},
        {"name": "loaded, not listed", "autoload": True, "then": needed},
        {"name": "ip_tables alone", "autoload": True, "then": ip_tables, "boot": ip_tables},
        {"name": "extra modules not installed", "autoload": True, "removed": extra, "reindexed": True},
    ]
