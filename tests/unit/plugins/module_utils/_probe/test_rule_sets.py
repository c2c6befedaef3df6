# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule sets: the modules that they declare are those that their text uses."""

import re

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils import _module_names
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.rule_sets import IPTABLES_LEGACY, NFT
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.selection import OLDER_RULE_SETS, RULE_SETS

# The module that a word in a rule makes a tool request. Written down a second time, for the text alone.
EXTENSIONS = {
    "-m owner": "xt_owner",
    "-m multiport": "xt_multiport",
    "-m connmark": "xt_connmark",
    "-m conntrack": "xt_conntrack",
    "-m set": "xt_set",
    "-m comment": "xt_comment",
    "-m mark": "xt_mark",
    "-m tcp": "xt_tcpudp",
    "-m udp": "xt_tcpudp",
    "--dport ": "xt_tcpudp",
    "--sport ": "xt_tcpudp",
    "-j REDIRECT": "xt_REDIRECT",
    "-j CT": "xt_CT",
    "-j TPROXY": "xt_TPROXY",
    "-j MARK": "xt_mark",
    "-j CONNMARK": "xt_connmark",
    "-j SNAT": "xt_nat",
}
EXPRESSIONS = {
    " type nat ": "nft_chain_nat",
    " redirect ": "nft_redir",
    " ct ": "nft_ct",
    " tproxy ": "nft_tproxy",
    " snat ": "nft_nat",
}

ALL_RULE_SETS = RULE_SETS + OLDER_RULE_SETS
EACH_RULE_SET = [pytest.param(rule_set, id=rule_set.id) for rule_set in ALL_RULE_SETS]


def find_modules(modules_by_word, text):
    return {module for word, module in modules_by_word.items() if word in text}


def find_extensions(rule_set):
    extensions = find_modules(EXTENSIONS, rule_set.rules)
    if rule_set.ipset:
        extensions |= {"ip_set", "ip_set_hash_ip"}
    return extensions


def find_tables(rule_set):
    return re.findall(r"^\*(\w+)$", rule_set.rules, re.MULTILINE)


def select(*tools):
    return [pytest.param(rule_set, id=rule_set.id) for rule_set in ALL_RULE_SETS if rule_set.tool.name in tools]


@pytest.mark.parametrize("rule_set", select("nft"))
def test_nft_needs_the_modules_of_its_expressions(rule_set):
    assert set(rule_set.modules) == {"nf_tables"} | find_modules(EXPRESSIONS, rule_set.rules)


@pytest.mark.parametrize("rule_set", select("iptables-legacy"))
def test_iptables_legacy_needs_its_tables_and_extensions(rule_set):
    prefix = "ip" if rule_set.family == "ipv4" else "ip6"
    tables = {prefix + "table_" + table for table in find_tables(rule_set)}
    assert set(rule_set.modules) == {prefix + "_tables"} | tables | find_extensions(rule_set)


@pytest.mark.parametrize("rule_set", select("iptables-nft"))
def test_iptables_nft_needs_its_extensions_and_what_they_run_on(rule_set):
    extensions = find_extensions(rule_set)
    expected = {"nf_tables"} | extensions
    if "nat" in find_tables(rule_set):
        expected.add("nft_chain_nat")
    if extensions:
        expected.add("nft_compat")
    assert set(rule_set.all_modules) - {"nft_counter"} == expected
    # Newer programs match ports and marks without x_tables. Nothing else may depend on the version.
    version_dependent = {"nft_counter", "xt_mark", "xt_tcpudp"}
    assert set(rule_set.optional_modules) <= version_dependent or not set(rule_set.modules) & extensions


@pytest.mark.parametrize("rule_set", EACH_RULE_SET)
def test_it_is_known_whether_the_kernel_would_load_each_module(rule_set):
    for name in rule_set.all_modules:
        assert name in _module_names.KNOWN_MODULES
        assert name in _module_names.AUTOLOAD_REQUESTS or name in ("ip_tables", "ip6_tables")


@pytest.mark.parametrize("rule_set", EACH_RULE_SET)
def test_the_text_is_complete_and_for_its_family(rule_set):
    assert "{" not in rule_set.rules.replace("{ 53, 15008 }", "") or rule_set.tool == NFT
    assert not re.search(r"\{\w+\}", rule_set.rules)
    other_family = r"127\.0\.0|169\.254" if rule_set.family == "ipv6" else r"::"
    assert not re.search(other_family, rule_set.rules)


@pytest.mark.parametrize("rule_set", EACH_RULE_SET)
def test_rules_with_zones_need_the_kernel_option_for_zones(rule_set):
    has_zones = "CT --zone" in rule_set.rules or "ct zone" in rule_set.rules
    assert has_zones == ("NF_CONNTRACK_ZONES" in rule_set.kernel_options)


@pytest.mark.parametrize(
    "tool, ipv4, ipv6",
    [
        ("iptables-legacy", set(), set()),
        ("iptables-nft", {"NF_TABLES_IPV4"}, {"NF_TABLES_IPV6"}),
        ("nft", {"NF_TABLES_INET"}, {"NF_TABLES_INET"}),
    ],
)
def test_every_rule_of_nf_tables_needs_the_kernel_option_of_its_table_family(tool, ipv4, ipv6):
    families = {"NF_TABLES_IPV4", "NF_TABLES_IPV6", "NF_TABLES_INET"}
    for family, expected in (("ipv4", ipv4), ("ipv6", ipv6)):
        for rule_set in ALL_RULE_SETS:
            if (rule_set.tool.name, rule_set.family) == (tool, family):
                assert set(rule_set.kernel_options) & families == expected


def test_ids_are_unique_and_name_tool_family_and_construct():
    assert len(RULE_SETS) == 62
    ids = [rule_set.id for rule_set in ALL_RULE_SETS]
    assert len(set(ids)) == len(ids)
    assert "iptables-nft/ipv6/sidecar-dns" in ids


def test_the_program_is_that_of_the_family():
    programs = {rule_set.family: rule_set.program for rule_set in RULE_SETS if rule_set.tool == IPTABLES_LEGACY}
    assert programs == {"ipv4": "iptables-legacy-restore", "ipv6": "ip6tables-legacy-restore"}
