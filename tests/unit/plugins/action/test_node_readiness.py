# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action that observes, assesses and plans, without a node."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.parsing.dataloader import DataLoader
from ansible_collections.nodeprep.istio.plugins.action import node_readiness
from ansible_collections.nodeprep.istio.tests.unit.support import fact_factory
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import KINDS, facts

EMPTY_PLAN = {"steps": [], "load": [], "persist": [], "not_loadable": [], "optional": []}
UNREACHABLE = {
    "plan": EMPTY_PLAN,
    "modules": {"unreachable": True, "msg": "gone"},
    "overrides": {},
    "boot_id": "one",
}


def run(observed, task_vars=None, shell="sh", templar=None, **arguments):
    """Run the action on a node whose module returns or raises this; also return the names of the modules that ran."""
    task = SimpleNamespace(args=arguments, async_val=0, check_mode=False, diff=False, action="x", get_name=lambda: "x")
    connection = SimpleNamespace(transport="ssh", _shell=SimpleNamespace(tmpdir="unused", SHELL_FAMILY=shell))
    templar = templar or SimpleNamespace(template=lambda value: value)
    action = node_readiness.ActionModule(
        task, connection, SimpleNamespace(check_mode=False), DataLoader(), templar, None
    )
    modules = []

    def execute_module(module_name, **_kwargs):
        modules.append(module_name)
        if isinstance(observed, Exception):
            raise observed
        return observed

    action._execute_module = execute_module
    return action.run(task_vars=task_vars or {}), modules


def node_result(found):
    """Return the result of node_facts with these facts."""
    return {
        "ansible_facts": {
            "istio_node": fact_factory.recorded(found),
            "discovered_interpreter_python": "/usr/bin/python3",
        },
        "warnings": ["w"],
        "changed": False,
    }


def test_a_misspelled_variable_is_an_error_before_the_node_is_contacted():
    task_vars = {"istio_node_bakend": "nftables", "istio_node_pool": "a"}
    result, modules = run(node_result(facts(KINDS[0])), task_vars)
    assert result["failed"]
    assert result["msg"].startswith(
        "nodeprep.istio: unknown variable 'istio_node_bakend'; rename it to 'istio_node_backend'"
    )
    assert modules == []


def test_the_start_of_an_option_is_an_error_in_a_play_without_the_preflight():
    result, modules = run(node_result(facts(KINDS[0])), {"istio_node_cni": True})
    assert result["failed"]
    assert "unknown variable 'istio_node_cni'; rename it to 'istio_node_cni_plugin'" in result["msg"]
    assert modules == []


@pytest.mark.parametrize("value", [-5, 0, None, "10m"])
def test_a_wrong_reboot_timeout_is_an_error_before_the_node_is_contacted(value):
    result, modules = run(node_result(facts(KINDS[0])), {"istio_node_reboot_timeout": value}, use_role_variables=True)
    assert result["failed"]
    assert result["msg"].startswith(
        f"nodeprep.istio: istio_node_reboot_timeout: invalid value {value!r}; give a number "
    )
    assert modules == []


def test_one_task_returns_facts_assessment_and_plan():
    found = facts(KINDS[0])
    result, modules = run(node_result(found), selection={"mode": "ambient"}, consent={"persist": False})
    assert modules == ["nodeprep.istio.node_facts"]
    assert not result.get("failed")
    assert result["changed"] is False
    assert result["assessment"]["selection"]["mode"] == ["ambient"]
    assert result["plan"]["persist"] == []


def test_the_facts_of_the_node_are_passed_on_and_returned_with_all_reasons():
    found = facts(KINDS[0])
    result, _modules = run(node_result(found))
    assert result["ansible_facts"]["istio_node"] == fact_factory.recorded(found)
    assert result["ansible_facts"]["discovered_interpreter_python"] == "/usr/bin/python3"
    assert result["facts"] == fact_factory.expand(found)
    assert result["facts"]["modules"] == found["modules"]
    assert result["warnings"] == ["w"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"selection": {"mode": "mesh"}}, "unknown value 'mesh'; valid values: sidecar, ambient"),
        ({"selection": {"bakend": "iptables"}}, "unknown option 'bakend'"),
        ({"target": {"mdoe": "ambient"}}, "nodeprep.istio: target: unknown option 'mdoe'; valid options: "),
        ({"target": "ambient"}, "nodeprep.istio: target: 'ambient' is not a mapping; "),
        ({"consent": {"reboot": "maybe"}}, "unknown value 'maybe'; valid values: never, if_needed"),
        ({"consent": {"rebot": "never"}}, "unknown option 'rebot'"),
        ({"execution": {"plan": {}}}, "execution: 'plan.steps' is missing; "),
        ({"execution": {"plan": EMPTY_PLAN}}, "execution: 'modules' is missing; "),
        ({"execution": UNREACHABLE}, "unreachable: gone"),
    ],
)
def test_a_wrong_argument_is_an_error_before_the_node_is_contacted(arguments, message):
    result, modules = run(node_result(facts(KINDS[0])), **arguments)
    assert result["failed"]
    assert message in result["msg"]
    assert modules == []


def test_the_node_is_also_assessed_by_the_target():
    result, modules = run(node_result(facts(KINDS[5])), target={"mode": "ambient"})
    assert modules == ["nodeprep.istio.node_facts"]
    assert result["assessment"]["selection"]["mode"] == ["sidecar"]
    assert result["target"]["selection"]["mode"] == ["ambient"]
    assert result["target"]["verdict"] == result["plan"]["target"]["verdict"] == "not_ready"
    assert "target" not in run(node_result(facts(KINDS[0])), target={})[0]


def run_role(found, templates=None, **variables):
    """Run the action as the role does, with these variables; ``templates`` are the values of variables that are one."""
    task_vars = {f"istio_node_{name}": value for name, value in variables.items()}
    templar = SimpleNamespace(template=lambda value: (templates or {}).get(str(value), value))
    return run(node_result(found), task_vars, templar=templar, use_role_variables=True)


def test_the_variables_of_the_role_are_templated_and_replace_the_options():
    result, _modules = run_role(
        facts(KINDS[0]),
        {"{{ mesh_mode }}": "ambient"},
        mode="{{ mesh_mode }}",
        istio_version="1.30",
        load="no",
        persist="no",
        target={"istio_version": "1.32"},
        serial=3,
    )
    assert result["assessment"]["selection"]["mode"] == ["ambient"]
    assert result["assessment"]["catalogue"]["requested"] == "1.30"
    assert result["target"]["selection"]["istio_version"] == "1.32"


@pytest.mark.parametrize(
    "kind, variables, remaining",
    [
        (0, {}, "nothing"),
        (0, {"probe": "off"}, "nothing"),
        (0, {"probe": "yes"}, "more"),
        (1, {}, "modules"),
        (1, {"state": "audited"}, "nothing"),
        (5, {"install_packages": True}, "more"),
    ],
)
def test_with_the_variables_of_the_role_the_task_says_what_remains(kind, variables, remaining):
    result, _modules = run_role(facts(KINDS[kind]), **variables)
    assert result["remaining"] == remaining


def test_without_the_variables_of_the_role_nothing_is_said_about_what_remains():
    assert "remaining" not in run(node_result(facts(KINDS[0])))[0]


def test_after_an_execution_the_target_is_assessed_again():
    node = node_result(facts(KINDS[0]))
    plan = run(node, target={"mode": "ambient"})[0]["plan"]
    execution = {"plan": plan, "modules": {}, "overrides": {}, "boot_id": "one"}
    result, _modules = run(node, target={"mode": "ambient"}, execution=execution)
    assert result["target"]["verdict"] == "ready"


@pytest.mark.parametrize(
    "observed", [{"failed": True, "msg": "no /proc"}, {"failed": True, "ansible_facts": {}, "msg": "no /proc"}]
)
def test_if_the_module_fails_the_task_fails(observed):
    result, _modules = run(observed)
    assert result["failed"]
    assert result["msg"] == "no /proc"
    assert "assessment" not in result


# As ansible-core 2.16 and 2.19 report a module that never ran, without and with a terminal.
NEVER_RAN = [
    pytest.param(
        {
            "msg": "MODULE FAILURE\nSee stdout/stderr for the exact error",
            "module_stderr": "sudo: a password is required\n",
            "module_stdout": "",
        },
        "sudo: a password is required",
        id="password",
    ),
    pytest.param(
        {
            "msg": "Module result deserialization failed: No start of json char found",
            "module_stderr": "Shared connection to 10.0.0.1 closed.\r\n",
            "module_stdout": "/bin/sh: 1: sudo: not found\r\n",
        },
        "/bin/sh: 1: sudo: not found",
        id="no sudo",
    ),
    pytest.param(
        {
            "msg": "Module result deserialization failed",
            "rc": 127,
            "module_stderr": "pyenv: python3.13: command not found\n\n"
            "The `python3.13' command exists in these versions:\n  3.13.0\n\nNote: see help\n",
        },
        "pyenv: python3.13: command not found; set ansible_python_interpreter to the path of Python on the node",
        id="no Python",
    ),
    pytest.param(
        {"msg": "MODULE FAILURE", "module_stderr": "Traceback (most recent call last):\n  File x\nMemoryError\n"},
        "MemoryError",
        id="traceback",
    ),
]


@pytest.mark.parametrize("observed, output", NEVER_RAN)
def test_a_module_that_did_not_finish_is_explained_by_the_output_of_the_node(observed, output):
    result, _modules = run({"failed": True, **observed})
    assert result["failed"]
    assert result["msg"] == f"the module did not finish on the node: {output}"


@pytest.mark.parametrize("observed, output", NEVER_RAN)
def test_a_task_of_the_plan_that_did_not_finish_is_explained_in_the_same_way(observed, output):
    node = node_result(facts(KINDS[0]))
    plan = run(node)[0]["plan"]
    execution = {"plan": plan, "modules": {"failed": True, **observed}, "overrides": {}, "boot_id": "one"}
    assert run(node, execution=execution)[0]["msg"] == f"the module did not finish on the node: {output}"


def test_malformed_facts_are_an_error():
    result, _modules = run({"ansible_facts": {"istio_node": {"schema": 99}}})
    assert result["failed"]
    assert result["msg"].startswith("nodeprep.istio: the facts: schema is 99, not 3; gather the facts with ")


def test_the_plan_that_was_executed_is_kept():
    node = node_result(facts(KINDS[0]))
    plan = run(node)[0]["plan"]
    execution = {"plan": plan, "modules": {"loaded": ["xt_CT"]}, "overrides": {}, "boot_id": "one"}
    result, modules = run(node, execution=execution)
    assert modules == ["nodeprep.istio.node_facts"]
    assert not result.get("failed")
    assert result["plan"] == plan
    assert result["execution"]["loaded"] == ["xt_CT"]


def test_a_failed_execution_fails_the_task_after_the_assessment():
    node = node_result(facts(KINDS[0]))
    plan = run(node)[0]["plan"]
    failure = {"failed": True, "msg": "modprobe: no space"}
    result, _modules = run(node, execution={"plan": plan, "modules": failure, "overrides": {}, "boot_id": "one"})
    assert result["failed"]
    assert result["msg"] == "modprobe: no space"
    assert result["assessment"]["verdict"]


def test_a_node_that_is_lost_by_the_plan_fails_and_is_worse_than_predicted():
    node = node_result(facts(KINDS[0]))
    execution = {"plan": run(node)[0]["plan"], "modules": {}, "overrides": {}, "boot_id": "one"}
    result, _modules = run(AnsibleConnectionFailure("no route to host"), execution=execution)
    assert result["failed"]
    assert result["connection_lost"]
    assert result["msg"] == result["deviation"] == "unreachable: no route to host"


def test_a_node_that_was_never_reached_is_left_to_ansible():
    with pytest.raises(AnsibleConnectionFailure, match="no route to host"):
        run(AnsibleConnectionFailure("no route to host"))


def test_only_a_node_that_is_worse_than_predicted_has_a_deviation():
    node = node_result(facts(KINDS[0]))
    plan = run(node)[0]["plan"]
    execution = {"plan": plan, "modules": {"loaded": []}, "overrides": {}, "boot_id": "one"}
    assert "deviation" not in run(node, execution=execution)[0]
    worse = node_result(facts(KINDS[5]))
    result, _modules = run(worse, execution=execution)
    assert result["failed"]
    assert result["msg"] == result["deviation"]
    assert result["deviation"].startswith("the plan predicted the verdict ready, but the node is not_ready: ")


@pytest.mark.parametrize("option", ["before_disruption_tasks", "after_disruption_tasks"])
def test_a_missing_task_file_is_an_error_before_a_disruption(tmp_path, option):
    (tmp_path / "drain.yml").write_text("- debug:\n")
    disrupted = node_result(fact_factory.facts(netfilter={"bridges": ["br0"]}))
    task_vars = {"playbook_dir": str(tmp_path)}
    assert not run(disrupted, task_vars, consent={option: "drain.yml"})[0].get("failed")
    result, _modules = run(disrupted, task_vars, consent={option: "absent.yml"})
    assert result["failed"]
    assert result["msg"].startswith(f"nodeprep.istio: istio_node_{option}: {tmp_path}/absent.yml: no such file; ")
    quiet = node_result(fact_factory.facts(netfilter={"bridges": []}))
    assert not run(quiet, task_vars, consent={option: "absent.yml"})[0].get("failed")


@pytest.mark.parametrize(
    "task_vars, shell, system",
    [({}, "powershell", "Windows"), ({"ansible_network_os": "ios"}, "sh", "a network device")],
)
def test_a_host_that_is_not_a_linux_node_is_skipped_and_not_contacted(task_vars, shell, system):
    result, modules = run(node_result(facts(KINDS[0])), task_vars, shell=shell)
    assert modules == []
    assert result["skipped"]
    assert result["other_system"] == system
    assert not result.get("failed")


def test_a_node_that_does_not_run_linux_is_skipped():
    result, _modules = run({"skipped": True, "other_system": "FreeBSD", "msg": "not a Linux node: FreeBSD"})
    assert result["skipped"]
    assert result["msg"] == "not a Linux node: FreeBSD"
    assert "plan" not in result
