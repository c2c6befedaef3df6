# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effective catalogue: what the rules of Istio use. Pure.

Source: the rules in istio/istio (releases 1.22 to 1.32, paths below), and the modules that the kernel requests when the
rules are loaded. Dependencies of these modules are not listed, since modprobe loads them, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.requirement import (
    Condition,
    Requirement,
    Row,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.releases import Release
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection

Variant = Literal["legacy", "nft"]
Engine = Literal["legacy", "nft", "native"]


@dataclass(frozen=True)
class Rules:
    """One set of rules that Istio would program on the node.

    ``engine`` is the program that loads them: iptables-legacy, iptables-nft, or nft ("native"). ``host_binary`` is
    whether Istio runs the host's copy of it, ``old_iptables`` whether the copy that runs is iptables 1.8.7 or older.
    """

    mode: str
    engine: Engine
    release: Release
    ipv6: bool = False
    tproxy: bool = False
    dns: bool = False
    invalid_drop: bool = False
    reconcile: bool = False
    host_binary: bool = False
    old_iptables: bool = False


def build_rule_sets(
    selection: Selection, variants: Mapping[str, Iterable[Variant]], old_host_iptables: bool = False
) -> list[Rules]:
    """Return the sets of rules of a selection, one for each mode and variant.

    :param variants: the iptables variants of each mode. Backend nftables ignores them.
    :param old_host_iptables: whether the host's iptables is 1.8.7 or older.
    """
    sets = []
    for mode in selection.mode:
        engines: Iterable[Engine] = ("native",) if selection.backend == "nftables" else variants[mode]
        for engine in engines:
            if mode == "sidecar":
                sets.append(_build_sidecar_rules(selection, engine, old_host_iptables))
            else:
                sets.append(_build_ambient_rules(selection, engine))
    return sets


def _build_sidecar_rules(selection: Selection, engine: Engine, old_host_iptables: bool) -> Rules:
    return Rules(
        "sidecar",
        engine,
        selection.release,
        ipv6=selection.ipv6,
        tproxy=selection.sidecar_tproxy,
        dns=selection.sidecar_dns,
        invalid_drop=selection.invalid_drop,
        reconcile=selection.reconcile is True,
        host_binary=selection.cni_plugin,
        old_iptables=old_host_iptables if selection.cni_plugin else selection.release.has_old_iptables,
    )


def _build_ambient_rules(selection: Selection, engine: Engine) -> Rules:
    return Rules(
        "ambient",
        engine,
        selection.release,
        ipv6=selection.ambient_writes_ipv6,
        dns=selection.ambient_dns,
        reconcile=selection.reconciles,
        old_iptables=selection.release.has_old_iptables,
    )


RulesCondition = Condition[Rules]

ALWAYS = RulesCondition("", lambda _rules: True)
LEGACY = RulesCondition("iptables-legacy", lambda rules: rules.engine == "legacy")
NFT = RulesCondition("iptables-nft", lambda rules: rules.engine == "nft")
IPTABLES = RulesCondition("", lambda rules: rules.engine != "native")
NATIVE = RulesCondition("", lambda rules: rules.engine == "native")
BACKEND_CONDITIONS = {"iptables": IPTABLES, "nftables": NATIVE}
AMBIENT = RulesCondition("ambient mode", lambda rules: rules.mode == "ambient")
IPV6 = RulesCondition(
    "IPv6 rules (IPv6 or dual-stack cluster; ambient mode unless ambient_ipv6 is false)", lambda rules: rules.ipv6
)
WITHOUT_IPV6 = RulesCondition("no IPv6 rules", lambda rules: not rules.ipv6)
TPROXY = RulesCondition("TPROXY interception", lambda rules: rules.tproxy)
AMBIENT_TPROXY = RulesCondition(
    "ambient mode of Istio 1.22 and 1.23", lambda rules: rules.mode == "ambient" and rules.release.ambient_uses_tproxy
)
DNS = RulesCondition("DNS capture", lambda rules: rules.dns)
DNS_ZONES = RulesCondition(
    "DNS capture (in ambient mode since Istio 1.24)",
    lambda rules: rules.dns and (rules.mode == "sidecar" or rules.release.ambient_dns_uses_zones),
)
SIDECAR_DNS = RulesCondition("DNS capture in sidecar mode", lambda rules: rules.mode == "sidecar" and rules.dns)
INVALID_DROP = RulesCondition("invalid_drop", lambda rules: rules.invalid_drop)
RECONCILE = RulesCondition("reconcile", lambda rules: rules.reconcile)
HOST_BINARY = RulesCondition(
    "sidecars with the CNI plugin, which runs the host's binary", lambda rules: rules.host_binary
)
OLD_IPTABLES = RulesCondition(
    "iptables 1.8.7 or older (the host's with the CNI plugin, else the image's of Istio 1.22)",
    lambda rules: rules.old_iptables,
)
# Istio 1.28.0 refers to the IPv6 set of the host in its rules, but creates it only if ambient_ipv6 is true.
WITHOUT_IPV6_SET = RulesCondition(
    "Istio 1.28.0 in ambient mode, ambient_ipv6 false",
    lambda rules: rules.mode == "ambient" and rules.release.ignores_ambient_ipv6 and not rules.ipv6,
)
EXCLUDES_UDP = RulesCondition("Istio 1.25 or newer", lambda rules: rules.release.excludes_udp_ports)
COUNTERS = RulesCondition("Istio 1.28 or newer", lambda rules: rules.release.native_rules_have_counters)
IPV6_PROBE = RulesCondition("Istio before 1.27.2", lambda rules: rules.release.needs_ipv6_probe)
FILTER_PROBE = RulesCondition("Istio 1.25.4 to 1.27.0", lambda rules: rules.release.probe_table == "filter")
NAT_PROBE = RulesCondition("Istio 1.27.1 or newer", lambda rules: rules.release.probe_table == "nat")
COMMENT_PROBE = RulesCondition(
    "Istio 1.25.4, 1.25.5, 1.26.0 to 1.26.6, 1.27.0 to 1.27.2", lambda rules: rules.release.probe_has_comment
)

POD = "tools/istio-iptables/pkg/capture/run.go"
AMBIENT_POD = "cni/pkg/iptables/iptables.go: AppendInpodRules"
AMBIENT_HOST = "cni/pkg/iptables/iptables.go: AppendHostRules"
POD_ROUTES = "tools/common/tproxy/run_linux.go: ConfigureRoutes"
AMBIENT_ROUTES = "cni/pkg/iptables/iptables_linux.go: AddInpodMarkIPRule, AddLoopbackRoutes"
PROBE = "tools/istio-iptables/pkg/dependencies/implementation_linux.go"
GUARDRAILS = "tools/istio-iptables/pkg/builder/iptables_builder_impl.go"
IPSET = "cni/pkg/ipset/nldeps_linux.go"
HOST_TOOL = "tools/istio-iptables/pkg/README.md"
NFT_POD = "tools/istio-nftables/pkg/capture/run.go"
NFT_AMBIENT_POD = "cni/pkg/nftables/nftables.go: AppendInpodRules"
NFT_AMBIENT_HOST = "cni/pkg/nftables/nftables.go: AppendHostRules, host_sets.go"
KNFTABLES = "sigs.k8s.io/knftables nftables.go"
KERNEL = "Linux net/netfilter/"


def _iptables_row(name: str, condition: RulesCondition, *sources: str) -> Row[Rules]:
    return Row(Requirement("iptables", name, "used", _join_sources(sources)), IPTABLES & condition)


def _nat_chain_row(family: str, condition: RulesCondition) -> Row[Rules]:
    """Kernels before 5.2 have a separate module for the chain types of each family."""
    any_of = ("nft_chain_nat", f"nft_chain_nat_{family}")
    source = _join_sources([PROBE, f"{KERNEL}Makefile"])
    return Row(Requirement("iptables", "nft_chain_nat", "used", source, any_of=any_of, feature=family), condition)


def _table_rows(name: str, condition: RulesCondition, *sources: str) -> tuple[Row[Rules], ...]:
    return (
        _iptables_row(f"iptable_{name}", LEGACY & condition, *sources),
        _iptables_row(f"ip6table_{name}", LEGACY & condition & IPV6, *sources),
    )


def _ipv6_table_probe_rows(table: str, nft_module: str, condition: RulesCondition) -> tuple[Row[Rules], ...]:
    """Istio up to 1.27.1 needs a binary for IPv6 even if it writes no IPv6 rules: that of either variant is enough.

    Each rule of iptables-nft has a counter. For a rule with a comment, iptables-nft needs nft_compat too.
    """
    return (
        _ipv6_table_probe_row(table, nft_module, "probe", condition),
        _ipv6_table_probe_row(table, "nft_counter", "counter_probe", condition),
        _ipv6_table_probe_row(table, "nft_compat", "comment_probe", condition & COMMENT_PROBE),
    )


def _ipv6_table_probe_row(table: str, nft_module: str, feature: str, condition: RulesCondition) -> Row[Rules]:
    name = f"ip6table_{table}"
    requirement = Requirement(
        "iptables", name, "used", _join_sources([PROBE]), any_of=(name, nft_module), feature=feature
    )
    return Row(requirement, LEGACY & WITHOUT_IPV6 & condition & IPV6_PROBE)


def _nftables_row(name: str, condition: RulesCondition, *sources: str) -> Row[Rules]:
    return Row(Requirement("nftables", name, "used", _join_sources(sources)), NATIVE & condition)


def _option_row(
    backend: str, name: str, condition: RulesCondition, *sources: str, is_usual: bool = False
) -> Row[Rules]:
    requirement = Requirement(backend, name, "used", _join_sources(sources), kind="option", is_usual=is_usual)
    return Row(requirement, BACKEND_CONDITIONS[backend] & condition)


def _usual_option_row(backend: str, name: str, condition: RulesCondition, *sources: str) -> Row[Rules]:
    """The kernels of distributions set these options, and no module shows whether a kernel was built with them."""
    return _option_row(backend, name, condition, *sources, is_usual=True)


def _routing_rows(backend: str) -> tuple[Row[Rules], ...]:
    """Policy routing: packets with Istio's mark use a routing table of their own."""
    sources = (POD_ROUTES, AMBIENT_ROUTES)
    return (
        _usual_option_row(backend, "IP_MULTIPLE_TABLES", AMBIENT | TPROXY, *sources, "Linux net/ipv4/fib_rules.c"),
        _usual_option_row(
            backend, "IPV6_MULTIPLE_TABLES", (AMBIENT | TPROXY) & IPV6, *sources, "Linux net/ipv6/fib6_rules.c"
        ),
    )


def _release_row(backend: str, feature: str, condition: RulesCondition, *sources: str) -> Row[Rules]:
    requirement = Requirement(backend, "istio", "used", _join_sources(sources), kind="release", feature=feature)
    return Row(requirement, BACKEND_CONDITIONS[backend] & condition)


def _kernel_version_row(minimum: str, feature: str, condition: RulesCondition, *sources: str) -> Row[Rules]:
    source = _join_sources(sources)
    requirement = Requirement("iptables", "kernel", "used", source, kind="kernel", minimum=minimum, feature=feature)
    return Row(requirement, IPTABLES & condition)


def _ipv6_row(backend: str, *sources: str) -> Row[Rules]:
    requirement = Requirement(backend, "kernel", "used", _join_sources(sources), kind="kernel", feature="ipv6")
    return Row(requirement, BACKEND_CONDITIONS[backend] & IPV6)


def _ipv6_probe_row(condition: RulesCondition, *sources: str) -> Row[Rules]:
    """iptables-legacy opens an IPv6 socket. Istio up to 1.27.1 tests it for IPv6 even if it writes no IPv6 rules."""
    requirement = Requirement("iptables", "kernel", "used", _join_sources(sources), kind="kernel", feature="ipv6_probe")
    return Row(requirement, IPTABLES & LEGACY & condition)


def _tool_row(backend: str, name: str, *sources: str, minimum: str | None = None) -> Row[Rules]:
    requirement = Requirement(backend, name, "used", _join_sources(sources), kind="tool", minimum=minimum)
    return Row(requirement, BACKEND_CONDITIONS[backend] & HOST_BINARY)


def _join_sources(sources: Iterable[str]) -> str:
    """Return the sources as one text; those without a project are files of Istio."""
    other_projects = ("Linux", "sigs.k8s.io")
    return "; ".join(source if source.startswith(other_projects) else f"istio: {source}" for source in sources)


ROWS: tuple[Row[Rules], ...] = (
    *_table_rows("nat", ALWAYS, POD, AMBIENT_POD, PROBE),
    *_ipv6_table_probe_rows("nat", "nft_chain_nat", NAT_PROBE),
    *_table_rows("mangle", AMBIENT | TPROXY | INVALID_DROP, POD, AMBIENT_POD),
    *_table_rows("raw", DNS_ZONES, POD, AMBIENT_POD),
    *_table_rows("filter", RECONCILE | FILTER_PROBE, GUARDRAILS, PROBE),
    *_ipv6_table_probe_rows("filter", "nf_tables", FILTER_PROBE),
    _iptables_row("nf_tables", NFT, PROBE, f"{KERNEL}nfnetlink.c"),
    _iptables_row("nft_compat", NFT, POD, AMBIENT_POD, f"{KERNEL}nft_compat.c"),
    _nat_chain_row("ipv4", NFT),
    _nat_chain_row("ipv6", NFT & IPV6),
    _iptables_row("nft_counter", NFT, f"{KERNEL}nft_counter.c"),
    _iptables_row("xt_REDIRECT", ALWAYS, POD, AMBIENT_POD),
    _iptables_row("xt_owner", ALWAYS, POD, AMBIENT_HOST),
    _iptables_row("xt_tcpudp", LEGACY | AMBIENT | OLD_IPTABLES, POD, AMBIENT_POD),
    _iptables_row("xt_mark", ((LEGACY | OLD_IPTABLES) & AMBIENT) | TPROXY, POD, AMBIENT_POD),
    _iptables_row("xt_connmark", AMBIENT | TPROXY, POD, AMBIENT_POD),
    _iptables_row("xt_conntrack", TPROXY | INVALID_DROP | AMBIENT_TPROXY, POD, AMBIENT_POD),
    _iptables_row("xt_multiport", SIDECAR_DNS, POD),
    _iptables_row("xt_CT", DNS_ZONES, POD, AMBIENT_POD),
    _iptables_row("xt_TPROXY", TPROXY | AMBIENT_TPROXY, POD, AMBIENT_POD),
    _iptables_row("xt_comment", COMMENT_PROBE, PROBE),
    _iptables_row("xt_set", AMBIENT, AMBIENT_HOST),
    _iptables_row("xt_nat", AMBIENT, AMBIENT_HOST),
    _iptables_row("ip_set_hash_ip", AMBIENT, IPSET),
    # Istio adds comments to the entries of its ipset. hash:ip stores comments since this kernel (81b10bb4bd60).
    _kernel_version_row("3.13", "ipset_comment", AMBIENT, IPSET),
    _ipv6_row("iptables", POD_ROUTES, AMBIENT_ROUTES, "Linux net/ipv6/af_inet6.c: inet6_init"),
    _ipv6_probe_row((NAT_PROBE | FILTER_PROBE) & IPV6_PROBE, PROBE, "Linux net/ipv6/af_inet6.c: inet6_init"),
    _option_row("iptables", "NF_CONNTRACK_ZONES", DNS_ZONES, POD, AMBIENT_POD, f"{KERNEL}xt_CT.c: xt_ct_tg_check"),
    _option_row("iptables", "NF_CONNTRACK_MARK", AMBIENT | TPROXY, POD, AMBIENT_POD, f"{KERNEL}xt_connmark.c"),
    *_routing_rows("iptables"),
    # A table of a family that the kernel was built without is refused: "Operation not supported".
    _usual_option_row("iptables", "NF_TABLES_IPV4", NFT, PROBE, f"{KERNEL}nft_chain_filter.c"),
    _usual_option_row("iptables", "NF_TABLES_IPV6", NFT & IPV6, PROBE, f"{KERNEL}nft_chain_filter.c"),
    _tool_row("iptables", "iptables", HOST_TOOL),
    _nftables_row("nf_tables", ALWAYS, NFT_POD, NFT_AMBIENT_POD),
    _nftables_row("nft_chain_nat", ALWAYS, NFT_POD, NFT_AMBIENT_POD),
    _nftables_row("nft_redir", ALWAYS, NFT_POD, NFT_AMBIENT_POD),
    _nftables_row("nft_counter", COUNTERS, NFT_POD, NFT_AMBIENT_POD),
    _nftables_row("nft_ct", DNS_ZONES | TPROXY | INVALID_DROP | AMBIENT, NFT_POD, NFT_AMBIENT_POD),
    _nftables_row("nft_tproxy", TPROXY, NFT_POD),
    _nftables_row("nft_nat", AMBIENT, NFT_AMBIENT_HOST),
    _ipv6_row("nftables", POD_ROUTES, AMBIENT_ROUTES, "Linux net/ipv6/af_inet6.c: inet6_init"),
    _option_row("nftables", "NF_CONNTRACK_ZONES", DNS_ZONES, NFT_POD, NFT_AMBIENT_POD, f"{KERNEL}nft_ct.c"),
    _option_row("nftables", "NF_CONNTRACK_MARK", AMBIENT | TPROXY, NFT_POD, NFT_AMBIENT_POD, f"{KERNEL}nft_ct.c"),
    *_routing_rows("nftables"),
    _usual_option_row("nftables", "NF_TABLES_INET", ALWAYS, NFT_POD, NFT_AMBIENT_POD, f"{KERNEL}nft_chain_filter.c"),
    _release_row("nftables", "ipv6_set", WITHOUT_IPV6_SET, NFT_AMBIENT_HOST),
    _tool_row("nftables", "nft", HOST_TOOL, KNFTABLES, minimum="1.0.1"),
)


def select_rows(sets: Iterable[Rules]) -> list[Row[Rules]]:
    """Return the rows that hold for any of these sets of rules."""
    rule_sets = list(sets)
    return [row for row in ROWS if any(row.condition.holds(rules) for rules in rule_sets)]
