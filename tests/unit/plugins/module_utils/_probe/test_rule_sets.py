# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule sets: what they say they need is what is in them, and a selection picks the right ones."""

import re

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils import _module_names
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.rule_sets import RULE_SETS, chosen

SELECTION = {
    "backend": "iptables",
    "mode": ["sidecar"],
    "ip_family": "ipv4",
    "interception": ["redirect"],
    "dns_capture": None,
    "invalid_drop": False,
    "reconcile": None,
    "ambient_ipv6": True,
    "iptables_variant": "nft",
}

# What a word in a rule makes a tool ask the kernel for, a second time, from the text alone.
EXTENSIONS = {
    "-m owner": "xt_owner",
    "-m multiport": "xt_multiport",
    "-m connmark": "xt_connmark",
    "-m conntrack": "xt_conntrack",
    "-m set": "xt_set",
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

BY_TOOL = [pytest.param(rule_set, id=rule_set.id) for rule_set in RULE_SETS]


def found(words, text):
    return {module for word, module in words.items() if word in text}


@pytest.mark.parametrize("rule_set", BY_TOOL)
def test_the_needs_are_those_of_the_text(rule_set):
    needs, either = set(rule_set.needs), set(rule_set.needs) | set(rule_set.may_need)
    if rule_set.tool == "nft":
        assert needs == {"nf_tables"} | found(EXPRESSIONS, rule_set.rules)
        return
    extensions = found(EXTENSIONS, rule_set.rules) | ({"ip_set", "ip_set_hash_ip"} if rule_set.ipset else set())
    tables = re.findall(r"^\*(\w+)$", rule_set.rules, re.MULTILINE)
    if rule_set.tool == "iptables-legacy":
        prefix = "ip" if rule_set.family == "ipv4" else "ip6"
        assert needs == extensions | {prefix + "_tables"} | {prefix + "table_" + table for table in tables}
        return
    assert either - {"nft_counter"} == extensions | {"nf_tables"} | (
        {"nft_chain_nat"} if "nat" in tables else set()
    ) | ({"nft_compat"} if extensions else set())
    # Newer programs match ports and marks without x_tables; nothing else may be left to the version.
    assert set(rule_set.may_need) <= {"nft_counter", "xt_mark", "xt_tcpudp"} or not set(rule_set.needs) & extensions


@pytest.mark.parametrize("rule_set", BY_TOOL)
def test_it_is_known_whether_the_kernel_would_load_each_module(rule_set):
    for name in rule_set.needs + rule_set.may_need:
        assert name in _module_names.KNOWN_MODULES
        assert name in _module_names.AUTOLOAD_REQUESTS or name in ("ip_tables", "ip6_tables")


@pytest.mark.parametrize("rule_set", BY_TOOL)
def test_the_text_is_for_its_family_and_complete(rule_set):
    assert "{" not in rule_set.rules.replace("{ 53, 15008 }", "") or rule_set.tool == "nft"
    assert not re.search(r"\{\w+\}", rule_set.rules)
    other = r"127\.0\.0|169\.254" if rule_set.family == "ipv6" else r"::"
    assert not re.search(other, rule_set.rules)
    assert ("CT --zone" in rule_set.rules or "ct zone" in rule_set.rules) == ("NF_CONNTRACK_ZONES" in rule_set.options)


def test_ids_are_unique_and_name_tool_family_and_construct():
    ids = [rule_set.id for rule_set in RULE_SETS]
    assert len(set(ids)) == len(ids) == 62
    assert "iptables-nft/ipv6/sidecar-dns" in ids


PLAIN = {"detection", "sidecar-redirect", "sidecar-owner-groups", "sidecar-kube-virt"}
AMBIENT = {"detection", "guardrail", "ambient-pod", "ambient-dns", "ambient-host"}


@pytest.mark.parametrize(
    "asked, constructs",
    [
        ({}, PLAIN),
        ({"dns_capture": True}, PLAIN | {"sidecar-dns"}),
        ({"interception": ["redirect", "tproxy"]}, PLAIN | {"sidecar-tproxy"}),
        ({"invalid_drop": True, "reconcile": True}, PLAIN | {"sidecar-invalid-drop", "guardrail"}),
        ({"mode": ["ambient"]}, AMBIENT),
        ({"mode": ["ambient"], "dns_capture": False, "reconcile": False}, AMBIENT - {"ambient-dns", "guardrail"}),
        ({"mode": ["sidecar", "ambient"]}, PLAIN | AMBIENT),
        ({"mode": ["ambient"], "interception": ["tproxy"], "invalid_drop": True}, AMBIENT),
        ({"backend": "nftables", "mode": ["ambient"]}, AMBIENT - {"detection", "guardrail"}),
    ],
)
def test_a_selection_picks_its_constructs(asked, constructs):
    picked = chosen(dict(SELECTION, **asked))
    assert {rule_set.construct for rule_set in picked if rule_set.family == "ipv4"} == constructs


@pytest.mark.parametrize(
    "asked, with_ipv6",
    [
        ({}, set()),
        ({"ip_family": "dual"}, PLAIN),
        ({"ip_family": "ipv6"}, PLAIN),
        ({"mode": ["ambient"]}, AMBIENT),
        ({"mode": ["ambient"], "ambient_ipv6": False}, set()),
        ({"mode": ["sidecar", "ambient"]}, AMBIENT),
    ],
)
def test_ipv6_rules_come_with_the_cluster_and_with_ambient_mode(asked, with_ipv6):
    assert {
        rule_set.construct for rule_set in chosen(dict(SELECTION, **asked)) if rule_set.family == "ipv6"
    } == with_ipv6


@pytest.mark.parametrize(
    "variant, tools",
    [("nft", {"iptables-nft"}), ("legacy", {"iptables-legacy"}), ("auto", {"iptables-nft", "iptables-legacy"})],
)
def test_the_variant_picks_the_tool(variant, tools):
    assert {rule_set.tool for rule_set in chosen(dict(SELECTION, iptables_variant=variant))} == tools
