# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Constructs of the iptables backend, as iptables-restore reads them: one text for legacy, nft, IPv4 and IPv6."""

from typing import Callable, Tuple

from ansible_collections.nodeprep.istio.plugins.module_utils._probe.rule_sets import (
    DATAGRAM,
    IPTABLES_LEGACY,
    REDIRECT,
    SOURCE,
    TRANSPARENT,
    Construct,
    Modules,
    TrafficTest,
)


def _modules_of(
    tables: Tuple[str, ...], extensions: Tuple[str, ...] = (), version_dependent: Tuple[str, ...] = ()
) -> Callable[[str, str], Modules]:
    """Return the function that finds the modules of rules for a tool and an IP family.

    :param tables: names of the tables that the rules use.
    :param extensions: modules of matches and targets that every iptables takes from x_tables.
    :param version_dependent: modules that iptables-nft 1.8.8 and newer replaces with rules of nftables.
    """

    def find_modules(tool: str, family: str) -> Modules:
        if tool == IPTABLES_LEGACY.name:
            return _legacy_modules(family, tables, extensions + version_dependent)
        return _nft_modules(tables, extensions, version_dependent)

    return find_modules


def _legacy_modules(family: str, tables: Tuple[str, ...], extensions: Tuple[str, ...]) -> Modules:
    prefix = "ip" if family == "ipv4" else "ip6"
    # The kernel never loads ip_tables or ip6_tables itself, so the rules need each of them besides the tables.
    core = (prefix + "_tables",)
    return Modules(core + tuple(prefix + "table_" + table for table in tables) + extensions, ())


def _nft_modules(tables: Tuple[str, ...], extensions: Tuple[str, ...], version_dependent: Tuple[str, ...]) -> Modules:
    always = ["nf_tables"]
    # nft_counter is part of nf_tables since Linux 5.18. Before that, iptables-nft requests it in every rule.
    optional = list(version_dependent) + ["nft_counter"]
    if "nat" in tables:
        always.append("nft_chain_nat")
    if extensions:
        always.append("nft_compat")
    elif version_dependent:
        optional.append("nft_compat")
    return Modules(tuple(always) + extensions, tuple(optional))


CONSTRUCTS = (
    # Istio loads this rule, which no packet matches, to find out which iptables works.
    Construct(
        name="detection",
        condition={"detection_table": "nat", "detection_comment": False},
        rules="""*nat
-A INPUT -p 255 -j RETURN
COMMIT
""",
        find_modules=_modules_of(("nat",)),
    ),
    Construct(
        name="sidecar-redirect",
        condition={"mode": "sidecar"},
        rules="""*nat
-N MESH_INBOUND
-N MESH_OUTBOUND
-N MESH_TO_INBOUND
-A PREROUTING -p tcp -j MESH_INBOUND
-A MESH_INBOUND -p tcp --dport 15008 -j RETURN
-A MESH_INBOUND -p tcp -j MESH_TO_INBOUND
-A MESH_TO_INBOUND -p tcp -j REDIRECT --to-ports 15006
-A OUTPUT -j MESH_OUTBOUND
-A MESH_OUTBOUND -s {passthrough} -o {lo} -j RETURN
-A MESH_OUTBOUND ! -d {local} -o {lo} -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j MESH_TO_INBOUND
-A MESH_OUTBOUND -o {lo} -m owner ! --uid-owner 1337 -j RETURN
-A MESH_OUTBOUND -m owner --uid-owner 1337 -j RETURN
-A MESH_OUTBOUND -m owner --gid-owner 1337 -j RETURN
-A MESH_OUTBOUND -d {local} -j RETURN
-A MESH_OUTBOUND -d {network} -j RETURN
-A MESH_OUTBOUND -p tcp -j REDIRECT --to-ports 15001
COMMIT
""",
        find_modules=_modules_of(("nat",), ("xt_REDIRECT", "xt_owner"), ("xt_tcpudp",)),
        traffic=(TrafficTest(REDIRECT),),
    ),
    Construct(
        name="sidecar-owner-groups",
        condition={"mode": "sidecar"},
        rules="""*nat
-N MESH_OUTBOUND
-A OUTPUT -j MESH_OUTBOUND
-A MESH_OUTBOUND -m owner ! --gid-owner 202 -m owner ! --gid-owner 888 -j RETURN
-A MESH_OUTBOUND -p tcp -j REDIRECT --to-ports 15001
COMMIT
""",
        find_modules=_modules_of(("nat",), ("xt_REDIRECT", "xt_owner")),
        traffic=(TrafficTest(REDIRECT, gid=202),),
    ),
    Construct(
        name="sidecar-kube-virt",
        condition={"mode": "sidecar"},
        rules="""*nat
-N MESH_TO_PROXY
-A MESH_TO_PROXY -p tcp -j REDIRECT --to-ports 15001
-I PREROUTING 1 -i vm-nic -d {network} -j RETURN
-I PREROUTING 1 -i vm-nic -j MESH_TO_PROXY
COMMIT
""",
        find_modules=_modules_of(("nat",), ("xt_REDIRECT",)),
    ),
    Construct(
        name="sidecar-dns",
        condition={"mode": "sidecar", "dns_capture": True},
        rules="""*nat
-N MESH_OUTBOUND
-A OUTPUT -j MESH_OUTBOUND
-A MESH_OUTBOUND ! -d {local} -o {lo} -p tcp -m multiport ! --dports 53,15008 -m owner --uid-owner 1337 -j RETURN
-A MESH_OUTBOUND -m owner --uid-owner 1337 -j RETURN
-A MESH_OUTBOUND -d {resolver} -p tcp --dport 53 -j REDIRECT --to-ports 15053
-A MESH_OUTBOUND -d {resolver} -p udp --dport 53 -j REDIRECT --to-ports 15053
COMMIT
*raw
-N MESH_DNS
-N MESH_DNS_BACK
-A OUTPUT -j MESH_DNS
-A PREROUTING -j MESH_DNS_BACK
-A MESH_DNS -p udp --dport 53 -m owner --uid-owner 1337 -j CT --zone 1
-A MESH_DNS -p udp --sport 15053 -m owner --uid-owner 1337 -j CT --zone 2
-A MESH_DNS -d {resolver} -p udp --dport 53 -j CT --zone 2
-A MESH_DNS_BACK -s {resolver} -p udp --sport 53 -j CT --zone 1
COMMIT
""",
        find_modules=_modules_of(("nat", "raw"), ("xt_CT", "xt_REDIRECT", "xt_multiport", "xt_owner"), ("xt_tcpudp",)),
        traffic=(
            TrafficTest(REDIRECT, to="resolver", port=53, listen=15053),
            TrafficTest(DATAGRAM, to="resolver", port=53, listen=15053),
        ),
        kernel_options=("NF_CONNTRACK_ZONES",),
    ),
    Construct(
        name="sidecar-tproxy",
        condition={"mode": "sidecar", "interception": "tproxy"},
        rules="""*mangle
-N MESH_INBOUND
-N MESH_DIVERT
-N MESH_TPROXY
-A PREROUTING -p tcp -j MESH_INBOUND
-A PREROUTING -p tcp -m mark --mark 1337 -j CONNMARK --save-mark
-A MESH_INBOUND -p tcp -m mark --mark 1337 -j RETURN
-A MESH_INBOUND -s {passthrough} -i {lo} -p tcp -j RETURN
-A MESH_INBOUND -i {lo} -p tcp -m mark ! --mark 1338 -j RETURN
-A MESH_INBOUND -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j MESH_DIVERT
-A MESH_INBOUND -p tcp -j MESH_TPROXY
-A MESH_DIVERT -j MARK --set-mark 1337
-A MESH_DIVERT -j ACCEPT
-A MESH_TPROXY ! -d {local} -p tcp -j TPROXY --on-port 15006 --tproxy-mark 1337/0xffffffff
-A OUTPUT ! -d {local} -o {lo} -p tcp -m owner --uid-owner 1337 -j MARK --set-mark 1338
-A OUTPUT -p tcp -m connmark --mark 1337 -j CONNMARK --restore-mark
COMMIT
""",
        find_modules=_modules_of(("mangle",), ("xt_TPROXY", "xt_connmark", "xt_conntrack", "xt_mark", "xt_owner")),
        traffic=(TrafficTest(TRANSPARENT, listen=15006),),
        kernel_options=("NF_CONNTRACK_MARK",),
    ),
    Construct(
        name="sidecar-invalid-drop",
        condition={"mode": "sidecar", "invalid_drop": True},
        rules="""*mangle
-N MESH_DROP
-A PREROUTING -m conntrack --ctstate INVALID -j MESH_DROP
-A MESH_DROP -j DROP
COMMIT
""",
        find_modules=_modules_of(("mangle",), ("xt_conntrack",)),
    ),
    # Drops all traffic of a pod while Istio replaces rules that differ.
    Construct(
        name="guardrail",
        condition={"reconcile": True},
        rules="""*filter
-I INPUT 1 -p tcp -j DROP
-I FORWARD 1 -p udp -j DROP
-I OUTPUT 1 -p tcp -j DROP
COMMIT
""",
        find_modules=_modules_of(("filter",)),
    ),
    Construct(
        name="ambient-pod",
        condition={"mode": "ambient", "ambient_interception": "redirect"},
        rules="""*mangle
-N MESH_INBOUND
-N MESH_OUTBOUND
-A PREROUTING -j MESH_INBOUND
-A OUTPUT -j MESH_OUTBOUND
-A MESH_INBOUND -m mark --mark 0x539/0xfff -j CONNMARK --set-xmark 0x111/0xfff
-A MESH_OUTBOUND -m connmark --mark 0x111/0xfff -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff
COMMIT
*nat
-N MESH_INBOUND
-N MESH_OUTBOUND
-A PREROUTING -j MESH_INBOUND
-A OUTPUT -j MESH_OUTBOUND
-A MESH_INBOUND -s {prober} -p tcp -m tcp -j ACCEPT
-A MESH_INBOUND ! -d {local} -p tcp ! --dport 15008 -m mark ! --mark 0x539/0xfff -j REDIRECT --to-ports 15006
-A MESH_OUTBOUND -d {prober} -p tcp -m tcp -j ACCEPT
-A MESH_OUTBOUND -p tcp -m mark --mark 0x111/0xfff -j ACCEPT
-A MESH_OUTBOUND ! -d {local} -o {lo} -j ACCEPT
-A MESH_OUTBOUND ! -d {local} -p tcp -m mark ! --mark 0x539/0xfff -j REDIRECT --to-ports 15001
COMMIT
""",
        find_modules=_modules_of(("mangle", "nat"), ("xt_REDIRECT", "xt_connmark"), ("xt_mark", "xt_tcpudp")),
        traffic=(TrafficTest(REDIRECT),),
        kernel_options=("NF_CONNTRACK_MARK",),
    ),
    Construct(
        name="ambient-dns",
        condition={"mode": "ambient", "dns_capture": True, "ambient_dns_zones": True},
        rules="""*nat
-N MESH_OUTBOUND
-A OUTPUT -j MESH_OUTBOUND
-A MESH_OUTBOUND ! -o {lo} -p udp -m mark ! --mark 0x539/0xfff -m udp --dport 53 -j REDIRECT --to-ports 15053
-A MESH_OUTBOUND ! -d {local} -p tcp --dport 53 -m mark ! --mark 0x539/0xfff -j REDIRECT --to-ports 15053
COMMIT
*raw
-N MESH_OUTBOUND
-N MESH_INBOUND
-A OUTPUT -j MESH_OUTBOUND
-A PREROUTING -j MESH_INBOUND
-A MESH_OUTBOUND -p udp -m mark --mark 0x539/0xfff -m udp --dport 53 -j CT --zone 1
-A MESH_INBOUND -p udp -m mark ! --mark 0x539/0xfff -m udp --sport 53 -j CT --zone 1
COMMIT
""",
        find_modules=_modules_of(("nat", "raw"), ("xt_CT", "xt_REDIRECT"), ("xt_mark", "xt_tcpudp")),
        traffic=(
            TrafficTest(REDIRECT, to="resolver", port=53, listen=15053),
            TrafficTest(DATAGRAM, to="resolver", port=53, listen=15053),
        ),
        kernel_options=("NF_CONNTRACK_ZONES",),
    ),
    # In the host's namespace Istio gives the kubelet's probes a source address that pods accept.
    Construct(
        name="ambient-host",
        condition={"mode": "ambient"},
        rules="""*nat
-N MESH_PROBES
-I POSTROUTING 1 -j MESH_PROBES
-A MESH_PROBES -m owner --socket-exists -p tcp -m set --match-set {set} dst -j SNAT --to-source {prober}
COMMIT
""",
        find_modules=_modules_of(("nat",), ("ip_set", "ip_set_hash_ip", "xt_nat", "xt_owner", "xt_set")),
        traffic=(TrafficTest(SOURCE, listen=80),),
        has_ipset=True,
    ),
)

# Constructs that only older releases of Istio program.
OLDER_CONSTRUCTS = (
    Construct(
        name="detection-comment",
        condition={"detection_table": "nat", "detection_comment": True},
        rules="""*nat
-A INPUT -p 255 -m comment --comment mesh -j RETURN
COMMIT
""",
        find_modules=_modules_of(("nat",), ("xt_comment",)),
    ),
    Construct(
        name="detection-filter",
        condition={"detection_table": "filter", "detection_comment": False},
        rules="""*filter
-A INPUT -p 255 -j RETURN
COMMIT
""",
        find_modules=_modules_of(("filter",)),
    ),
    Construct(
        name="detection-filter-comment",
        condition={"detection_table": "filter", "detection_comment": True},
        rules="""*filter
-A INPUT -p 255 -m comment --comment mesh -j RETURN
COMMIT
""",
        find_modules=_modules_of(("filter",), ("xt_comment",)),
    ),
    # The traffic test of the inbound rules would not reach them if the outbound rules were there, too.
    Construct(
        name="ambient-tproxy",
        condition={"mode": "ambient", "ambient_interception": "tproxy"},
        rules="""*mangle
-N MESH_INBOUND
-N MESH_OUTBOUND
-A PREROUTING -j MESH_INBOUND
-A OUTPUT -j MESH_OUTBOUND
-A MESH_INBOUND -m mark --mark 0x539/0xfff -j CONNMARK --set-xmark 0x111/0xfff
-A MESH_INBOUND -s {prober} -p tcp -m tcp -j ACCEPT
-A MESH_INBOUND ! -d {local} -i {lo} -p tcp -j ACCEPT
-A MESH_INBOUND -p tcp --dport 15008 -m mark ! --mark 0x539/0xfff -j TPROXY --on-port 15008 --tproxy-mark 0x111/0xfff
-A MESH_INBOUND -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A MESH_INBOUND ! -d {local} -p tcp -m mark ! --mark 0x539/0xfff -j TPROXY --on-port 15006 --tproxy-mark 0x111/0xfff
-A MESH_OUTBOUND -m connmark --mark 0x111/0xfff -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff
COMMIT
""",
        find_modules=_modules_of(("mangle",), ("xt_TPROXY", "xt_connmark", "xt_conntrack"), ("xt_mark", "xt_tcpudp")),
        traffic=(TrafficTest(TRANSPARENT, listen=15006),),
        kernel_options=("NF_CONNTRACK_MARK",),
    ),
    Construct(
        name="ambient-outbound",
        condition={"mode": "ambient", "ambient_interception": "tproxy"},
        rules="""*nat
-N MESH_OUTBOUND
-A OUTPUT -j MESH_OUTBOUND
-A MESH_OUTBOUND -d {prober} -p tcp -m tcp -j ACCEPT
-A MESH_OUTBOUND -p tcp -m mark --mark 0x111/0xfff -j ACCEPT
-A MESH_OUTBOUND ! -d {local} -o {lo} -j ACCEPT
-A MESH_OUTBOUND ! -d {local} -p tcp -m mark ! --mark 0x539/0xfff -j REDIRECT --to-ports 15001
COMMIT
""",
        find_modules=_modules_of(("nat",), ("xt_REDIRECT",), ("xt_mark", "xt_tcpudp")),
        traffic=(TrafficTest(REDIRECT),),
    ),
    Construct(
        name="ambient-dns-redirect",
        condition={"mode": "ambient", "dns_capture": True, "ambient_dns_zones": False},
        rules="""*nat
-N MESH_OUTBOUND
-A OUTPUT -j MESH_OUTBOUND
-A MESH_OUTBOUND ! -o {lo} -p udp -m udp --dport 53 -j REDIRECT --to-ports 15053
COMMIT
""",
        find_modules=_modules_of(("nat",), ("xt_REDIRECT",), ("xt_tcpudp",)),
        traffic=(TrafficTest(DATAGRAM, to="resolver", port=53, listen=15053),),
    ),
)
