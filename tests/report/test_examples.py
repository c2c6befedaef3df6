# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples for fleets: each one runs, on made-up nodes, with a kubectl and modules that only list their calls."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.nodeprep.istio.tests.report.rollout import EXAMPLES, PLUGINS, ROOT, Rollout

PROGRAM = str(Path(sys.executable).with_name("ansible-playbook"))
# The options of the modules that the examples use, as their documentation has them.
DRAIN_OPTIONS = {
    "ignore_daemonsets": {"type": "bool"},
    "delete_emptydir_data": {"type": "bool"},
    "wait_timeout": {"type": "int"},
}
MODULES = {
    "k8s_drain": {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["cordon", "drain", "uncordon"]},
        "delete_options": {"type": "dict", "options": DRAIN_OPTIONS},
    },
    "k8s_taint": {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"]},
        "taints": {"type": "list", "elements": "dict"},
    },
}
MODULE = """#!/usr/bin/python
import json
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule(argument_spec={spec!r})
with open({log!r}, "a") as log:
    log.write(json.dumps([{name!r}, module.params["state"], module.params["name"]]) + "\\n")
for warning in {warnings!r}:
    module.warn(warning)
module.exit_json(changed=True)
"""


@pytest.fixture
def rollout(tmp_path):
    return Rollout(tmp_path)


def write_modules(directory: Path, *warnings: str) -> None:
    """Write a collection kubernetes.core whose modules list their calls and return these warnings."""
    modules = directory / "collections" / "ansible_collections" / "kubernetes" / "core" / "plugins" / "modules"
    modules.mkdir(parents=True, exist_ok=True)
    for name, spec in MODULES.items():
        text = MODULE.format(spec=spec, log=str(directory / "modules"), name=name, warnings=warnings)
        (modules / f"{name}.py").write_text(text)


def use_modules(rollout: Rollout) -> None:
    collections = rollout.directory / "collections"
    rollout.environment = {"ANSIBLE_COLLECTIONS_PATH": f"{collections}:{ROOT / '.cache'}"}


def read_calls(directory: Path) -> list[list[str]]:
    path = directory / "modules"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


HOOKS = {
    "istio_node_before_disruption_tasks": str(EXAMPLES / "drain_node_with_module.yml"),
    "istio_node_after_disruption_tasks": str(EXAMPLES / "uncordon_node_with_module.yml"),
}


def test_the_modules_drain_and_uncordon_a_node_by_its_name_in_the_cluster(rollout, tmp_path):
    write_modules(tmp_path)
    use_modules(rollout)
    rollout.variables = {"a": {"kubernetes_node": "a.example"}}
    done = rollout.play({"a": "waiting"}, **HOOKS)
    assert done.returncode == 0, done.stdout
    assert read_calls(tmp_path) == [["k8s_drain", "drain", "a.example"], ["k8s_drain", "uncordon", "a.example"]]


def test_pods_that_still_run_after_the_timeout_keep_the_node_from_being_changed(rollout, tmp_path):
    write_modules(tmp_path, "timeout reached while pods were still running.")
    use_modules(rollout)
    done = rollout.play({"a": "waiting"}, **HOOKS)
    assert done.returncode == 2, done.stdout
    assert rollout.read_events() == []
    assert "the tasks before the disruption failed, and the node was not changed" in done.stdout


def test_nodes_are_tainted_by_their_verdicts(rollout, tmp_path):
    nodes = {"good": "quiet", "bad": "waiting", "bsd": "bsd"}
    done = rollout.play(nodes, playbook=str(EXAMPLES / "taint_by_verdict.yml"))
    assert done.returncode == 0, done.stdout
    commands = (tmp_path / "commands").read_text().splitlines()
    assert sorted(commands) == [
        "label node bad nodeprep.istio/verdict=not_ready --overwrite",
        "label node good nodeprep.istio/verdict=on_demand --overwrite",
        "taint node bad nodeprep.istio/not-ready=not_ready:NoSchedule --overwrite",
        "taint node good nodeprep.istio/not-ready-",
    ]


def test_the_module_taints_nodes_by_their_verdicts(rollout, tmp_path):
    write_modules(tmp_path)
    use_modules(rollout)
    done = rollout.play(
        {"good": "quiet", "bad": "waiting"}, playbook=str(EXAMPLES / "taint_by_verdict_with_module.yml")
    )
    assert done.returncode == 0, done.stdout
    assert sorted(read_calls(tmp_path)) == [["k8s_taint", "absent", "good"], ["k8s_taint", "present", "bad"]]


def find_commands(text: str) -> list[str]:
    """Return the words of the command line of ansible-playbook in an example."""
    joined = " ".join(text.split())
    return shlex.split(joined[joined.index("ansible-playbook") :])[1:]


def read_service() -> str:
    text = (EXAMPLES / "istio-node-audit.service").read_text()
    return next(line for line in text.splitlines() if line.startswith("ExecStart="))


def read_workflow() -> str:
    jobs = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text())["jobs"]
    return next(step["run"] for step in jobs["audit"]["steps"] if step.get("name") == "Audit")


def read_pipeline() -> str:
    (script,) = yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text())["istio-audit"]["script"]
    return script


NIGHTLY = {
    "service": (read_service, ["report.html", "nodeprep_istio.prom", "remaining-hosts.txt"]),
    "workflow": (read_workflow, ["report.html", "report.md"]),
    "pipeline": (read_pipeline, ["report.html", "report-junit.xml"]),
}


@pytest.mark.parametrize("kind", NIGHTLY)
def test_a_nightly_audit_writes_the_report_and_its_exit_code_is_that_of_the_gate(tmp_path, kind):
    read, files = NIGHTLY[kind]
    options = yaml.safe_load((EXAMPLES / "report.yml").read_text())
    (tmp_path / "report.yml").write_text(json.dumps({**options, "istio_report_dir": "report"}))
    hosts = {"good": {"rollout_kind": "quiet"}, "bad": {"rollout_kind": "waiting"}}
    common = {
        "ansible_connection": "rollout",
        "ansible_python_interpreter": "/usr/bin/python3",
        "istio_node_become": False,
        "rollout_directory": str(tmp_path),
    }
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache"),
        "ANSIBLE_CONNECTION_PLUGINS": str(PLUGINS),
        "ANSIBLE_INJECT_FACT_VARS": "false",
    }

    def audit() -> int:
        (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"hosts": hosts, "vars": common}}))
        command = [PROGRAM, *find_commands(read())]
        return subprocess.run(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, check=False).returncode

    assert audit() == 2
    assert {path.name for path in (tmp_path / "report").iterdir()} >= {"report.json", *files}
    hosts["bad"]["rollout_kind"] = "quiet"
    assert audit() == 0
    drift = json.loads((tmp_path / "report" / "report.json").read_text())["drift"]
    assert ("bad", "verdict") in [(change["node"], change["what"]) for change in drift["changes"]]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_accepts_the_units(tmp_path):
    for name in ("istio-node-audit.service", "istio-node-audit.timer"):
        text = (EXAMPLES / name).read_text().replace("/usr/bin/ansible-playbook", "/bin/true")
        (tmp_path / name).write_text(text.replace("User=ansible", "User=root"))
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / "istio-node-audit.timer")]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_workflow_keeps_the_report_also_if_the_gate_fails():
    jobs = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text())["jobs"]
    steps = {step["uses"]: step for step in jobs["audit"]["steps"] if "uses" in step}
    restore, save = steps["actions/cache/restore@v5"], steps["actions/cache/save@v5"]
    assert save["if"] == "${{ always() }}"
    assert save["with"] == {name: restore["with"][name] for name in ("path", "key")}


def test_a_node_that_is_not_ready_fails_and_stores_its_facts(rollout):
    done = rollout.play({"a": "waiting"}, playbook=str(EXAMPLES / "pull.yml"), istio_node_reboot="never")
    assert done.returncode == 2, done.stdout
    assert "the node is still not_ready" in done.stdout
    assert rollout.read_events() == ["load a", "file a", "stat a", "copy a"]


def test_a_node_that_has_no_facts_stores_none(rollout):
    done = rollout.play({"a": "bsd"}, playbook=str(EXAMPLES / "pull.yml"))
    assert done.returncode == 0, done.stdout
    assert "copy a" not in rollout.read_events()


def test_a_node_that_prepares_itself_stores_facts_for_a_report(tmp_path):
    common = ["-e", json.dumps({"istio_node_become": False, "ansible_python_interpreter": sys.executable})]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache"), "ANSIBLE_INJECT_FACT_VARS": "false"}
    # Only audited, since this is the machine of the test.
    own = ["-e", json.dumps({"istio_node_state": "audited", "facts_file": str(tmp_path / "facts" / "node.json")})]
    pull = [PROGRAM, "-i", "localhost,", str(EXAMPLES / "pull.yml"), *common, *own]
    done = subprocess.run(pull, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, done.stdout
    report = {
        "istio_report_sources": [str(tmp_path / "facts")],
        "istio_report_dir": str(tmp_path),
        "istio_report_fail_on": [],
    }
    command = [PROGRAM, "nodeprep.istio.report_from_facts", "-e", json.dumps(report)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, done.stdout
    (node,) = json.loads((tmp_path / "report.json").read_text())["nodes"]
    assert (node["name"], node["verdict"] != "no_data") == ("node", True)
