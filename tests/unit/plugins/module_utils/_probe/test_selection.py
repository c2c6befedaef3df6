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


def select_constructs(family, release_rules=None, **options):
    rule_sets = select_rule_sets(dict(SELECTION, **options), release_rules)
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


@pytest.mark.parametrize(
    "release_rules, options, constructs",
    [
        ({"detection_table": "none"}, {}, PLAIN - {"detection"}),
        ({"detection_comment": True}, {}, PLAIN - {"detection"} | {"detection-comment"}),
        ({"detection_table": "filter"}, {}, PLAIN - {"detection"} | {"detection-filter"}),
        (
            {"detection_table": "filter", "detection_comment": True},
            {},
            PLAIN - {"detection"} | {"detection-filter-comment"},
        ),
        (
            {"ambient_interception": "tproxy", "ambient_dns_zones": False},
            {"mode": ["ambient"], "dns_capture": False},
            AMBIENT - {"ambient-pod", "ambient-dns"} | {"ambient-tproxy", "ambient-outbound"},
        ),
        (
            {"ambient_dns_zones": False},
            {"mode": ["ambient"]},
            AMBIENT - {"ambient-dns"} | {"ambient-dns-redirect"},
        ),
        (
            {"ambient_interception": "tproxy", "ambient_dns_zones": False},
            {"dns_capture": True},
            PLAIN | {"sidecar-dns"},
        ),
        ({"ambient_interception": "redirect", "counters": False}, {}, PLAIN),
    ],
)
def test_an_older_release_has_its_own_constructs(release_rules, options, constructs):
    assert select_constructs("ipv4", release_rules, **options) == constructs


def test_native_rules_of_older_releases_have_no_counters():
    selection = dict(SELECTION, backend="nftables", interception=["redirect", "tproxy"], dns_capture=True)
    newest = select_rule_sets(selection)
    older = select_rule_sets(selection, {"counters": False})
    assert [rule_set.id for rule_set in older] == [rule_set.id for rule_set in newest]
    for before, after in zip(older, newest):
        assert "counter" not in before.rules and "counter " in after.rules
        assert (before.optional_modules, after.optional_modules) == ((), ("nft_counter",))
        assert before.rules.split() == [word for word in after.rules.split() if word != "counter"]
