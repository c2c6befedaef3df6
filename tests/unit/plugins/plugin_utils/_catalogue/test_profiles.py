# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effective catalogue, releases, forecasts, profiles and plans."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.filter.required_modules import required_modules
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import (
    LEGACY,
    facts,
    preparation_plan,
    readiness,
    without_legacy,
)

SIDECAR = {"xt_REDIRECT", "xt_owner"}
NFT = {"nf_tables", "nft_compat", "nft_chain_nat", "nft_counter"}
AMBIENT = {"xt_connmark", "xt_tcpudp", "xt_CT", "xt_set", "xt_nat", "ip_set_hash_ip"}


def effective(backend="iptables", **options):
    return set(required_modules(backend, profile="effective", **options))


# The table of measured modules: each case of Istio's rules with the modules it was seen to ask for.
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
        (
            SIDECAR | AMBIENT | {"xt_mark"} | set(LEGACY),
            {"iptables_variant": "legacy", "mode": "ambient"},
        ),
        (
            SIDECAR | AMBIENT | {"xt_mark", "iptable_nat", "iptable_mangle", "iptable_raw"},
            {"iptables_variant": "legacy", "mode": "ambient", "ambient_ipv6": False, "reconcile": False},
        ),
        (
            SIDECAR | {"iptable_nat", "iptable_mangle", "xt_tcpudp", "xt_conntrack"},
            {"iptables_variant": "legacy", "invalid_drop": True},
        ),
        ({"nf_tables", "nft_chain_nat", "nft_redir", "nft_counter"}, {"backend": "nftables"}),
        (
            {"nf_tables", "nft_chain_nat", "nft_redir", "nft_counter", "nft_ct"},
            {"backend": "nftables", "dns_capture": True},
        ),
        (
            {"nf_tables", "nft_chain_nat", "nft_redir", "nft_counter", "nft_ct", "nft_tproxy"},
            {"backend": "nftables", "interception": "tproxy"},
        ),
        (
            {"nf_tables", "nft_chain_nat", "nft_redir", "nft_counter", "nft_ct", "nft_nat"},
            {"backend": "nftables", "mode": "ambient"},
        ),
    ],
)
def test_what_each_case_uses(modules, options):
    assert effective(**options) == modules


def test_modes_and_interceptions_add_up():
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
def test_releases_differ(version, more):
    plain = effective(iptables_variant="legacy", mode="ambient", istio_version="1.28")
    assert effective(iptables_variant="legacy", mode="ambient", istio_version=version) == plain | more


@pytest.mark.parametrize(
    "version, needed",
    [
        ("1.25.3", set()),
        ("1.25.4", {"ip6table_filter"}),
        ("1.26.8", {"ip6table_filter"}),
        ("1.27.1", {"ip6table_nat"}),
        ("1.27.2", set()),
    ],
)
def test_old_releases_try_ipv6_even_where_it_is_off(version, needed):
    found = effective(iptables_variant="legacy", istio_version=version)
    assert {name for name in found if name.startswith("ip6")} == needed


@pytest.mark.parametrize("asked, used", [("1.20.4", "1.25"), ("1.33", "1.31"), ("1.30.3", "1.30.3")])
def test_a_release_that_is_not_known_is_said_to_be_judged_as_another(asked, used):
    assessment = readiness(facts(), istio_version=asked)
    assert (assessment["catalogue"]["requested"], assessment["catalogue"]["used"]) == (asked, used)
    assert (
        (asked != used)
        is (assessment["catalogue"]["note"] is not None)
        is ("istio_version" in [one["id"] for one in assessment["findings"]])
    )


@pytest.mark.parametrize(
    "options, message",
    [
        ({"istio_version": 1.3}, "istio_version: 1.3 is no text; quote the version"),
        ({"istio_version": "1.3"}, "istio_version: '1.3' is what is left of 1.30 without quotes"),
        (
            {"extra_checks": [{"id": "a", "query": "lenght(@)", "message": "m"}]},
            r"extra_checks: 'a': JMESPath has no function lenght\(\)",
        ),
        (
            {"extra_checks": [{"id": "a", "query": "a[?length(@, b)]", "message": "m"}]},
            r"extra_checks: 'a': length\(\) takes 1 arguments, not 2",
        ),
        ({"istio_version": "latest"}, "istio_version: 'latest' is no version"),
        (
            {"backend": "nftables", "istio_version": "1.26"},
            "Istio 1.26 has no nftables rules for sidecar mode; they came with 1.27",
        ),
        (
            {"backend": "nftables", "mode": "ambient", "istio_version": "1.27"},
            "no nftables rules for ambient mode; they came with 1.28",
        ),
        ({"profile": "strict"}, "profile: 'strict' is not one of documented, effective, combined"),
        ({"iptables_variant": "nf_tables"}, "iptables_variant: 'nf_tables' is not one of auto, legacy, nft"),
        ({"cni_plugin": "maybe"}, "cni_plugin: 'maybe' is not true or false"),
        ({"extra_checks": {}}, "extra_checks: {} is not a list"),
        (
            {"extra_checks": [{"id": "a", "query": "kernel..x", "message": "m"}]},
            "extra_checks: 'a': the query is no JMESPath expression",
        ),
        (
            {"extra_checks": [{"id": "a", "query": "nosuch(@)", "message": "m", "level": "may"}]},
            "level 'may' is not one of",
        ),
        ({"extra_checks": [{"id": "a", "query": "a"}]}, "entry 1 has no message"),
        ({"extra_checks": [{"id": "a", "query": "a", "message": "m"}] * 2}, "two checks have the id 'a'"),
        ({"extra_checks": [{"id": "a", "query": "a", "message": "m", "when": 1}]}, "entry 1 has 'when'"),
    ],
)
def test_bad_options_get_one_clear_error(options, message):
    with pytest.raises(AnsibleFilterError, match=message):
        readiness(facts(), **options)


@pytest.mark.parametrize(
    "options, node, expected",
    [
        ({}, facts(), "nft"),
        ({"mode": "ambient"}, facts(), "nft"),
        (
            {"mode": "ambient"},
            facts(
                netfilter={"legacy_tables": {"ipv4": ["nat"], "ipv6": ["nat"]}},
                iptable_nat={"state": "loaded"},
                ip6table_nat={"state": "loaded"},
            ),
            "legacy",
        ),
        # Tables in the host's namespace say nothing of a pod's, which has its own.
        ({}, facts(netfilter={"legacy_tables": {"ipv4": ["nat"], "ipv6": []}}, iptable_nat={"state": "loaded"}), "nft"),
        # That is so on every kernel.
        (
            {},
            facts(
                kernel=(5, 10, 0),
                netfilter={"legacy_tables": {"ipv4": ["nat"], "ipv6": []}},
                iptable_nat={"state": "loaded"},
            ),
            "nft",
        ),
        # A loaded table that does not exist shows that this kernel makes them on first use, whatever its version.
        (
            {"mode": "ambient"},
            facts(kernel=(5, 14, 0), iptable_nat={"state": "loaded"}, ip6table_nat={"state": "loaded"}),
            "nft",
        ),
        # The probe of iptables-legacy fails without the table nat.
        (
            {"mode": "ambient"},
            facts(
                netfilter={"legacy_tables": {"ipv4": ["filter"], "ipv6": []}},
                iptable_filter={"state": "loaded"},
                iptable_nat={"state": "missing"},
            ),
            "nft",
        ),
        # Up to 1.27.0 it tried the table filter, and then failed for want of nat (awslabs/amazon-eks-ami#2354).
        (
            {"mode": "ambient", "istio_version": "1.27.0"},
            facts(
                netfilter={"legacy_tables": {"ipv4": ["filter"], "ipv6": ["filter"]}},
                iptable_filter={"state": "loaded"},
                ip6table_filter={"state": "loaded"},
                iptable_nat={"state": "missing"},
            ),
            "legacy",
        ),
        ({"istio_version": "1.25.3"}, facts(), "legacy"),
        ({"istio_version": "1.25.3", "mode": "ambient"}, facts(netfilter={"nft_compat_uses": 4}), "nft"),
        ({"istio_version": "1.30"}, facts(nf_tables={"state": "missing"}), "legacy"),
        ({"istio_version": "1.31"}, facts(nf_tables={"state": "missing"}), "nft"),
        (
            {"mode": "ambient"},
            facts(netfilter={"legacy_tables": {"ipv4": None, "ipv6": None}}, iptable_nat={"state": "loaded"}),
            "unknown",
        ),
        ({"mode": "ambient"}, facts(netfilter={"legacy_tables": {"ipv4": None, "ipv6": None}}), "nft"),
        ({"iptables_variant": "legacy"}, facts(), "legacy"),
    ],
)
def test_forecast(options, node, expected):
    assert readiness(node, **options)["forecast"]["variant"] == expected


def test_modes_can_differ_in_their_variant():
    node = facts(
        netfilter={"legacy_tables": {"ipv4": ["nat"], "ipv6": ["nat"]}},
        iptable_nat={"state": "loaded"},
        ip6table_nat={"state": "loaded"},
    )
    forecast = readiness(node, mode=["sidecar", "ambient"])["forecast"]
    assert (forecast["variant"], forecast["modes"]) == ("mixed", {"sidecar": "nft", "ambient": "legacy"})


def test_what_only_one_variant_needs_is_unknown_where_the_variant_is():
    unseen = {"legacy_tables": {"ipv4": None, "ipv6": None}}
    there = {"state": "loaded", "boot": "yes"}
    absent = {
        name: {"state": "loadable", "autoload": "denied", "boot": "no"}
        for name in ["nf_tables", "nft_compat", "nft_chain_nat", "nft_counter"]
    }
    assert (
        readiness(facts(**there, netfilter=unseen, **absent), mode="ambient", profile="effective")["verdict"]
        == "unknown"
    )
    assert readiness(facts(**there, netfilter=unseen), mode="ambient", profile="effective")["verdict"] == "ready"
    assert (
        readiness(facts(**there, netfilter=unseen, xt_owner={"state": "missing"}), mode="ambient", profile="effective")[
            "verdict"
        ]
        == "not_ready"
    )


def test_every_assessment_has_three_verdicts():
    page_only = {
        name: {"state": "loaded", "boot": "yes"} for name in required_modules("iptables", profile="documented")
    }
    node = facts(autoload="denied", **page_only)
    assert readiness(node)["verdicts"] == {"documented": "ready", "effective": "not_ready", "combined": "not_ready"}
    bare = facts(state="loaded", boot="yes", br_netfilter={"state": "missing"})
    assert readiness(bare)["verdicts"] == {"documented": "not_ready", "effective": "ready", "combined": "ready"}
    assert readiness(bare, profile="documented")["verdict"] == "not_ready"
    (row,) = [row for row in readiness(bare)["requirements"] if row["name"] == "br_netfilter"]
    assert (row["level"], row["profiles"]) == ("should", ["documented", "combined"])
    (one,) = readiness(bare)["disagreements"]
    assert (one["name"], one["required_by"], one["now"]) == ("br_netfilter", "documented", "unmet")


def test_a_kernel_without_legacy_tables_is_ready_through_nft():
    node = facts(state="loaded", boot="yes", **without_legacy())
    assessment = readiness(node, mode=["sidecar", "ambient"])
    assert assessment["verdicts"] == {"documented": "not_ready", "effective": "ready", "combined": "ready"}
    assert "legacy_retired" in [finding["id"] for finding in assessment["findings"]]


def test_alternatives_the_best_counts():
    old = {"nft_chain_nat": {"state": "missing", "autoload": "never"}}
    node = facts(state="loaded", boot="yes", **old)
    rows = [row for row in readiness(node, ip_family="dual")["requirements"] if row["name"] == "nft_chain_nat"]
    assert [(row["now"], row["any_of"][1]) for row in rows] == [
        ("present", "nft_chain_nat_ipv4"),
        ("present", "nft_chain_nat_ipv6"),
    ]
    neither = facts(state="loaded", boot="yes", **old, nft_chain_nat_ipv6={"state": "missing"})
    assert [
        row["now"] for row in readiness(neither, ip_family="dual")["requirements"] if row["name"] == "nft_chain_nat"
    ] == ["present", "unmet"]
    loadable = facts(**old, nft_chain_nat_ipv6={"state": "missing"})
    assert "nft_chain_nat_ipv4" in preparation_plan(loadable)["load"]


@pytest.mark.parametrize("value, verdict", [("y", "ready"), ("m", "ready"), ("n", "not_ready"), (None, "unknown")])
def test_kernel_options_that_no_module_shows(value, verdict):
    node = facts(state="loaded", boot="yes", options={"NF_CONNTRACK_ZONES": value})
    assert readiness(node, mode="ambient")["verdict"] == verdict
    assert readiness(node)["verdict"] == "ready"
    if value == "n":
        assert preparation_plan(node, mode="ambient")["refused"] == [
            "this kernel was built without CONFIG_NF_CONNTRACK_ZONES"
        ]


@pytest.mark.parametrize(
    "options, needed", [({}, False), ({"cni_plugin": True}, True), ({"cni_plugin": True, "mode": "ambient"}, False)]
)
@pytest.mark.parametrize("backend, tool", [("iptables", "iptables"), ("nftables", "nft")])
def test_the_hosts_tools_count_where_istio_runs_them(backend, tool, options, needed):
    node = facts(state="loaded", boot="yes", **{tool: None})
    assert readiness(node, backend=backend, profile="effective", **options)["verdict"] == (
        "not_ready" if needed else "ready"
    )


def test_the_hosts_old_iptables_needs_more():
    node = facts(state="loaded", boot="yes", iptables="1.8.7", xt_tcpudp={"state": "missing"})
    assert readiness(node, profile="effective")["verdict"] == "ready"
    assert readiness(node, profile="effective", cni_plugin=True)["verdict"] == "not_ready"


@pytest.mark.parametrize(
    "kernel, mode, legacy",
    [
        ((5, 10, 223), "sidecar", True),
        ((5, 10, 223), "ambient", False),
        ((5, 15, 0), "ambient", True),
        ((6, 12, 0), "sidecar", True),
        ((6, 12, 0), "ambient", True),
    ],
)
def test_combined_loads_legacy_tables_where_that_changes_nothing(kernel, legacy, mode):
    plan = preparation_plan(facts(kernel=kernel), mode=mode)
    assert ("iptable_nat" in plan["load"]) is ("ip_tables" in plan["load"]) is legacy
    assert {"br_netfilter", "nft_compat", "nft_chain_nat"} <= set(plan["load"])
    assert "iptable_nat" not in preparation_plan(facts(kernel=kernel), mode=mode, iptables_variant="nft")["load"]
    assert plan["forecast"]["variant"] == "nft"
    assert "iptable_nat" not in preparation_plan(facts(kernel=kernel), mode=mode, profile="effective")["load"]


def test_the_page_loads_legacy_tables_all_the_same_and_says_what_follows():
    old = facts(kernel=(5, 10, 223))
    asked = {"profile": "documented", "mode": "ambient"}
    assert "iptable_nat" in preparation_plan(old, **asked)["load"]
    assert preparation_plan(old, **asked)["forecast"]["variant"] == "legacy"
    assert "legacy_flip" in [finding["id"] for finding in readiness(old, **asked)["findings"]]
    assert "legacy_flip" not in [finding["id"] for finding in readiness(facts(), **asked)["findings"]]


def test_what_should_be_there_never_stands_in_the_way():
    blacklisted = {
        "reasons": [{"axis": "autoload", "code": "blacklist", "text": "blacklisted (/etc/modprobe.d/a.conf:1)"}],
        "autoload": "denied",
    }
    node = facts(
        bridge={"state": "missing"},
        br_netfilter=blacklisted,
        xt_owner=blacklisted,
        nf_nat_ipv4={"state": "merged", "provider": "nf_nat"},
    )
    plan = preparation_plan(node)
    assert not {"bridge", "br_netfilter", "nf_nat_ipv4"} & set(plan["modules"])
    assert "xt_owner" not in plan["load"] and plan["not_loadable"] == [
        {"name": "xt_owner", "cause": "autoload: blacklisted (/etc/modprobe.d/a.conf:1)"}
    ]
    assert "xt_multiport" in plan["optional"] and "xt_owner" not in plan["optional"]


@pytest.mark.parametrize(
    "query, level, verdict, grade",
    [
        ("kernel.version[0] >= `6`", "must", "ready", "present"),
        ("kernel.version[0] >= `7`", "must", "not_ready", "unmet"),
        ("kernel.version[0] >= `7`", "should", "ready", "unmet"),
        ("sysctl.nothing", "must", "not_ready", "unmet"),
        ("kernel.release", "must", "not_ready", "unmet"),
        ("length(os.nothing) > `1`", "must", "unknown", "unknown"),
        ("tools.nft.version == '1.0.6'", "must", "ready", "present"),
        ("contains(kernel.release, `6`)", "must", "unknown", "unknown"),
        ("kernel.version[::0]", "must", "unknown", "unknown"),
        ("not_null(os.nothing, kernel.nothing, `true`)", "must", "ready", "present"),
    ],
)
def test_a_sites_own_checks(query, level, verdict, grade):
    node = facts(state="loaded", boot="yes")
    check = {"id": "managed", "query": query, "message": "our rule", "level": level}
    assessment = readiness(node, extra_checks=[check])
    (row,) = [row for row in assessment["requirements"] if row["kind"] == "check"]
    assert (assessment["verdict"], row["id"], row["now"]) == (verdict, "site/check/managed", grade)
    assert row["reason"].startswith("our rule" if grade != "present" else "")
    assert preparation_plan(node, extra_checks=[check])["refused"] == []


TABLE_NAMES = ("filter", "mangle", "nat", "raw")


@pytest.mark.parametrize("backend", ["iptables", "nftables"])
@pytest.mark.parametrize(
    "told, options, grade, verdict",
    [
        ({"ipv6": False}, {"ip_family": "dual"}, "unmet", "not_ready"),
        ({"ipv6": False}, {"ip_family": "ipv6", "mode": "ambient"}, "unmet", "not_ready"),
        ({"ipv6": False}, {"mode": "ambient"}, "unmet", "not_ready"),
        ({"ipv6": False}, {"mode": "ambient", "ambient_ipv6": False}, None, "ready"),
        ({"ipv6": False}, {}, None, "ready"),
        ({"ipv6": None}, {"ip_family": "dual"}, "unknown", "unknown"),
        ({"ipv6": True}, {"ip_family": "dual"}, "present", "ready"),
        ({}, {"ip_family": "dual"}, "present", "ready"),
    ],
)
def test_ipv6_rules_need_a_kernel_with_ipv6(backend, told, options, grade, verdict):
    node = facts(state="loaded", boot="yes", nft="1.1.3")
    node["kernel"].update(told)
    assessment = readiness(node, backend=backend, profile="effective", **options)
    rows = [row for row in assessment["requirements"] if row["id"] == f"{backend}/kernel/kernel/ipv6"]
    assert assessment["verdict"] == verdict
    assert [(row["level"], row["now"], row["after_reboot"]) for row in rows] == (
        [("must", grade, grade)] if grade else []
    )
    assert grade != "unmet" or ("ipv6.disable=1" in rows[0]["reason"] and "ambient_ipv6 false" in rows[0]["remedy"])


def test_without_ipv6_the_legacy_probe_for_it_fails():
    node = facts(state="loaded", boot="yes", **TABLES)
    assert readiness(node, mode="ambient")["forecast"]["variant"] == "legacy"
    node["kernel"]["ipv6"] = False
    assert readiness(node, mode="ambient")["forecast"]["variant"] == "nft"
    assert readiness(node, mode="ambient", ambient_ipv6=False)["forecast"]["variant"] == "legacy"


TABLES = {"netfilter": {"legacy_tables": {"ipv4": ["nat"], "ipv6": ["nat"]}, "nft_compat_uses": 2}}


@pytest.mark.parametrize(
    "finding, node, options",
    [
        ("legacy_tables", TABLES, {}),
        ("mixed_backends", TABLES, {}),
        ("ambient_ipv6", {}, {"mode": "ambient"}),
        ("ambient_ipv6_off", {}, {"mode": "ambient", "ip_family": "dual", "ambient_ipv6": False}),
        (
            "old_ipsets",
            {"netfilter": {"ipsets": ["istio-inpod-probes-v4"]}},
            {"backend": "nftables", "mode": "ambient"},
        ),
        ("nft_set_crash", {"nft": "1.0.6"}, {"backend": "nftables", "mode": "ambient"}),
        ("variant_not_picked", {}, {"iptables_variant": "legacy"}),
    ],
)
def test_findings(finding, node, options):
    there = {"state": "loaded", "boot": "yes", **node}
    assert finding in [one["id"] for one in readiness(facts(**there), **options)["findings"]]
    plain = {"mode": "ambient", "ambient_ipv6": False}
    quiet = readiness(facts(state="loaded", boot="yes", nft="1.1.3", kernel=(6, 12, 0)), **plain)
    assert quiet["findings"] == []


def test_an_nft_without_json_is_a_warning():
    node = facts(state="loaded", boot="yes", nft="1.1.3")
    assert readiness(node, backend="nftables")["findings"] == []
    node["tools"]["nft"]["json"] = False
    assert [(one["id"], one["severity"]) for one in readiness(node, backend="nftables")["findings"]] == [
        ("nft_without_json", "warning")
    ]
    assert readiness(node)["findings"] == []


@pytest.mark.parametrize(
    "entry, severity, told",
    [
        ({"state": "loaded", "boot": "yes"}, "info", "all are there now"),
        ({"state": "loaded", "boot": "no"}, "warning", "all are there now; not after a reboot: xt_owner"),
        ({"state": "loadable", "boot": "no"}, "warning", "not there now: xt_owner"),
    ],
)
def test_what_selinux_has_refused_is_told_with_what_came_of_it(entry, severity, told):
    node = facts(state="loaded", boot="yes", nft="1.1.3")
    node["modules"]["xt_owner"].update(entry)
    node["modules"]["nft_chain_nat_ipv4"].update(state="missing")
    node["selinux"] = {"mode": "enforcing"}
    assert readiness(node)["findings"] == []
    node["selinux"]["denied"] = {"modules": [], "domains": [], "at": None}
    assert readiness(node)["findings"] == []
    node["selinux"]["denied"] = {
        "modules": ["nft_chain_nat_ipv4", "xt_owner"],
        "domains": ["container_t"],
        "at": "2026-11-24T10:00:00Z",
    }
    (found,) = readiness(node)["findings"]
    assert (found["id"], found["severity"]) == ("selinux_denied", severity)
    assert (
        found["message"]
        == f"SELinux has kept the kernel from loading xt_owner for container_t (last on 2026-11-24); {told}"
    )


def test_an_audit_log_that_may_not_be_read_is_told():
    node = facts(state="loaded", boot="yes", nft="1.1.3")
    node["unreadable"] = {"/var/log/audit/audit.log": "Permission denied"}
    (found,) = readiness(node)["findings"]
    assert (found["id"], found["severity"]) == ("selinux_denials_unknown", "info") and found["message"].endswith(
        "/var/log/audit/audit.log: Permission denied"
    )


def test_lines_that_are_more_than_the_facts_tell_are_a_finding():
    node = facts(state="loaded", boot="yes", nft="1.1.3")
    node["modules"]["xt_owner"]["reasons"] = [
        {"axis": "autoload", "code": "blacklist", "text": "blacklisted", "where": "/etc/modprobe.d/a.conf:1"}
    ]
    assert readiness(node)["findings"] == []
    del node["modules"]["xt_owner"]["reasons"][0]["where"]
    (found,) = readiness(node)["findings"]
    assert (found["id"], found["severity"]) == (
        "conflicts_truncated",
        "warning",
    ) and "the lines of xt_owner in" in found["message"]


@pytest.mark.parametrize(
    "options, reconcile",
    [
        ({"mode": "sidecar"}, False),
        ({"mode": ["sidecar", "ambient"]}, True),
        ({"mode": "ambient", "istio_version": "1.29"}, True),
        ({"mode": "ambient", "istio_version": "1.28"}, False),
        ({"mode": "ambient", "istio_version": "1.28", "reconcile": True}, True),
        ({"mode": "ambient", "reconcile": False}, False),
    ],
)
def test_whether_istio_reconciles_depends_on_its_release(options, reconcile):
    assert readiness(facts(), **options)["catalogue"]["reconcile"] is reconcile


@pytest.mark.parametrize("version, warned", [("1.28.1", True), ("1.28.5", False), ("1.30", True)])
def test_the_set_crash_depends_on_the_images_nft(version, warned):
    findings = readiness(facts(), backend="nftables", mode="ambient", istio_version=version)["findings"]
    assert ("nft_set_crash" in [one["id"] for one in findings]) is warned


def test_tables_that_are_there_for_their_modules_alone_are_no_mixed_backends():
    node = facts(
        state="loaded",
        boot="yes",
        kernel=(5, 10, 0),
        netfilter={"legacy_tables": {"ipv4": [*TABLE_NAMES], "ipv6": [*TABLE_NAMES]}, "nft_compat_uses": 2},
    )
    found = {one["id"]: one["severity"] for one in readiness(node)["findings"]}
    assert "mixed_backends" not in found and found["legacy_tables"] == "info"
    assert {one["id"]: one["severity"] for one in readiness(node, mode="ambient")["findings"]}[
        "legacy_tables"
    ] == "warning"
