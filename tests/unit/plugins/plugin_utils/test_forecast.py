# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from the iptables variant that Istio would pick: now, after a reboot, and once modules are loaded."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.filter.preparation_plan import preparation_plan
from ansible_collections.nodeprep.istio.plugins.filter.readiness import readiness
from ansible_collections.nodeprep.istio.tests.unit.plugins.plugin_utils.made_facts import LEGACY, facts

OLD = (5, 10, 223)
THERE = {"state": "loaded", "boot": "yes"}
ABSENT = {"state": "loadable", "boot": "no", "autoload": "denied"}
AT_BOOT = {"state": "loadable", "boot": "yes", "autoload": "denied"}
NAT = ("iptable_nat", "ip6table_nat")
SITE = "/etc/modules-load.d/site.conf"


def listed_tables(**others):
    """An old kernel where all of iptables-nft is there, and where a file of somebody else's has two legacy tables loaded at boot."""
    legacy = dict.fromkeys([*LEGACY, "ip_tables", "ip6_tables"], ABSENT)
    return facts(**THERE, kernel=OLD, boot_files={SITE: list(NAT)}, **{**legacy, **dict.fromkeys(NAT, AT_BOOT), **others})


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
    assert set(plan["persist"]) >= {"iptable_mangle", "iptable_raw", "iptable_filter"} and not set(plan["load"]) & set(LEGACY)
    assert (plan["forecast"]["variant"], plan["forecast"]["after_reboot"]["variant"], plan["after"]["verdict"]) == ("nft", "legacy", "ready")


def test_a_kernel_that_makes_tables_on_first_use_stays_with_its_variant():
    assessment = readiness({**listed_tables(), "kernel": {"release": "x", "version": [5, 15, 0]}}, mode="ambient", profile="effective")
    assert (assessment["verdict"], assessment["forecast"]["after_reboot"]) == ("ready", None)


def test_the_kernel_that_boots_next_decides():
    node = listed_tables()
    newer = {**node, "kernel": {**node["kernel"], "next": {"release": "6.1.0-50-amd64", "how": "link"}}}
    assert readiness(newer, mode="ambient", profile="effective")["verdict"] == "ready"


def test_legacy_tables_that_no_boot_file_lists_are_gone_after_a_reboot():
    loaded = {key: {**THERE, "boot": "no"} for key in [*LEGACY, "ip_tables", "ip6_tables"]}
    node = facts(**THERE, kernel=OLD, netfilter={"legacy_tables": {key: ["filter", "mangle", "nat", "raw"] for key in ("ipv4", "ipv6")}}, **loaded)
    assessment = readiness(node, mode="ambient", profile="effective")
    assert (assessment["forecast"]["variant"], assessment["forecast"]["after_reboot"]["variant"], assessment["verdict"]) == ("legacy", "nft", "ready")
    # A pod's namespace has none, whatever is loaded.
    assessment = readiness(node, profile="effective")
    assert (assessment["forecast"]["variant"], assessment["forecast"]["after_reboot"], assessment["verdict"]) == ("nft", None, "ready")


def test_what_is_listed_and_not_loaded_counts_after_the_reboot():
    plan = preparation_plan(facts(kernel=OLD), profile="documented", load=False, mode="ambient")
    assert (plan["load"], plan["forecast"]["variant"], plan["forecast"]["after_reboot"]["variant"]) == ([], "nft", "legacy")


def test_it_cannot_be_told_where_boot_files_cannot():
    node = facts(**THERE, kernel=OLD, **{key: {"state": "loadable", "boot": "unknown", "autoload": "denied"} for key in LEGACY}, nft_compat=ABSENT)
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
    both = readiness(node, mode=["sidecar", "ambient"], profile="effective", cni=True)
    assert both["forecast"]["modes"]["ambient"] == "unknown" and grades(both, "xt_tcpudp")[0] == "unmet"


@pytest.mark.parametrize("version, variant, verdict", [("1.30", "legacy", "ready"), ("1.31", "nft", "not_ready"), ("1.27.0", "legacy", "ready")])
def test_iptables_legacy_serves_where_nothing_may_load_what_iptables_nft_lacks(version, variant, verdict):
    lacking = dict.fromkeys(("nf_tables", "nft_compat", "nft_chain_nat", "nft_counter"), ABSENT)
    assessment = readiness(facts(**THERE, **lacking), istio_version=version, profile="effective", ip_family="dual")
    assert (assessment["forecast"]["variant"], assessment["verdict"]) == (variant, verdict)


@pytest.mark.parametrize("version", ["1.30", "1.31"])
def test_where_neither_works_what_iptables_nft_lacks_is_told_and_loaded(version):
    node = facts(autoload="denied", **{key: {"state": "missing", "autoload": "never"} for key in [*LEGACY, "ip_tables", "ip6_tables"]})
    assessment = readiness(node, istio_version=version, profile="effective")
    assert assessment["verdict"] == "not_ready" and grades(assessment, "nft_chain_nat") == ("unmet", "unmet")
    plan = preparation_plan(node, istio_version=version, profile="effective")
    assert "nft_chain_nat" in plan["load"] and plan["fails"] == [] and plan["after"]["verdict"] == "ready"


def test_up_to_1_27_0_istio_tries_the_table_filter_and_then_lacks_the_chain_of_nat():
    node = facts(**THERE, nft_chain_nat=ABSENT, nft_chain_nat_ipv4={"state": "missing"})
    old = readiness(node, istio_version="1.26", profile="effective")
    assert (old["forecast"]["variant"], old["verdict"]) == ("nft", "not_ready")
    assert readiness(node, istio_version="1.28", profile="effective", ip_family="dual")["forecast"]["variant"] == "legacy"
