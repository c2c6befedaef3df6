# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role has yet to do on a node."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.remaining import find_remaining

READY = {"steps": [], "refused": [], "not_loadable": [], "disruption": [], "expected": {"verdict": "ready"}}
MODULES = {**READY, "steps": [{"kind": "modules", "by": "role"}, {"kind": "conflict", "by": "owner"}]}


def find(plan=None, verdict="ready", consent=None, executed=False, probe=False):
    plan, consent = {**READY, **(plan or {})}, Consent(**(consent or {}))
    return find_remaining(plan, verdict, consent, is_executed=executed, has_probe=probe)


def test_a_ready_node_without_steps_needs_nothing():
    assert find() == "nothing"
    assert find({"steps": [{"kind": "declare", "by": "owner"}]}, "at_risk") == "nothing"


def test_the_step_of_the_modules_alone_is_told_apart_from_other_steps():
    assert find(MODULES) == "modules"
    assert find({"steps": [*MODULES["steps"], {"kind": "reboot", "by": "role"}]}) == "more"
    assert find({"steps": [{"kind": "packages", "by": "role"}]}) == "more"


def test_a_plan_that_is_refused_or_disrupts_the_node_is_more_than_the_step_of_the_modules():
    assert find({**MODULES, "refused": ["read-only"]}) == "more"
    disruption = {**MODULES, "disruption": [{"kind": "br_netfilter", "text": "load br_netfilter"}]}
    assert find(disruption) == "modules"
    assert find(disruption, consent={"after_disruption_tasks": "uncordon.yml"}) == "more"


@pytest.mark.parametrize(
    "plan", [{"refused": ["read-only"]}, {"not_loadable": [{"name": "a"}]}, {"not_removed": ["loaded modules"]}]
)
def test_a_problem_of_the_plan_has_to_be_reported(plan):
    assert find(plan) == "more"
    assert find(plan, consent={"state": "audited"}) == "nothing"


@pytest.mark.parametrize("verdicts", [("not_ready", "ready"), ("ready", "not_ready")])
def test_a_node_that_is_not_ready_has_to_fail_if_it_is_prepared(verdicts):
    now, expected = verdicts
    plan = {"expected": {"verdict": expected}}
    assert find(plan, now) == "more"
    assert find(plan, now, executed=True) == "more"
    assert find(plan, now, {"state": "audited"}) == "nothing"
    assert find(plan, now, {"load": False}) == "nothing"


def test_an_executed_plan_is_not_executed_again():
    assert find(MODULES, executed=True) == "nothing"
    assert find({**MODULES, "not_loadable": [{"name": "a"}]}, executed=True) == "nothing"


def test_an_audit_executes_nothing():
    assert find(MODULES, consent={"state": "audited"}) == "nothing"


def test_the_probe_follows_unless_everything_is_removed():
    assert find(probe=True) == "more"
    assert find(MODULES, probe=True) == "modules"
    assert find(MODULES, executed=True, probe=True) == "more"
    assert find(consent={"state": "audited"}, probe=True) == "more"
    assert find({"expected": None}, consent={"state": "absent"}, probe=True) == "nothing"
