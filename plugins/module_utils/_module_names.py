# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel module names: their kernel options, the requests that load them, and their states.

This describes the kernel. What Istio requires is not known here.
"""

import re
from typing import Dict, Optional, Tuple

# The first version of Linux in which something holds and the first one in which it no longer does; None is unbounded.
VersionRange = Tuple[Optional[Tuple[int, int]], Optional[Tuple[int, int]]]

# The kernel options of a module. If any of them is "y", the module's code is in the kernel image; if none is set, the
# module was not built. Source: Kconfig and Makefile in net/netfilter, net/ipv4/netfilter, net/ipv6/netfilter and
# net/bridge. In every release the legacy tables select ip_tables or depend on it, so they prove it.
# nf_nat_redirect has no option here: NF_NAT_REDIRECT=y is code inside nf_nat.ko.
KERNEL_OPTIONS: Dict[str, Tuple[str, ...]] = {
    "br_netfilter": ("BRIDGE_NETFILTER",),
    "bridge": ("BRIDGE",),
    "ip6_tables": (
        "IP6_NF_IPTABLES_LEGACY",
        "IP6_NF_IPTABLES",
        "IP6_NF_FILTER",
        "IP6_NF_MANGLE",
        "IP6_NF_RAW",
        "IP6_NF_NAT",
    ),
    "ip6table_filter": ("IP6_NF_FILTER",),
    "ip6table_mangle": ("IP6_NF_MANGLE",),
    "ip6table_nat": ("IP6_NF_NAT", "NF_NAT_IPV6"),
    "ip6table_raw": ("IP6_NF_RAW",),
    "ip_set": ("IP_SET",),
    "ip_set_hash_ip": ("IP_SET_HASH_IP",),
    "ip_tables": (
        "IP_NF_IPTABLES_LEGACY",
        "IP_NF_IPTABLES",
        "IP_NF_FILTER",
        "IP_NF_MANGLE",
        "IP_NF_RAW",
        "IP_NF_NAT",
    ),
    "iptable_filter": ("IP_NF_FILTER",),
    "iptable_mangle": ("IP_NF_MANGLE",),
    "iptable_nat": ("IP_NF_NAT", "NF_NAT_IPV4"),
    "iptable_raw": ("IP_NF_RAW",),
    "nf_conntrack": ("NF_CONNTRACK",),
    "nf_conntrack_ipv4": ("NF_CONNTRACK_IPV4",),
    "nf_conntrack_ipv6": ("NF_CONNTRACK_IPV6",),
    "nf_defrag_ipv4": ("NF_DEFRAG_IPV4",),
    "nf_defrag_ipv6": ("NF_DEFRAG_IPV6",),
    "nf_nat": ("NF_NAT",),
    "nf_nat_ipv4": ("NF_NAT_IPV4",),
    "nf_nat_ipv6": ("NF_NAT_IPV6",),
    "nf_nat_redirect": (),
    "nf_tables": ("NF_TABLES",),
    "nft_chain_nat": ("NFT_NAT",),
    "nft_chain_nat_ipv4": ("NFT_CHAIN_NAT_IPV4",),
    "nft_chain_nat_ipv6": ("NFT_CHAIN_NAT_IPV6",),
    "nft_compat": ("NFT_COMPAT",),
    "nft_counter": ("NFT_COUNTER",),
    "nft_ct": ("NFT_CT",),
    "nft_nat": ("NFT_NAT",),
    "nft_redir": ("NFT_REDIR",),
    "nft_socket": ("NFT_SOCKET",),
    "nft_tproxy": ("NFT_TPROXY",),
    "x_tables": ("NETFILTER_XTABLES",),
    "xt_CT": ("NETFILTER_XT_TARGET_CT",),
    "xt_REDIRECT": ("NETFILTER_XT_TARGET_REDIRECT",),
    "xt_TPROXY": ("NETFILTER_XT_TARGET_TPROXY",),
    "xt_comment": ("NETFILTER_XT_MATCH_COMMENT",),
    "xt_connmark": ("NETFILTER_XT_CONNMARK",),
    "xt_conntrack": ("NETFILTER_XT_MATCH_CONNTRACK",),
    "xt_mark": ("NETFILTER_XT_MARK",),
    "xt_multiport": ("NETFILTER_XT_MATCH_MULTIPORT",),
    "xt_nat": ("NETFILTER_XT_NAT", "NF_NAT"),
    "xt_owner": ("NETFILTER_XT_MATCH_OWNER",),
    "xt_set": ("NETFILTER_XT_SET",),
    "xt_tcpudp": ("NETFILTER_XTABLES",),
}

KNOWN_MODULES = tuple(sorted(KERNEL_OPTIONS))

# The versions of Linux that have an option, for those of KERNEL_OPTIONS that not all versions since 3.10 have. Sources,
# by the commit that added or removed the option: nf_tables and its expressions 96518518cc41 (3.13), NFT_COMPAT
# 0ca743a55991 (3.13), NFT_REDIR e9105f1bead2 (3.19), NFT_SOCKET 554ced0a6e29 (4.18), NFT_TPROXY 4ed8eb6570a4 (4.19),
# NFT_CHAIN_NAT_* db8ab38880e0 (5.2), NFT_COUNTER 023223dfbfb3 (5.18), NF_CONNTRACK_IPV4/6 a0ae2562c6c4 (4.19),
# NF_NAT_IPV4/6 3bf195ae6037 (5.1), IP_NF_NAT, IP6_NF_NAT and NETFILTER_XT_NAT 8993cf8edf42 (3.17), and the options of
# IP_NF_IPTABLES_LEGACY a9525c7f6219 (6.9). Distributions backport: a configuration that names an option has it.
OPTION_VERSIONS: Dict[str, VersionRange] = {
    "IP6_NF_IPTABLES_LEGACY": ((6, 9), None),
    "IP6_NF_NAT": ((3, 17), None),
    "IP_NF_IPTABLES_LEGACY": ((6, 9), None),
    "IP_NF_NAT": ((3, 17), None),
    "NETFILTER_XT_NAT": ((3, 17), None),
    "NFT_CHAIN_NAT_IPV4": ((3, 13), (5, 2)),
    "NFT_CHAIN_NAT_IPV6": ((3, 13), (5, 2)),
    "NFT_COMPAT": ((3, 13), None),
    "NFT_COUNTER": ((3, 13), (5, 18)),
    "NFT_CT": ((3, 13), None),
    "NFT_NAT": ((3, 13), None),
    "NFT_REDIR": ((3, 19), None),
    "NFT_SOCKET": ((4, 18), None),
    "NFT_TPROXY": ((4, 19), None),
    "NF_CONNTRACK_IPV4": (None, (4, 19)),
    "NF_CONNTRACK_IPV6": (None, (4, 19)),
    "NF_NAT_IPV4": (None, (5, 1)),
    "NF_NAT_IPV6": (None, (5, 1)),
    "NF_TABLES": ((3, 13), None),
}

# The versions of Linux in which an option builds a module, if these are fewer than those that have the option: NFT_NAT
# builds nft_chain_nat since db8ab38880e0 (5.2), IP_NF_IPTABLES builds ip_tables up to a9525c7f6219 (6.9), and
# NF_NAT_IPV4, NF_NAT_IPV6 and NF_NAT build the nat tables and xt_nat up to 8993cf8edf42 (3.17).
OPTION_BUILDS: Dict[Tuple[str, str], VersionRange] = {
    ("ip6_tables", "IP6_NF_IPTABLES"): (None, (6, 9)),
    ("ip6table_nat", "NF_NAT_IPV6"): (None, (3, 17)),
    ("ip_tables", "IP_NF_IPTABLES"): (None, (6, 9)),
    ("iptable_nat", "NF_NAT_IPV4"): (None, (3, 17)),
    ("nft_chain_nat", "NFT_NAT"): ((5, 2), None),
    ("xt_nat", "NF_NAT"): (None, (3, 17)),
}

# RHEL 8 (4.18) kept these at "m" after it had backported the removal of the modules, so "m" proves nothing.
RETAINED_OPTIONS = ("NF_CONNTRACK_IPV4", "NF_CONNTRACK_IPV6", "NF_NAT_IPV4", "NF_NAT_IPV6")

# Modules whose code moved into another module: nf_conntrack_ipv4/6 in 4.19 (a0ae2562c6c4), nf_nat_ipv4/6 in 5.1
# (3bf195ae6037), nf_nat_redirect when NF_NAT_REDIRECT became a bool, nft_counter in 5.18 (023223dfbfb3), together with
# its option. Distributions backport these merges, so only the modules tree shows whether a kernel has one; without a
# tree, its kernel options do.
MERGED_INTO = {
    "nf_conntrack_ipv4": "nf_conntrack",
    "nf_conntrack_ipv6": "nf_conntrack",
    "nf_nat_ipv4": "nf_nat",
    "nf_nat_ipv6": "nf_nat",
    "nf_nat_redirect": "nf_nat",
    "nft_counter": "nf_tables",
}

# The names and aliases for which the kernel runs modprobe when a rule needs the module: request_module() in
# net/netfilter/x_tables.c (the table by its module name, ipt_NAME, ip6t_NAME), net/netfilter/nfnetlink.c
# (nfnetlink-subsys-N), net/netfilter/nf_tables_api.c (nft-expr-NAME, nft-chain-FAMILY-TYPE; 1 is inet, 2 IPv4,
# 10 IPv6), net/netfilter/nft_compat.c (the same ipt_NAME and ip6t_NAME), net/netfilter/ipset/ip_set_core.c
# (ip_set_TYPE) and net/core/rtnetlink.c (rtnl-link-KIND). Matches have small letters,
# targets capitals; the requests of other extensions of these modules, such as ipt_DNAT, are left out. The kernel never
# requests a module that is not listed here, even if modules.alias has an alias for it.
AUTOLOAD_REQUESTS = {
    "bridge": ("rtnl-link-bridge",),
    "ip6table_filter": ("ip6table_filter",),
    "ip6table_mangle": ("ip6table_mangle",),
    "ip6table_nat": ("ip6table_nat",),
    "ip6table_raw": ("ip6table_raw",),
    "ip_set": ("nfnetlink-subsys-6",),
    "ip_set_hash_ip": ("ip_set_hash:ip",),
    "iptable_filter": ("iptable_filter",),
    "iptable_mangle": ("iptable_mangle",),
    "iptable_nat": ("iptable_nat",),
    "iptable_raw": ("iptable_raw",),
    "nf_tables": ("nfnetlink-subsys-10",),
    "nft_chain_nat": ("nft-chain-1-nat", "nft-chain-2-nat", "nft-chain-10-nat"),
    "nft_chain_nat_ipv4": ("nft-chain-2-nat",),
    "nft_chain_nat_ipv6": ("nft-chain-10-nat",),
    "nft_compat": ("nfnetlink-subsys-11", "nft-expr-match", "nft-expr-target"),
    "nft_counter": ("nft-expr-counter",),
    "nft_ct": ("nft-expr-ct",),
    "nft_nat": ("nft-expr-nat",),
    "nft_redir": ("nft-expr-redir",),
    "nft_socket": ("nft-expr-socket",),
    "nft_tproxy": ("nft-expr-tproxy",),
    "xt_CT": ("ipt_CT", "ip6t_CT"),
    "xt_REDIRECT": ("ipt_REDIRECT", "ip6t_REDIRECT"),
    "xt_TPROXY": ("ipt_TPROXY", "ip6t_TPROXY"),
    "xt_comment": ("ipt_comment", "ip6t_comment"),
    "xt_connmark": ("ipt_connmark", "ip6t_connmark", "ipt_CONNMARK", "ip6t_CONNMARK"),
    "xt_conntrack": ("ipt_conntrack", "ip6t_conntrack"),
    "xt_mark": ("ipt_mark", "ip6t_mark", "ipt_MARK", "ip6t_MARK"),
    "xt_multiport": ("ipt_multiport", "ip6t_multiport"),
    "xt_nat": ("ipt_SNAT", "ip6t_SNAT"),
    "xt_owner": ("ipt_owner", "ip6t_owner"),
    "xt_set": ("ipt_set", "ip6t_set"),
    "xt_tcpudp": ("ipt_tcp", "ip6t_tcp", "ipt_udp", "ip6t_udp"),
}

# The module whose code makes the request above, so it must be loaded first: xt_find_table_lock() runs in ip_tables and
# ip6_tables, which the kernel never requests; nf_tables_api.c is in nf_tables and find_set_type_get() in ip_set, which
# it does request.
AUTOLOAD_AFTER = {
    "ip6table_filter": "ip6_tables",
    "ip6table_mangle": "ip6_tables",
    "ip6table_nat": "ip6_tables",
    "ip6table_raw": "ip6_tables",
    "ip_set_hash_ip": "ip_set",
    "iptable_filter": "ip_tables",
    "iptable_mangle": "ip_tables",
    "iptable_nat": "ip_tables",
    "iptable_raw": "ip_tables",
    "nft_chain_nat": "nf_tables",
    "nft_chain_nat_ipv4": "nf_tables",
    "nft_chain_nat_ipv6": "nf_tables",
    "nft_counter": "nf_tables",
    "nft_ct": "nf_tables",
    "nft_nat": "nf_tables",
    "nft_redir": "nf_tables",
    "nft_socket": "nf_tables",
    "nft_tproxy": "nf_tables",
}

# The kernel requests an IPv6 table for a program that uses an IPv6 socket (net/ipv6/netfilter/ip6_tables.c:
# do_ip6t_get_ctl()). Without IPv6 no program has one.
NEEDS_IPV6_SOCKET = tuple(sorted(name for name in AUTOLOAD_AFTER if AUTOLOAD_AFTER[name] == "ip6_tables"))

# The states of a module that is in use or in the kernel image, and of one that modprobe has loaded or can load.
PRESENT_STATES = ("loaded", "builtin", "merged")
LOADABLE_STATES = ("loaded", "loadable")

# MODULE_NAME_LEN (include/linux/moduleparam.h) is 56 with the final NUL.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,54}")


def canonicalize(name: str) -> str:
    """Return a module name with underscores: to the kernel a dash and an underscore are the same (modprobe(8))."""
    return name.replace("-", "_")


def is_valid_name(name: str) -> bool:
    """Return whether this is a valid module name: letters, digits, "_" and "-"."""
    return _NAME.fullmatch(name) is not None
