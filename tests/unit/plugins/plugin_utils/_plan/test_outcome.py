# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of the results of acting."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInput
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.outcome import Acted

MODULES = {"loaded": ["xt_CT"], "persisted": ["xt_CT", "xt_set"], "boot_file": "# ours\n"}
PLAN = {
    "steps": [],
    "load": ["xt_CT", "xt_set"],
    "persist": ["xt_CT"],
    "not_loadable": [],
    "optional": ["xt_u32"],
    "forecast": None,
}
FACTS = {"kernel": {"boot_id": "one"}}
ASSESSMENT = {"forecast": None}
REBOOT = {"kind": "reboot", "by": "role", "args": {}}


def acted(modules=None, overrides=None, check_mode=False, **plan):
    options = {
        "plan": {**PLAN, **plan},
        "modules": MODULES if modules is None else modules,
        "overrides": overrides or {},
        "boot_id": "one",
    }
    return Acted.from_options(options, check_mode)


def test_what_was_done_is_what_the_tasks_say():
    done = acted(steps=[{"kind": "packages", "by": "role", "args": {"names": ["nftables"]}}]).as_dict(FACTS)
    assert (done["loaded"], done["persisted"], done["packages"], done["policy"]) == (
        ["xt_CT"],
        ["xt_CT", "xt_set"],
        ["nftables"],
        "unchanged",
    )
    assert done["boot_ids"] == [] and done["files"] == []


def test_where_a_task_was_skipped_it_is_what_the_plan_says():
    done = acted({"skipped": True}, check_mode=True).as_dict(FACTS)
    assert (done["loaded"], done["persisted"], done["check_mode"]) == (["xt_CT", "xt_set"], ["xt_CT"], True)


def test_the_owners_steps_are_not_ours():
    assert acted(steps=[{**REBOOT, "by": "owner"}]).as_dict(FACTS)["boot_ids"] == []


def test_all_well():
    assert acted().shortfall(FACTS, ASSESSMENT) is None and acted().lost() is None


@pytest.mark.parametrize(
    "results", [{"modules": {"unreachable": True, "msg": "gone"}}, {"overrides": {"unreachable": True, "msg": "gone"}}]
)
def test_a_node_lost_on_the_way(results):
    assert acted(**results).lost() == "unreachable: gone"


def test_a_required_module_failed():
    failed = {
        **MODULES,
        "failed": True,
        "msg": "xt_set: no space",
        "failed_modules": [{"name": "xt_set"}, {"name": "xt_u32"}],
    }
    assert acted(failed).shortfall(FACTS, ASSESSMENT) == "xt_set: no space"


def test_one_that_only_should_be_there_fails_nothing():
    failed = {**MODULES, "failed": True, "msg": "xt_u32: blacklisted", "failed_modules": [{"name": "xt_u32"}]}
    assert acted(failed).shortfall(FACTS, ASSESSMENT) is None


def test_a_failure_without_any_module_is_one():
    failed = acted({"failed": True, "msg": "/etc: read-only file system"})
    assert failed.shortfall(FACTS, ASSESSMENT) == "/etc: read-only file system"
    assert (failed.as_dict(FACTS)["loaded"], failed.as_dict(FACTS)["persisted"]) == ([], [])


def test_what_waits_for_the_reboot_has_not_failed():
    failed = {"failed": True, "msg": "xt_set: loading is switched off", "failed_modules": [{"name": "xt_set"}]}
    after = {"kernel": {"boot_id": "two"}}
    assert acted(failed, steps=[REBOOT]).shortfall(after, ASSESSMENT) is None


def test_nothing_was_tried_and_the_plan_knows_what_fails():
    planned = [{"name": "xt_set", "cause": "blacklisted"}, {"name": "xt_CT", "cause": "gone"}]
    assert (
        acted({"skipped": True}, not_loadable=planned).shortfall(FACTS, ASSESSMENT)
        == "xt_set: blacklisted; xt_CT: gone"
    )


def test_a_reboot_needs_another_boot_id():
    assert (
        acted(steps=[REBOOT]).shortfall(FACTS, ASSESSMENT)
        == "the node was to be rebooted, and its boot id is still one"
    )
    assert acted(steps=[REBOOT], check_mode=True).shortfall(FACTS, ASSESSMENT) is None
    assert acted(steps=[REBOOT]).as_dict({"kernel": {"boot_id": "two"}})["boot_ids"] == ["one", "two"]


def test_another_iptables_variant_than_was_foreseen():
    now = {"forecast": {"variant": "legacy", "reason": "iptable_nat is loaded", "modes": {"sidecar": "legacy"}}}
    flipped = acted(forecast={"modes": {"sidecar": "nft"}})
    assert flipped.shortfall(FACTS, now) == "Istio would now pick iptables legacy: iptable_nat is loaded"
    assert acted(forecast={"modes": {"sidecar": "legacy"}}).shortfall(FACTS, now) is None
    assert acted(forecast={"modes": {"sidecar": "nft"}}, check_mode=True).shortfall(FACTS, now) is None


def test_what_is_missing_is_named():
    with pytest.raises(InvalidInput, match="execution: overrides, boot_id must be given"):
        Acted.from_options({"plan": PLAN, "modules": MODULES}, False)
