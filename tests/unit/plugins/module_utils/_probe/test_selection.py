# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rule sets Istio programs for a selection."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.selection import select_rule_sets

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

PLAIN = {"detection", "sidecar-redirect", "sidecar-owner-groups", "sidecar-kube-virt"}
AMBIENT = {"detection", "guardrail", "ambient-pod", "ambient-dns", "ambient-host"}


def select_constructs(family, **options):
    rule_sets = select_rule_sets(dict(SELECTION, **options))
    return {rule_set.construct for rule_set in rule_sets if rule_set.family == family}


@pytest.mark.parametrize(
    "options, constructs",
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
def test_a_selection_has_its_constructs(options, constructs):
    assert select_constructs("ipv4", **options) == constructs


@pytest.mark.parametrize(
    "options, constructs",
    [
        ({}, set()),
        ({"ip_family": "dual"}, PLAIN),
        ({"ip_family": "ipv6"}, PLAIN),
        ({"mode": ["ambient"]}, AMBIENT),
        ({"mode": ["ambient"], "ambient_ipv6": False}, set()),
        ({"mode": ["sidecar", "ambient"]}, AMBIENT),
    ],
)
def test_ipv6_rules_are_selected_if_the_cluster_or_ambient_mode_has_them(options, constructs):
    assert select_constructs("ipv6", **options) == constructs


@pytest.mark.parametrize(
    "variant, tools",
    [("nft", {"iptables-nft"}), ("legacy", {"iptables-legacy"}), ("auto", {"iptables-nft", "iptables-legacy"})],
)
def test_the_variant_selects_the_tool(variant, tools):
    rule_sets = select_rule_sets(dict(SELECTION, iptables_variant=variant))
    assert {rule_set.tool.name for rule_set in rule_sets} == tools
