# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The profiles: rows and levels of the two catalogues and of the site's checks."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue import documented, effective
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.profiles import (
    list_required_modules,
    requirement_rows,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection


def levels(variant="nft", **options):
    """Return the levels of each row by its id."""
    rows = requirement_rows(Selection.from_options(options), {"sidecar": (variant,)})
    return {row.requirement.id: row.levels for row in rows}


def test_the_node_observes_the_modules_of_the_catalogues():
    required = set()
    for row in (*documented.ROWS, *effective.ROWS):
        required.update(row.requirement.modules)
    assert required == set(KNOWN_MODULES)


@pytest.mark.parametrize(
    "row, expected",
    [
        ("iptables/module/br_netfilter", {"documented": "must", "combined": "should"}),
        ("iptables/module/xt_owner", {"documented": "must", "effective": "must", "combined": "must"}),
        ("iptables/module/nft_compat", {"effective": "must", "combined": "must"}),
        ("iptables/module/iptable_nat", {"documented": "must", "combined": "should"}),
    ],
)
def test_combined_takes_must_from_the_rules_and_should_from_the_page(row, expected):
    assert levels()[row] == expected


def test_combined_takes_the_pages_versions_as_must():
    found = levels(backend="nftables", cni_plugin=True)
    assert found["nftables/kernel/kernel"] == {"documented": "must", "combined": "must"}
    assert found["nftables/tool/nft"] == {"documented": "must", "combined": "must", "effective": "must"}


@pytest.mark.parametrize("options", [{}, {"mode": "ambient"}, {"mode": "ambient", "cni_plugin": True}])
def test_a_tool_of_the_host_counts_only_for_the_page_if_istio_does_not_run_it(options):
    assert levels(backend="nftables", **options)["nftables/tool/nft"] == {"documented": "must"}


def test_combined_has_the_other_variant_only_if_the_variant_is_auto():
    assert levels()["iptables/module/xt_tcpudp"] == {"documented": "must", "combined": "should"}
    assert "iptables/module/nft_compat" in levels("legacy")
    assert "iptables/module/nft_compat" not in levels("legacy", iptables_variant="legacy")


def test_a_row_of_both_catalogues_has_both_sources():
    (row,) = [row for row in requirement_rows(Selection(), {"sidecar": ("nft",)}) if row.requirement.name == "xt_owner"]
    assert row.requirement.wording == "required"
    assert row.requirement.source.startswith(
        "https://istio.io/latest/docs/ops/deployment/platform-requirements/; istio: "
    )


def test_a_site_check_has_its_level_in_every_profile():
    check = {"id": "selinux", "query": "selinux", "message": "m", "level": "should"}
    assert levels(extra_checks=[check])["site/check/selinux"] == {
        "documented": "should",
        "effective": "should",
        "combined": "should",
    }


@pytest.mark.parametrize(
    "options, has_legacy, has_nft",
    [
        ({}, False, True),
        ({"iptables_variant": "legacy"}, True, False),
        ({"iptables_variant": "nft", "istio_version": "1.25.3"}, False, True),
        ({"istio_version": "1.25.3"}, True, False),
        ({"istio_version": "1.25.4"}, False, True),
    ],
)
def test_required_modules_are_those_of_the_variant_that_istio_picks_on_an_empty_node(options, has_legacy, has_nft):
    names = list_required_modules(Selection.from_options({"profile": "effective", **options}))
    assert ("iptable_nat" in names) is has_legacy
    assert ("nft_compat" in names) is has_nft
    assert len(names) == len(set(names))
