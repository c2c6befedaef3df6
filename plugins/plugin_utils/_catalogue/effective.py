# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effective catalogue: what the rules that Istio programs really use.

Read from the rules in istio/istio (releases 1.25 to 1.31, paths below) and from the requests that loading them makes
of the kernel. Only roots are listed: what they need themselves comes with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.requirement import (
    Condition,
    Level,
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

    ``engine`` loads them: iptables-legacy, iptables-nft, or nft itself. ``host_binary`` says that it is the host's own
    binary, ``old_iptables`` that this is iptables 1.8.7 or older.
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


def rules(
    selection: Selection, variants: Mapping[str, Iterable[Variant]], old_host_iptables: bool = False
) -> list[Rules]:
    """Return the sets of rules of a selection, one for each mode and variant; ``variants`` are given for each mode."""
    native: tuple[Engine, ...] = ("native",)
    engines: dict[str, tuple[Engine, ...]] = {
        mode: native if selection.backend == "nftables" else tuple(variants[mode]) for mode in selection.mode
    }
    return [_of_mode(selection, mode, engine, old_host_iptables) for mode in selection.mode for engine in engines[mode]]


def _of_mode(selection: Selection, mode: str, engine: Engine, old_host_iptables: bool) -> Rules:
    sidecar = mode == "sidecar"
    release = selection.release
    return Rules(
        mode,
        engine,
        release,
        ipv6=selection.ipv6 if sidecar else selection.ambient_ipv6,
        tproxy=sidecar and "tproxy" in selection.interception,
        dns=(not sidecar) if selection.dns_capture is None else selection.dns_capture,
        invalid_drop=sidecar and selection.invalid_drop,
        reconcile=(not sidecar and release.reconciles) if selection.reconcile is None else selection.reconcile,
        host_binary=sidecar and selection.cni_plugin,
        old_iptables=sidecar and selection.cni_plugin and old_host_iptables,
    )


RulesCondition = Condition[Rules]

ALWAYS = RulesCondition("", lambda rules: True)
LEGACY = RulesCondition("iptables-legacy", lambda rules: rules.engine == "legacy")
NFT = RulesCondition("iptables-nft", lambda rules: rules.engine == "nft")
IPTABLES = RulesCondition("", lambda rules: rules.engine != "native")
NATIVE = RulesCondition("", lambda rules: rules.engine == "native")
SIDECAR = RulesCondition("sidecar mode", lambda rules: rules.mode == "sidecar")
AMBIENT = RulesCondition("ambient mode", lambda rules: rules.mode == "ambient")
IPV6 = RulesCondition(
    "IPv6 rules (IPv6 or dual-stack cluster; ambient mode unless ambient_ipv6 is false)", lambda rules: rules.ipv6
)
TPROXY = RulesCondition("TPROXY interception", lambda rules: rules.tproxy)
DNS = RulesCondition("DNS capture", lambda rules: rules.dns)
SIDECAR_DNS = RulesCondition("DNS capture in sidecar mode", lambda rules: rules.mode == "sidecar" and rules.dns)
INVALID_DROP = RulesCondition("invalid_drop", lambda rules: rules.invalid_drop)
RECONCILE = RulesCondition("reconcile", lambda rules: rules.reconcile)
HOST_BINARY = RulesCondition(
    "sidecars by the CNI plugin, which runs the host's binary", lambda rules: rules.host_binary
)
OLD_IPTABLES = RulesCondition("host's iptables 1.8.7 or older", lambda rules: rules.old_iptables)
COUNTERS = RulesCondition("Istio 1.28 or newer", lambda rules: rules.release.since("1.28.0"))
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


def _iptables(name: str, condition: RulesCondition, *sources: str) -> Row[Rules]:
    return Row(Requirement("iptables", name, "used", _joined(sources)), IPTABLES & condition)


def _nat_chain(family: str, condition: RulesCondition) -> Row[Rules]:
    """Kernels before 5.2 have the chain types of the two families in modules of their own."""
    any_of = ("nft_chain_nat", f"nft_chain_nat_{family}")
    source = _joined([PROBE, f"{KERNEL}Makefile"])
    return Row(Requirement("iptables", "nft_chain_nat", "used", source, any_of=any_of, feature=family), condition)


def _tables(name: str, condition: RulesCondition, *sources: str, ipv6: RulesCondition = IPV6) -> tuple[Row[Rules], ...]:
    return (
        _iptables(f"iptable_{name}", LEGACY & condition, *sources),
        _iptables(f"ip6table_{name}", LEGACY & condition & ipv6, *sources),
    )


def _native(name: str, condition: RulesCondition, *sources: str) -> Row[Rules]:
    return Row(Requirement("nftables", name, "used", _joined(sources)), NATIVE & condition)


def _option(backend: str, name: str, condition: RulesCondition, *sources: str) -> Row[Rules]:
    return Row(
        Requirement(backend, name, "used", _joined(sources), kind="option"),
        (NATIVE if backend == "nftables" else IPTABLES) & condition,
    )


def _ipv6(backend: str, *sources: str) -> Row[Rules]:
    requirement = Requirement(backend, "kernel", "used", _joined(sources), kind="kernel", feature="ipv6")
    return Row(requirement, (NATIVE if backend == "nftables" else IPTABLES) & IPV6)


def _ipv6_for_the_probe(condition: RulesCondition, *sources: str) -> Row[Rules]:
    """iptables-legacy asks by a socket of the family, and up to 1.27.1 Istio tries it for IPv6 even where it writes no such rules."""
    return Row(
        Requirement("iptables", "kernel", "used", _joined(sources), kind="kernel", feature="ipv6_probe"),
        IPTABLES & LEGACY & condition,
    )


def _tool(
    backend: str,
    name: str,
    *sources: str,
    minimum: str | None = None,
    feature: str | None = None,
    level: Level = "must",
) -> Row[Rules]:
    requirement = Requirement(backend, name, "used", _joined(sources), kind="tool", minimum=minimum, feature=feature)
    return Row(requirement, (NATIVE if backend == "nftables" else IPTABLES) & HOST_BINARY, level)


def _joined(sources: Iterable[str]) -> str:
    return "; ".join(
        source if source.startswith(("Linux", "sigs.k8s.io")) else f"istio: {source}" for source in sources
    )


ROWS: tuple[Row[Rules], ...] = (
    *_tables("nat", ALWAYS, POD, AMBIENT_POD, PROBE, ipv6=IPV6 | (NAT_PROBE & IPV6_PROBE)),
    *_tables("mangle", AMBIENT | TPROXY | INVALID_DROP, POD, AMBIENT_POD),
    *_tables("raw", DNS, POD, AMBIENT_POD),
    *_tables("filter", RECONCILE | FILTER_PROBE, GUARDRAILS, PROBE, ipv6=IPV6 | (FILTER_PROBE & IPV6_PROBE)),
    _iptables("nf_tables", NFT, PROBE, f"{KERNEL}nfnetlink.c"),
    _iptables("nft_compat", NFT, POD, AMBIENT_POD, f"{KERNEL}nft_compat.c"),
    _nat_chain("ipv4", NFT),
    _nat_chain("ipv6", NFT & IPV6),
    _iptables("nft_counter", NFT, f"{KERNEL}nft_counter.c"),
    _iptables("xt_REDIRECT", ALWAYS, POD, AMBIENT_POD),
    _iptables("xt_owner", ALWAYS, POD, AMBIENT_HOST),
    _iptables("xt_tcpudp", LEGACY | AMBIENT | OLD_IPTABLES, POD, AMBIENT_POD),
    _iptables("xt_mark", (LEGACY & AMBIENT) | TPROXY, POD, AMBIENT_POD),
    _iptables("xt_connmark", AMBIENT | TPROXY, POD, AMBIENT_POD),
    _iptables("xt_conntrack", TPROXY | INVALID_DROP, POD),
    _iptables("xt_multiport", SIDECAR_DNS, POD),
    _iptables("xt_CT", DNS, POD, AMBIENT_POD),
    _iptables("xt_TPROXY", TPROXY, POD),
    _iptables("xt_comment", COMMENT_PROBE, PROBE),
    _iptables("xt_set", AMBIENT, AMBIENT_HOST),
    _iptables("xt_nat", AMBIENT, AMBIENT_HOST),
    _iptables("ip_set_hash_ip", AMBIENT, IPSET),
    # Entries of the probes' set carry comments, which hash:ip has stored since this kernel (81b10bb4bd60).
    Row(
        Requirement(
            "iptables", "kernel", "used", f"istio: {IPSET}", kind="kernel", minimum="3.13", feature="ipset_comment"
        ),
        IPTABLES & AMBIENT,
    ),
    _ipv6("iptables", POD_ROUTES, AMBIENT_ROUTES, "Linux net/ipv6/af_inet6.c: inet6_init"),
    _ipv6_for_the_probe((NAT_PROBE | FILTER_PROBE) & IPV6_PROBE, PROBE, "Linux net/ipv6/af_inet6.c: inet6_init"),
    _option("iptables", "NF_CONNTRACK_ZONES", DNS, POD, AMBIENT_POD, f"{KERNEL}xt_CT.c: xt_ct_tg_check"),
    _option("iptables", "NF_CONNTRACK_MARK", AMBIENT | TPROXY, POD, AMBIENT_POD, f"{KERNEL}xt_connmark.c"),
    _tool("iptables", "iptables", HOST_TOOL),
    _native("nf_tables", ALWAYS, NFT_POD, NFT_AMBIENT_POD),
    _native("nft_chain_nat", ALWAYS, NFT_POD, NFT_AMBIENT_POD),
    _native("nft_redir", ALWAYS, NFT_POD, NFT_AMBIENT_POD),
    _native("nft_counter", COUNTERS, NFT_POD, NFT_AMBIENT_POD),
    _native("nft_ct", DNS | TPROXY | INVALID_DROP | AMBIENT, NFT_POD, NFT_AMBIENT_POD),
    _native("nft_tproxy", TPROXY, NFT_POD),
    _native("nft_nat", AMBIENT, NFT_AMBIENT_HOST),
    _ipv6("nftables", POD_ROUTES, AMBIENT_ROUTES, "Linux net/ipv6/af_inet6.c: inet6_init"),
    _option("nftables", "NF_CONNTRACK_ZONES", DNS, NFT_POD, NFT_AMBIENT_POD, f"{KERNEL}nft_ct.c"),
    _option("nftables", "NF_CONNTRACK_MARK", AMBIENT | TPROXY, NFT_POD, NFT_AMBIENT_POD, f"{KERNEL}nft_ct.c"),
    _tool("nftables", "nft", HOST_TOOL, KNFTABLES, minimum="1.0.1"),
    _tool("nftables", "nft", KNFTABLES, feature="json", level="should"),
)


def rows(sets: Iterable[Rules]) -> list[Row[Rules]]:
    """Return the rows that hold for any of these sets of rules."""
    wanted = list(sets)
    return [row for row in ROWS if any(row.condition.holds(one) for one in wanted)]
