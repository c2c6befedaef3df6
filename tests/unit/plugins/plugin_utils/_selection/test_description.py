# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A selection in words."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.description import describe_selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection


def describe(**options):
    return describe_selection(Selection.from_options(options))


@pytest.mark.parametrize(
    "version, text",
    [
        ("1.99", "Istio 1.99 (assessed as 1.32)"),
        ("1.9.3", "Istio 1.9.3 (assessed as 1.22)"),
        ("1.30", "Istio 1.30"),
    ],
)
def test_an_unknown_release_is_shown_with_the_release_whose_rules_are_used(version, text):
    assert text in describe(istio_version=version).split(", ")


def test_defaults_of_istio_are_left_out():
    assert describe(istio_version="1.30") == "iptables, sidecar, ipv4, Istio 1.30, profile combined"


def test_ambient_alone_captures_dns_by_default():
    text = "iptables, ambient, dual, DNS capture on, Istio 1.30, profile combined"
    assert describe(mode="ambient", ip_family="dual", istio_version="1.30") == text


def test_dns_capture_is_shown_if_it_is_set():
    assert "DNS capture on" in describe(dns_capture=True)
    assert "DNS capture off" in describe(mode="ambient", dns_capture=False)


def test_several_modes_and_interceptions_are_shown():
    text = describe(mode=["sidecar", "ambient"], interception=["redirect", "tproxy"], iptables_variant="nft")
    assert text.startswith("iptables, sidecar and ambient, ipv4, redirect and tproxy, nft iptables, ")
