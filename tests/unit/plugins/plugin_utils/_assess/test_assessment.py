# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The assessment of a node: its requirements, verdicts and disagreements."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.filter.required_modules import required_modules
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import AUTOLOAD_REQUESTS
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import (
    assess,
    assess_requirements,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import (
    facts,
    parse_facts,
    readiness,
    without_legacy,
)

PAGE = {"profile": "documented"}


@pytest.mark.parametrize(
    "verdict, options",
    [
        ("ready", {"state": "builtin", "boot": "not_applicable"}),
        ("ready", {"state": "loaded", "boot": "yes"}),
        ("on_demand", {}),
        ("on_demand", {"state": "loaded"}),
        ("at_risk", {"state": "loaded", "autoload": "never"}),
        ("at_risk", {"state": "loaded", "autoload": "denied", "boot": "ineffective"}),
        ("at_risk", {"state": "loaded", "nft_redir": {"next_boot": {"state": "missing", "autoload": "never"}}}),
        ("on_demand", {"state": "loaded", "nft_redir": {"autoload": "never", "next_boot": {"autoload": "yes"}}}),
        ("not_ready", {"autoload": "denied"}),
        ("not_ready", {"state": "missing", "autoload": "never"}),
        ("not_ready", {"state": "blocked", "autoload": "denied"}),
        ("unknown", {"state": "unknown", "autoload": "unknown"}),
        ("unknown", {"autoload": "unknown"}),
        ("unknown", {"state": "loaded", "autoload": "unknown"}),
        ("not_ready", {"state": "loaded", "boot": "yes", "nft": None}),
        ("not_ready", {"state": "loaded", "boot": "yes", "nft": "0.9.8"}),
        ("not_ready", {"state": "loaded", "boot": "yes", "kernel": (5, 10, 223)}),
        ("unknown", {"state": "loaded", "boot": "yes", "kernel": ()}),
    ],
)
def test_the_verdict_follows_from_the_node(verdict, options):
    assert readiness(facts(**options), backend="nftables", **PAGE)["verdict"] == verdict


def test_a_dependency_comes_with_a_required_module():
    never = {"autoload": "never"}
    modules = {"nf_conntrack": never, "nf_defrag_ipv4": never}
    assert readiness(facts(**modules), backend="nftables", **PAGE)["verdict"] == "not_ready"
    modules["nft_redir"] = {"depends": ["nf_conntrack", "nf_defrag_ipv4"]}
    assert readiness(facts(**modules), backend="nftables", **PAGE)["verdict"] == "on_demand"


def test_tables_wait_for_ip_tables():
    table = {"autoload_after": "ip_tables"}
    never = {"autoload": "never"}
    node = facts(iptable_nat=table, iptable_mangle=table, ip_tables=never)
    assert grades(node, "iptable_nat", **PAGE) == ("unmet", "unmet")
    node = facts(iptable_nat=table, iptable_mangle=table, ip_tables={"state": "loaded", **never})
    assert grades(node, "iptable_nat", **PAGE) == ("on_demand", "unmet")


def grades(node, name, **options):
    """Return the grades of the one requirement with this name, now and after a reboot."""
    (row,) = [row for row in readiness(node, **options)["requirements"] if row["name"] == name]
    return row["now"], row["after_reboot"]


def test_a_merged_module_has_the_grades_of_its_provider():
    merged = {"state": "merged", "provider": "nf_nat", "boot": "not_applicable"}
    node = facts(state="loaded", boot="yes", nf_nat_ipv4=merged, nf_nat_redirect=merged)
    assert readiness(node, **PAGE)["verdict"] == "ready"


@pytest.mark.parametrize("backend", ["iptables", "nftables"])
def test_a_module_that_the_next_kernel_has_merged_has_the_grade_of_its_provider_after_the_reboot(backend):
    upgrade = {"state": "loadable", "boot": "not_applicable", "next_boot": {"state": "merged", "autoload": "yes"}}
    node = {"state": "loaded", "boot": "yes", "kernel": (5, 10, 0), "nft_counter": upgrade}
    options = {"backend": backend, "profile": "effective", "iptables_variant": "nft"}
    assert grades(facts(**node), "nft_counter", **options) == ("on_demand", "present")
    provider = {"state": "loaded", "boot": "no", "autoload": "denied"}
    assert grades(facts(**node, nf_tables=provider), "nft_counter", **options) == ("on_demand", "unmet")


def test_a_module_that_the_facts_lack_is_an_error():
    found = facts()
    del found["modules"]["xt_owner"]
    with pytest.raises(InvalidInputError, match=r"^the facts: module 'xt_owner' is missing; gather the facts with "):
        assess(parse_facts(found), Selection())
    del found["modules"]["ip_tables"]
    with pytest.raises(InvalidInputError, match=r"^the facts: module 'ip_tables' is missing; gather the facts with "):
        assess(parse_facts(found), Selection())


def test_a_row_has_a_remedy_and_any_of_modules_only_if_there_are_some():
    assessment = readiness(facts(state="loaded", boot="yes", xt_owner={"state": "missing"}), profile="effective")
    rows = {row["name"]: row for row in assessment["requirements"]}
    assert rows["xt_owner"]["remedy"] == "use a kernel that includes it"
    assert "remedy" not in rows["xt_REDIRECT"]
    assert rows["nft_chain_nat"]["any_of"] == ["nft_chain_nat", "nft_chain_nat_ipv4"]
    assert "any_of" not in rows["xt_owner"]


UNSEEN_TABLES = {"netfilter": {"legacy_tables": {"ipv4": None, "ipv6": None}}}
NFT_MODULES = ("nf_tables", "nft_compat", "nft_chain_nat", "nft_counter")


def test_modules_of_one_variant_are_unknown_if_the_variant_is():
    absent = {name: {"state": "loadable", "autoload": "denied", "boot": "no"} for name in NFT_MODULES}
    node = facts(state="loaded", boot="yes", **UNSEEN_TABLES, **absent)
    assert readiness(node, mode="ambient", profile="effective")["verdict"] == "unknown"


def test_modules_of_both_variants_count_even_if_the_variant_is_unknown():
    node = facts(state="loaded", boot="yes", **UNSEEN_TABLES)
    assert readiness(node, mode="ambient", profile="effective")["verdict"] == "ready"
    node = facts(state="loaded", boot="yes", **UNSEEN_TABLES, xt_owner={"state": "missing"})
    assert readiness(node, mode="ambient", profile="effective")["verdict"] == "not_ready"


def test_an_assessment_has_the_verdict_of_each_profile():
    page_only = {name: {"state": "loaded", "boot": "yes"} for name in required_modules("iptables", **PAGE)}
    node = facts(autoload="denied", **page_only)
    assert readiness(node)["verdicts"] == {"documented": "ready", "effective": "not_ready", "combined": "not_ready"}


def test_a_module_that_only_the_page_requires_is_a_disagreement():
    node = facts(state="loaded", boot="yes", br_netfilter={"state": "missing"})
    assessment = readiness(node)
    assert assessment["verdicts"] == {"documented": "not_ready", "effective": "ready", "combined": "ready"}
    assert readiness(node, **PAGE)["verdict"] == "not_ready"
    (row,) = [row for row in assessment["requirements"] if row["name"] == "br_netfilter"]
    assert row["level"] == "should"
    assert row["profiles"] == ["documented", "combined"]
    (disagreement,) = assessment["disagreements"]
    assert disagreement["name"] == "br_netfilter"
    assert disagreement["required_by"] == "documented"
    assert disagreement["now"] == "unmet"


def test_a_kernel_without_legacy_tables_is_ready_with_nft():
    assessment = readiness(facts(state="loaded", boot="yes", **without_legacy()), mode=["sidecar", "ambient"])
    assert assessment["verdicts"] == {"documented": "not_ready", "effective": "ready", "combined": "ready"}


@pytest.mark.parametrize("requested, used", [("1.20.4", "1.22"), ("1.33", "1.32"), ("1.30.3", "1.30.3")])
def test_the_assessment_shows_the_release_whose_rules_are_used(requested, used):
    catalogue = readiness(facts(), istio_version=requested)["catalogue"]
    assert catalogue["requested"] == requested
    assert catalogue["used"] == used
    assert (catalogue["note"] is None) is (requested == used)


def test_a_module_that_only_the_rules_use_is_a_disagreement():
    node = facts(state="loaded", boot="yes", nft_compat={"state": "missing"})
    (disagreement,) = readiness(node)["disagreements"]
    assert disagreement["required_by"] == "effective"
    assert disagreement["message"] == "nft_compat: rules of this selection use it, but Istio's page does not list it"


def test_a_disagreement_about_what_is_present_is_none():
    assert readiness(facts(state="loaded", boot="yes"))["disagreements"] == []


MISSING = {"state": "missing", "autoload": "never"}
CHAINS = ("nft-chain-1-nat", "nft-chain-2-nat", "nft-chain-10-nat")


@pytest.mark.parametrize(
    "denied, options, verdict",
    [
        (CHAINS[1], {"backend": "nftables"}, "on_demand"),
        (CHAINS[0], {"backend": "nftables"}, "not_ready"),
        (CHAINS[1], {}, "not_ready"),
        (CHAINS[2], {}, "on_demand"),
        (CHAINS[2], {"ip_family": "dual"}, "not_ready"),
        (CHAINS[2], {"istio_version": "1.27.1"}, "not_ready"),
        (CHAINS[0], {"mode": "ambient"}, "on_demand"),
    ],
)
def test_only_the_requests_of_the_selection_decide_the_verdict(denied, options, verdict):
    chain = {"autoload": "denied", "requests": {request: "yes" for request in CHAINS if request != denied}}
    absent = ("iptable_nat", "nft_chain_nat_ipv4", "nft_chain_nat_ipv6")
    node = facts(nft_chain_nat=chain, **dict.fromkeys(absent, MISSING))
    assert readiness(node, profile="effective", **options)["verdict"] == verdict


@pytest.mark.parametrize(
    "name, denied, options, grade",
    [
        ("xt_REDIRECT", "ip6t_REDIRECT", {}, "on_demand"),
        ("xt_REDIRECT", "ip6t_REDIRECT", {"ip_family": "dual"}, "unmet"),
        ("xt_connmark", "ipt_CONNMARK", {"mode": "ambient"}, "unmet"),
        ("xt_mark", "ipt_MARK", {"interception": "tproxy"}, "unmet"),
        ("xt_mark", "ipt_MARK", {"mode": "ambient", "iptables_variant": "legacy"}, "on_demand"),
        ("xt_tcpudp", "ipt_udp", {"iptables_variant": "legacy"}, "on_demand"),
        ("xt_tcpudp", "ipt_udp", {"iptables_variant": "legacy", "dns_capture": True}, "unmet"),
    ],
)
def test_families_and_extensions_of_rules_decide_which_requests_count(name, denied, options, grade):
    others = {request: "yes" for request in AUTOLOAD_REQUESTS[name] if request != denied}
    node = facts(**{name: {"autoload": "denied", "requests": others}})
    for profile in ("effective", "combined"):
        rows = readiness(node, profile=profile, **options)["requirements"]
        assert [row["now"] for row in rows if row["name"] == name] == [grade]


def test_the_reason_names_the_requests_that_lead_to_no_module():
    node = facts(nft_chain_nat={"requests": {CHAINS[0]: "never"}})
    assessment = readiness(node, profile="effective", backend="nftables")
    assert assessment["verdict"] == "not_ready"
    (row,) = [row for row in assessment["requirements"] if row["name"] == "nft_chain_nat"]
    assert row["reason"] == "no module has the alias nft-chain-1-nat"
    assert readiness(node, profile="effective")["verdict"] == "on_demand"


@pytest.mark.parametrize(
    "value, cause", [("n", ", because CONFIG_NF_TABLES_INET is not set in this kernel"), ("y", ""), (None, "")]
)
def test_a_missing_alias_of_a_table_family_is_explained_by_its_unset_option(value, cause):
    node = facts(nft_chain_nat={"requests": {CHAINS[0]: "never"}}, options={"NF_TABLES_INET": value})
    rows = readiness(node, profile="effective", backend="nftables")["requirements"]
    (reason,) = [row["reason"] for row in rows if row["name"] == "nft_chain_nat"]
    assert reason == f"no module has the alias nft-chain-1-nat{cause}"


@pytest.mark.parametrize("profile", ["documented", "effective", "combined"])
def test_the_requirements_alone_are_those_of_the_assessment(profile):
    selection = Selection.from_options({"mode": ["sidecar", "ambient"], "profile": profile})
    parsed = parse_facts(facts(**without_legacy(xt_owner={"state": "missing", "autoload": "never"})))
    assert assess_requirements(parsed, selection) == assess(parsed, selection).requirements
