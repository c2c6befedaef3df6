# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel options that change what a rule or a route can do, and that no module's presence shows."""

import re
from typing import Dict, Mapping, Optional, Tuple

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files

# An option with a prompt has a line in each complete configuration if its dependencies are set: "CONFIG_X=y" or
# "# CONFIG_X is not set". If one of these is not set, it has no line. Source: Kconfig in net/ipv4, net/ipv6,
# net/netfilter, net/ipv4/netfilter and net/ipv6/netfilter.
DEPENDENCIES: Dict[str, Tuple[str, ...]] = {
    "IP_MULTIPLE_TABLES": ("IP_ADVANCED_ROUTER",),
    "IPV6_MULTIPLE_TABLES": ("IPV6",),
    "NF_TABLES_INET": ("NF_TABLES", "IPV6"),
    "NF_TABLES_IPV4": ("NF_TABLES",),
    "NF_TABLES_IPV6": ("NF_TABLES", "IPV6"),
}

KALLSYMS = "/proc/kallsyms"
# A function that the kernel has only with the option, and one that is always beside it. Each is called by its address,
# so that the compiler keeps its name. Source: net/ipv4/fib_rules.c, net/ipv4/fib_trie.c, net/ipv6/fib6_rules.c,
# net/ipv6/ip6_fib.c, net/netfilter/nft_chain_filter.c, net/netfilter/nf_tables_api.c.
SYMBOLS: Dict[str, Tuple[str, str]] = {
    "IP_MULTIPLE_TABLES": ("fib4_rule_action", "fib_table_lookup"),
    "IPV6_MULTIPLE_TABLES": ("fib6_rule_action", "fib6_table_lookup"),
    "NF_TABLES_INET": ("nft_do_chain_inet", "nf_tables_newtable"),
    "NF_TABLES_IPV4": ("nft_do_chain_ipv4", "nf_tables_newtable"),
    "NF_TABLES_IPV6": ("nft_do_chain_ipv6", "nf_tables_newtable"),
}


def find_in_config(config: Optional[Mapping[str, str]], option: str) -> Optional[str]:
    """Return "y", "m" or "n"; None if the evidence does not settle it.

    A configuration that does not mention one of DEPENDENCIES proves nothing: it is not complete, or its kernel is of a
    version without the option.

    :param config: the options of the kernel, or None; see :class:`kernel_config.KernelConfig`.
    """
    if config is None:
        return None
    if option in config or option not in DEPENDENCIES:
        return config.get(option, "n")
    return "n" if any(config.get(name) == "n" for name in DEPENDENCIES[option]) else None


def find_by_symbols(files: Files) -> Dict[str, Optional[str]]:
    """Return the same for each of SYMBOLS from the functions of the running kernel."""
    symbols = files.read_bytes(KALLSYMS) or b""
    return {option: _find_by_symbols(symbols, option) for option in SYMBOLS}


def _find_by_symbols(symbols: bytes, option: str) -> Optional[str]:
    with_option, always = SYMBOLS[option]
    if re.search(rb"\b%s\b" % with_option.encode(), symbols):
        return "y"
    return "n" if re.search(rb"\b%s\b" % always.encode(), symbols) else None
