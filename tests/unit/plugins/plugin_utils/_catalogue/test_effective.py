# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effective catalogue: the modules that the rules of Istio use."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.effective import build_rule_sets, select_rows
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.profiles import list_required_modules
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
