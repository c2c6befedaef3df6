# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The grades of the kinds of requirements: any-of modules, kernel options, tools, IPv6, and the site's checks."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import (
    facts,
    preparation_plan,
    readiness,
    without_legacy,
)


def grades_now(node, name, **options):
    rows = readiness(node, **options)["requirements"]
    return [row["now"] for row in rows if row["name"] == name]


MISSING_CHAIN = {"nft_chain_nat": {"state": "missing", "autoload": "never"}}


def test_of_any_of_modules_the_best_grade_counts():
    node = facts(state="loaded", boot="yes", **MISSING_CHAIN)
    rows = [row for row in readiness(node, ip_family="dual")["requirements"] if row["name"] == "nft_chain_nat"]
    assert [row["any_of"][1] for row in rows] == ["nft_chain_nat_ipv4", "nft_chain_nat_ipv6"]
    assert [row["now"] for row in rows] == ["present", "present"]


def test_without_any_of_the_modules_the_requirement_is_unmet():
    node = facts(state="loaded", boot="yes", **MISSING_CHAIN, nft_chain_nat_ipv6={"state": "missing"})
    assert grades_now(node, "nft_chain_nat", ip_family="dual") == ["present", "unmet"]


def test_the_any_of_module_that_can_be_loaded_is_loaded():
    node = facts(**MISSING_CHAIN, nft_chain_nat_ipv6={"state": "missing"})
    assert "nft_chain_nat_ipv4" in preparation_plan(node)["load"]


@pytest.mark.parametrize("value, verdict", [("y", "ready"), ("m", "ready"), ("n", "not_ready"), (None, "unknown")])
def test_kernel_options_count_if_the_selection_needs_them(value, verdict):
    node = facts(state="loaded", boot="yes", options={"NF_CONNTRACK_ZONES": value})
    assert readiness(node, mode="ambient")["verdict"] == verdict
    assert readiness(node)["verdict"] == "ready"


@pytest.mark.parametrize("certain, verdict", [(True, "at_risk"), (False, "ready")])
def test_an_option_that_the_next_kernel_lacks_is_unmet_after_a_reboot(certain, verdict):
    node = facts(state="loaded", boot="yes", options={"NF_CONNTRACK_ZONES": "y"})
    node["kernel"]["next_boot"] = {"release": "6.1.0-43-amd64", "source": "the menu", "certain": certain}
    node["other_kernels"] = {"6.1.0-43-amd64": {"lacks": [], "unset_options": ["NF_CONNTRACK_ZONES"]}}
    assessment = readiness(node, mode="ambient")
    assert assessment["verdict"] == verdict
    (row,) = [row for row in assessment["requirements"] if row["name"] == "NF_CONNTRACK_ZONES"]
    assert row["now"] == "present"
    assert ("6.1.0-43-amd64, which boots next" in row["reason"]) is certain


def test_no_module_replaces_a_missing_kernel_option():
    node = facts(state="loaded", boot="yes", options={"NF_CONNTRACK_ZONES": "n"})
    (refused,) = preparation_plan(node, mode="ambient")["refused"]
    assert "CONFIG_NF_CONNTRACK_ZONES" in refused


@pytest.mark.parametrize(
    "options, is_needed", [({}, False), ({"cni_plugin": True}, True), ({"cni_plugin": True, "mode": "ambient"}, False)]
)
@pytest.mark.parametrize("backend, tool", [("iptables", "iptables"), ("nftables", "nft")])
def test_the_hosts_tools_count_if_istio_runs_them(backend, tool, options, is_needed):
    node = facts(state="loaded", boot="yes", **{tool: None})
    verdict = readiness(node, backend=backend, profile="effective", **options)["verdict"]
    assert verdict == ("not_ready" if is_needed else "ready")


def test_old_iptables_of_the_host_needs_more_modules():
    node = facts(state="loaded", boot="yes", iptables="1.8.7", xt_tcpudp={"state": "missing"})
    assert readiness(node, profile="effective")["verdict"] == "ready"
    assert readiness(node, profile="effective", cni_plugin=True)["verdict"] == "not_ready"


@pytest.mark.parametrize("backend", ["iptables", "nftables"])
@pytest.mark.parametrize(
    "ipv6, options, grade, verdict",
    [
        (False, {"ip_family": "dual"}, "unmet", "not_ready"),
        (False, {"ip_family": "ipv6", "mode": "ambient"}, "unmet", "not_ready"),
        (False, {"mode": "ambient"}, "unmet", "not_ready"),
        (False, {"mode": "ambient", "ambient_ipv6": False}, None, "ready"),
        (False, {}, None, "ready"),
        (None, {"ip_family": "dual"}, "unknown", "unknown"),
        (True, {"ip_family": "dual"}, "present", "ready"),
    ],
)
def test_ipv6_rules_need_a_kernel_with_ipv6(backend, ipv6, options, grade, verdict):
    node = facts(state="loaded", boot="yes", nft="1.1.3")
    node["kernel"]["ipv6"] = ipv6
    assessment = readiness(node, backend=backend, profile="effective", **options)
    rows = [row for row in assessment["requirements"] if row["id"] == f"{backend}/kernel/kernel/ipv6"]
    assert assessment["verdict"] == verdict
    if grade is None:
        assert rows == []
        return
    (row,) = rows
    assert (row["level"], row["now"], row["after_reboot"]) == ("must", grade, grade)
    if grade == "unmet":
        assert "ipv6.disable=1" in row["reason"]
        assert "ambient_ipv6 false" in row["remedy"]


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
def test_a_site_check_has_a_grade_and_never_stops_the_role(query, level, verdict, grade):
    node = facts(state="loaded", boot="yes")
    check = {"id": "managed", "query": query, "message": "our rule", "level": level}
    assessment = readiness(node, extra_checks=[check])
    (row,) = [row for row in assessment["requirements"] if row["kind"] == "check"]
    assert assessment["verdict"] == verdict
    assert row["id"] == "site/check/managed"
    assert row["now"] == grade
    assert row["reason"].startswith("our rule" if grade != "present" else "")
    assert preparation_plan(node, extra_checks=[check])["refused"] == []


def test_a_site_check_sees_the_reasons_of_a_module_and_the_groups_of_reasons():
    reason = {"axis": "autoload", "code": "selinux", "text": "SELinux denies it"}
    node = facts(state="loaded", boot="yes", xt_owner={"state": "loaded", "boot": "yes", "reasons": [reason]})
    for query in ("modules.xt_owner.reasons[0].code == 'selinux'", "length(reasons[?code == 'selinux']) == `1`"):
        check = {"id": "site", "query": query, "message": "our rule"}
        (row,) = [row for row in readiness(node, extra_checks=[check])["requirements"] if row["kind"] == "check"]
        assert row["now"] == "present", query


BLACKLISTED = {
    "axis": "autoload",
    "code": "blacklist",
    "text": "blacklisted (/etc/modprobe.d/x.conf:1)",
    "where": "/etc/modprobe.d/x.conf:1",
}


@pytest.mark.parametrize(
    "state, remedy",
    [("loadable", "load it, and list it in /etc/modules-load.d"), ("loaded", "list it in /etc/modules-load.d")],
)
def test_the_remedy_begins_with_the_blacklist_line(state, remedy):
    def remedy_with(*reasons):
        entry = {"state": state, "autoload": "denied", "boot": "no", "reasons": list(reasons)}
        rows = readiness(facts(state="loaded", boot="yes", xt_owner=entry), profile="effective")["requirements"]
        return next(row["remedy"] for row in rows if row["name"] == "xt_owner")

    assert remedy_with() == remedy
    assert remedy_with(BLACKLISTED) == f"remove the blacklist line of xt_owner, then {remedy}"


def test_no_list_is_the_remedy_for_a_module_that_the_next_boot_cannot_load():
    gone = {"axis": "boot", "code": "module_file_missing", "text": "its file is missing"}
    following = {"state": "missing", "autoload": "never"}
    entry = {"state": "loaded", "autoload": "denied", "boot": "no", "next_boot": following, "reasons": [gone]}
    rows = readiness(facts(state="loaded", boot="yes", xt_owner=entry), profile="effective")["requirements"]
    (row,) = [row for row in rows if row["name"] == "xt_owner"]
    assert (row["now"], row["after_reboot"]) == ("present", "unmet")
    assert "boot a kernel whose modules are there" in row["remedy"]
    assert "list it" not in row["remedy"]


NEEDS_BLACKLISTED = {
    "axis": "boot",
    "code": "blacklist",
    "text": "blacklisted",
    "where": "/etc/modprobe.d/x.conf:1",
    "dependency": "x_tables",
}


def test_the_remedy_names_the_blacklisted_dependency():
    entry = {"state": "loadable", "autoload": "yes", "boot": "no", "reasons": [NEEDS_BLACKLISTED]}
    rows = readiness(facts(state="loaded", boot="yes", xt_owner=entry), profile="effective")["requirements"]
    (row,) = [row for row in rows if row["name"] == "xt_owner"]
    assert row["now"] == "on_demand"
    assert row["reason"] == "boot: needs x_tables: blacklisted (/etc/modprobe.d/x.conf:1)"
    assert row["remedy"].startswith("remove the blacklist line of x_tables, then load it")


def test_the_reason_of_a_module_that_waits_also_names_its_blacklisted_dependency():
    node = facts(
        ip_tables={"autoload": "never", "reasons": [BLACKLISTED]},
        iptable_nat={"autoload_after": "ip_tables", "reasons": [{**NEEDS_BLACKLISTED, "dependency": "ip_tables"}]},
    )
    (row,) = [row for row in readiness(node, profile="documented")["requirements"] if row["name"] == "iptable_nat"]
    assert row["now"] == "unmet"
    assert row["reason"].startswith("the kernel autoloads it only after ip_tables, which is not present (")
    assert row["reason"].endswith("; boot: needs ip_tables: blacklisted (/etc/modprobe.d/x.conf:1)")


def test_the_reason_of_a_module_that_waits_names_the_other_module():
    reason = {"axis": "now", "code": "install_override", "text": "install override '/bin/false'"}
    blocked = {"state": "blocked", "autoload": "never", "reasons": [reason]}
    node = facts(ip_tables=blocked, iptable_nat={"autoload_after": "ip_tables"})
    (row,) = [row for row in readiness(node, profile="documented")["requirements"] if row["name"] == "iptable_nat"]
    assert row["now"] == "unmet"
    assert row["reason"] == (
        "the kernel autoloads it only after ip_tables, which is not present (install override '/bin/false')"
    )


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"nft": None}, "nft is not installed; version 1.0.1 or newer is required"),
        ({"nft": "0.9.8"}, "nft 0.9.8 is older than 1.0.1"),
        ({"kernel": (5, 10, 223)}, "kernel 5.10.223 is older than 5.13"),
        ({"kernel": ()}, "the kernel version cannot be determined; 5.13 or newer is required"),
    ],
)
def test_a_version_that_is_too_old_is_the_reason(changes, reason):
    node = facts(state="loaded", boot="yes", **changes)
    rows = readiness(node, backend="nftables", profile="documented")["requirements"]
    assert [row["reason"] for row in rows if row["reason"]] == [reason]


@pytest.mark.parametrize(
    "value, state, now", [("y", "y", "present"), ("n", "n", "unmet"), (None, "assumed", "present")]
)
def test_policy_routing_counts_as_present_unless_the_evidence_shows_the_contrary(value, state, now):
    node = facts(state="loaded", boot="yes", options={"IP_MULTIPLE_TABLES": value})
    rows = readiness(node, mode="ambient", profile="effective")["requirements"]
    (row,) = [row for row in rows if row["name"] == "IP_MULTIPLE_TABLES"]
    assert (row["state"], row["now"]) == (state, now)
    if value == "n":
        assert row["reason"] == "CONFIG_IP_MULTIPLE_TABLES is not set in this kernel"


@pytest.mark.parametrize("profile", ["documented", "effective", "combined"])
def test_the_verdict_for_a_release_that_is_too_old_is_at_best_unknown(profile):
    node = facts(state="loaded", boot="yes")
    assert readiness(node, istio_version="1.22", profile=profile)["verdict"] == "ready"
    assert readiness(node, istio_version="1.21.5", profile=profile)["verdict"] == "unknown"
    node = facts(**without_legacy())
    assert readiness(node, istio_version="1.21.5", profile=profile)["verdict"] == "not_ready"


def test_native_nftables_of_one_patch_is_not_ready_without_ipv6_rules():
    options = {"backend": "nftables", "mode": "ambient", "ambient_ipv6": False}
    node = facts(state="loaded", boot="yes")
    assessment = readiness(node, istio_version="1.28.0", **options)
    assert assessment["verdict"] == "not_ready"
    (row,) = [row for row in assessment["requirements"] if row["kind"] == "release"]
    assert row["remedy"].startswith("use Istio 1.28.1 or newer")
    assert preparation_plan(node, istio_version="1.28.0", **options)["load"] == []
    assert readiness(node, istio_version="1.28.1", **options)["verdict"] == "ready"


@pytest.mark.parametrize(
    "profile, verdict", [("documented", "not_ready"), ("effective", "ready"), ("combined", "ready")]
)
def test_a_host_without_nft_is_ready_if_istio_runs_the_nft_of_its_image(profile, verdict):
    node = facts(state="loaded", boot="yes", nft=None)
    assert readiness(node, backend="nftables", mode="ambient", profile=profile)["verdict"] == verdict
    assert readiness(node, backend="nftables", cni_plugin=True, profile=profile)["verdict"] == "not_ready"
