# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alternatives: which single changes would make a node ready, each verified by planning again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.projection import after_kernel
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan import alternatives
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.alternatives import (
    FINDERS,
    GOOD_VERDICTS,
    reads_forced_variant,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.builder import build_plan
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.releases import NEWEST
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import (
    LEGACY,
    parse_facts,
    preparation_plan,
    readiness,
)
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import NOT_BUILT, make_node, make_reason
from hypothesis import given, settings
from hypothesis import strategies as st

LEGACY_ALL = ("ip_tables", "ip6_tables", *LEGACY)
UNKNOWN = {"state": "unknown", "autoload": "unknown", "boot": "unknown"}
OTHER_KERNEL = "6.12.57+deb13-arm64"


def lacking(*names, **parts):
    """Return a node whose kernel was built without these modules."""
    return make_node(**dict.fromkeys(names, NOT_BUILT), **parts)


def find(node, **options):
    """Return the alternatives of a node by their kind."""
    return {one["kind"]: one for one in preparation_plan(node, **options)["alternatives"]}


@pytest.mark.parametrize(
    "node",
    [make_node(), make_node(state="builtin", boot="not_applicable"), make_node(state="loaded", boot="yes")],
)
@pytest.mark.parametrize("mode", ["sidecar", "ambient"])
def test_a_node_that_becomes_ready_has_no_alternative(node, mode):
    plan = preparation_plan(node, mode=mode)
    assert plan["expected"]["verdict"] in GOOD_VERDICTS
    assert plan["alternatives"] == []


def test_a_removal_has_no_alternatives():
    assert "alternatives" not in preparation_plan(lacking("xt_owner"), state="absent")


def test_a_node_without_nft_compat_can_use_legacy():
    assert find(lacking("nft_compat"))["iptables_variant"] == {
        "kind": "iptables_variant",
        "change": "set FORCE_IPTABLES_BINARY=legacy",
        "verdict": "ready",
        "settings": ["meshConfig.defaultConfig.proxyMetadata.FORCE_IPTABLES_BINARY=legacy"],
        "selection": {"iptables_variant": "legacy"},
    }


def test_each_mode_has_its_own_place_for_the_forced_variant():
    found = find(lacking("nft_compat"), mode=["sidecar", "ambient"])["iptables_variant"]
    assert found["settings"] == [
        "meshConfig.defaultConfig.proxyMetadata.FORCE_IPTABLES_BINARY=legacy",
        "values.cni.env.FORCE_IPTABLES_BINARY=legacy",
    ]


def test_a_node_without_legacy_tables_does_not_have_to_force_them():
    node = lacking(*LEGACY_ALL)
    assert find(node, iptables_variant="legacy")["iptables_variant"]["selection"] == {"iptables_variant": "nft"}


@pytest.mark.parametrize(
    "options, expected",
    [
        ({}, True),
        ({"istio_version": "1.28.0"}, True),
        ({"istio_version": "1.27"}, False),
        ({"istio_version": "1.27.9"}, False),
        ({"backend": "nftables"}, False),
        ({"cni_plugin": True}, False),
        ({"mode": ["sidecar", "ambient"], "cni_plugin": True}, False),
        ({"mode": "ambient", "cni_plugin": True}, True),
    ],
)
def test_only_some_releases_and_modes_read_the_forced_variant(options, expected):
    assert reads_forced_variant(Selection.from_options(options)) is expected
    assert ("iptables_variant" in find(lacking("nft_compat"), **options)) is expected


def test_a_cluster_without_ipv6_does_not_need_the_ipv6_rules_of_ambient_mode():
    node = make_node()
    node["kernel"]["ipv6"] = False
    found = find(node, mode="ambient")["ambient_ipv6"]
    assert found["selection"] == {"ambient_ipv6": False}
    assert found["settings"] == ["values.cni.ambient.ipv6=false", "values.ztunnel.env.IPV6_ENABLED=false"]
    assert "ambient_ipv6" not in find(node, mode="ambient", ip_family="dual")
    assert "ambient_ipv6" not in find(node, mode="sidecar", ip_family="dual")


@pytest.mark.parametrize(
    "options, settings",
    [
        ({"mode": "ambient"}, ["values.cni.ambient.dnsCapture=false"]),
        ({"dns_capture": True}, ["meshConfig.defaultConfig.proxyMetadata.ISTIO_META_DNS_CAPTURE=false"]),
    ],
)
def test_dns_capture_needs_conntrack_zones(options, settings):
    node = make_node(options={"NF_CONNTRACK_ZONES": "n"})
    found = find(node, **options)["dns_capture"]
    assert (found["settings"], found["selection"]) == (settings, {"dns_capture": False})


def test_dns_capture_that_is_off_cannot_be_switched_off():
    node = make_node(options={"NF_CONNTRACK_ZONES": "n", "NF_CONNTRACK_MARK": "n"})
    assert "dns_capture" not in find(node, mode="ambient", dns_capture=False)
    assert find(node, mode="ambient") == {}


def test_the_other_backend_helps_if_the_release_has_it():
    node = lacking("xt_REDIRECT")
    found = find(node)["backend"]
    assert found["settings"] == ["values.global.nativeNftables=true"]
    assert "backend" not in find(node, istio_version="1.26")
    assert "backend" in find(node, istio_version="1.27")
    assert "backend" not in find(node, istio_version="1.27", mode="ambient")
    found = find(lacking("nft_redir"), backend="nftables")["backend"]
    assert found["settings"] == ["values.global.nativeNftables=false"]


def test_sidecars_without_the_cni_plugin_do_not_need_a_tool_of_the_host():
    found = find(make_node(iptables=None), cni_plugin=True, profile="effective")
    assert found["init_container"]["settings"] == ["values.pilot.cni.enabled=false"]
    assert "init_container" not in find(lacking("xt_owner"))


def test_a_newer_patch_or_minor_release_helps():
    # Istio 1.27.1 tests iptables-legacy for IPv6, too. Since 1.31 the command iptables of its images is iptables-nft.
    node = lacking("nf_tables", "nft_compat")
    node["kernel"]["ipv6"] = False
    plan = preparation_plan(node, istio_version="1.27.1")
    assert [(one["change"], one["selection"]) for one in plan["alternatives"]] == [
        ("upgrade Istio to the newest patch of 1.27", {"istio_version": "1.27"}),
        ("upgrade Istio to 1.30", {"istio_version": "1.30"}),
    ]


def test_an_older_release_is_listed_only_if_nothing_else_helps():
    # Since 1.31 the command iptables of Istio's images is iptables-nft.
    node = lacking("nf_tables", "nft_compat")
    found = preparation_plan(node, istio_version="1.31", cni_plugin=False)["alternatives"]
    assert [one["kind"] for one in found] == ["iptables_variant"]


def test_an_older_release_that_helps_is_the_newest_of_them(monkeypatch):
    monkeypatch.setattr(alternatives, "FINDERS", ())
    found = preparation_plan(lacking("nf_tables", "nft_compat"), istio_version="1.31")["alternatives"]
    assert found == [
        {
            "kind": "release",
            "change": "use Istio 1.30, the newest older release that works on this node",
            "verdict": "ready",
            "selection": {"istio_version": "1.30"},
        }
    ]


def test_an_older_release_without_the_backend_is_not_considered(monkeypatch):
    monkeypatch.setattr(alternatives, "FINDERS", ())
    assert preparation_plan(lacking("nft_redir"), backend="nftables")["alternatives"] == []


def test_another_installed_kernel_helps_if_it_has_the_modules():
    node = lacking("xt_owner", "nft_redir")
    node["other_kernels"] = {OTHER_KERNEL: {"lacks": ["nft_chain_nat_ipv4"], "unset_options": []}}
    assert find(node)["kernel"] == {
        "kind": "kernel",
        "change": f"boot the installed kernel {OTHER_KERNEL}",
        "verdict": "ready",
        "kernel": OTHER_KERNEL,
    }
    node["other_kernels"] = {OTHER_KERNEL: {"lacks": ["xt_owner"], "unset_options": []}}
    assert "kernel" not in find(node)


@pytest.mark.parametrize("unset, helps", [([], True), (["NF_CONNTRACK_ZONES"], False), (None, False)])
def test_another_installed_kernel_must_certainly_have_the_options(unset, helps):
    node = make_node(options={"NF_CONNTRACK_ZONES": "n"})
    node["other_kernels"] = {OTHER_KERNEL: {"lacks": [], "unset_options": unset}}
    assert ("kernel" in find(node, mode="ambient")) is helps


def test_an_option_that_the_facts_omit_counts_if_the_other_kernel_lacks_it():
    node = lacking("xt_owner", "nft_redir")
    node["options"].pop("IP_MULTIPLE_TABLES", None)
    node["other_kernels"] = {OTHER_KERNEL: {"lacks": [], "unset_options": []}}
    assert "kernel" in find(node, mode="ambient")
    node["other_kernels"] = {OTHER_KERNEL: {"lacks": [], "unset_options": ["IP_MULTIPLE_TABLES"]}}
    assert "kernel" not in find(node, mode="ambient")


@pytest.mark.parametrize("changes", [{"platform": {"container": "docker"}}, {"blockers": {"modules_disabled": True}}])
def test_a_container_boots_no_kernel_and_disabled_loading_may_be_disabled_again(changes):
    node = lacking("xt_owner", "nft_redir")
    node["other_kernels"] = {OTHER_KERNEL: {"lacks": [], "unset_options": []}}
    for key, change in changes.items():
        node[key] = node.get(key, {}) | change
    assert "kernel" not in find(node)


def test_the_plan_says_what_would_help():
    text = preparation_plan(lacking("nft_compat"))["text"]
    assert (
        "alternative: set FORCE_IPTABLES_BINARY=legacy "
        "(meshConfig.defaultConfig.proxyMetadata.FORCE_IPTABLES_BINARY=legacy); the expected verdict is then ready"
    ) in text


def test_a_change_that_leaves_the_verdict_unknown_is_not_listed():
    node = make_node(xt_owner=NOT_BUILT, nft_redir=UNKNOWN)
    assert "backend" not in find(node)


def test_a_change_counts_only_if_the_rules_work_too():
    # Istio's page needs no xt_CT, the rules with DNS capture do.
    node = lacking("xt_CT", "br_netfilter", "nft_ct")
    for one in preparation_plan(node, mode="ambient", profile="documented")["alternatives"]:
        verdicts = readiness(node, **{"mode": "ambient", **one["selection"]})["verdicts"]
        assert verdicts["effective"] != "not_ready"


def test_few_plans_are_made_for_a_node():
    assert len(FINDERS) <= 8


BLACKLISTED_ONE = {"autoload": "denied", "reasons": [make_reason("autoload", "blacklist", "/etc/modprobe.d/x.conf:1")]}
BLOCKED_ONE = {"state": "blocked", "autoload": "denied", "reasons": [make_reason("now", "install_override", "/x:1")]}
MODULES = ("xt_owner", "xt_REDIRECT", "nft_compat", "nf_tables", "nft_redir", "xt_CT", "iptable_nat", "iptable_raw")
NODES = st.builds(
    lambda absent, unknown, conflicts, zones, ipv6, tools, others: (
        make_node(
            **{**dict.fromkeys(absent, NOT_BUILT), **dict.fromkeys(unknown, UNKNOWN), **conflicts},
            options={"NF_CONNTRACK_ZONES": zones},
            nft=tools,
            iptables=tools,
        )
        | {"other_kernels": {OTHER_KERNEL: others}, "ipv6": ipv6}
    ),
    st.sets(st.sampled_from(MODULES), max_size=4),
    st.sets(st.sampled_from(MODULES), max_size=1),
    st.dictionaries(st.sampled_from(MODULES), st.sampled_from([BLACKLISTED_ONE, BLOCKED_ONE]), max_size=2),
    st.sampled_from(["y", "n", None]),
    st.booleans(),
    st.sampled_from(["1.0.6", None]),
    st.fixed_dictionaries(
        {
            "lacks": st.lists(st.sampled_from(MODULES), max_size=2, unique=True),
            "unset_options": st.sampled_from([None, [], ["NF_CONNTRACK_ZONES"]]),
        }
    ),
)
SELECTIONS = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(["sidecar", "ambient", ["sidecar", "ambient"]]),
        "ip_family": st.sampled_from(["ipv4", "dual"]),
        "dns_capture": st.sampled_from([None, True, False]),
        "cni_plugin": st.booleans(),
        "istio_version": st.sampled_from(["1.25.3", "1.26", "1.27.1", "1.28.0", "1.30", NEWEST]),
        "profile": st.sampled_from(["documented", "effective", "combined"]),
    }
)


@given(NODES, SELECTIONS, st.booleans())
@settings(max_examples=60, deadline=None)
def test_each_alternative_makes_the_node_ready(node, options, may_install):
    node["kernel"]["ipv6"] = node.pop("ipv6")
    facts = parse_facts(node)
    selection = Selection.from_options(options)
    consent = Consent(install_packages=may_install)
    plan = build_plan(facts, selection, consent)
    if plan.expected.verdict in GOOD_VERDICTS:
        assert plan.alternatives == ()
    for one in plan.alternatives:
        changed = facts
        if one.kernel:
            changed = after_kernel(facts, one.kernel, facts.other_kernels[one.kernel])
        # The options are those of a plugin: the changed selection is valid.
        again = Selection.from_options({**options, **one.selection})
        assert again == replace(selection, **one.selection)
        expected = build_plan(changed, again, consent).expected
        assert expected.verdict == one.verdict
        assert expected.verdicts["effective"] in GOOD_VERDICTS
        assert len(one.selection) == (0 if one.kernel else 1)
        if "iptables_variant" in one.selection:
            assert selection.release.is_at_least("1.28.0")
            assert not (selection.cni_plugin and "sidecar" in selection.mode)
    assert len({(one.kind, one.change) for one in plan.alternatives}) == len(plan.alternatives)


@given(NODES, SELECTIONS, st.booleans(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_the_quick_check_leaves_out_no_alternative(node, options, may_install, may_override):
    node["kernel"]["ipv6"] = node.pop("ipv6")
    facts = parse_facts(node)
    selection = Selection.from_options(options)
    consent = Consent(install_packages=may_install, override_conflicts=may_override)
    plan = build_plan(facts, selection, consent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alternatives, "_can_be_prepared", lambda *_arguments: True)
        assert build_plan(facts, selection, consent).alternatives == plan.alternatives
