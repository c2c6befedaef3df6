# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Constructs of the native nftables backend, as C(nft -f) reads them; every table is of the family inet."""

from ansible_collections.nodeprep.istio.plugins.module_utils._probe.rule_constructs import Construct, proof


def _needs(*expressions):
    """Return the function that tells the modules: those of the expressions beside nf_tables itself.

    nft_counter is part of nf_tables on newer kernels, and every rule of Istio counts.
    """
    return lambda _tool, _family: (("nf_tables",) + expressions, ("nft_counter",))


CONSTRUCTS = (
    Construct(
        name="sidecar-redirect",
        condition={"mode": "sidecar"},
        rules="""table inet mesh-nat {{
  chain to-inbound {{
    meta l4proto tcp counter redirect to :15006
  }}
  chain inbound {{
    type nat hook prerouting priority -100;
    tcp dport 15008 counter return
    meta l4proto tcp counter jump to-inbound
  }}
  chain outbound {{
    type nat hook output priority -100;
    oifname {lo} {ip} saddr {passthrough} counter return
    oifname {lo} {ip} daddr != {local} tcp dport != 15008 meta skuid 1337 counter jump to-inbound
    oifname {lo} meta skuid != 1337 counter return
    meta skuid 1337 counter return
    meta skgid 1337 counter return
    {ip} daddr {local} counter return
    {ip} daddr {network} counter return
    meta l4proto tcp counter redirect to :15001
  }}
}}
""",
        proofs=(proof("redirect"),),
        ipset=False,
        options=(),
        needs=_needs("nft_chain_nat", "nft_redir"),
    ),
    Construct(
        name="sidecar-owner-groups",
        condition={"mode": "sidecar"},
        rules="""table inet mesh-nat {{
  chain outbound {{
    type nat hook output priority -100;
    meta skgid != 202 meta skgid != 888 counter return
    meta l4proto tcp counter redirect to :15001
  }}
}}
""",
        proofs=(proof("redirect", gid=202),),
        ipset=False,
        options=(),
        needs=_needs("nft_chain_nat", "nft_redir"),
    ),
    Construct(
        name="sidecar-kube-virt",
        condition={"mode": "sidecar"},
        rules="""table inet mesh-nat {{
  chain inbound {{
    type nat hook prerouting priority -100;
    iifname vm-nic {ip} daddr {network} counter return
    iifname vm-nic meta l4proto tcp counter redirect to :15001
  }}
}}
""",
        proofs=(),
        ipset=False,
        options=(),
        needs=_needs("nft_chain_nat", "nft_redir"),
    ),
    Construct(
        name="sidecar-dns",
        condition={"mode": "sidecar", "dns_capture": True},
        rules="""table inet mesh-nat {{
  chain outbound {{
    type nat hook output priority -100;
    oifname {lo} {ip} daddr != {local} tcp dport != {{ 53, 15008 }} meta skuid 1337 counter return
    meta skuid 1337 counter return
    {ip} daddr {resolver} tcp dport 53 counter redirect to :15053
    {ip} daddr {resolver} udp dport 53 counter redirect to :15053
  }}
}}
table inet mesh-raw {{
  chain outbound {{
    type filter hook output priority -300;
    udp dport 53 meta skuid 1337 counter ct zone set 1
    udp sport 15053 meta skuid 1337 counter ct zone set 2
    udp dport 53 {ip} daddr {resolver} counter ct zone set 2
  }}
  chain inbound {{
    type filter hook prerouting priority -300;
    udp sport 53 {ip} saddr {resolver} counter ct zone set 1
  }}
}}
""",
        proofs=(
            proof("redirect", to="resolver", port=53, listen=15053),
            proof("datagram", to="resolver", port=53, listen=15053),
        ),
        ipset=False,
        options=("NF_CONNTRACK_ZONES",),
        needs=_needs("nft_chain_nat", "nft_ct", "nft_redir"),
    ),
    Construct(
        name="sidecar-tproxy",
        condition={"mode": "sidecar", "interception": "tproxy"},
        rules="""table inet mesh-mangle {{
  chain divert {{
    counter meta mark set 1337
    counter accept
  }}
  chain inbound {{
    meta l4proto tcp meta mark 1337 counter return
    iifname {lo} meta l4proto tcp {ip} saddr {passthrough} counter return
    iifname {lo} meta l4proto tcp meta mark != 1338 counter return
    meta l4proto tcp ct state related,established counter jump divert
    meta l4proto tcp {ip} daddr != {local} tproxy {ip} to :15006 meta mark set 1337 counter accept
  }}
  chain prerouting {{
    type filter hook prerouting priority -150;
    meta l4proto tcp counter jump inbound
    meta l4proto tcp meta mark 1337 counter ct mark set meta mark
  }}
  chain output {{
    type route hook output priority -150;
    oifname {lo} meta l4proto tcp {ip} daddr != {local} meta skuid 1337 counter meta mark set 1338
    meta l4proto tcp ct mark 1337 counter meta mark set ct mark
  }}
}}
""",
        proofs=(proof("transparent", listen=15006),),
        ipset=False,
        options=("NF_CONNTRACK_MARK",),
        needs=_needs("nft_ct", "nft_tproxy"),
    ),
    Construct(
        name="sidecar-invalid-drop",
        condition={"mode": "sidecar", "invalid_drop": True},
        rules="""table inet mesh-mangle {{
  chain invalid {{
    counter drop
  }}
  chain prerouting {{
    type filter hook prerouting priority -150;
    meta l4proto tcp ct state invalid counter jump invalid
  }}
}}
""",
        proofs=(),
        ipset=False,
        options=(),
        needs=_needs("nft_ct"),
    ),
    Construct(
        name="ambient-pod",
        condition={"mode": "ambient"},
        rules="""table inet mesh-nat {{
  chain inbound {{
    type nat hook prerouting priority -100;
    meta l4proto tcp {ip} saddr {prober} counter accept
    {ip} daddr != {local} tcp dport != 15008 meta mark and 0xfff != 0x539 counter redirect to :15006
  }}
  chain outbound {{
    type nat hook output priority -100;
    meta l4proto tcp {ip} daddr {prober} counter accept
    meta l4proto tcp meta mark and 0xfff == 0x111 counter accept
    oifname {lo} {ip} daddr != {local} counter accept
    meta l4proto tcp {ip} daddr != {local} meta mark and 0xfff != 0x539 counter redirect to :15001
  }}
}}
table inet mesh-mangle {{
  chain prerouting {{
    type filter hook prerouting priority -150;
    meta mark and 0xfff == 0x539 counter ct mark set ct mark and 0xfffff000 or 0x111
  }}
  chain output {{
    type route hook output priority -150;
    ct mark and 0xfff == 0x111 counter meta mark set ct mark
  }}
}}
""",
        proofs=(proof("redirect"),),
        ipset=False,
        options=("NF_CONNTRACK_MARK",),
        needs=_needs("nft_chain_nat", "nft_ct", "nft_redir"),
    ),
    Construct(
        name="ambient-dns",
        condition={"mode": "ambient", "dns_capture": True},
        rules="""table inet mesh-nat {{
  chain outbound {{
    type nat hook output priority -100;
    oifname != {lo} meta mark and 0xfff != 0x539 udp dport 53 counter redirect to :15053
    {ip} daddr != {local} tcp dport 53 meta mark and 0xfff != 0x539 counter redirect to :15053
  }}
}}
table inet mesh-raw {{
  chain outbound {{
    type filter hook output priority -300;
    udp dport 53 meta mark and 0xfff == 0x539 counter ct zone set 1
  }}
  chain inbound {{
    type filter hook prerouting priority -300;
    udp sport 53 meta mark and 0xfff != 0x539 counter ct zone set 1
  }}
}}
""",
        proofs=(
            proof("redirect", to="resolver", port=53, listen=15053),
            proof("datagram", to="resolver", port=53, listen=15053),
        ),
        ipset=False,
        options=("NF_CONNTRACK_ZONES",),
        needs=_needs("nft_chain_nat", "nft_ct", "nft_redir"),
    ),
    Construct(
        name="ambient-host",
        condition={"mode": "ambient"},
        rules="""table inet mesh-nat {{
  set {set} {{
    type {set_type};
    elements = {{ {target} comment "pod" }}
  }}
  chain postrouting {{
    type nat hook postrouting priority 100;
    meta l4proto tcp meta skuid 0 {ip} daddr @{set} counter snat {ip} to {prober}
  }}
}}
""",
        proofs=(proof("source", listen=80),),
        ipset=False,
        options=(),
        needs=_needs("nft_chain_nat", "nft_nat"),
    ),
)
