# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests of the kernel that rules trigger."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import AUTOLOAD_REQUESTS
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.effective import ROWS, build_rule_sets
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.profiles import VARIANTS, requirement_rows
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.requests import (
    CONDITIONS,
    find_family_option,
    list_requests,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection


def requests_of(name, variant="nft", **options):
    selection = Selection.from_options(options)
    return list_requests(name, build_rule_sets(selection, dict.fromkeys(selection.mode, (variant,))))


@pytest.mark.parametrize(
    "name, options, requests",
    [
        ("xt_REDIRECT", {}, ("ipt_REDIRECT",)),
        ("xt_REDIRECT", {"ip_family": "dual"}, ("ipt_REDIRECT", "ip6t_REDIRECT")),
        ("xt_REDIRECT", {"mode": "ambient", "ambient_ipv6": False}, ("ipt_REDIRECT",)),
        ("xt_mark", {"interception": "tproxy"}, ("ipt_MARK",)),
        ("xt_mark", {"interception": "tproxy", "ip_family": "dual"}, ("ipt_MARK", "ip6t_MARK")),
        ("xt_mark", {"interception": "tproxy", "istio_version": "1.22"}, ("ipt_mark", "ipt_MARK")),
        ("xt_mark", {"mode": "ambient", "istio_version": "1.22"}, ("ipt_mark",)),
        ("xt_tcpudp", {"mode": "ambient"}, ("ipt_tcp", "ip6t_tcp")),
        ("xt_comment", {"istio_version": "1.26.0"}, ("ipt_comment", "ip6t_comment")),
        ("nft_chain_nat", {}, ("nft-chain-2-nat",)),
        ("nft_chain_nat", {"ip_family": "dual"}, ("nft-chain-2-nat", "nft-chain-10-nat")),
        ("nft_chain_nat", {"istio_version": "1.27.1"}, ("nft-chain-2-nat", "nft-chain-10-nat")),
        ("nft_chain_nat", {"istio_version": "1.27.0"}, ("nft-chain-2-nat",)),
        ("nft_chain_nat", {"backend": "nftables", "ip_family": "dual"}, ("nft-chain-1-nat",)),
        ("nft_compat", {}, ("nfnetlink-subsys-11", "nft-expr-match", "nft-expr-target")),
        ("ip_tables", {}, ()),
    ],
)
def test_the_requests_depend_on_family_engine_and_extension(name, options, requests):
    assert requests_of(name, **options) == requests


@pytest.mark.parametrize(
    "name, options, requests",
    [
        ("xt_mark", {"interception": "tproxy"}, ("ipt_mark", "ipt_MARK")),
        ("xt_mark", {"mode": "ambient", "ambient_ipv6": False}, ("ipt_mark",)),
        ("xt_mark", {"mode": "ambient"}, ("ipt_mark", "ip6t_mark")),
        ("xt_mark", {"mode": "ambient", "istio_version": "1.23"}, ("ipt_mark", "ip6t_mark")),
        ("xt_tcpudp", {}, ("ipt_tcp",)),
        ("xt_tcpudp", {"dns_capture": True}, ("ipt_tcp", "ipt_udp")),
        ("xt_tcpudp", {"cni_plugin": True}, ("ipt_tcp", "ipt_udp")),
        ("xt_tcpudp", {"cni_plugin": True, "istio_version": "1.25.0"}, ("ipt_tcp", "ipt_udp")),
        ("xt_tcpudp", {"cni_plugin": True, "istio_version": "1.24"}, ("ipt_tcp",)),
    ],
)
def test_iptables_legacy_requests_every_match(name, options, requests):
    assert requests_of(name, variant="legacy", **options) == requests


def test_the_requests_of_all_modes_are_joined():
    options = {"mode": ["sidecar", "ambient"], "interception": "tproxy", "ambient_ipv6": False}
    assert requests_of("xt_mark", variant="legacy", **options) == ("ipt_mark", "ipt_MARK")


@pytest.mark.parametrize(
    "request_name, option",
    [
        ("nft-chain-1-nat", "NF_TABLES_INET"),
        ("nft-chain-2-nat", "NF_TABLES_IPV4"),
        ("nft-chain-10-nat", "NF_TABLES_IPV6"),
        ("nft-expr-nat", None),
        ("ipt_mark", None),
    ],
)
def test_requests_of_a_table_family_need_its_option(request_name, option):
    assert find_family_option(request_name) == option


def test_each_condition_is_about_a_known_request():
    known = {request for requests in AUTOLOAD_REQUESTS.values() for request in requests}
    assert set(CONDITIONS) <= known


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("mode", ["sidecar", "ambient"])
@pytest.mark.parametrize("backend", ["iptables", "nftables"])
def test_each_row_of_a_module_that_the_kernel_requests_has_requests(backend, mode, variant):
    selection = Selection.from_options({"backend": backend, "mode": mode, "interception": "tproxy"})
    for row in requirement_rows(selection, {mode: (variant,)}):
        requirement = row.requirement
        if "effective" in row.levels and requirement.name in AUTOLOAD_REQUESTS:
            assert set(requirement.requests) <= {
                request for name in requirement.modules for request in AUTOLOAD_REQUESTS[name]
            }
            assert requirement.requests
    assert {row.requirement.requests for row in ROWS} == {()}
