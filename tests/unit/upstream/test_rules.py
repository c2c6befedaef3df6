# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rules of a golden file mean."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.tests.upstream.rules import (
    IptablesRule,
    Match,
    NftCommand,
    RuleError,
    read_iptables,
    read_nft,
)


def test_the_input_of_iptables_restore_is_read():
    assert read_iptables(
        "iptables-save\n* nat\n-N CHAIN\n-A OUTPUT -j CHAIN\n-I CHAIN 1 -p tcp -j REDIRECT --to-ports 9001\nCOMMIT\n"
    ) == [
        IptablesRule("ipv4", "nat", (), None),
        IptablesRule("ipv4", "nat", (), "REDIRECT", ("--to-ports", "9001")),
    ]


def test_commands_of_iptables_name_their_table_and_family():
    assert read_iptables(
        "iptables -t raw -N CHAIN\niptables -t raw -A CHAIN -j CT --zone 3\nip6tables -t nat -A OUTPUT -j RETURN\n"
    ) == [
        IptablesRule("ipv4", "raw", (), "CT", ("--zone", "3")),
        IptablesRule("ipv6", "nat", (), None),
    ]


def test_a_table_that_comes_again_is_that_of_ipv6():
    text = "*mangle\n-A INPUT -j DROP\nCOMMIT\n*nat\n-A INPUT -j DROP\nCOMMIT\n*mangle\n-A INPUT -j DROP\nCOMMIT\n"
    assert [(rule.family, rule.table) for rule in read_iptables(text)] == [
        ("ipv4", "mangle"),
        ("ipv4", "nat"),
        ("ipv6", "mangle"),
    ]


@pytest.mark.parametrize(
    "rule, matches",
    [
        ("-p tcp", []),
        ("-p tcp --dport 80", [Match("tcp", True)]),
        ("-p udp ! --sport 53", [Match("udp", True)]),
        ("-p tcp -m tcp", [Match("tcp", False)]),
        ("-p tcp -m tcp --dport 80", [Match("tcp", True)]),
        ("-p tcp -m multiport ! --dports 53,80", [Match("multiport", True)]),
        ("-p tcp --dport 80 -m mark ! --mark 7", [Match("tcp", True), Match("mark", True)]),
        ("-m owner --uid-owner 4242", [Match("owner", True)]),
        ("-m owner --gid-owner 1 -m owner --gid-owner 2", [Match("owner", True), Match("owner", True)]),
    ],
)
def test_a_port_needs_the_match_of_the_protocol(rule, matches):
    (read,) = read_iptables(f"*nat\n-A OUTPUT {rule} -j RETURN\nCOMMIT\n")
    assert list(read.matches) == matches


@pytest.mark.parametrize(
    "text", ["-A OUTPUT -j RETURN\n", "*nat\n-X CHAIN\nCOMMIT\n", "*nat\nCOMMIT\n-A OUTPUT -j DROP\n", "ipset list\n"]
)
def test_a_line_of_another_form_is_an_error(text):
    with pytest.raises(RuleError, match="cannot read the line"):
        read_iptables(text)


def test_commands_of_nft_are_read():
    assert read_nft(
        "add table inet pod\nflush table inet pod\nadd chain inet pod out { type nat hook output priority -100; }\n"
        'insert rule inet pod out ip daddr { 192.0.2.1, 192.0.2.2 } counter comment "two words"\n'
    ) == [
        NftCommand("table", "inet", "pod", ()),
        NftCommand("chain", "inet", "pod", ("out", "{", "type", "nat", "hook", "output", "priority", "-100", ";", "}")),
        NftCommand(
            "rule",
            "inet",
            "pod",
            ("out", "ip", "daddr", "{", "192.0.2.1,", "192.0.2.2", "}", "counter", "comment", '"two words"'),
        ),
    ]


@pytest.mark.parametrize("text", ["list ruleset inet pod\n", "add table inet\n", "table inet pod {\n"])
def test_a_command_of_another_form_is_an_error(text):
    with pytest.raises(RuleError, match="cannot read the line"):
        read_nft(text)
