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


@pytest.mark.parametrize(
    "nsenter, options, is_found",
    [
        (None, {}, True),
        (None, {"istio_version": "1.30.0", "mode": ["sidecar", "ambient"]}, True),
        (None, {"istio_version": "1.29"}, False),
        (None, {"cni_plugin": False}, False),
        (None, {"mode": "ambient"}, False),
        (None, {"backend": "nftables"}, False),
        ({"path": "/usr/bin/nsenter", "version": None}, {}, False),
    ],
)
def test_a_node_without_nsenter_is_a_finding_if_the_cni_plugin_runs_it(nsenter, options, is_found):
    node = ready_node()
    node["tools"]["nsenter"] = nsenter
    found = severities(node, **{"cni_plugin": True, **options})
    assert found.get("nsenter_missing") == ("info" if is_found else None)


def test_facts_that_do_not_show_nsenter_cause_no_finding():
    assert "nsenter_missing" not in severities(ready_node(), cni_plugin=True)


def test_a_kernel_without_legacy_tables_is_a_finding():
    assert "legacy_retired" in severities(ready_node(**without_legacy()), mode=["sidecar", "ambient"])


def test_the_documented_profile_changes_the_variant_on_old_kernels_and_this_is_a_finding():
    old = facts(kernel=(5, 10, 223))
    options = {"profile": "documented", "mode": "ambient", "ip_family": "dual", "istio_version": "1.30.4"}
    assert "iptable_nat" in preparation_plan(old, **options)["load"]
    assert preparation_plan(old, **options)["forecast"]["variant"] == "legacy"
    assert "legacy_flip" in severities(old, **options)
    assert "legacy_flip" not in severities(facts(), **options)


@pytest.mark.parametrize("options", [{"mode": "ambient", "ambient_ipv6": False}, {"cni_plugin": True}])
def test_the_hosts_nft_needs_no_json(options):
    node = ready_node()
    node["tools"]["nft"]["json"] = False
    assessment = readiness(node, backend="nftables", **options)
    assert assessment["findings"] == []
    assert assessment["verdict"] == "ready"


def test_loading_the_pages_modules_changes_nothing_if_only_rules_decide():
    old = facts(kernel=(5, 10, 223))
    assert "legacy_flip" not in severities(old, profile="documented", mode="ambient", istio_version="1.30.5")


@pytest.mark.parametrize(
    "version, is_found", [("1.28.1", True), ("1.28.5", False), ("1.29.6", False), ("1.29.7", True), ("1.30", True)]
)
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
    assert severities(node, mode="ambient", istio_version="1.30.4")["legacy_tables"] == "warning"
    assert severities(node, mode="ambient", istio_version="1.30.5")["legacy_tables"] == "info"


NO_RULES = {"ipv4": [], "ipv6": []}
RULES = {"ipv4": ["nat"], "ipv6": ["nat"]}


@pytest.mark.parametrize(
    "version, rules, severity",
    [
        ("1.31.0", NO_RULES, "warning"),
        ("1.31.1", NO_RULES, None),
        ("1.31.1", RULES, "warning"),
        ("1.31.1", {"ipv4": None, "ipv6": None}, "info"),
    ],
)
def test_legacy_tables_without_rules_are_no_finding_if_only_rules_decide(version, rules, severity):
    netfilter = {**USED_TABLES["netfilter"], "legacy_rules": rules}
    node = ready_node(netfilter=netfilter)
    assert severities(node, mode="ambient", istio_version=version).get("legacy_tables") == severity


def test_legacy_tables_without_rules_are_not_mixed_backends():
    node = ready_node(netfilter={**USED_TABLES["netfilter"], "legacy_rules": NO_RULES})
    assert "mixed_backends" not in severities(node)
    node["netfilter"]["legacy_rules"] = RULES
    (message,) = [found["message"] for found in readiness(node)["findings"] if found["id"] == "mixed_backends"]
    assert "rules of iptables-legacy" in message


@pytest.mark.parametrize(
    "version, is_found",
    [("1.25.3", False), ("1.25.4", True), ("1.29.7", True), ("1.29.8", False), ("1.30.4", True), ("1.31.1", False)],
)
def test_a_release_whose_own_test_creates_the_table_changes_its_variant_when_it_restarts(version, is_found):
    found = severities(ready_node(kernel=(6, 12, 0)), mode="ambient", istio_version=version)
    assert found.get("variant_after_restart") == ("warning" if is_found else None)


@pytest.mark.parametrize(
    "options, node",
    [
        ({"mode": "sidecar"}, {}),
        ({"mode": "ambient", "iptables_variant": "nft"}, {}),
        ({"mode": "ambient"}, without_legacy()),
        ({"mode": "ambient", "backend": "nftables"}, {}),
    ],
)
def test_the_variant_does_not_change_by_a_restart_if_no_table_can_be_created_or_decide(options, node):
    assert "variant_after_restart" not in severities(ready_node(**node), istio_version="1.30.4", **options)


def test_the_ways_out_depend_on_what_the_release_reads():
    def describe(version):
        found = readiness(ready_node(), mode="ambient", istio_version=version)["findings"]
        (message,) = [finding["message"] for finding in found if finding["id"] == "variant_after_restart"]
        return message

    assert "from 1.28 on, set FORCE_IPTABLES_BINARY=nft" in describe("1.27")
    assert "from 1.28 on" not in describe("1.28")


@pytest.mark.parametrize(
    "options, text",
    [
        ({}, "set FORCE_IPTABLES_BINARY=legacy"),
        ({"istio_version": "1.27"}, "1.28 is the first that does"),
        ({"istio_version": "1.28.0"}, "set FORCE_IPTABLES_BINARY=legacy"),
        ({"cni_plugin": True}, "CNI plugin does not read FORCE_IPTABLES_BINARY"),
        ({"cni_plugin": True, "mode": "ambient"}, "set FORCE_IPTABLES_BINARY=legacy"),
    ],
)
def test_the_variable_is_suggested_only_if_this_release_and_mode_read_it(options, text):
    found = readiness(ready_node(), iptables_variant="legacy", **options)["findings"]
    (message,) = [finding["message"] for finding in found if finding["id"] == "variant_not_picked"]
    assert message.endswith(text) or text in message


@pytest.mark.parametrize("version, text", [("1.28.1", "does not look for it"), ("1.28.2", "continues to use iptables")])
def test_an_old_ipset_has_another_effect_before_1_28_2(version, text):
    node = ready_node(netfilter={"ipsets": ["istio-inpod-probes-v4"]})
    found = readiness(node, backend="nftables", mode="ambient", istio_version=version)["findings"]
    (message,) = [finding["message"] for finding in found if finding["id"] == "old_ipsets"]
    assert text in message


@pytest.mark.parametrize(
    "change, cause",
    [
        ({"kernel": {"ipv6": False}}, "IPv6 is off in this kernel"),
        ({"netfilter": {"ipv6_off": ["all", "lo"]}}, "net.ipv6.conf.lo.disable_ipv6 is 1 on this node"),
        ({"netfilter": {"loopback_ipv6": False}}, "the loopback interface of this node has no address ::1"),
        ({"netfilter": {"ipv6_off": ["default"]}}, None),
    ],
)
def test_without_ipv6_ztunnel_needs_a_variable(change, cause):
    node = ready_node()
    for key, values in change.items():
        node[key].update(values)
    for options in ({"mode": "ambient", "ambient_ipv6": False}, {"mode": "ambient", "backend": "nftables"}):
        found = readiness(node, **options)["findings"]
        messages = [finding["message"] for finding in found if finding["id"] == "ztunnel_ipv6"]
        assert [message.partition(": ")[0] for message in messages] == ([cause] if cause else [])
    assert "ztunnel_ipv6" not in severities(node)


@pytest.mark.parametrize(
    "kubelet, version, is_found",
    [
        (None, "1.28", False),
        ("kubelite", "1.28", True),
        ("kubelite", "1.29.0", False),
        ("k3s", "1.31", True),
        ("k3s", "1.32", False),
        ("k3s-server", "1.32", True),
    ],
)
def test_the_agent_of_native_nftables_finds_the_kubelet_by_its_name(kubelet, version, is_found):
    node = ready_node()
    node["platform"] = {"kubelet": kubelet} if kubelet else {}
    found = severities(node, backend="nftables", mode="ambient", istio_version=version)
    assert ("kubelet_not_found" in found) is is_found
    assert "kubelet_not_found" not in severities(node, backend="nftables", istio_version=version)
    assert "kubelet_not_found" not in severities(node, mode="ambient", istio_version=version)


@pytest.mark.parametrize(
    "system, options, is_found",
    [
        ({"id": "rhcos"}, {}, True),
        ({"id": "rhel", "name": "Red Hat Enterprise Linux CoreOS 9.6.20260101-0"}, {}, True),
        ({"id": "centos", "name": "CentOS Stream CoreOS 10.0.20260101-0"}, {"mode": "ambient"}, True),
        ({"id": "rhcos"}, {"istio_version": "1.31"}, False),
        ({"id": "rhcos"}, {"backend": "nftables"}, False),
        ({"id": "rhel", "name": "Red Hat Enterprise Linux 9.6 (Plow)"}, {}, False),
        ({"id": "fedora", "name": "Fedora CoreOS 43"}, {}, False),
    ],
)
def test_openshift_uses_native_nftables_by_default_since_1_32(system, options, is_found):
    node = ready_node()
    node["os"] = system
    assert ("openshift_nftables" in severities(node, **options)) is is_found


@pytest.mark.parametrize("compat", [{"state": "missing"}, {"state": "blocked"}])
def test_legacy_tables_are_not_called_retired_if_iptables_nft_cannot_work(compat):
    assert "legacy_retired" not in severities(ready_node(**without_legacy(nft_compat=compat)))
    assert "legacy_retired" not in severities(ready_node(**without_legacy(nf_tables={"state": "missing"})))
