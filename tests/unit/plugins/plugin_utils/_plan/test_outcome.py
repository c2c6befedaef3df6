# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Executions: what a run reports, and how the node may differ from the plan."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.iptables_forecast import Forecast
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.outcome import Execution
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import parse_facts, preparation_plan
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import make_node, plan_nftables

MODULES = {"loaded": ["xt_CT"], "persisted": ["xt_CT", "xt_set"], "boot_file": "# our block\n"}
PLAN = {
    "steps": [],
    "load": ["xt_CT", "xt_set"],
    "persist": ["xt_CT"],
    "not_loadable": [],
    "optional": ["xt_u32"],
    "forecast": None,
}
REBOOT = {"kind": "reboot", "by": "role", "args": {}}
# make_node() gives its node the boot ID "b".
FACTS = parse_facts(make_node())
REBOOTED = replace(FACTS, kernel=replace(FACTS.kernel, boot_id="c"))
ASSESSMENT = assess(FACTS, Selection.from_options({"backend": "nftables"}))


def execute(modules=None, overrides=None, check_mode=False, reboot=None, **plan):
    option = {
        "plan": {**PLAN, **plan},
        "modules": MODULES if modules is None else modules,
        "overrides": overrides or {},
        "reboot": reboot or {},
        "boot_id": "b",
    }
    return Execution.from_option(option, check_mode)


def test_the_results_of_the_tasks_are_reported():
    steps = [
        {"kind": "packages", "by": "role", "args": {"names": ["nftables"]}},
        {"kind": "policy", "by": "role", "args": {"state": "present", "priority": 300}},
    ]
    report = execute(steps=steps, overrides={"files": ["/etc/modprobe.d/a.conf"]}, not_removed=["x"]).as_dict(FACTS)
    assert report == {
        "check_mode": False,
        "loaded": ["xt_CT"],
        "persisted": ["xt_CT", "xt_set"],
        "boot_file": "# our block\n",
        "packages": ["nftables"],
        "files": ["/etc/modprobe.d/a.conf"],
        "policy": "present",
        "boot_ids": [],
        "not_removed": ["x"],
    }


def test_a_plan_that_changes_nothing_reports_nothing():
    report = execute({"skipped": True}, load=[], persist=[]).as_dict(FACTS)
    assert report["policy"] == "unchanged"
    for key in ("loaded", "persisted", "packages", "files", "boot_ids", "not_removed"):
        assert report[key] == []


def test_a_skipped_task_reports_what_the_plan_says():
    report = execute({"skipped": True}, check_mode=True).as_dict(FACTS)
    assert report["loaded"] == ["xt_CT", "xt_set"]
    assert report["persisted"] == ["xt_CT"]
    assert report["check_mode"] is True


def test_a_failed_task_without_a_report_did_nothing():
    report = execute({"failed": True, "msg": "/etc: read-only file system"}).as_dict(FACTS)
    assert report["loaded"] == []
    assert report["persisted"] == []


def test_steps_of_the_owner_are_not_reported():
    assert execute(steps=[{**REBOOT, "by": "owner"}]).as_dict(FACTS)["boot_ids"] == []


@pytest.mark.parametrize("make_plan", [preparation_plan, plan_nftables])
@pytest.mark.parametrize("state", ["prepared", "absent"])
def test_a_plan_of_the_filter_can_be_executed(make_plan, state):
    plan = make_plan(make_node(managed={"boot_file": ["xt_owner"]}), state=state)
    option = {"plan": plan, "modules": {"skipped": True}, "overrides": {}, "boot_id": ""}
    report = Execution.from_option(option, check_mode=True).as_dict(FACTS)
    assert report["loaded"] == plan["load"]
    assert report["persisted"] == plan["persist"]
    assert report["not_removed"] == plan.get("not_removed", [])


def test_a_node_that_is_as_predicted_deviates_in_nothing():
    execution = execute()
    assert execution.deviation(FACTS, ASSESSMENT) is None
    assert execution.unreachable_error is None


LOST = {"unreachable": True, "msg": "gone"}


@pytest.mark.parametrize(
    "results", [{"modules": LOST}, {"overrides": LOST}, {"reboot": LOST}], ids=["modules", "overrides", "reboot"]
)
def test_a_node_that_became_unreachable_is_an_error(results):
    assert execute(**results).unreachable_error == "unreachable: gone"


def test_the_loss_of_a_node_is_explained_by_its_reboot():
    assert execute().describe_loss("no route") == "unreachable: no route"
    execution = execute(steps=[REBOOT], reboot={"failed": True, "rebooted": True, "msg": "Timed out"})
    assert execution.unreachable_error is None
    assert execution.describe_loss("no route") == "the node did not come back from its reboot: Timed out"
    assert execution.find_regression(REBOOTED, ASSESSMENT) is None


def test_a_reboot_that_does_not_start_is_a_deviation():
    reboot = {"failed": True, "rebooted": False, "msg": "Reboot command failed"}
    execution = execute(steps=[REBOOT], reboot=reboot)
    assert execution.unreachable_error is None
    assert execution.find_regression(FACTS, ASSESSMENT) == "Reboot command failed"


VERDICTS = ("ready", "on_demand", "at_risk", "unknown", "not_ready")
WORSE = {
    "ready": {"at_risk", "unknown", "not_ready"},
    "on_demand": {"at_risk", "unknown", "not_ready"},
    "at_risk": {"not_ready"},
    "unknown": set(),
    "not_ready": set(),
}


@pytest.mark.parametrize("expected", VERDICTS)
@pytest.mark.parametrize("found", VERDICTS)
def test_a_worse_verdict_than_the_plan_predicted_is_a_regression(expected, found):
    assessment = replace(ASSESSMENT, verdict=found)
    regression = execute(expected={"verdict": expected}).find_regression(FACTS, assessment)
    assert (regression is not None) == (found in WORSE[expected])
    if regression:
        assert regression.startswith(f"the plan predicted the verdict {expected}, but the node is {found}")
    assert execute(expected={"verdict": expected}, check_mode=True).find_regression(FACTS, assessment) is None


def test_a_module_that_fails_as_the_plan_predicted_is_no_regression():
    failed = {"failed": True, "msg": "xt_set: blacklisted", "failed_modules": [{"name": "xt_set"}]}
    predicted = execute(failed, not_loadable=[{"name": "xt_set", "cause": "blacklisted"}])
    assert predicted.deviation(FACTS, ASSESSMENT) == "xt_set: blacklisted"
    assert predicted.find_regression(FACTS, ASSESSMENT) is None
    assert execute(failed).find_regression(FACTS, ASSESSMENT) == "xt_set: blacklisted"
    skipped = execute({"skipped": True}, not_loadable=[{"name": "xt_set", "cause": "blacklisted"}])
    assert skipped.find_regression(FACTS, ASSESSMENT) is None


def test_a_required_module_that_failed_is_a_deviation():
    failed_modules = [{"name": "xt_set", "cause": "no space"}, {"name": "xt_u32", "cause": "blacklisted"}]
    result = {**MODULES, "failed": True, "msg": "xt_set: no space", "failed_modules": failed_modules}
    assert execute(result).deviation(FACTS, ASSESSMENT) == "xt_set: no space"


def test_an_optional_module_that_failed_is_no_deviation():
    result = {**MODULES, "failed": True, "msg": "xt_u32: blacklisted", "failed_modules": [{"name": "xt_u32"}]}
    assert execute(result).deviation(FACTS, ASSESSMENT) is None


def test_a_failure_that_names_no_module_is_a_deviation():
    execution = execute({"failed": True, "msg": "/etc: read-only file system"})
    assert execution.deviation(FACTS, ASSESSMENT) == "/etc: read-only file system"


def test_a_module_that_failed_before_the_reboot_is_no_deviation():
    result = {"failed": True, "msg": "xt_set: modules are disabled", "failed_modules": [{"name": "xt_set"}]}
    assert execute(result, steps=[REBOOT]).deviation(REBOOTED, ASSESSMENT) is None


def test_a_skipped_task_fails_with_the_causes_of_the_plan():
    causes = [{"name": "xt_set", "cause": "blacklisted"}, {"name": "xt_CT", "cause": "missing"}]
    execution = execute({"skipped": True}, not_loadable=causes)
    assert execution.deviation(FACTS, ASSESSMENT) == "xt_set: blacklisted; xt_CT: missing"


def test_a_reboot_gives_the_node_another_boot_id():
    execution = execute(steps=[REBOOT])
    assert execution.deviation(FACTS, ASSESSMENT) == "the node did not reboot: its boot ID is still b"
    assert execution.deviation(REBOOTED, ASSESSMENT) is None
    assert execution.as_dict(REBOOTED)["boot_ids"] == ["b", "c"]
    assert execute(steps=[REBOOT], check_mode=True).deviation(FACTS, ASSESSMENT) is None


LEGACY = {"sidecar": Forecast("legacy", "iptable_nat is loaded")}
NFT = {"sidecar": Forecast("nft", "no legacy table exists")}
WILL_BE_NFT = {"modes": {"sidecar": "nft"}}
WILL_BE_LEGACY = {"modes": {"sidecar": "legacy"}}


@pytest.mark.parametrize(
    "predicted, now, after_reboot, deviation",
    [
        (WILL_BE_NFT, LEGACY, LEGACY, "Istio would now pick iptables legacy: iptable_nat is loaded"),
        (WILL_BE_NFT, NFT, LEGACY, "after a reboot Istio would pick iptables legacy: iptable_nat is loaded"),
        (WILL_BE_NFT | {"after_reboot": WILL_BE_LEGACY}, NFT, LEGACY, None),
        (WILL_BE_LEGACY, LEGACY, LEGACY, None),
        (None, LEGACY, LEGACY, None),
        (WILL_BE_NFT, {}, {}, None),
    ],
    ids=["now", "after a reboot", "as predicted", "the same after a reboot", "no prediction", "no iptables"],
)
def test_another_iptables_variant_than_predicted_is_a_deviation(predicted, now, after_reboot, deviation):
    execution = execute(forecast=predicted)
    assert execution.variant_changed(now, after_reboot) == deviation
    assessment = replace(ASSESSMENT, forecasts=now, forecasts_after_reboot=after_reboot)
    assert execution.deviation(FACTS, assessment) == deviation
    assert execute(forecast=predicted, check_mode=True).deviation(FACTS, assessment) is None


@pytest.mark.parametrize(
    "change, error",
    [
        ({"modules": None}, "'modules' is 'None', not a mapping"),
        ({"plan": {}}, "'plan.steps' is missing"),
        ({"plan": {**PLAN, "load": "xt_CT"}}, "'plan.load' is 'xt_CT', not a list"),
        ({"boot_id": 1}, "'boot_id' is '1', not text"),
    ],
)
def test_a_malformed_option_is_an_error_that_names_the_place(change, error):
    option = {"plan": PLAN, "modules": MODULES, "overrides": {}, "boot_id": "b", **change}
    with pytest.raises(InvalidInputError, match=f"^execution: {error}; pass the plan"):
        Execution.from_option(option, check_mode=False)


def test_a_missing_key_of_the_option_is_an_error():
    with pytest.raises(InvalidInputError, match=r"^execution: 'overrides' is missing; pass the plan"):
        Execution.from_option({"plan": PLAN, "modules": MODULES, "boot_id": "b"}, check_mode=False)
