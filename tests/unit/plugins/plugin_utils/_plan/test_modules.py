# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules of a plan: which are loaded, which are listed for the boot, and which are left out."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.modules import (
    make_modules_step,
    plan_modules,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import (
    ABSENT,
    LEGACY,
    OLD,
    THERE,
    facts,
    listed_tables,
    parse_facts,
    preparation_plan,
    readiness,
)
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import (
    BLACKLISTED,
    BOOT_FILE,
    NOT_BUILT,
    find_step,
    list_not_loadable,
    make_node,
    make_reason,
    plan_legacy,
    plan_nftables,
)

NFTABLES = Selection.from_options({"backend": "nftables", "profile": "effective"})


def make_plan(node, **consent):
    parsed = parse_facts(node)
    return plan_modules(parsed, assess(parsed, NFTABLES), Consent(**consent))


def test_the_step_has_the_arguments_of_the_module():
    plan = plan_nftables(make_node())
    assert find_step(plan, "modules")["args"] == {
        "modules": plan["modules"],
        "always": [],
        "boot_only": [],
        "load": True,
        "persist": True,
    }


def test_the_step_names_the_modules_and_the_file():
    step = make_modules_step(make_plan(make_node()), Consent())
    names = "nf_tables, nft_redir, nft_chain_nat, nft_counter"
    assert step.what == f"load {names}; list {names} in {BOOT_FILE}"
    assert step.why == "the selection needs 4 modules"
    assert step.where == BOOT_FILE


def test_a_block_that_lists_too_much_is_updated():
    node = make_node(state="builtin", boot="not_applicable", managed={"boot_file": ["xt_owner"]})
    step = make_modules_step(make_plan(node), Consent())
    assert step.what == f"update {BOOT_FILE}"


def test_a_block_stays_as_it_is_without_consent_to_persist():
    node = make_node(state="builtin", boot="not_applicable", managed={"boot_file": ["xt_owner"]})
    assert make_modules_step(make_plan(node, persist=False), Consent(persist=False)) is None


def test_modules_that_cannot_be_loaded_make_a_step_that_fails():
    node = make_node(state="loaded", boot="yes", nft_redir=NOT_BUILT)
    plan = make_plan(node, persist=False)
    step = make_modules_step(plan, Consent(persist=False))
    assert (step.what, step.why) == ("load no module", "none of the missing modules can be loaded")
    assert [(failure.name, failure.cause) for failure in plan.not_loadable] == [("nft_redir", "why")]


def test_a_module_without_a_reason_is_not_loadable_because_of_its_state():
    node = make_node(nft_redir={"state": "missing", "autoload": "never"})
    assert plan_nftables(node)["not_loadable"] == [{"name": "nft_redir", "cause": "missing"}]


def test_a_blacklisted_module_is_not_loadable_unless_another_module_needs_it():
    assert list_not_loadable(preparation_plan(make_node(xt_owner=BLACKLISTED))) == ["xt_owner"]
    node = make_node(xt_owner=BLACKLISTED, xt_REDIRECT={"depends": ["xt_owner"]})
    plan = preparation_plan(node)
    assert list_not_loadable(plan) == []
    assert "xt_owner" not in plan["load"]


def test_modules_of_other_boot_lists_are_not_listed_again():
    boot_files = {"/usr/lib/modules-load.d/v.conf": ["nft_redir"], BOOT_FILE: ["nft_counter", "nft_chain_nat"]}
    plan = plan_nftables(make_node(boot_files=boot_files, managed={"boot_file": ["nft_chain_nat"]}))
    assert plan["persist"] == ["nf_tables", "nft_chain_nat"]


@pytest.mark.parametrize(
    "boot_files, block",
    [
        # modules-load= on the kernel command line.
        (
            {"/proc/cmdline": ["nft_redir", "nf_tables"], BOOT_FILE: ["nft_chain_nat", "nft_counter"]},
            ["nft_chain_nat", "nft_counter"],
        ),
        # Lines of another user in the boot file: required modules, and one that is not required.
        (
            {BOOT_FILE: ["nft_redir", "nf_tables", "xt_owner", "nft_chain_nat", "nft_counter"]},
            ["nft_chain_nat", "nft_counter"],
        ),
    ],
    ids=["kernel command line", "other lines of the boot file"],
)
def test_a_plan_is_idempotent_if_other_lines_list_modules(boot_files, block):
    node = make_node(state="loaded", boot="yes", boot_files=boot_files, managed={"boot_file": block})
    plan = make_plan(node)
    assert list(plan.persist) == block
    assert not plan.block_changes
    assert not plan_nftables(node)["change"]


def test_modules_are_not_listed_if_they_cannot_be_loaded_at_boot():
    node = make_node(
        nft_redir=NOT_BUILT,
        nft_counter={"autoload": "denied", "reasons": [make_reason("autoload", "blacklist", "/etc/modprobe.d/a:1")]},
    )
    assert make_plan(node).persist == ("nf_tables", "nft_chain_nat")


MODULES_DISABLED = make_reason("now", "modules_disabled")
INSTALL_OVERRIDE = make_reason("autoload", "install_override", "/etc/modprobe.d/a:1")


@pytest.mark.parametrize(
    "module, is_listed",
    [
        ({"state": "blocked", "reasons": [MODULES_DISABLED]}, True),
        ({"state": "blocked", "reasons": [MODULES_DISABLED, INSTALL_OVERRIDE]}, False),
        ({"state": "missing", "next_boot": {"state": "loadable"}}, True),
        ({"state": "missing", "next_boot": {"state": "builtin"}}, False),
        ({"state": "builtin"}, False),
    ],
    ids=["loads after a reboot", "overridden", "loads with the next kernel", "builtin then", "builtin now"],
)
def test_modules_are_listed_if_they_load_after_a_reboot(module, is_listed):
    plan = make_plan(make_node(nft_redir={"autoload": "never"} | module))
    assert ("nft_redir" in plan.persist) is is_listed


def test_of_any_of_modules_the_first_that_the_kernel_has_is_loaded():
    gone = {"state": "missing", "autoload": "never"}
    plan = preparation_plan(make_node(nft_chain_nat=gone), profile="effective", iptables_variant="nft")
    assert "nft_chain_nat" not in plan["load"]
    assert "nft_chain_nat_ipv4" in plan["load"]


def test_legacy_modules_are_not_loaded_if_the_selection_sets_nft():
    plan = preparation_plan(make_node(), iptables_variant="nft")
    assert "iptable_nat" not in plan["modules"]
    assert "iptable_nat" in plan_legacy(make_node())["load"]


def test_optional_modules_are_loaded_if_the_kernel_has_them():
    plan = preparation_plan(make_node())
    assert plan["optional"]
    assert set(plan["optional"]) <= set(plan["load"])
    name = plan["optional"][0]
    without = preparation_plan(make_node(**{name: NOT_BUILT}))
    assert name not in without["modules"]
    assert name not in list_not_loadable(without)


@pytest.mark.parametrize("backend", ["iptables", "nftables"])
def test_an_unmet_tool_refuses_the_plan(backend):
    plan = preparation_plan(make_node(nft=None, iptables=None), backend=backend, profile="effective", cni_plugin=True)
    (refusal,) = plan["refused"]
    assert "is not installed" in refusal
    assert plan["load"] == []


def plan_variants(plan):
    """Return the forecast of the plan: the variants now and after a reboot; the latter is None if it is the same."""
    after_reboot = plan["forecast"]["after_reboot"]
    return plan["forecast"]["variant"], after_reboot and after_reboot["variant"]


PAGE_MODULES = [
    "nf_tables",
    "nf_conntrack",
    "nft_ct",
    "nf_defrag_ipv4",
    "nft_nat",
    "nft_socket",
    "nft_tproxy",
    "nft_redir",
]
PAGE = {"backend": "nftables", "profile": "documented"}
ALL_LEGACY = [*LEGACY, "ip_tables", "ip6_tables"]
MISSING = {"state": "missing", "autoload": "never"}
UNKNOWN_STATE = {"state": "unknown", "autoload": "unknown", "boot": "no"}
BY_HAND = {"state": "loaded", "boot": "no", "autoload": "denied"}
ALL_TABLES = {"legacy_tables": {family: ["filter", "mangle", "nat", "raw"] for family in ("ipv4", "ipv6")}}
BLACKLISTED_ENTRY = {
    "reasons": [{"axis": "autoload", "code": "blacklist", "text": "blacklisted (/etc/modprobe.d/a.conf:1)"}],
    "autoload": "denied",
}


def test_the_documented_profile_loads_and_persists_the_modules_of_the_page():
    plan = preparation_plan(facts(), **PAGE)
    assert plan["load"] == PAGE_MODULES
    assert plan["persist"] == PAGE_MODULES
    assert plan["change"]


@pytest.mark.parametrize(
    "listed, changes", [(PAGE_MODULES, False), ([*PAGE_MODULES, "xt_owner"], True), (PAGE_MODULES[1:], True)]
)
def test_the_boot_file_changes_only_if_it_lists_other_modules(listed, changes):
    node = facts(state="loaded", boot="yes", boot_files={BOOT_FILE: listed})
    node["managed"] = {"boot_file": listed}
    assert preparation_plan(node, **PAGE)["change"] is changes


def test_no_module_helps_against_an_old_tool_or_kernel():
    plan = preparation_plan(facts(nft="0.9.8", kernel=(5, 10, 223)), **PAGE)
    assert plan["refused"] == ["nft 0.9.8 is older than 1.0.1", "kernel 5.10.223 is older than 5.13"]
    assert not plan["change"]


def test_the_provider_of_a_merged_module_is_persisted():
    merged = {"state": "merged", "provider": "nf_nat", "boot": "not_applicable"}
    node = facts(state="loaded", boot="yes", nf_nat_ipv4=merged, nf_nat_redirect=merged)
    persist = preparation_plan(node, profile="documented")["persist"]
    assert "nf_nat_ipv4" not in persist
    assert "nf_nat" in persist


@pytest.mark.parametrize("boot", ["yes", "no"])
def test_a_module_that_the_next_kernel_has_under_an_unknown_name_is_ready_or_unknown(boot):
    entry = {"state": "loaded", "boot": boot, "next_boot": {"state": "merged", "autoload": "yes"}}
    plan = preparation_plan(facts(state="loaded", boot="yes", xt_owner=entry))
    assert plan["expected"]["verdict"] in ("ready", "unknown")


@pytest.mark.parametrize(
    "kernel, mode, version, loads_legacy",
    [
        ((5, 10, 223), "sidecar", "1.30.4", True),
        ((5, 10, 223), "ambient", "1.30.4", False),
        # Loading creates tables, but tables without rules do not matter to this patch.
        ((5, 10, 223), "ambient", "1.30.5", True),
        ((5, 15, 0), "ambient", "1.30.4", True),
        ((6, 12, 0), "sidecar", "1.30.4", True),
        ((6, 12, 0), "ambient", "1.30.4", True),
    ],
)
def test_combined_loads_legacy_tables_if_istio_still_picks_nft(kernel, mode, version, loads_legacy):
    plan = preparation_plan(facts(kernel=kernel), mode=mode, istio_version=version)
    assert ("iptable_nat" in plan["load"]) is loads_legacy
    assert ("ip_tables" in plan["load"]) is loads_legacy
    assert {"br_netfilter", "nft_compat", "nft_chain_nat"} <= set(plan["load"])
    assert plan["forecast"]["variant"] == "nft"
    for options in ({"iptables_variant": "nft"}, {"profile": "effective"}):
        other = preparation_plan(facts(kernel=kernel), mode=mode, istio_version=version, **options)
        assert "iptable_nat" not in other["load"]


def test_combined_loads_no_legacy_table_if_istio_then_does_not_pick_nft():
    # An old kernel with SELinux. Nothing is loaded, so Istio picks plain iptables; once nft is loaded, it picks that.
    plan = preparation_plan(facts(autoload="denied", kernel=(4, 18, 0)), mode="ambient", istio_version="1.30.4")
    assert "nft_chain_nat" in plan["load"]
    assert not {*plan["load"], *plan["persist"]} & set(LEGACY)
    assert plan["forecast"]["variant"] == "nft"
    assert plan["expected"]["verdict"] == "ready"


@pytest.mark.parametrize("version", ["1.26", "1.30"])
def test_combined_loads_nothing_of_nft_if_istio_works_with_legacy(version):
    lacking = {**dict.fromkeys(("nf_tables", "nft_chain_nat", "nft_counter"), ABSENT), "nft_compat": MISSING}
    node = facts(**THERE, **lacking)
    assert readiness(node, istio_version=version)["verdict"] == "ready"
    plan = preparation_plan(node, istio_version=version)
    assert plan["load"] == []
    assert plan["forecast"]["variant"] == "legacy"
    assert plan["expected"]["verdict"] == "ready"


@pytest.mark.parametrize("profile", ["effective", "combined"])
def test_legacy_modules_are_loaded_if_nft_cannot_work(profile):
    node = facts(autoload="denied", nft_compat=MISSING)
    plan = preparation_plan(node, istio_version="1.30", profile=profile)
    assert "iptable_nat" in plan["load"]
    assert "nft_chain_nat" not in plan["load"]
    assert plan["not_loadable"] == []
    assert plan["forecast"]["variant"] == "legacy"
    assert plan["expected"]["verdict"] == "ready"


@pytest.mark.parametrize("version", ["1.30", "1.31"])
def test_the_modules_of_iptables_nft_are_loaded_if_neither_variant_works(version):
    node = facts(autoload="denied", **dict.fromkeys(ALL_LEGACY, MISSING))
    plan = preparation_plan(node, istio_version=version, profile="effective")
    assert "nft_chain_nat" in plan["load"]
    assert plan["not_loadable"] == []
    assert plan["expected"]["verdict"] == "ready"


def test_modules_that_are_needed_after_a_reboot_only_are_persisted_and_not_loaded():
    plan = preparation_plan(listed_tables(), mode="ambient", profile="effective", istio_version="1.30.4")
    needed_later = {"iptable_mangle", "iptable_raw", "iptable_filter"}
    assert needed_later <= set(plan["boot_only"]) <= set(plan["modules"])
    assert needed_later <= set(plan["persist"])
    assert not set(plan["load"]) & set(LEGACY)
    assert plan_variants(plan) == ("nft", "legacy")
    assert plan["expected"]["verdict"] == "ready"


def test_a_module_that_one_requirement_needs_now_is_loaded_even_if_another_needs_it_after_a_reboot_only():
    loaded = dict.fromkeys(ALL_LEGACY, BY_HAND)
    node = facts(autoload="denied", kernel=OLD, netfilter=ALL_TABLES, **loaded)
    plan = preparation_plan(node, mode=["sidecar", "ambient"], profile="effective", istio_version="1.30")
    assert "nft_chain_nat" in plan["load"]
    assert plan["boot_only"] == []


def test_modules_that_are_only_persisted_count_after_the_reboot():
    options = {"mode": "ambient", "ip_family": "dual", "istio_version": "1.30.4"}
    plan = preparation_plan(facts(kernel=OLD), profile="documented", load=False, **options)
    assert plan["load"] == []
    assert plan_variants(plan) == ("nft", "legacy")


def test_a_boot_list_does_not_help_if_the_next_kernel_lacks_the_module():
    gone = {"next_boot": {"state": "missing", "autoload": "never"}}
    plan = preparation_plan(facts(xt_owner=gone), profile="effective")
    assert "xt_owner" in plan["load"]
    assert plan["expected"]["verdict"] == "at_risk"


def test_loading_modules_changes_no_table_whose_module_is_unknown():
    legacy = dict.fromkeys(ALL_LEGACY, UNKNOWN_STATE)
    node = facts(**THERE, kernel=OLD, xt_owner={"state": "loadable", "boot": "no"}, **legacy)
    assert preparation_plan(node, mode="ambient", profile="effective")["forecast"]["variant"] == "nft"


def test_a_plan_names_the_requirements_that_stay_unmet():
    plan = preparation_plan(facts(autoload="denied", xt_owner=MISSING), profile="effective")
    assert plan["expected"]["unmet"] == ["xt_owner"]


def test_should_modules_that_cannot_be_loaded_are_left_out():
    merged = {"state": "merged", "provider": "nf_nat"}
    plan = preparation_plan(facts(bridge={"state": "missing"}, br_netfilter=BLACKLISTED_ENTRY, nf_nat_ipv4=merged))
    assert not {"bridge", "br_netfilter", "nf_nat_ipv4"} & set(plan["modules"])
    assert "xt_multiport" in plan["optional"]


def test_a_blacklisted_must_module_is_reported_and_not_loaded():
    plan = preparation_plan(facts(xt_owner=BLACKLISTED_ENTRY))
    assert "xt_owner" not in plan["load"]
    assert "xt_owner" not in plan["optional"]
    assert plan["not_loadable"] == [{"name": "xt_owner", "cause": "autoload: blacklisted (/etc/modprobe.d/a.conf:1)"}]


def test_the_forecast_of_a_plan_with_a_reboot_is_for_after_it():
    waiting = {
        "state": "blocked",
        "autoload": "denied",
        "reasons": [{"axis": "now", "code": "modules_disabled", "text": "kernel.modules_disabled is 1"}],
        "next_boot": {"state": "loadable", "autoload": "yes"},
    }
    node = listed_tables(xt_owner=waiting)
    for name in ALL_LEGACY:
        node["modules"][name] = {**waiting, "boot": node["modules"][name]["boot"]}
    options = {"mode": "ambient", "profile": "effective", "istio_version": "1.30.4"}
    plan = preparation_plan(node, reboot="if_needed", **options)
    assert [step["kind"] for step in plan["steps"]] == ["modules", "reboot"]
    assert plan_variants(plan) == ("legacy", None)
