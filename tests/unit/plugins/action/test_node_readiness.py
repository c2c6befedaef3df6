# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action that observes, assesses and plans, without a node."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.nodeprep.istio.plugins.action import node_readiness
from ansible_collections.nodeprep.istio.tests.unit.support import fact_factory
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import KINDS, facts

LOST = {"plan": {"steps": []}, "modules": {"unreachable": True, "msg": "gone"}, "overrides": {}, "boot_id": "one"}


def run(observed, **arguments):
    """Run the action on a node whose module answers this; also return whether the node was asked."""
    task = SimpleNamespace(args=arguments, async_val=0, check_mode=False, diff=False, action="x", get_name=lambda: "x")
    action = node_readiness.ActionModule(
        task,
        SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused")),
        SimpleNamespace(check_mode=False),
        None,
        None,
        None,
    )
    asked = []
    action._execute_module = lambda **kwargs: asked.append(kwargs["module_name"]) or observed
    return action.run(task_vars={}), asked


def test_a_misspelt_variable_is_refused_before_the_node_is_asked():
    task = SimpleNamespace(args={}, async_val=0, check_mode=False, diff=False, action="x", get_name=lambda: "x")
    action = node_readiness.ActionModule(
        task,
        SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused")),
        SimpleNamespace(check_mode=False),
        None,
        None,
        None,
    )
    result = action.run(task_vars={"istio_node_bakend": "nftables", "istio_node_pool": "a"})
    assert result["failed"] and result["msg"].startswith(
        "nodeprep.istio: there is no variable 'istio_node_bakend'; 'istio_node_backend' is meant"
    )


def answer(found):
    return {
        "ansible_facts": {
            "istio_node": fact_factory.recorded(found),
            "discovered_interpreter_python": "/usr/bin/python3",
        },
        "warnings": ["w"],
        "changed": False,
    }


def test_one_task_gives_facts_assessment_and_plan():
    found = facts(KINDS[0])
    result, asked = run(answer(found), selection={"mode": "ambient"}, consent={"persist": False})
    assert asked == ["nodeprep.istio.node_facts"] and not result.get("failed") and result["changed"] is False
    assert (
        result["facts"]["modules"] == found["modules"]
        and result["ansible_facts"]["istio_node"] == fact_factory.recorded(found)
        and result["warnings"] == ["w"]
    )
    assert result["ansible_facts"]["discovered_interpreter_python"] == "/usr/bin/python3"
    assert result["assessment"]["selection"]["mode"] == ["ambient"] and result["plan"]["persist"] == []


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"selection": {"mode": "mesh"}}, "'mesh' is not one of sidecar, ambient"),
        ({"selection": {"bakend": "iptables"}}, "there is no option 'bakend'"),
        ({"consent": {"reboot": "maybe"}}, "'maybe' is not one of never, if_needed"),
        ({"consent": {"rebot": "never"}}, "there is no option 'rebot'"),
        ({"execution": {"plan": {}}}, "execution: modules, overrides, boot_id must be given"),
        ({"execution": LOST}, "unreachable: gone"),
    ],
)
def test_what_is_wrong_is_said_before_the_node_is_touched(arguments, message):
    result, asked = run(answer(facts(KINDS[0])), **arguments)
    assert result["failed"] and message in result["msg"] and asked == []


@pytest.mark.parametrize(
    "observed", [{"failed": True, "msg": "no /proc"}, {"failed": True, "ansible_facts": {}, "msg": "no /proc"}]
)
def test_the_modules_failure_is_the_tasks(observed):
    result, _asked = run(observed)
    assert result["failed"] and result["msg"] == "no /proc" and "assessment" not in result


# As ansible-core 2.16 and 2.19 report a module that never ran, without and with a terminal.
@pytest.mark.parametrize(
    "observed, said",
    [
        (
            {
                "msg": "MODULE FAILURE\nSee stdout/stderr for the exact error",
                "module_stderr": "sudo: a password is required\n",
                "module_stdout": "",
            },
            "sudo: a password is required",
        ),
        (
            {
                "msg": "Module result deserialization failed: No start of json char found",
                "module_stderr": "Shared connection to 10.0.0.1 closed.\r\n",
                "module_stdout": "/bin/sh: 1: sudo: not found\r\n",
            },
            "/bin/sh: 1: sudo: not found",
        ),
        (
            {
                "msg": "Module result deserialization failed",
                "rc": 127,
                "module_stderr": "pyenv: python3.13: command not found\n\nThe `python3.13' command exists in these versions:\n  3.13.0\n\nNote: see help\n",
            },
            "pyenv: python3.13: command not found; set ansible_python_interpreter to a Python of the node",
        ),
        (
            {"msg": "MODULE FAILURE", "module_stderr": "Traceback (most recent call last):\n  File x\nMemoryError\n"},
            "MemoryError",
        ),
    ],
)
def test_a_module_that_did_not_run_is_explained_by_what_the_node_said(observed, said):
    message = f"the module did not run to its end; the node said: {said}"
    result, _asked = run({"failed": True, **observed})
    assert result["failed"] and result["msg"] == message
    acted = {
        "plan": run(answer(facts(KINDS[0])))[0]["plan"],
        "modules": {"failed": True, **observed},
        "overrides": {},
        "boot_id": "one",
    }
    assert run(answer(facts(KINDS[0])), execution=acted)[0]["msg"] == message


def test_facts_that_are_none_are_refused():
    result, _asked = run({"ansible_facts": {"istio_node": {"schema": 99}}})
    assert result["failed"] and "the facts have schema 99" in result["msg"]


def test_the_outcome_of_acting_keeps_the_plan_and_tells_what_fell_short():
    found = facts(KINDS[0])
    plan = run(answer(found))[0]["plan"]
    good = {"plan": plan, "modules": {"loaded": ["xt_CT"]}, "overrides": {}, "boot_id": "one"}
    result, asked = run(answer(found), execution=good)
    assert asked and not result.get("failed") and result["plan"] == plan and result["execution"]["loaded"] == ["xt_CT"]
    bad = {**good, "modules": {"failed": True, "msg": "modprobe: no space"}}
    result, _asked = run(answer(found), execution=bad)
    assert result["failed"] and result["msg"] == "modprobe: no space" and result["assessment"]["verdict"]
