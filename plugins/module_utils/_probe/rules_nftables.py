# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Constructs of the native nftables backend, as C(nft -f) reads them; every table has the family inet."""

from typing import Callable

from ansible_collections.nodeprep.istio.plugins.module_utils._probe.rule_sets import (
    DATAGRAM,
    REDIRECT,
    SOURCE,
    TRANSPARENT,
    Construct,
    Modules,
    TrafficTest,
)


def _modules_of(*expressions: str) -> Callable[[str, str], Modules]:
    """Return the function that finds the modules: nf_tables, and the modules of the expressions.

    nft_counter is part of nf_tables on newer kernels, and every rule of Istio has a counter.
    """
    modules = Modules(("nf_tables",) + expressions, ("nft_counter",))
    return lambda _tool, _family: modules


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
        find_modules=_modules_of("nft_chain_nat", "nft_redir"),
        traffic=(TrafficTest(REDIRECT),),
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
        find_modules=_modules_of("nft_chain_nat", "nft_redir"),
        traffic=(TrafficTest(REDIRECT, gid=202),),
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
        find_modules=_modules_of("nft_chain_nat", "nft_redir"),
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
        find_modules=_modules_of("nft_chain_nat", "nft_ct", "nft_redir"),
        traffic=(
            TrafficTest(REDIRECT, to="resolver", port=53, listen=15053),
            TrafficTest(DATAGRAM, to="resolver", port=53, listen=15053),
        ),
        kernel_options=("NF_CONNTRACK_ZONES",),
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
        find_modules=_modules_of("nft_ct", "nft_tproxy"),
        traffic=(TrafficTest(TRANSPARENT, listen=15006),),
        kernel_options=("NF_CONNTRACK_MARK",),
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
        find_modules=_modules_of("nft_ct"),
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
        find_modules=_modules_of("nft_chain_nat", "nft_ct", "nft_redir"),
        traffic=(TrafficTest(REDIRECT),),
        kernel_options=("NF_CONNTRACK_MARK",),
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
        find_modules=_modules_of("nft_chain_nat", "nft_ct", "nft_redir"),
        traffic=(
            TrafficTest(REDIRECT, to="resolver", port=53, listen=15053),
            TrafficTest(DATAGRAM, to="resolver", port=53, listen=15053),
        ),
        kernel_options=("NF_CONNTRACK_ZONES",),
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
        find_modules=_modules_of("nft_chain_nat", "nft_nat"),
        traffic=(TrafficTest(SOURCE, listen=80),),
    ),
)
