# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documented catalogue: the rows of Istio's page, and their conditions."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.documented import select_requirements
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection

NFT = ["nf_tables", "nf_conntrack", "nft_ct", "nf_defrag_ipv4", "nft_nat", "nft_socket", "nft_tproxy", "nft_redir"]


def modules(**options):
    """Return the names of the modules that the page lists."""
    requirements = select_requirements(Selection.from_options(options))
    return [requirement.name for requirement in requirements if requirement.kind == "module"]


def test_a_plain_sidecar_mesh_needs_the_unconditional_rows():
    plain = modules()
    assert len(plain) == 16
    assert not {"iptable_raw", "xt_mark", "ip_set", "ip6_tables"} & set(plain)


@pytest.mark.parametrize(
    "options, more",
    [
        ({"interception": ["redirect", "tproxy"]}, {"xt_mark", "xt_connmark"}),
        ({"mode": "ambient"}, {"xt_mark", "xt_connmark", "ip_set", "ip_set_hash_ip"}),
        ({"dns_capture": True}, {"iptable_raw"}),
        ({"mode": "ambient", "dns_capture": True}, {"xt_mark", "xt_connmark", "ip_set", "ip_set_hash_ip"}),
        (
            {"ip_family": "dual"},
            {
                "ip6table_mangle",
                "ip6table_nat",
                "ip6table_raw",
                "ip6_tables",
                "nf_conntrack_ipv6",
                "nf_nat_ipv6",
            },
        ),
    ],
)
def test_a_condition_adds_its_rows(options, more):
    assert set(modules(**options)) == set(modules()) | more


def test_nftables_has_its_own_rows():
    assert modules(backend="nftables") == NFT
    assert "nf_defrag_ipv6" in modules(backend="nftables", ip_family="ipv6")
    requirements = select_requirements(Selection.from_options({"backend": "nftables"}))
    versions = [(row.kind, row.name, row.minimum) for row in requirements if row.kind != "module"]
    assert versions == [("tool", "nft", "1.0.1"), ("kernel", "kernel", "5.13")]
