# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules need of the kernel: the modules that it requests for them, and kernel options. Pure.

A need is a request as in AUTOLOAD_REQUESTS of _module_names.py, for example "ipt_owner", or an option, "CONFIG_...".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import AUTOLOAD_REQUESTS
from ansible_collections.nodeprep.istio.tests.upstream.rules import IptablesRule, Match, NftCommand

Variant = Literal["legacy", "nft"]

# The prefix of tables and extensions of each IP family, and the number of the family (include/uapi/linux/netfilter.h).
_TABLE_PREFIXES = {"ipv4": "iptable_", "ipv6": "ip6table_"}
_EXTENSION_PREFIXES = {"ipv4": "ipt_", "ipv6": "ip6t_"}
_FAMILY_NUMBERS = {"inet": 1, "ip": 2, "arp": 3, "bridge": 7, "ip6": 10, "ipv4": 2, "ipv6": 10}
_FAMILY_OPTIONS = {
    "inet": "CONFIG_NF_TABLES_INET",
    "ip": "CONFIG_NF_TABLES_IPV4",
    "ip6": "CONFIG_NF_TABLES_IPV6",
    "ipv4": "CONFIG_NF_TABLES_IPV4",
    "ipv6": "CONFIG_NF_TABLES_IPV6",
}
ZONES = "CONFIG_NF_CONNTRACK_ZONES"
MARKS = "CONFIG_NF_CONNTRACK_MARK"
# The kernel must store comments of the entries of an ipset.
IPSET_COMMENTS = "ipset comments"
# ip6tables opens an IPv6 socket.
IPV6 = "IPv6"

# The prefix of a need for a word of nft that this tool does not know.
UNKNOWN_WORD = "unknown word "

# Chain types in nf_tables itself: net/netfilter/nft_chain_filter.c and nft_chain_route.c.
_CORE_CHAIN_TYPES = ("filter", "route")
# Statements and expressions of nft that the kernel has in modules, and their names in requests: request_module() in
# net/netfilter/nf_tables_api.c, the names in nft(8) and in the source of nft (src/netlink_linearize.c).
_EXPRESSIONS = {
    "counter": "counter",
    "ct": "ct",
    "dnat": "nat",
    "dup": "dup",
    "fib": "fib",
    "flow": "flow_offload",
    "fwd": "fwd",
    "hash": "hash",
    "jhash": "hash",
    "limit": "limit",
    "log": "log",
    "masquerade": "masq",
    "notrack": "notrack",
    "numgen": "numgen",
    "osf": "osf",
    "queue": "queue",
    "quota": "quota",
    "redirect": "redir",
    "reject": "reject",
    "snat": "nat",
    "socket": "socket",
    "synproxy": "synproxy",
    "tproxy": "tproxy",
    "tunnel": "tunnel",
    "xfrm": "xfrm",
}
# Words of expressions and statements in nf_tables itself (net/netfilter/nf_tables_core.c).
_CORE_WORDS = (
    *("accept", "drop", "return", "jump", "goto", "comment", "index"),
    *("ip", "ip6", "saddr", "daddr", "tcp", "udp", "th", "sport", "dport"),
    *("meta", "l4proto", "mark", "iif", "iifname", "oif", "oifname", "skuid", "skgid", "set", "state", "zone", "to"),
    *("and", "or"),
)
# Words that a name of the user follows: an interface, a chain, a state, a user, text.
_NAMING_WORDS = ("comment", "goto", "iif", "iifname", "jump", "l4proto", "oif", "oifname", "skgid", "skuid", "state")
_OPERATORS = ("!=", "==")
_WORD = re.compile(r"[a-z][a-z0-9]*")


class Need(NamedTuple):
    """A request or an option, and the part of the rules that causes it, for example "match 'owner'"."""

    name: str
    cause: str


def find_module(request: str) -> str | None:
    """Return the module that answers a request, or None if _module_names.py does not know the request."""
    for module, requests in AUTOLOAD_REQUESTS.items():
        if request in requests:
            return module
    return None


def find_iptables_needs(rules: Iterable[IptablesRule], variant: Variant, has_old_iptables: bool) -> set[Need]:
    """Return what rules of iptables need.

    :param variant: the variant of iptables that loads them.
    :param has_old_iptables: whether iptables is 1.8.7 or older.
    """
    needs: set[Need] = set()
    for rule in rules:
        needs.update(_list_rule_needs(rule))
        if variant == "legacy":
            needs.add(Need(_TABLE_PREFIXES[rule.family] + rule.table, f"table '{rule.table}'"))
            needs.update(_list_extension_needs(rule, rule.matches))
        else:
            needs.update(_list_nft_needs(rule, has_old_iptables))
    return needs


def _list_rule_needs(rule: IptablesRule) -> Iterator[Need]:
    """Yield what both variants need."""
    if rule.family == "ipv6":
        yield Need(IPV6, "ip6tables")
    if rule.target == "CT" and "--zone" in rule.target_options:
        yield Need(ZONES, "target 'CT --zone'")
    if rule.target == "CONNMARK" or any(match.name == "connmark" for match in rule.matches):
        yield Need(MARKS, "the mark of connections")


def _list_extension_needs(rule: IptablesRule, matches: Iterable[Match]) -> Iterator[Need]:
    prefix = _EXTENSION_PREFIXES[rule.family]
    for match in matches:
        yield Need(prefix + match.name, f"match '{match.name}'")
    if rule.target:
        yield Need(prefix + rule.target, f"target '{rule.target}'")


def _list_nft_needs(rule: IptablesRule, has_old_iptables: bool) -> Iterator[Need]:
    """Yield what iptables-nft needs: nf_tables, and nft_compat for the matches and targets of x_tables."""
    yield Need("nfnetlink-subsys-10", f"table '{rule.table}'")
    yield Need(_FAMILY_OPTIONS[rule.family], f"table '{rule.table}'")
    yield Need("nft-expr-counter", "the counter of each rule")
    if rule.table == "nat":
        yield Need(f"nft-chain-{_FAMILY_NUMBERS[rule.family]}-nat", "table 'nat'")
    matches = [match for match in rule.matches if has_old_iptables or not _is_native(match)]
    for match in matches:
        yield Need("nft-expr-match", f"match '{match.name}'")
    if rule.target:
        yield Need("nft-expr-target", f"target '{rule.target}'")
    for need in _list_extension_needs(rule, matches):
        yield need
        yield Need("nfnetlink-subsys-11", need.cause)


def _is_native(match: Match) -> bool:
    """Return whether iptables-nft 1.8.8 and newer writes an expression of nftables for a match.

    Source: add_match(), add_nft_tcp(), add_nft_udp() and add_nft_mark() in iptables/nft.c. A match of a protocol that
    tests nothing has no such expression.
    """
    return match.name == "mark" or (match.name in ("tcp", "udp") and match.has_options)


def find_nft_needs(commands: Iterable[NftCommand]) -> set[Need]:
    """Return what commands of nft need. A word that this tool does not know becomes a need of that name."""
    needs = {Need("nfnetlink-subsys-10", "nft")}
    for command in commands:
        family = command.family
        needs.add(Need(_FAMILY_OPTIONS.get(family, f"CONFIG_NF_TABLES_{family.upper()}"), f"family '{family}'"))
        if command.kind == "chain":
            needs.update(_list_chain_needs(command))
        elif command.kind == "rule":
            needs.update(_list_statement_needs(command.words[1:]))
    return needs


def _list_chain_needs(command: NftCommand) -> Iterator[Need]:
    if "type" in command.words:
        kind = command.words[command.words.index("type") + 1]
        if kind not in _CORE_CHAIN_TYPES:
            yield Need(f"nft-chain-{_FAMILY_NUMBERS.get(command.family, 0)}-{kind}", f"chain type '{kind}'")


def _list_statement_needs(words: tuple[str, ...]) -> Iterator[Need]:
    previous = ""
    for word in words:
        if word in _OPERATORS:
            continue
        if previous not in _NAMING_WORDS and _WORD.fullmatch(word):
            yield from _list_word_needs(word, previous)
        previous = word


def _list_word_needs(word: str, previous: str) -> Iterator[Need]:
    if word in _EXPRESSIONS:
        yield Need(f"nft-expr-{_EXPRESSIONS[word]}", f"statement or expression '{word}'")
    elif word not in _CORE_WORDS:
        yield Need(UNKNOWN_WORD + word, f"word '{word}'")
    if previous == "ct" and word == "zone":
        yield Need(ZONES, "expression 'ct zone'")
    if previous == "ct" and word == "mark":
        yield Need(MARKS, "expression 'ct mark'")


def find_ipset_needs(source: str) -> set[Need]:
    """Return what the ipset needs that Istio creates, from the Go source that creates it."""
    types = re.findall(r'IpsetCreate\([^"]*"([a-z:,]+)"', source)
    needs = {Need(f"ip_set_{kind}", f"ipset type '{kind}'") for kind in types}
    if re.search(r"\bComments: true\b", source):
        needs.add(Need(IPSET_COMMENTS, "option 'Comments' of the ipset"))
    return needs
