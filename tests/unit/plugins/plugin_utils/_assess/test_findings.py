# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The findings of an assessment."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import (
    facts,
    preparation_plan,
    readiness,
    without_legacy,
)

TABLE_NAMES = ["filter", "mangle", "nat", "raw"]
USED_TABLES = {"netfilter": {"legacy_tables": {"ipv4": ["nat"], "ipv6": ["nat"]}, "nft_compat_uses": 2}}


def severities(node, **options):
    """Return the severity of each finding by its id."""
    return {finding["id"]: finding["severity"] for finding in readiness(node, **options)["findings"]}


def ready_node(**changes):
    return facts(**{"state": "loaded", "boot": "yes", "nft": "1.1.3", **changes})


def test_a_ready_node_has_no_findings():
    node = ready_node(kernel=(6, 12, 0))
    assert severities(node) == {}
    assert severities(node, mode="ambient", ambient_ipv6=False) == {}


@pytest.mark.parametrize(
    "finding, node, options",
    [
        ("legacy_tables", USED_TABLES, {}),
        ("mixed_backends", USED_TABLES, {}),
        ("ambient_ipv6", {}, {"mode": "ambient"}),
        ("ambient_ipv6_off", {}, {"mode": "ambient", "ip_family": "dual", "ambient_ipv6": False}),
        (
            "old_ipsets",
            {"netfilter": {"ipsets": ["istio-inpod-probes-v4"]}},
            {"backend": "nftables", "mode": "ambient"},
        ),
        ("nft_set_crash", {"nft": "1.0.6"}, {"backend": "nftables", "mode": "ambient"}),
        ("variant_not_picked", {}, {"iptables_variant": "legacy"}),
        ("istio_version", {}, {"istio_version": "1.20.4"}),
        ("istio_version", {}, {"istio_version": "1.33"}),
    ],
)
def test_the_node_or_the_selection_causes_a_finding(finding, node, options):
    assert finding in severities(ready_node(**node), **options)


def test_a_kernel_without_legacy_tables_is_a_finding():
    assert "legacy_retired" in severities(ready_node(**without_legacy()), mode=["sidecar", "ambient"])


def test_the_documented_profile_changes_the_variant_on_old_kernels_and_this_is_a_finding():
    old = facts(kernel=(5, 10, 223))
    options = {"profile": "documented", "mode": "ambient"}
    assert "iptable_nat" in preparation_plan(old, **options)["load"]
    assert preparation_plan(old, **options)["forecast"]["variant"] == "legacy"
    assert "legacy_flip" in severities(old, **options)
    assert "legacy_flip" not in severities(facts(), **options)


def test_an_nft_without_json_is_a_warning_for_backend_nftables():
    node = ready_node()
    assert severities(node, backend="nftables") == {}
    node["tools"]["nft"]["json"] = False
    assert severities(node, backend="nftables") == {"nft_without_json": "warning"}
    assert severities(node) == {}


@pytest.mark.parametrize("version, is_found", [("1.28.1", True), ("1.28.5", False), ("1.30", True)])
def test_the_set_crash_depends_on_the_nft_in_the_image_of_the_release(version, is_found):
    found = severities(facts(), backend="nftables", mode="ambient", istio_version=version)
    assert ("nft_set_crash" in found) is is_found


@pytest.mark.parametrize(
    "entry, severity, consequence",
    [
        ({"state": "loaded", "boot": "yes"}, "info", "all are present now"),
        ({"state": "loaded", "boot": "no"}, "warning", "all are present now; not present after a reboot: xt_owner"),
        ({"state": "loadable", "boot": "no"}, "warning", "not present now: xt_owner"),
    ],
)
def test_modules_that_selinux_has_denied_are_reported_with_the_consequence(entry, severity, consequence):
    node = ready_node()
    node["modules"]["xt_owner"].update(entry)
    node["modules"]["nft_chain_nat_ipv4"].update(state="missing")
    node["selinux"] = {
        "mode": "enforcing",
        "denied": {
            "modules": ["nft_chain_nat_ipv4", "xt_owner"],
            "domains": ["container_t"],
            "at": "2026-11-24T10:00:00Z",
        },
    }
    (found,) = readiness(node)["findings"]
    assert found["id"] == "selinux_denied"
    assert found["severity"] == severity
    assert found["message"] == (
        f"SELinux has denied container_t the loading of xt_owner (last on 2026-11-24); {consequence}"
    )


def test_selinux_without_denials_is_no_finding():
    node = ready_node()
    node["selinux"] = {"mode": "enforcing"}
    assert severities(node) == {}
    node["selinux"]["denied"] = {"modules": [], "domains": [], "at": None}
    assert severities(node) == {}


def test_an_unreadable_audit_log_is_a_finding():
    node = ready_node()
    node["unreadable"] = {"/var/log/audit/audit.log": "Permission denied"}
    (found,) = readiness(node)["findings"]
    assert found["id"] == "selinux_denials_unknown"
    assert found["severity"] == "info"
    assert found["message"].endswith("/var/log/audit/audit.log: Permission denied")


def test_conflicts_without_a_place_in_the_facts_are_a_finding():
    node = ready_node()
    reason = {"axis": "autoload", "code": "blacklist", "text": "blacklisted", "where": "/etc/modprobe.d/a.conf:1"}
    node["modules"]["xt_owner"]["reasons"] = [reason]
    assert severities(node) == {}
    del reason["where"]
    (found,) = readiness(node)["findings"]
    assert found["id"] == "conflicts_truncated"
    assert found["severity"] == "warning"
    assert "xt_owner" in found["message"]


def test_empty_tables_of_loaded_modules_are_not_mixed_backends():
    netfilter = {"legacy_tables": {"ipv4": [*TABLE_NAMES], "ipv6": [*TABLE_NAMES]}, "nft_compat_uses": 2}
    node = ready_node(kernel=(5, 10, 0), netfilter=netfilter)
    found = severities(node)
    assert "mixed_backends" not in found
    assert found["legacy_tables"] == "info"
    assert severities(node, mode="ambient")["legacy_tables"] == "warning"
