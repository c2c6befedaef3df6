# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from the iptables variant that Istio would pick: now, after a reboot, and once modules are loaded."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import (
    ABSENT,
    LEGACY,
    NAT,
    OLD,
    SITE,
    THERE,
    facts,
    listed_tables,
    preparation_plan,
    readiness,
)

BY_HAND = {"state": "loaded", "boot": "no", "autoload": "denied"}


def grades(assessment, name):
    (row,) = [row for row in assessment["requirements"] if row["name"] == name]
    return row["now"], row["after_reboot"]


def test_boot_files_can_make_istio_pick_the_other_variant_after_a_reboot():
    assessment = readiness(listed_tables(), mode="ambient", profile="effective")
    assert (assessment["forecast"]["variant"], assessment["forecast"]["after_reboot"]["variant"]) == ("nft", "legacy")
    assert assessment["verdict"] == "at_risk"
    assert grades(assessment, "iptable_mangle") == ("not_needed", "unmet")
    assert grades(assessment, "nft_compat") == ("present", "not_needed")
    (found,) = [finding for finding in assessment["findings"] if finding["id"] == "variant_changes"]
    assert f"{SITE} lists iptable_nat, ip6table_nat" in found["message"]


def test_what_is_needed_after_a_reboot_only_is_persisted_and_not_loaded():
    plan = preparation_plan(listed_tables(), mode="ambient", profile="effective")
    assert {"iptable_mangle", "iptable_raw", "iptable_filter"} <= set(plan["boot_only"]) <= set(plan["modules"])
    assert set(plan["persist"]) >= {"iptable_mangle", "iptable_raw", "iptable_filter"} and not set(plan["load"]) & set(
        LEGACY
    )
    assert (plan["forecast"]["variant"], plan["forecast"]["after_reboot"]["variant"], plan["expected"]["verdict"]) == (
        "nft",
        "legacy",
        "ready",
    )


def test_a_kernel_that_makes_tables_on_first_use_stays_with_its_variant():
    assessment = readiness(
        {**listed_tables(), "kernel": {"release": "x", "version": [5, 15, 0]}}, mode="ambient", profile="effective"
    )
    assert (assessment["verdict"], assessment["forecast"]["after_reboot"]) == ("ready", None)


def test_the_kernel_that_boots_next_decides():
    node = listed_tables()
    newer = {
        **node,
        "kernel": {**node["kernel"], "next_boot": {"release": "6.1.0-50-amd64", "source": "link", "certain": True}},
    }
    assert readiness(newer, mode="ambient", profile="effective")["verdict"] == "ready"


def test_legacy_tables_that_no_boot_file_lists_are_gone_after_a_reboot():
    loaded = {key: {**THERE, "boot": "no"} for key in [*LEGACY, "ip_tables", "ip6_tables"]}
    node = facts(
        **THERE,
        kernel=OLD,
        netfilter={"legacy_tables": {key: ["filter", "mangle", "nat", "raw"] for key in ("ipv4", "ipv6")}},
        **loaded,
    )
    assessment = readiness(node, mode="ambient", profile="effective")
    assert (
        assessment["forecast"]["variant"],
        assessment["forecast"]["after_reboot"]["variant"],
        assessment["verdict"],
    ) == ("legacy", "nft", "ready")
    # A pod's namespace has none, whatever is loaded.
    assessment = readiness(node, profile="effective")
    assert (assessment["forecast"]["variant"], assessment["forecast"]["after_reboot"], assessment["verdict"]) == (
        "nft",
        None,
        "ready",
    )


def test_what_is_listed_and_not_loaded_counts_after_the_reboot():
    plan = preparation_plan(facts(kernel=OLD), profile="documented", load=False, mode="ambient")
    assert (plan["load"], plan["forecast"]["variant"], plan["forecast"]["after_reboot"]["variant"]) == (
        [],
        "nft",
        "legacy",
    )


def test_it_cannot_be_told_where_boot_files_cannot():
    node = facts(
        **THERE,
        kernel=OLD,
        **{key: {"state": "loadable", "boot": "unknown", "autoload": "denied"} for key in LEGACY},
        nft_compat=ABSENT,
    )
    assert readiness(node, profile="effective", mode="ambient")["forecast"]["after_reboot"]["variant"] == "unknown"


def test_only_the_mode_whose_variant_is_unknown_is_in_doubt():
    unseen = {"legacy_tables": {"ipv4": None, "ipv6": None}}
    node = facts(**THERE, netfilter=unseen, nft_compat={"state": "missing"})
    both = readiness(node, mode=["sidecar", "ambient"], profile="effective")
    assert both["forecast"]["modes"] == {"sidecar": "nft", "ambient": "unknown"}
    assert both["verdict"] == "not_ready" and grades(both, "nft_compat")[0] == "unmet"
    assert readiness(node, mode="ambient", profile="effective")["verdict"] == "unknown"


def test_the_hosts_old_iptables_counts_where_the_variant_is_unknown_too():
    unseen = {"legacy_tables": {"ipv4": None, "ipv6": None}}
    node = facts(**THERE, netfilter=unseen, iptables="1.8.7", xt_tcpudp={"state": "missing"})
    both = readiness(node, mode=["sidecar", "ambient"], profile="effective", cni_plugin=True)
    assert both["forecast"]["modes"]["ambient"] == "unknown" and grades(both, "xt_tcpudp")[0] == "unmet"


@pytest.mark.parametrize(
    "version, variant, verdict",
    [("1.30", "legacy", "ready"), ("1.31", "nft", "not_ready"), ("1.27.0", "legacy", "ready")],
)
def test_iptables_legacy_serves_where_nothing_may_load_what_iptables_nft_lacks(version, variant, verdict):
    lacking = dict.fromkeys(("nf_tables", "nft_compat", "nft_chain_nat", "nft_counter"), ABSENT)
    assessment = readiness(facts(**THERE, **lacking), istio_version=version, profile="effective", ip_family="dual")
    assert (assessment["forecast"]["variant"], assessment["verdict"]) == (variant, verdict)


@pytest.mark.parametrize("version", ["1.30", "1.31"])
def test_where_neither_works_what_iptables_nft_lacks_is_told_and_loaded(version):
    node = facts(
        autoload="denied",
        **{key: {"state": "missing", "autoload": "never"} for key in [*LEGACY, "ip_tables", "ip6_tables"]},
    )
    assessment = readiness(node, istio_version=version, profile="effective")
    assert assessment["verdict"] == "not_ready" and grades(assessment, "nft_chain_nat") == ("unmet", "unmet")
    plan = preparation_plan(node, istio_version=version, profile="effective")
    assert "nft_chain_nat" in plan["load"] and plan["not_loadable"] == [] and plan["expected"]["verdict"] == "ready"


def test_up_to_1_27_0_istio_tries_the_table_filter_and_then_lacks_the_chain_of_nat():
    node = facts(**THERE, nft_chain_nat=ABSENT, nft_chain_nat_ipv4={"state": "missing"})
    old = readiness(node, istio_version="1.26", profile="effective")
    assert (old["forecast"]["variant"], old["verdict"]) == ("nft", "not_ready")
    assert (
        readiness(node, istio_version="1.28", profile="effective", ip_family="dual")["forecast"]["variant"] == "legacy"
    )


def test_combined_loads_no_legacy_table_where_istio_would_then_not_pick_nft():
    # An old kernel with SELinux: for want of anything Istio takes plain iptables, and once nft is loaded that one.
    plan = preparation_plan(facts(autoload="denied", kernel=(4, 18, 0)), mode="ambient", istio_version="1.30")
    assert "nft_chain_nat" in plan["load"] and not set(plan["load"] + plan["persist"]) & set(LEGACY)
    assert (plan["forecast"]["variant"], plan["expected"]["verdict"]) == ("nft", "ready")


@pytest.mark.parametrize("version", ["1.26", "1.30"])
def test_combined_loads_nothing_of_nft_where_istio_does_with_legacy(version):
    lacking = {
        **dict.fromkeys(("nf_tables", "nft_chain_nat", "nft_counter"), ABSENT),
        "nft_compat": {"state": "missing", "autoload": "never"},
    }
    node = facts(**THERE, **lacking)
    assert readiness(node, istio_version=version)["verdict"] == "ready"
    plan = preparation_plan(node, istio_version=version)
    assert (plan["load"], plan["forecast"]["variant"], plan["expected"]["verdict"]) == ([], "legacy", "ready")


def test_what_one_row_needs_now_is_loaded_though_another_needs_it_after_a_reboot_only():
    tables = {key: ["filter", "mangle", "nat", "raw"] for key in ("ipv4", "ipv6")}
    loaded = dict.fromkeys([*LEGACY, "ip_tables", "ip6_tables"], BY_HAND)
    node = facts(autoload="denied", kernel=OLD, netfilter={"legacy_tables": tables}, **loaded)
    plan = preparation_plan(node, mode=["sidecar", "ambient"], profile="effective", istio_version="1.30")
    assert "nft_chain_nat" in plan["load"] and plan["boot_only"] == []


def test_the_forecast_of_a_plan_with_a_reboot_is_for_after_it():
    waits = {
        "state": "blocked",
        "autoload": "denied",
        "reasons": [{"axis": "now", "code": "modules_disabled", "text": "kernel.modules_disabled is 1"}],
        "next_boot": {"state": "loadable", "autoload": "yes"},
    }
    node = listed_tables(xt_owner=waits)
    for name in [*LEGACY, "ip_tables", "ip6_tables"]:
        node["modules"][name] = {**waits, "boot": node["modules"][name]["boot"]}
    plan = preparation_plan(node, mode="ambient", profile="effective", reboot="if_needed")
    assert [step["kind"] for step in plan["steps"]] == ["modules", "reboot"]
    assert (plan["forecast"]["variant"], plan["forecast"]["after_reboot"]) == ("legacy", None)


def into(release, **node):
    found = facts(**THERE, **node)
    return {
        **found,
        "kernel": {
            **found["kernel"],
            "module_tree_present": True,
            "next_boot": {"release": release, "source": "link", "certain": True},
        },
    }


ALL_TABLES = {"legacy_tables": {key: ["filter", "mangle", "nat", "raw"] for key in ("ipv4", "ipv6")}}


@pytest.mark.parametrize(
    "node, now, after",
    [
        # Tables that were there for their modules alone are not there with a kernel that makes them on first use.
        (into("6.1.0-30-amd64", kernel=OLD, netfilter=ALL_TABLES), "legacy", "nft"),
        # What the running kernel shows of itself says nothing of an older one, and holds for its next release.
        (into("5.10.0-30-amd64", kernel=(6, 1, 0)), "nft", "legacy"),
        (into("5.14.0-570.el9.x86_64", kernel=(5, 14, 0)), "nft", None),
        (into("6.12.0-30-amd64", kernel=(6, 1, 0), netfilter=ALL_TABLES), "legacy", None),
    ],
)
def test_another_kernel_makes_tables_in_its_own_way(node, now, after):
    forecast = readiness(node, mode="ambient", profile="effective")["forecast"]
    assert (forecast["variant"], (forecast["after_reboot"] or {}).get("variant")) == (now, after)


def test_a_guess_at_the_next_kernel_decides_nothing_where_the_modules_facts_do_not_follow_it():
    node = into("5.10.0-30-amd64", kernel=(6, 1, 0))
    node["kernel"]["next_boot"]["certain"] = False
    assert readiness(node, mode="ambient", profile="effective")["forecast"]["after_reboot"] is None
    node["kernel"]["module_tree_present"] = False
    assert readiness(node, mode="ambient", profile="effective")["forecast"]["after_reboot"]["variant"] == "legacy"


def test_no_boot_file_brings_back_what_the_next_kernel_does_not_have():
    gone = {"next_boot": {"state": "missing", "autoload": "never"}}
    plan = preparation_plan(facts(xt_owner=gone), profile="effective")
    assert "xt_owner" in plan["load"] and plan["expected"]["verdict"] == "at_risk"


def test_where_a_module_cannot_be_told_loading_others_changes_no_table():
    unknown = {"state": "unknown", "autoload": "unknown", "boot": "no"}
    node = facts(
        **THERE,
        kernel=OLD,
        xt_owner={"state": "loadable", "boot": "no"},
        **dict.fromkeys([*LEGACY, "ip_tables", "ip6_tables"], unknown),
    )
    assert preparation_plan(node, mode="ambient", profile="effective")["forecast"]["variant"] == "nft"


def test_a_boot_file_is_named_where_its_tables_change_the_variant():
    gone = dict.fromkeys(("nf_tables", "nft_chain_nat", "nft_counter", "nft_compat"), BY_HAND)
    node = facts(**THERE, boot_files={SITE: list(NAT)}, **gone)
    (found,) = [
        one["message"] for one in readiness(node, istio_version="1.30")["findings"] if one["id"] == "variant_changes"
    ]
    assert SITE not in found and "iptables-nft cannot work without nf_tables" in found


def test_tables_that_decide_nothing_are_not_said_to():
    node = facts(
        **THERE,
        netfilter={"legacy_tables": {"ipv4": ["filter"], "ipv6": []}},
        iptable_nat={"state": "missing", "autoload": "never"},
    )
    assessment = readiness(node, mode="ambient", profile="effective")
    (found,) = [one for one in assessment["findings"] if one["id"] == "legacy_tables"]
    assert assessment["forecast"]["variant"] == "nft" and found["severity"] == "info"
    assert "the forecast is nft all the same (iptables-legacy cannot work)" in found["message"]


@pytest.mark.parametrize(
    "version, verdict", [("1.25.3", "ready"), ("1.26", "not_ready"), ("1.27.1", "not_ready"), ("1.27.2", "ready")]
)
def test_old_releases_try_iptables_legacy_for_ipv6_where_the_kernel_has_none(version, verdict):
    node = facts(**THERE)
    node["kernel"]["ipv6"] = False
    assessment = readiness(node, profile="effective", istio_version=version, iptables_variant="legacy")
    assert assessment["verdict"] == verdict
    rows = [row for row in assessment["requirements"] if row["now"] == "unmet"]
    assert [row["id"] for row in rows] == (["iptables/kernel/kernel/ipv6_probe"] if verdict == "not_ready" else [])
    assert not rows or rows[0]["remedy"].startswith("use Istio 1.27.2 or newer")


def test_a_plan_names_what_will_be_unmet():
    missing = {"state": "missing", "autoload": "never"}
    assert preparation_plan(facts(autoload="denied", xt_owner=missing), profile="effective")["expected"]["unmet"] == [
        "xt_owner"
    ]


def test_a_variant_that_is_foreseen_once_its_modules_are_loaded_is_told_so():
    forecast = readiness(facts(autoload="denied"), istio_version="1.30", profile="effective")["forecast"]
    assert forecast["variant"] == "nft" and forecast["reason"].endswith(
        "once what is lacking is loaded Istio picks nft"
    )


@pytest.mark.parametrize("profile", ["effective", "combined"])
def test_where_nft_could_not_work_once_loaded_legacy_is_what_mends(profile):
    node = facts(autoload="denied", nft_compat={"state": "missing", "autoload": "never"})
    plan = preparation_plan(node, istio_version="1.30", profile=profile)
    assert "iptable_nat" in plan["load"] and "nft_chain_nat" not in plan["load"] and plan["not_loadable"] == []
    assert (plan["forecast"]["variant"], plan["expected"]["verdict"]) == ("legacy", "ready")


def test_a_variant_of_the_hosts_iptables_that_is_none_is_not_picked():
    node = facts(
        **THERE,
        nf_tables={"state": "missing", "autoload": "never"},
        iptable_nat={"state": "missing", "autoload": "never"},
    )
    node["tools"]["iptables"]["variant"] = "nf_tables"
    assessment = readiness(node, cni_plugin=True, istio_version="1.30", profile="effective")
    assert (assessment["forecast"]["variant"], assessment["verdict"]) == ("legacy", "not_ready")
