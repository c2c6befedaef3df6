# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts after planned changes and after a reboot."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import (
    NextBootState,
    OtherKernel,
    Reason,
    Tool,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.projection import (
    after_kernel,
    after_overrides,
    after_packages,
    after_policy,
    after_preparing,
    after_reboot,
    provider_after_reboot,
    with_dependencies,
)
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import OLD, SITE, facts, parse_facts

BOOT_FILE = "/etc/modules-load.d/istio.conf"
FILE = "/etc/modprobe.d/a.conf:1"
LINES = ("blacklist", "install_override")


def reason(axis, code, where=FILE):
    return {"axis": axis, "code": code, "text": code, "where": where}


def parse(change=None, **modules):
    """Return parsed facts of loadable modules; ``change`` replaces whole parts of the facts."""
    return parse_facts({**facts(**modules), **(change or {})})


def answers(found, name="xt_owner"):
    module = found.modules[name]
    return module.state, module.autoload, module.boot


MISSING = {"state": "missing", "autoload": "never", "reasons": [reason("now", "not_installed", "x")]}


def test_an_installed_module_is_loadable():
    after = after_packages(parse(xt_owner=MISSING), ["xt_owner"], [])
    assert answers(after) == ("loadable", "yes", "no")
    assert after.modules["xt_owner"].reasons == ()


def test_an_installed_module_that_a_boot_file_lists_is_present_after_a_reboot():
    found = parse({"boot_files": {SITE: ["xt_owner"]}}, xt_owner=MISSING)
    assert answers(after_packages(found, ["xt_owner"], [])) == ("loadable", "yes", "yes")
    found = parse({"boot_files": {SITE: ["xt_owner"]}, "platform": {"boot_files_read": None}}, xt_owner=MISSING)
    assert answers(after_packages(found, ["xt_owner"], [])) == ("loadable", "yes", "unknown")


@pytest.mark.parametrize(
    "codes, expected",
    [
        (["blacklist"], ("loadable", "denied", "ineffective")),
        (["blacklist", "install_override"], ("blocked", "denied", "ineffective")),
    ],
)
def test_lines_that_block_a_module_still_do_so_once_it_is_installed(codes, expected):
    reasons = [*MISSING["reasons"], *(reason("now", code) for code in codes)]
    found = parse({"boot_files": {SITE: ["xt_owner"]}}, xt_owner={**MISSING, "reasons": reasons})
    after = after_packages(found, ["xt_owner"], [], LINES)
    assert answers(after) == expected
    assert [one.code for one in after.modules["xt_owner"].reasons] == codes


def test_the_version_of_an_installed_tool_is_unknown():
    after = after_packages(parse(nft=None), [], ["nft"])
    assert after.tools["nft"] == Tool("nft")
    assert after.tools["iptables"].version == "1.8.9"


def test_selinux_denies_autoload_of_an_installed_module():
    selinux = {"mode": "enforcing", "module_request": False}
    after = after_packages(parse({"selinux": selinux}, xt_owner=MISSING), ["xt_owner"], [])
    assert answers(after) == ("loadable", "denied", "no")


def test_a_table_waits_for_ip_tables_once_it_is_installed():
    after = after_packages(parse(iptable_nat=MISSING), ["iptable_nat"], [])
    assert after.modules["iptable_nat"].autoload_after == "ip_tables"


BLOCKED = {
    "state": "blocked",
    "autoload": "denied",
    "boot": "ineffective",
    "reasons": [reason("now", "install_override")],
}


def test_a_module_is_loadable_once_its_lines_are_overridden():
    after = after_overrides(parse(xt_owner=BLOCKED), ["xt_owner"], LINES)
    assert answers(after) == ("loadable", "yes", "no")
    assert after.modules["xt_owner"].reasons == ()


def test_a_loaded_module_stays_loaded_when_its_lines_are_overridden():
    loaded = {**BLOCKED, "state": "loaded", "next_boot": {"state": "blocked", "autoload": "denied"}}
    after = after_overrides(parse(xt_owner=loaded), ["xt_owner"], LINES)
    assert answers(after) == ("loaded", "yes", "no")
    assert after.modules["xt_owner"].next_boot is None


def test_a_module_that_another_reason_blocks_stays_blocked():
    reasons = [*BLOCKED["reasons"], reason("now", "unsigned_module")]
    after = after_overrides(parse(xt_owner={**BLOCKED, "reasons": reasons}), ["xt_owner"], LINES)
    assert answers(after) == ("blocked", "denied", "ineffective")
    assert [one.code for one in after.modules["xt_owner"].reasons] == ["unsigned_module"]


def test_other_modules_do_not_change_when_lines_are_overridden():
    found = parse(xt_owner=BLOCKED, xt_mark=BLOCKED)
    after = after_overrides(found, ["xt_owner"], LINES)
    assert after.modules["xt_mark"] is found.modules["xt_mark"]


def test_a_policy_lets_containers_request_modules():
    denied = {"autoload": "denied", "reasons": [reason("autoload", "selinux", None), reason("boot", "container")]}
    del denied["reasons"][0]["where"]
    found = parse({"selinux": {"mode": "enforcing", "module_request": False}}, xt_owner=denied, iptable_nat=denied)
    after = after_policy(found)
    assert after.selinux.module_request is True
    assert answers(after)[1] == "yes"
    assert [one.code for one in after.modules["xt_owner"].reasons] == ["container"]
    assert after.modules["iptable_nat"].autoload_after == "ip_tables"
    assert after.modules["xt_mark"] is found.modules["xt_mark"]


def test_a_policy_counts_after_the_reboot_too():
    entry = {"autoload": "yes", "reasons": [reason("boot", "selinux")]}
    found = parse(
        xt_owner={**entry, "next_boot": {"autoload": "denied"}},
        xt_mark={**entry, "next_boot": {"state": "blocked", "autoload": "denied"}},
        xt_nat={**entry, "next_boot": {"autoload": "never"}},
    )
    after = after_policy(found)
    assert after.modules["xt_owner"].next_boot is None
    assert after.modules["xt_mark"].next_boot == NextBootState("blocked", "yes")
    assert after.modules["xt_nat"].next_boot == NextBootState(None, "never")


def test_modules_are_loaded_and_persisted_with_their_dependencies():
    found = parse(xt_owner={"depends": ["x_tables"]}, x_tables={"state": "builtin", "boot": "not_applicable"})
    after = after_preparing(found, ["xt_owner"], ["xt_owner"], writes_boot_file=True)
    assert answers(after) == ("loaded", "yes", "yes")
    assert answers(after, "x_tables") == ("builtin", "yes", "not_applicable")
    assert after.boot_files[BOOT_FILE] == ("xt_owner",)


def test_the_boot_file_stays_if_it_is_not_written():
    found = parse()
    after = after_preparing(found, ["xt_owner"], [], writes_boot_file=False)
    assert after.boot_files == found.boot_files
    assert answers(after) == ("loaded", "yes", "no")


@pytest.mark.parametrize(
    "platform, next_boot, boot",
    [
        ({}, None, "yes"),
        ({"boot_files_read": False}, None, "ineffective"),
        ({"boot_files_read": None}, None, "unknown"),
        ({}, {"state": "missing"}, "ineffective"),
        ({}, {"state": "blocked"}, "ineffective"),
        ({}, {"state": "unknown"}, "unknown"),
        ({"boot_files_read": False}, {"state": "unknown"}, "ineffective"),
        ({}, {"autoload": "never"}, "yes"),
    ],
)
def test_a_line_in_the_boot_file_helps_only_if_it_is_read_and_the_next_kernel_loads_the_module(
    platform, next_boot, boot
):
    change = {"next_boot": next_boot} if next_boot else {}
    found = parse({"platform": platform}, xt_owner=change)
    assert answers(after_preparing(found, [], ["xt_owner"], writes_boot_file=True))[2] == boot


def test_on_an_old_kernel_loading_a_table_creates_it():
    after = after_preparing(parse(kernel=OLD), ["iptable_nat"], [], writes_boot_file=False)
    assert after.netfilter.legacy_tables == {"ipv4": ("nat",), "ipv6": ()}


@pytest.mark.parametrize(
    "entry, state",
    [
        ({"state": "loaded", "boot": "no"}, "loadable"),
        ({"state": "loaded", "boot": "yes"}, "loaded"),
        ({"state": "loadable", "boot": "yes"}, "loaded"),
        ({"state": "loaded", "boot": "unknown"}, "unknown"),
        ({"state": "builtin", "boot": "not_applicable"}, "builtin"),
        ({"state": "missing"}, "missing"),
        ({"state": "blocked"}, "blocked"),
        ({"state": "loaded", "next_boot": {"state": "missing"}}, "missing"),
        ({"state": "missing", "next_boot": {"state": "builtin"}}, "builtin"),
        ({"state": "blocked", "next_boot": {"state": "loadable"}}, "loadable"),
    ],
)
def test_the_state_after_a_reboot(entry, state):
    after = after_reboot(parse(xt_owner=entry))
    assert after.modules["xt_owner"].state == state
    assert after.modules["xt_owner"].next_boot is None


def test_autoload_after_a_reboot_is_that_of_the_next_boot():
    after = after_reboot(parse(xt_owner={"next_boot": {"autoload": "denied"}}))
    assert answers(after) == ("loadable", "denied", "no")


def test_a_reboot_leaves_modules_alone_that_do_not_change():
    found = parse()
    assert after_reboot(found).modules["xt_owner"] is found.modules["xt_owner"]


def kernel(certain, module_tree_present=True, release="6.12.3-1-arch"):
    following = {"release": release, "source": "link", "certain": certain}
    return {"release": "x", "version": [6, 1], "module_tree_present": module_tree_present, "next_boot": following}


def test_the_next_kernel_runs_after_a_reboot():
    after = after_reboot(parse({"kernel": kernel(certain=True)}))
    assert (after.kernel.release, after.kernel.version) == ("6.12.3-1-arch", (6, 12, 3))


@pytest.mark.parametrize("is_present", [True, False, None])
def test_a_guess_never_counts(is_present):
    assert after_reboot(parse({"kernel": kernel(False, module_tree_present=is_present)})).kernel.release == "x"


def test_a_merged_module_is_in_its_provider_after_a_reboot():
    upgrade = {"next_boot": {"state": "merged", "autoload": "yes"}}
    found = parse(
        nf_nat_ipv4={"state": "merged", "provider": "nf_nat"},
        nft_counter=upgrade,
        xt_owner=upgrade,
        nf_nat_ipv6={"state": "merged", "provider": "nf_nat", "next_boot": {"state": "missing"}},
    )
    expected = {"nf_nat_ipv4": "nf_nat", "nft_counter": "nf_tables", "xt_owner": None, "nf_nat_ipv6": "nf_nat_ipv6"}
    assert {name: provider_after_reboot(found.modules, name) for name in expected} == expected
    after = after_reboot(found)
    assert (after.modules["nft_counter"].state, after.modules["nft_counter"].provider) == ("merged", "nf_tables")
    assert after.modules["xt_owner"].state == "unknown"


def test_dependencies_of_dependencies_are_found():
    found = parse(xt_owner={"depends": ["x_tables", "unknown_module"]}, x_tables={"depends": ["nf_nat"]})
    assert with_dependencies(found.modules, ["xt_owner", "nosuch"]) == {"xt_owner", "x_tables", "nf_nat"}


def test_a_loop_of_dependencies_ends():
    found = parse(xt_owner={"depends": ["xt_mark"]}, xt_mark={"depends": ["xt_owner"]})
    assert with_dependencies(found.modules, ["xt_owner"]) == {"xt_owner", "xt_mark"}


def test_reasons_keep_their_place():
    found = parse(xt_owner={"state": "loaded", "reasons": [reason("now", "tainted")]})
    assert after_reboot(found).modules["xt_owner"].reasons == (Reason("now", "tainted", f"tainted ({FILE})", FILE),)


OTHER = "6.12.57+deb13-arm64"


def boot_other(found, name="xt_owner", **other):
    """Return the answers of a module after a reboot into another installed kernel."""
    return answers(after_kernel(found, OTHER, OtherKernel(**other)), name)


def test_another_kernel_has_its_own_release_version_and_options():
    found = parse(options={"NF_CONNTRACK_MARK": None})
    after = after_kernel(found, OTHER, OtherKernel(unset_options=("NF_CONNTRACK_ZONES",)))
    assert (after.kernel.release, after.kernel.version) == (OTHER, (6, 12, 57))
    assert (after.options["NF_CONNTRACK_ZONES"], after.options["NF_CONNTRACK_MARK"]) == ("n", "y")
    assert after.other_kernels == {}
    unreadable = after_kernel(found, OTHER, OtherKernel())
    assert set(unreadable.options.values()) == {None}


@pytest.mark.parametrize("state", ["missing", "loadable", "loaded", "builtin", "unknown"])
def test_a_module_of_another_kernel_is_loadable_and_what_it_lacks_is_missing(state):
    found = parse(xt_owner={"state": state, "autoload": "yes" if state == "loadable" else "never"})
    assert boot_other(found, lacks=("xt_owner",)) == ("missing", "never", "no")
    autoload = "never" if state == "loaded" else "yes"
    assert boot_other(found) == ("loadable", autoload, "no")


def test_a_listed_module_is_loaded_after_a_reboot_into_another_kernel():
    assert boot_other(parse(xt_owner={"state": "loaded", "boot": "yes"})) == ("loaded", "yes", "yes")
    found = parse({"boot_files": {SITE: ["xt_owner"]}}, xt_owner=MISSING)
    assert boot_other(found) == ("loaded", "yes", "yes")


def test_lines_of_modprobe_d_apply_to_another_kernel_too():
    blacklisted = {"state": "missing", "autoload": "never", "reasons": [reason("autoload", "blacklist")]}
    assert boot_other(parse(xt_owner=blacklisted)) == ("loadable", "denied", "no")
    overridden = {"state": "blocked", "autoload": "denied", "reasons": [reason("now", "install_override")]}
    assert boot_other(parse(xt_owner=overridden)) == ("blocked", "denied", "no")


def test_a_denied_request_stays_denied_with_another_kernel():
    denied = {"autoload": "denied", "reasons": [reason("autoload", "alias_override")]}
    assert boot_other(parse(xt_owner=denied)) == ("loadable", "denied", "no")


@pytest.mark.parametrize("state", ["missing", "merged"])
def test_a_merged_name_follows_its_provider_into_another_kernel(state):
    found = parse(nft_counter={"state": state, "autoload": "never", "provider": "nf_tables"})
    after = after_kernel(found, OTHER, OtherKernel())
    assert (after.modules["nft_counter"].state, after.modules["nft_counter"].provider) == ("merged", "nf_tables")
    assert boot_other(found, "nft_counter", lacks=("nf_tables",)) == ("unknown", "unknown", "unknown")


def test_an_old_kernel_creates_legacy_tables_when_it_loads_their_modules():
    found = parse(iptable_nat={"state": "loaded", "boot": "yes"})
    after = after_kernel(found, "5.10.0-30-amd64", OtherKernel())
    assert after.netfilter.legacy_tables["ipv4"] == ("nat",)


def test_overriding_the_blacklist_of_a_dependency_changes_no_answer():
    dependency = {**reason("boot", "blacklist"), "dependency": "x_tables"}
    entry = {
        "autoload": "unknown",
        "boot": "yes",
        "reasons": [reason("autoload", "kernel_modprobe_unknown"), dependency],
    }
    after = after_overrides(parse(xt_owner=entry), ["xt_owner"], LINES)
    assert answers(after) == ("loadable", "unknown", "yes")
    assert not after.modules["xt_owner"].is_blacklisted


def test_the_kernel_ignores_the_blacklist_of_a_dependency_in_another_kernel_too():
    found = parse(xt_owner={"reasons": [{**reason("boot", "blacklist"), "dependency": "x_tables"}]})
    assert boot_other(found) == ("loadable", "yes", "no")
    assert after_kernel(found, OTHER, OtherKernel()).modules["xt_owner"].is_blacklisted


CHAINS = {"nft-chain-1-nat": "never"}


def test_a_policy_allows_only_requests_that_lead_to_a_module():
    entry = {"autoload": "denied", "requests": CHAINS, "reasons": [reason("autoload", "selinux")]}
    entry["next_boot"] = {"autoload": "denied", "requests": CHAINS}
    module = after_policy(parse(nft_chain_nat=entry)).modules["nft_chain_nat"]
    assert (module.autoload, module.requests, module.next_boot) == ("yes", CHAINS, None)


@pytest.mark.parametrize(
    "code, autoload, requests",
    [
        ("blacklist", "yes", CHAINS),
        ("alias_override", "denied", {**CHAINS, "nft-chain-2-nat": "yes"}),
    ],
)
def test_only_lines_that_are_overridden_stop_denying_requests(code, autoload, requests):
    entry = {
        "autoload": "denied",
        "requests": {**CHAINS, "nft-chain-2-nat": "yes"},
        "reasons": [reason("autoload", "blacklist"), reason("autoload", code)],
    }
    module = after_overrides(parse(nft_chain_nat=entry), ["nft_chain_nat"], LINES).modules["nft_chain_nat"]
    assert (module.autoload, module.requests) == (autoload, requests)


def test_the_requests_after_a_reboot_are_those_of_the_next_boot():
    following = {"autoload": "denied", "requests": {"nft-chain-1-nat": "yes"}}
    rebooted = after_reboot(parse(nft_chain_nat={"requests": CHAINS, "next_boot": following}))
    module = rebooted.modules["nft_chain_nat"]
    assert (module.autoload, module.requests) == ("denied", {"nft-chain-1-nat": "yes"})
    assert after_reboot(parse(nft_chain_nat={"requests": CHAINS})).modules["nft_chain_nat"].requests == CHAINS
