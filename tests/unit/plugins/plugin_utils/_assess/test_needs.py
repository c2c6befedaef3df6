# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requirements that count for the iptables variants that Istio may pick."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.needs import Needs, find_needs
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection

AMBIENT = Selection.from_options({"mode": "ambient"})
NFT_COMPAT, TABLE_NAT, OWNER = ("iptables/module/nft_compat", "iptables/module/iptable_nat", "iptables/module/xt_owner")


def test_requirements_of_the_only_variant_are_certain():
    needs = find_needs(AMBIENT, (("ambient", ("nft",)),), False)["effective"]
    assert {NFT_COMPAT, OWNER} <= needs.certain
    assert TABLE_NAT not in needs.possible


def test_requirements_of_one_of_two_variants_are_possible():
    needs = find_needs(AMBIENT, (("ambient", ("nft", "legacy")),), False)["effective"]
    assert OWNER in needs.certain
    assert {NFT_COMPAT, TABLE_NAT} <= needs.possible - needs.certain


def test_the_variants_of_modes_are_independent():
    both = Selection.from_options({"mode": ["sidecar", "ambient"]})
    needs = find_needs(both, (("sidecar", ("nft",)), ("ambient", ("nft", "legacy"))), False)["effective"]
    assert NFT_COMPAT in needs.certain
    assert TABLE_NAT in needs.possible - needs.certain


def test_without_modes_of_iptables_all_is_certain():
    native = Selection.from_options({"backend": "nftables"})
    needs = find_needs(native, (), False)["effective"]
    assert needs.certain == needs.possible
    assert "nftables/module/nf_tables" in needs.certain


@pytest.mark.parametrize(
    "requirement_id, grade, expected",
    [
        ("certain", "unmet", "unmet"),
        ("certain", "present", "present"),
        ("possible", "unmet", "unknown"),
        ("possible", "on_demand", "on_demand"),
        ("other", "unmet", "not_needed"),
        ("other", "present", "not_needed"),
    ],
)
def test_the_grade_that_counts(requirement_id, grade, expected):
    needs = Needs(frozenset({"certain"}), frozenset({"certain", "possible"}))
    assert needs.apply(requirement_id, grade) == expected
