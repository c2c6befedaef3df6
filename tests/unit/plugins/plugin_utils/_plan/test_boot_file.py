# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The boot file: why the role does not write it, and what the owner does if nothing reads it."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import preparation_plan
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import (
    BLACKLISTED,
    BOOT_FILE,
    ENFORCING,
    MASKED_SERVICE,
    NOT_INSTALLED,
    OSTREE,
    VENDOR_CONFLICT,
    find_step,
    list_kinds,
    make_node,
    plan_nftables,
)

UNUSABLE = {
    "masked": ({"managed": {"masked": True}}, f"{BOOT_FILE}: masked by a link to /dev/null; remove the link"),
    "unbalanced markers": (
        {"managed": {"boot_file": None}},
        f"{BOOT_FILE}: unbalanced BEGIN/END markers; remove them and run again",
    ),
}
NO_READER = {"systemd": False, "init": "openrc", "boot_files_read": False}
VOLATILE = {"etc": "volatile"}
USELESS = {
    "a disabled service": (
        {**NO_READER, "boot_files_mask": "/etc/init.d/modules"},
        f"/etc/init.d/modules would read {BOOT_FILE}, but no runlevel of openrc starts it",
        ["rc-update", "add", "modules", "boot"],
    ),
    "a disabled script of Debian's OpenRC": (
        {**NO_READER, "boot_files_mask": "/etc/init.d/kmod"},
        f"/etc/init.d/kmod would read {BOOT_FILE}, but no runlevel of openrc starts it",
        ["rc-update", "add", "kmod", "sysinit"],
    ),
    "a disabled script of Debian": (
        {**NO_READER, "init": "sysvinit", "boot_files_mask": "/etc/init.d/kmod"},
        f"/etc/init.d/kmod would read {BOOT_FILE}, but no runlevel of sysvinit starts it",
        ["update-rc.d", "kmod", "defaults"],
    ),
    "no reader": (NO_READER, f"no script that openrc starts reads {BOOT_FILE}", None),
    "an unknown reader": (
        {"systemd": False, "boot_files_read": None},
        f"whether the init system reads {BOOT_FILE} cannot be determined",
        None,
    ),
    "an overlay whose upper directory is not visible": (
        {"etc": "unknown"},
        "whether a reboot keeps /etc cannot be determined, because the upper directory of the root is not visible",
        None,
    ),
    "/etc in memory": (VOLATILE, "/etc is kept in memory, so a reboot removes what is written there", None),
}


@pytest.mark.parametrize("node, refusal", UNUSABLE.values(), ids=UNUSABLE)
def test_a_boot_file_that_cannot_be_used_refuses_the_plan(node, refusal):
    plan = preparation_plan(make_node(**node))
    assert len(plan["refused"]) == 1
    assert plan["refused"][0].startswith(f"{refusal}, or set istio_node_persist: false")
    assert list_kinds(plan) == []


@pytest.mark.parametrize("node", [node for node, _refusal in UNUSABLE.values()], ids=UNUSABLE)
def test_a_boot_file_that_the_role_does_not_write_refuses_nothing(node):
    facts = make_node(**node, xt_owner=BLACKLISTED, conflicts=VENDOR_CONFLICT)
    plan = preparation_plan(facts, persist=False, override_conflicts=True)
    assert plan["refused"] == []
    assert list_kinds(plan) == ["overrides", "modules"]


@pytest.mark.parametrize("node, refusal", UNUSABLE.values(), ids=UNUSABLE)
def test_persist_is_no_alternative_if_the_policy_needs_the_boot_file(node, refusal):
    facts = make_node(**node, selinux=ENFORCING)
    plan = preparation_plan(facts, iptables_variant="legacy", selinux="policy", persist=False)
    assert plan["refused"] == [refusal]


@pytest.mark.parametrize("platform, reason, command", USELESS.values(), ids=USELESS)
def test_modules_are_loaded_and_not_listed_if_the_boot_file_has_no_effect(platform, reason, command):
    plan = plan_nftables(make_node(autoload="denied", platform=platform))
    assert (plan["refused"], plan["persist"], list_kinds(plan)) == ([], [], ["modules"])
    assert plan["load"] == ["nf_tables", "nft_redir", "nft_chain_nat", "nft_counter"]
    assert find_step(plan, "modules")["args"]["persist"] is False
    step = find_step(plan, "declare")
    assert (step["by"], step.get("command")) == ("owner", command)
    assert step["why"].startswith(f"{reason}; these modules are loaded now and not after a reboot: nf_tables, ")
    assert plan["expected"]["verdict"] == "at_risk"


def test_modules_that_a_file_lists_in_vain_are_declared_as_well():
    plan = plan_nftables(make_node(platform=NO_READER, boot_files={"/etc/modules": ["nf_tables"]}))
    assert "not after a reboot: nf_tables, " in find_step(plan, "declare")["why"]


def test_modules_that_load_on_demand_stay_on_demand_if_the_boot_file_has_no_effect():
    plan = plan_nftables(make_node(platform=VOLATILE))
    assert plan["expected"]["verdict"] == "on_demand"


@pytest.mark.parametrize("platform", [platform for platform, _reason, _command in USELESS.values()], ids=USELESS)
def test_nothing_is_declared_if_nothing_should_be_listed(platform):
    assert list_kinds(plan_nftables(make_node(platform=platform), persist=False), "owner") == []
    builtin = make_node(state="builtin", boot="not_applicable", platform=platform)
    assert list_kinds(plan_nftables(builtin), "owner") == []
    assert plan_nftables(builtin)["declaration"] is None


def test_a_script_that_reads_the_boot_file_is_as_good_as_systemd():
    plan = plan_nftables(make_node(platform={"systemd": False, "init": "openrc"}))
    assert plan["persist"]
    assert plan["expected"]["verdict"] == "ready"


def test_the_policy_needs_a_boot_file_that_is_read():
    node = make_node(platform=NO_READER, selinux=ENFORCING)
    (refusal,) = preparation_plan(node, iptables_variant="legacy", selinux="policy", persist=False)["refused"]
    assert refusal == f"{BOOT_FILE} is not written: no script that openrc starts reads {BOOT_FILE}"


def test_what_is_written_in_memory_needs_no_consent():
    node = make_node(platform=VOLATILE, xt_owner=BLACKLISTED, conflicts=VENDOR_CONFLICT)
    plan = preparation_plan(node, override_conflicts=True)
    assert list_kinds(plan) == ["modules"]
    assert any("istio_node_override_conflicts is ignored: /etc is kept in memory" in hint for hint in plan["hints"])


def test_a_block_that_is_complete_needs_no_writing():
    persist = plan_nftables(make_node())["persist"]
    node = make_node(platform=OSTREE, boot_files={BOOT_FILE: persist}, managed={"boot_file": persist})
    plan = plan_nftables(node)
    assert plan["refused"] == []
    assert plan["load"]
    assert plan["persist"] == persist


SHADOWED = "/usr/lib/modules-load.d/istio.conf"


def test_a_file_of_a_vendor_with_the_same_name_is_not_hidden():
    node = make_node(boot_files={SHADOWED: ["nft_redir"]}, managed={"shadowed_file": SHADOWED})
    (refusal,) = plan_nftables(node)["refused"]
    assert refusal.startswith(f"{BOOT_FILE}: would hide {SHADOWED}")
    assert f"copy {SHADOWED} to {BOOT_FILE} first" in refusal
    assert plan_nftables(node, persist=False)["refused"] == []


def test_a_vendor_file_that_lists_all_modules_needs_no_boot_file():
    node = make_node(boot_files={SHADOWED: list(KNOWN_MODULES)}, managed={"shadowed_file": SHADOWED})
    plan = plan_nftables(node)
    assert plan["refused"] == []
    assert plan["persist"] == []


CMDLINE_MASK = "systemd.mask=systemd-modules-load on the kernel command line"
VENDOR_UNIT = "/usr/lib/systemd/system/systemd-modules-load.service"


@pytest.mark.parametrize(
    "mask, step",
    [
        (
            MASKED_SERVICE["boot_files_mask"],
            {
                "what": "unmask systemd-modules-load.service",
                "where": MASKED_SERVICE["boot_files_mask"],
                "command": ["systemctl", "unmask", "systemd-modules-load.service"],
                "reboot": False,
            },
        ),
        (
            VENDOR_UNIT,
            {
                "what": f"restore systemd-modules-load.service: {VENDOR_UNIT} is empty or a link to /dev/null",
                "where": VENDOR_UNIT,
                "reboot": False,
            },
        ),
        (
            CMDLINE_MASK,
            {
                "what": "remove systemd.mask= of systemd-modules-load from the kernel command line",
                "where": "/proc/cmdline",
                "reboot": True,
            },
        ),
    ],
    ids=["masked by the administrator", "masked by the vendor", "kernel command line"],
)
def test_the_owner_unmasks_the_service_that_reads_the_boot_files(mask, step):
    node = make_node(autoload="denied", platform={"boot_files_read": False, "boot_files_mask": mask})
    plan = plan_nftables(node)
    found = find_step(plan, "conflict")
    names = "nf_tables, nft_redir, nft_chain_nat, nft_counter"
    why = f"it is masked ({mask}), so these modules are listed but not loaded at boot: {names}"
    assert found == {"kind": "conflict", "by": "owner", "why": why, **step}
    assert list_kinds(plan) == ["modules"]
    assert plan["expected"]["verdict"] == "at_risk"


@pytest.mark.parametrize("is_read, verdict", [(None, "unknown"), (True, "ready")])
def test_boot_files_that_may_be_read_need_no_step(is_read, verdict):
    plan = plan_nftables(make_node(autoload="denied", platform={"boot_files_read": is_read}))
    assert plan["expected"]["verdict"] == verdict
    assert list_kinds(plan, "owner") == []


def test_a_masked_service_does_not_matter_if_nothing_is_listed_or_persisted():
    assert list_kinds(plan_nftables(make_node(platform=MASKED_SERVICE), persist=False), "owner") == []
    builtin = make_node(state="builtin", boot="not_applicable", platform=MASKED_SERVICE)
    assert list_kinds(plan_nftables(builtin), "owner") == []


def test_modules_of_new_packages_do_not_load_at_boot_if_nothing_reads_the_boot_files():
    node = make_node(
        "rocky",
        "6.12.0-124.el10_1.x86_64",
        autoload="denied",
        boot_files={"/etc/modules-load.d/v.conf": ["xt_owner"]},
        xt_owner=NOT_INSTALLED,
    )
    assert preparation_plan(node, install_packages=True)["expected"]["verdict"] == "ready"
    node["platform"] |= MASKED_SERVICE
    assert preparation_plan(node, install_packages=True)["expected"]["verdict"] == "at_risk"
