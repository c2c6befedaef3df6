# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules need of the kernel."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.tests.upstream.needs import (
    find_ipset_needs,
    find_iptables_needs,
    find_module,
    find_nft_needs,
)
from ansible_collections.nodeprep.istio.tests.upstream.rules import read_iptables, read_nft

ZONES, MARKS = "CONFIG_NF_CONNTRACK_ZONES", "CONFIG_NF_CONNTRACK_MARK"
# What iptables-nft needs for each rule of IPv4 outside of table nat, and for each match and target of x_tables.
NF_TABLES = {"nfnetlink-subsys-10", "CONFIG_NF_TABLES_IPV4", "nft-expr-counter"}
COMPAT_MATCH = {"nfnetlink-subsys-11", "nft-expr-match"}
COMPAT_TARGET = {"nfnetlink-subsys-11", "nft-expr-target"}


def iptables_needs(rule, variant, table="mangle", program="iptables", has_old_iptables=False):
    rules = read_iptables(f"{program} -t {table} -A OUTPUT {rule}\n")
    return {need.name for need in find_iptables_needs(rules, variant, has_old_iptables)}


def nft_needs(statement, family="inet"):
    commands = read_nft(f"add rule {family} pod out {statement}\n")
    return {need.name for need in find_nft_needs(commands)}


@pytest.mark.parametrize(
    "rule, needs",
    [
        ("-j DROP", set()),
        ("-m owner --uid-owner 1 -j RETURN", {"ipt_owner"}),
        ("-p tcp --dport 80 -j MARK --set-mark 7", {"ipt_tcp", "ipt_MARK"}),
        ("-m connmark --mark 7 -j DROP", {"ipt_connmark", MARKS}),
        ("-j CT --zone 1", {"ipt_CT", ZONES}),
        ("-j CT --notrack", {"ipt_CT"}),
        ("-m future --tense 1 -j DROP", {"ipt_future"}),
    ],
)
def test_iptables_legacy_needs_its_table_and_each_extension(rule, needs):
    assert iptables_needs(rule, "legacy") == {"iptable_mangle", *needs}


def test_ipv6_rules_need_the_names_of_ipv6():
    rule = "-m owner --uid-owner 1 -j REDIRECT --to-ports 9001"
    assert iptables_needs(rule, "legacy", "nat", "ip6tables") == {"IPv6", "ip6table_nat", "ip6t_owner", "ip6t_REDIRECT"}
    assert {"CONFIG_NF_TABLES_IPV6", "nft-chain-10-nat"} <= iptables_needs(rule, "nft", "nat", "ip6tables")


@pytest.mark.parametrize(
    "rule, needs",
    [
        ("-j DROP", set()),
        ("-m mark --mark 7 -j DROP", set()),
        ("-p tcp --dport 80 -j DROP", set()),
        ("-p tcp -m tcp -j DROP", {"ipt_tcp", *COMPAT_MATCH}),
        ("-m owner --uid-owner 1 -j DROP", {"ipt_owner", *COMPAT_MATCH}),
        ("-m mark --mark 7 -j MARK --set-mark 8", {"ipt_MARK", *COMPAT_TARGET}),
    ],
)
def test_iptables_nft_has_expressions_of_its_own_for_marks_and_ports(rule, needs):
    assert iptables_needs(rule, "nft") == NF_TABLES | needs


@pytest.mark.parametrize("rule, request_name", [("-m mark --mark 7", "ipt_mark"), ("-p udp --dport 53", "ipt_udp")])
def test_iptables_nft_1_8_7_has_no_such_expressions(rule, request_name):
    assert request_name in iptables_needs(rule + " -j DROP", "nft", has_old_iptables=True)


def test_only_the_table_nat_needs_a_chain_type():
    assert "nft-chain-2-nat" in iptables_needs("-j DROP", "nft", table="nat")
    assert "nft-chain-2-nat" not in iptables_needs("-j DROP", "nft", table="raw")


@pytest.mark.parametrize(
    "statement, needs",
    [
        ("oifname eth0 ip saddr 192.0.2.1/32 return", set()),
        ("tcp dport != { 53, 9999 } meta skuid != 4242 counter jump limit", {"nft-expr-counter"}),
        ("ct state related,established counter jump divert", {"nft-expr-ct", "nft-expr-counter"}),
        ("udp dport 53 ct zone set 1", {"nft-expr-ct", ZONES}),
        ("ct mark and 0xf == 0x3 meta mark set ct mark", {"nft-expr-ct", MARKS}),
        ("meta l4proto tcp tproxy ip to :9006 accept", {"nft-expr-tproxy"}),
        ("meta skgid java ip daddr @probed snat ip to 192.0.2.7", {"nft-expr-nat"}),
        ("meta l4proto tcp redirect to :9001", {"nft-expr-redir"}),
        ("synproxy mss 1460", {"nft-expr-synproxy", "unknown word mss"}),
    ],
)
def test_nft_needs_the_module_of_each_expression(statement, needs):
    assert nft_needs(statement) == {"nfnetlink-subsys-10", "CONFIG_NF_TABLES_INET", *needs}


@pytest.mark.parametrize(
    "family, kind, needs",
    [
        ("inet", "nat", {"CONFIG_NF_TABLES_INET", "nft-chain-1-nat"}),
        ("ip6", "nat", {"CONFIG_NF_TABLES_IPV6", "nft-chain-10-nat"}),
        ("netdev", "filter", {"CONFIG_NF_TABLES_NETDEV"}),
        ("inet", "route", {"CONFIG_NF_TABLES_INET"}),
    ],
)
def test_nft_needs_the_family_and_the_type_of_a_chain(family, kind, needs):
    commands = read_nft(f"add chain {family} pod out {{ type {kind} hook output priority 0 ; }}\n")
    assert {need.name for need in find_nft_needs(commands)} == {"nfnetlink-subsys-10", *needs}


def test_the_type_of_an_ipset_is_in_the_source():
    (need,) = find_ipset_needs('return netlink.IpsetCreate(name, "hash:net,port", options)')
    assert (need.name, need.cause) == ("ip_set_hash:net,port", "ipset type 'hash:net,port'")


@pytest.mark.parametrize(
    "request_name, module", [("ip6t_SNAT", "xt_nat"), ("ip_set_hash:ip", "ip_set_hash_ip"), ("ipt_future", None)]
)
def test_a_request_leads_to_its_module(request_name, module):
    assert find_module(request_name) == module
