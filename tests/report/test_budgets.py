# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node and the controller do: counts, which are the same on a slow machine and on a busy one, against budgets.

If a count exceeds its budget, look for the cause first. Raise the budget only for something that is worth the cost.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.builder import build_plan
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.tests.unit.support import module_tree
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import parse_facts, recorded
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import KINDS, SELECTION, facts
from ansible_collections.nodeprep.istio.tests.unit.support.recorded_node import RecordedNode

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PREPARED, FRESH, WITHOUT_EXTRA = KINDS[0], KINDS[1], KINDS[5]
PING = "ansible.builtin.ping"

# For a node that is not the first one of the play: the modules that it runs, and the tasks for which the controller
# starts a process, with those that it then skips. Exact, since each task costs a node of a large fleet the same.
TASKS = {
    # node_readiness observes, assesses and plans in one task.
    ("audit_istio_nodes", "clean"): {"remote": ["node_facts"], "tasks": 1},
    ("prepare_istio_nodes", "clean"): {"remote": ["node_facts"], "tasks": 1},
    # Observe, show the plan, load and persist, observe again.
    ("prepare_istio_nodes", "changed"): {"remote": ["node_facts", "kernel_modules", "node_facts"], "tasks": 4},
}

# Bytes that a module sends more than ansible.builtin.ping, whose 160 to 170 KB are in each module. 3 % above the
# measured value: enough for a new requirement or reason, but not for another package of module_utils.
PAYLOAD = {
    "node_facts": 144_000,
    "root_facts": 160_000,
    # Both decide on the node what may be loaded, by the code of node_facts.
    "kernel_modules": 133_400,
    "interception_probe": 156_000,
    "modprobe_overrides": 58_700,
}

# What node_facts does for one node.
NODE_FACTS = {
    # One for the version of a tool of which the package database says nothing; on a node with rules, two to list these.
    "processes": 4,
    # The limit of the facts. A usual node has half of it.
    "facts_bytes": 16_384,
}
# On a made node, the same on each machine: attempts to open a file, and lines of module_utils that are executed. Most
# lines follow links below another root; on a running node the kernel does that, and there are 28,000.
MADE_NODE = {"files": 115, "lines": 104_000}

# Lines of plugin_utils that are executed to assess and plan one node, after another one like it. 10 % above the
# measured values, because releases of Python count comprehensions differently.
ASSESSMENT = {
    # It is ready, so its plan has no alternatives.
    PREPARED: 40_000,
    # The facts after the preparation are assessed, too.
    FRESH: 49_500,
    # For each candidate of an alternative the node is assessed, and for a promising one it is planned again.
    WITHOUT_EXTRA: 121_500,
}


@pytest.fixture(scope="module")
def plays(tmp_path_factory):
    """Return what the nodes ran and how many tasks the controller ran for them, by playbook."""
    directory = tmp_path_factory.mktemp("fleet")
    changes = {"first": (PREPARED, PREPARED), "clean": (PREPARED, PREPARED), "changed": (FRESH, PREPARED)}
    for name, kinds in changes.items():
        (directory / name).mkdir()
        for moment, kind in zip(("before", "after"), kinds, strict=True):
            made = facts(kind)
            made["kernel"]["boot_id"] = "one"
            (directory / name / f"{moment}.json").write_text(json.dumps(recorded(made)))
    variables = {
        "ansible_connection": "changing",
        "ansible_python_interpreter": "/usr/bin/python3",
        "istio_node_become": False,
        "changing_node": f"{directory}/{{{{ inventory_hostname }}}}",
    }
    hosts = directory / "hosts.json"
    hosts.write_text(json.dumps({"all": {"hosts": {name: {} for name in changes}, "vars": variables}}))
    return {
        playbook: count_tasks(playbook, hosts, changes) for playbook in ("audit_istio_nodes", "prepare_istio_nodes")
    }


def count_tasks(playbook, hosts, names):
    counted = hosts.with_name(f"{playbook}.counted")
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache"),
        "ANSIBLE_CONNECTION_PLUGINS": str(HERE / "connection_plugins"),
        "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "counted",
        "NODEPREP_COUNTED": str(counted),
    }
    command = [Path(sys.executable).with_name("ansible-playbook"), "-i", str(hosts), f"nodeprep.istio.{playbook}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    tasks = Counter(line.split("\t")[0] for line in counted.read_text().splitlines())
    remote = {}
    for name in names:
        ran = hosts.with_name(name) / "ran"
        remote[name] = ran.read_text().split()
        ran.unlink()
    return {name: {"remote": remote[name], "tasks": tasks[name]} for name in names}


@pytest.mark.parametrize("playbook, node", TASKS)
def test_a_node_costs_as_few_tasks_as_possible(plays, playbook, node):
    assert plays[playbook][node] == TASKS[playbook, node]


@pytest.fixture(scope="module")
def sent_bytes():
    """Return the bytes that each module sends more than ansible.builtin.ping."""
    sent = run_script("payload.py", PING, *(f"nodeprep.istio.{module}" for module in PAYLOAD))
    return {module: sent[f"nodeprep.istio.{module}"] - sent[PING] for module in PAYLOAD}


@pytest.mark.parametrize("module", PAYLOAD)
def test_a_module_sends_only_what_the_node_needs(sent_bytes, module):
    assert 0 < sent_bytes[module] <= PAYLOAD[module]


def run_script(name, *arguments):
    """Return what a script of this directory prints as JSON."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / ".cache")}
    command = [sys.executable, str(HERE / name), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_on_this_machine_node_facts_starts_few_processes_and_returns_little():
    counted = run_script("counted_module.py", "node_facts", "/")
    for what, budget in NODE_FACTS.items():
        assert counted[what] <= budget, what


def test_on_a_made_node_few_files_are_opened_and_few_lines_executed(tmp_path):
    RecordedNode(tmp_path).tree([], **module_tree.build_catalogue())
    counted = run_script("counted_module.py", "root_facts", str(tmp_path))
    assert counted["processes"] == 0
    for what, budget in MADE_NODE.items():
        assert 0 < counted[what] <= budget, what


@pytest.mark.parametrize("kind", ASSESSMENT, ids=["ready", "to prepare", "not ready"])
def test_few_lines_are_executed_to_assess_and_plan_a_node(kind):
    parsed = parse_facts(facts(kind))

    def answer():
        assessment = assess(parsed, SELECTION)
        build_plan(parsed, SELECTION, Consent(), assessment=assessment)

    answer()  # builds the catalogue
    assert 0 < count_lines(answer) <= ASSESSMENT[kind]


def count_lines(function):
    """Return how many lines of plugin_utils a call executes."""
    lines = 0

    def trace(frame, event, _argument):
        nonlocal lines
        if "/plugins/plugin_utils/" not in frame.f_code.co_filename:
            return None
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
    return lines
