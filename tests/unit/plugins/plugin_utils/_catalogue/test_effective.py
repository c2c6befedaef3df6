# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effective catalogue: the modules that the rules of Istio use."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.effective import build_rule_sets, select_rows
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.profiles import (
    PROFILES,
    list_required_modules,
    requirement_rows,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection

SIDECAR = {"xt_REDIRECT", "xt_owner"}
NFT = {"nf_tables", "nft_compat", "nft_chain_nat", "nft_counter"}
AMBIENT = {"xt_connmark", "xt_tcpudp", "xt_CT", "xt_set", "xt_nat", "ip_set_hash_ip"}
LEGACY_TABLES = {
    f"{family}_{table}" for family in ("iptable", "ip6table") for table in ("filter", "mangle", "nat", "raw")
}
NATIVE = {"nf_tables", "nft_chain_nat", "nft_redir", "nft_counter"}


def effective(**options):
    """Return the names of the modules that the rules use."""
    return set(list_required_modules(Selection.from_options({"profile": "effective", **options})))


# Measured: the modules that the kernel requested when Istio's rules were loaded.
@pytest.mark.parametrize(
    "modules, options",
    [
        (SIDECAR | NFT, {}),
        (SIDECAR | NFT | {"xt_CT", "xt_multiport"}, {"dns_capture": True}),
        (SIDECAR | NFT | {"xt_TPROXY", "xt_mark", "xt_connmark", "xt_conntrack"}, {"interception": ["tproxy"]}),
        (SIDECAR | NFT | {"xt_conntrack"}, {"invalid_drop": True}),
        (SIDECAR | NFT | AMBIENT, {"mode": "ambient"}),
        (SIDECAR | NFT | AMBIENT - {"xt_CT"}, {"mode": "ambient", "dns_capture": False}),
        (SIDECAR | {"iptable_nat", "xt_tcpudp"}, {"iptables_variant": "legacy"}),
        (SIDECAR | {"iptable_nat", "ip6table_nat", "xt_tcpudp"}, {"iptables_variant": "legacy", "ip_family": "dual"}),
        (SIDECAR | AMBIENT | {"xt_mark"} | LEGACY_TABLES, {"iptables_variant": "legacy", "mode": "ambient"}),
        (
            SIDECAR | AMBIENT | {"xt_mark", "iptable_nat", "iptable_mangle", "iptable_raw"},
            {"iptables_variant": "legacy", "mode": "ambient", "ambient_ipv6": False, "reconcile": False},
        ),
        (
            SIDECAR | {"iptable_nat", "iptable_mangle", "xt_tcpudp", "xt_conntrack"},
            {"iptables_variant": "legacy", "invalid_drop": True},
        ),
        (NATIVE, {"backend": "nftables"}),
        (NATIVE | {"nft_ct"}, {"backend": "nftables", "dns_capture": True}),
        (NATIVE | {"nft_ct", "nft_tproxy"}, {"backend": "nftables", "interception": "tproxy"}),
        (NATIVE | {"nft_ct", "nft_nat"}, {"backend": "nftables", "mode": "ambient"}),
    ],
)
def test_the_modules_are_those_that_were_measured(modules, options):
    assert effective(**options) == modules


def test_several_modes_and_interceptions_need_the_union():
    both = effective(mode=["sidecar", "ambient"], interception=["redirect", "tproxy"])
    assert both == effective(mode="ambient") | effective(interception="tproxy")


@pytest.mark.parametrize(
    "version, more",
    [
        ("1.25.3", set()),
        ("1.25.4", {"iptable_filter", "xt_comment", "ip6table_filter"}),
        ("1.26", {"iptable_filter", "ip6table_filter"}),
        ("1.27.0", {"iptable_filter", "xt_comment", "ip6table_filter"}),
        ("1.27.1", {"xt_comment"}),
        ("1.27.3", set()),
        ("1.28", set()),
        ("1.29", {"iptable_filter", "ip6table_filter"}),
        ("v1.31.0-rc.0", {"iptable_filter", "ip6table_filter"}),
    ],
)
def test_releases_need_different_modules(version, more):
    plain = effective(iptables_variant="legacy", mode="ambient", istio_version="1.28")
    assert effective(iptables_variant="legacy", mode="ambient", istio_version=version) == plain | more


@pytest.mark.parametrize(
    "version, ipv6_modules",
    [
        ("1.25.3", set()),
        ("1.25.4", {"ip6table_filter"}),
        ("1.26.8", {"ip6table_filter"}),
        ("1.27.1", {"ip6table_nat"}),
        ("1.27.2", set()),
    ],
)
def test_old_releases_test_ipv6_even_if_it_is_off(version, ipv6_modules):
    found = effective(iptables_variant="legacy", istio_version=version)
    assert {name for name in found if name.startswith("ip6")} == ipv6_modules


def test_there_is_one_set_of_rules_for_each_mode_and_variant():
    selection = Selection.from_options({"mode": ["sidecar", "ambient"]})
    sets = build_rule_sets(selection, {"sidecar": ("nft",), "ambient": ("nft", "legacy")})
    assert [(rules.mode, rules.engine) for rules in sets] == [
        ("sidecar", "nft"),
        ("ambient", "nft"),
        ("ambient", "legacy"),
    ]


def test_native_nftables_rules_need_no_variant():
    selection = Selection.from_options({"backend": "nftables"})
    assert [rules.engine for rules in build_rule_sets(selection, {})] == ["native"]


def test_the_hosts_iptables_counts_only_for_sidecars_with_the_cni_plugin():
    selection = Selection.from_options({"mode": ["sidecar", "ambient"], "cni_plugin": True})
    sidecar, ambient = build_rule_sets(selection, {"sidecar": ("nft",), "ambient": ("nft",)}, old_host_iptables=True)
    assert sidecar.host_binary
    assert sidecar.old_iptables
    assert not ambient.host_binary
    assert not ambient.old_iptables
    assert "xt_tcpudp" in [row.requirement.name for row in select_rows([sidecar])]
    plain = build_rule_sets(Selection(), {"sidecar": ("nft",)}, old_host_iptables=True)
    assert "xt_tcpudp" not in [row.requirement.name for row in select_rows(plain)]


# Read from the golden rules of these releases, cni/pkg/iptables/testdata/default_ipv6.golden and hostprobe_ipv6.golden.
OLD_AMBIENT = {"xt_REDIRECT", "xt_connmark", "xt_mark", "xt_tcpudp", "xt_owner", "xt_set", "xt_nat", "ip_set_hash_ip"}
BY_TPROXY = {"xt_TPROXY", "xt_conntrack"}
TWO_TABLES = {"iptable_nat", "iptable_mangle", "ip6table_nat", "ip6table_mangle"}


@pytest.mark.parametrize(
    "options, modules",
    [
        ({"istio_version": "1.22"}, OLD_AMBIENT | BY_TPROXY | {"iptable_nat", "iptable_mangle"}),
        ({"istio_version": "1.23"}, OLD_AMBIENT | BY_TPROXY | TWO_TABLES),
        ({"istio_version": "1.24"}, OLD_AMBIENT | TWO_TABLES),
        ({"istio_version": "1.23", "dns_capture": True}, OLD_AMBIENT | BY_TPROXY | TWO_TABLES),
        (
            {"istio_version": "1.24", "dns_capture": True},
            OLD_AMBIENT | TWO_TABLES | {"iptable_raw", "ip6table_raw", "xt_CT"},
        ),
    ],
)
def test_ambient_mode_was_different_before_1_25(options, modules):
    assert effective(mode="ambient", iptables_variant="legacy", **options) == modules


@pytest.mark.parametrize("version, more", [("1.22", {"xt_mark", "xt_tcpudp"}), ("1.23", set())])
def test_the_old_iptables_of_an_image_uses_more_modules(version, more):
    nft = effective(iptables_variant="nft", istio_version=version)
    assert nft == SIDECAR | NFT | (more - {"xt_mark"})
    ambient = effective(mode="ambient", iptables_variant="nft", istio_version=version)
    assert ambient >= more
    assert ("xt_mark" in ambient) == bool(more)


def find_ids(kind, variant="nft", **options):
    selection = Selection.from_options({"profile": "effective", **options})
    rows = requirement_rows(selection, dict.fromkeys(selection.mode, (variant,)))
    return {row.requirement.id for row in rows if row.requirement.kind == kind and "effective" in row.levels}


ROUTING, ROUTING6 = "iptables/option/IP_MULTIPLE_TABLES", "iptables/option/IPV6_MULTIPLE_TABLES"
FAMILY4, FAMILY6 = "iptables/option/NF_TABLES_IPV4", "iptables/option/NF_TABLES_IPV6"
MARK = "iptables/option/NF_CONNTRACK_MARK"


@pytest.mark.parametrize(
    "options, ids",
    [
        ({}, {FAMILY4}),
        ({"variant": "legacy"}, set()),
        ({"ip_family": "dual"}, {FAMILY4, FAMILY6}),
        ({"interception": "tproxy"}, {FAMILY4, ROUTING, MARK}),
        ({"interception": "tproxy", "ip_family": "ipv6"}, {FAMILY4, FAMILY6, ROUTING, ROUTING6, MARK}),
        (
            {"mode": "ambient", "dns_capture": False, "ambient_ipv6": False, "variant": "legacy"},
            {ROUTING, MARK},
        ),
        ({"mode": "ambient", "dns_capture": False, "variant": "legacy"}, {ROUTING, ROUTING6, MARK}),
        ({"backend": "nftables"}, {"nftables/option/NF_TABLES_INET"}),
    ],
)
def test_rules_and_routes_need_kernel_options(options, ids):
    assert find_ids("option", **options) == ids


@pytest.mark.parametrize(
    "options, is_found",
    [
        ({"istio_version": "1.28.0", "ambient_ipv6": False}, True),
        ({"istio_version": "1.28.0"}, False),
        ({"istio_version": "1.28.1", "ambient_ipv6": False}, False),
        ({"istio_version": "1.28.0", "ambient_ipv6": False, "mode": "sidecar"}, False),
        ({"istio_version": "1.28.0", "ambient_ipv6": False, "backend": "iptables"}, False),
    ],
)
def test_one_patch_fails_with_native_nftables_if_ambient_ipv6_is_off(options, is_found):
    found = find_ids("release", **{"mode": "ambient", "backend": "nftables", **options})
    assert found == ({"nftables/release/istio/ipv6_set"} if is_found else set())


def test_a_release_that_is_too_old_has_a_requirement_in_each_profile():
    rows = requirement_rows(Selection.from_options({"istio_version": "1.21"}), {"sidecar": ("legacy",)})
    (row,) = [row for row in rows if row.requirement.kind == "release"]
    assert row.levels == dict.fromkeys(PROFILES, "must")


@pytest.mark.parametrize(
    "options, is_found",
    [({"istio_version": "1.22"}, True), ({}, True), ({"mode": "sidecar"}, False), ({"backend": "nftables"}, False)],
)
def test_comments_of_an_ipset_need_a_kernel_that_stores_them(options, is_found):
    found = find_ids("kernel", **{"mode": "ambient", "ambient_ipv6": False, **options})
    assert found == ({"iptables/kernel/kernel/ipset_comment"} if is_found else set())
