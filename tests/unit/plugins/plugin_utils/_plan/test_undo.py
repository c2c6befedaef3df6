# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of state absent: what is removed, what stays, and what the plan says about that."""

from __future__ import annotations

from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import preparation_plan
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import (
    OSTREE,
    VENDOR_FILE,
    find_step,
    list_kinds,
    make_node,
)

POLICY = {"priority": 300, "cil": "x", "priorities": [300], "semodule": True}
EDITED = {
    "/etc/modprobe.d/hard.conf": {"source": VENDOR_FILE, "lines": ["blacklist dccp"], "current": True, "edited": True}
}
INSTALL_OVERRIDES = "/etc/modprobe.d/00-nodeprep-istio.conf"


def plan_removal(**node):
    return preparation_plan(make_node(**node), state="absent")


def test_a_removal_removes_what_the_role_wrote_and_says_what_stays():
    managed = {
        "boot_file": ["xt_owner"],
        "overrides": {"/etc/modprobe.d/hard.conf": {"current": True}},
        "policy": POLICY,
    }
    plan = plan_removal(state="loaded", managed=managed)
    assert plan["state"] == "absent"
    assert plan["change"]
    assert list_kinds(plan) == ["modules", "overrides", "policy"]
    assert find_step(plan, "modules")["args"] == {"state": "absent"}
    assert find_step(plan, "overrides")["args"] == {"state": "absent"}
    assert find_step(plan, "policy")["command"] == ["semodule", "-X", "300", "-r", "istio_node_prep"]
    assert find_step(plan, "policy")["args"] == {"state": "absent", "name": "istio_node_prep", "stale": [300]}
    assert plan["not_removed"] == [
        "loaded modules stay loaded until a reboot, because other software may use them: xt_owner",
        "installed packages stay, because other software may use them",
    ]


def test_a_node_without_anything_of_the_role_has_nothing_to_remove():
    plan = plan_removal()
    assert plan["steps"] == []
    assert not plan["change"]
    assert plan["not_removed"] == []


def test_a_boot_file_with_unbalanced_markers_is_left_to_the_owner():
    plan = plan_removal(managed={"boot_file": None})
    assert plan["refused"] == [
        "/etc/modules-load.d/istio.conf: unbalanced BEGIN/END markers; remove the markers manually"
    ]


def test_a_block_without_names_is_removed_as_well_as_one_with_names():
    assert list_kinds(plan_removal(managed={"has_empty_block": True})) == ["modules"]
    assert list_kinds(plan_removal(managed={"boot_file": ["xt_owner"]})) == ["modules"]


def test_a_removal_needs_no_systemd():
    plan = plan_removal(managed={"boot_file": ["xt_owner"]}, platform={"systemd": False})
    assert plan["refused"] == []
    assert list_kinds(plan) == ["modules"]


def test_a_refused_removal_lists_its_changes_and_nothing_that_stays():
    plan = plan_removal(managed={"boot_file": ["xt_owner"]}, platform=OSTREE)
    (refusal,) = plan["refused"]
    assert "rpm-ostree" in refusal
    assert "remove the nodeprep.istio block from /etc/modules-load.d/istio.conf" in refusal
    assert plan["steps"] == []
    assert plan["not_removed"] == []


def test_the_policy_is_removed_with_all_its_priorities():
    plan = plan_removal(managed={"policy": POLICY | {"priority": 400, "priorities": [300, 400]}})
    step = find_step(plan, "policy")
    assert step["args"]["stale"] == [300, 400]
    assert step["command"] == [
        "semodule",
        *("-X", "300", "-r", "istio_node_prep"),
        *("-X", "400", "-r", "istio_node_prep"),
    ]


def test_a_policy_that_cannot_be_removed_is_named():
    plan = plan_removal(managed={"policy": POLICY | {"priorities": [300, 400], "semodule": False}})
    assert plan["steps"] == []
    assert "priorities 300, 400 stays: semodule is not installed" in plan["not_removed"][0]


def test_a_boolean_that_stays_on_is_named_with_the_command_that_turns_it_off():
    on = {"mode": "enforcing", "domain_kernel_load_modules": True}
    assert "setsebool -P domain_kernel_load_modules off" in plan_removal(selinux=on)["not_removed"][0]
    assert plan_removal(selinux=on | {"domain_kernel_load_modules": False})["not_removed"] == []


def test_an_edited_override_file_stays_and_its_effect_is_named():
    overrides = EDITED | {INSTALL_OVERRIDES: {"source": None, "lines": [], "current": True, "edited": False}}
    plan = plan_removal(state="loaded", managed={"overrides": overrides})
    assert find_step(plan, "overrides")["where"] == INSTALL_OVERRIDES
    assert plan["not_removed"][0] == (
        "/etc/modprobe.d/hard.conf stays: it was changed after the role wrote it, and still overrides "
        "'blacklist dccp'; save the changes and delete the file"
    )


def test_a_removal_with_nothing_but_an_edited_file_changes_nothing():
    plan = plan_removal(state="loaded", managed={"overrides": EDITED})
    assert plan["steps"] == []
    assert not plan["change"]
    assert len(plan["not_removed"]) == 1
