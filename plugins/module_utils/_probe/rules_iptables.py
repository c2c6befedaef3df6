# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Constructs of the iptables backend, as iptables-restore reads them; the same text for legacy, nft, IPv4 and IPv6."""

from ansible_collections.nodeprep.istio.plugins.module_utils._probe.rule_constructs import Construct, proof


def _needs(tables, extensions, version_dependent=()):
    """Return the function that tells the modules for a tool and a family.

    :param extensions: modules of matches and targets that every iptables takes from x_tables.
    :param version_dependent: those that iptables-nft from 1.8.8 on has rules of its own for.
    """

    def needs(tool, family):
        if tool == "iptables-legacy":
            prefix = "ip" if family == "ipv4" else "ip6"
            # The kernel never loads ip_tables or ip6_tables itself, so each is a need of its own.
            return (prefix + "_tables",) + tuple(
                prefix + "table_" + table for table in tables
            ) + extensions + version_dependent, ()
        own = ("nf_tables",) + (("nft_chain_nat",) if "nat" in tables else ()) + (("nft_compat",) if extensions else ())
        # nft_counter has been part of nf_tables since 5.19 or so; before, iptables-nft asks for it in every rule.
        return own + extensions, version_dependent + ("nft_counter",) + (
            ("nft_compat",) if version_dependent and not extensions else ()
        )

    return needs


CONSTRUCTS = (
    # How Istio finds out which iptables works: a rule that no packet meets.
    Construct(
        name="detection",
        condition={},
        rules="""*nat
-A INPUT -p 255 -j RETURN
COMMIT
""",
        proofs=(),
        ipset=False,
        options=(),
        needs=_needs(("nat",), ()),
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
        proofs=(proof("redirect"),),
        ipset=False,
        options=(),
        needs=_needs(("nat",), ("xt_REDIRECT", "xt_owner"), ("xt_tcpudp",)),
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
        proofs=(proof("redirect", gid=202),),
        ipset=False,
        options=(),
        needs=_needs(("nat",), ("xt_REDIRECT", "xt_owner")),
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
        proofs=(),
        ipset=False,
        options=(),
        needs=_needs(("nat",), ("xt_REDIRECT",)),
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
        proofs=(
            proof("redirect", to="resolver", port=53, listen=15053),
            proof("datagram", to="resolver", port=53, listen=15053),
        ),
        ipset=False,
        options=("NF_CONNTRACK_ZONES",),
        needs=_needs(("nat", "raw"), ("xt_CT", "xt_REDIRECT", "xt_multiport", "xt_owner"), ("xt_tcpudp",)),
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
        proofs=(proof("transparent", listen=15006),),
        ipset=False,
        options=("NF_CONNTRACK_MARK",),
        needs=_needs(("mangle",), ("xt_TPROXY", "xt_connmark", "xt_conntrack", "xt_mark", "xt_owner")),
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
        proofs=(),
        ipset=False,
        options=(),
        needs=_needs(("mangle",), ("xt_conntrack",)),
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
        proofs=(),
        ipset=False,
        options=(),
        needs=_needs(("filter",), ()),
    ),
    Construct(
        name="ambient-pod",
        condition={"mode": "ambient"},
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
        proofs=(proof("redirect"),),
        ipset=False,
        options=("NF_CONNTRACK_MARK",),
        needs=_needs(("mangle", "nat"), ("xt_REDIRECT", "xt_connmark"), ("xt_mark", "xt_tcpudp")),
    ),
    Construct(
        name="ambient-dns",
        condition={"mode": "ambient", "dns_capture": True},
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
        proofs=(
            proof("redirect", to="resolver", port=53, listen=15053),
            proof("datagram", to="resolver", port=53, listen=15053),
        ),
        ipset=False,
        options=("NF_CONNTRACK_ZONES",),
        needs=_needs(("nat", "raw"), ("xt_CT", "xt_REDIRECT"), ("xt_mark", "xt_tcpudp")),
    ),
    # In the host's namespace Istio gives the kubelet's probes a source address that pods let through.
    Construct(
        name="ambient-host",
        condition={"mode": "ambient"},
        rules="""*nat
-N MESH_PROBES
-I POSTROUTING 1 -j MESH_PROBES
-A MESH_PROBES -m owner --socket-exists -p tcp -m set --match-set {set} dst -j SNAT --to-source {prober}
COMMIT
""",
        proofs=(proof("source", listen=80),),
        ipset=True,
        options=(),
        needs=_needs(("nat",), ("ip_set", "ip_set_hash_ip", "xt_nat", "xt_owner", "xt_set")),
    ),
)
