# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the controller's cost of the playbooks, in multiples of ansible.builtin.ping on the same nodes.

make budget runs it. One machine of the lab stands for many nodes: each node has a separate ssh connection and a
separate /etc/modules-load.d, so each is unprepared at first. The cost is the user and system time of ansible-playbook
and its children: the controller's share of the work, which limits the size of a fleet. It does not include the node's
time.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
# Limits, in multiples of the cost of ping per node.
BUDGETS = {"audit": 1.5, "prepare": 3.5}


@dataclass(frozen=True)
class Cost:
    """CPU seconds of the controller: for one node, and for several."""

    one_node: float
    all_nodes: float
    nodes: int

    @property
    def further_node(self) -> float:
        """Seconds for each further node. They do not include the start of Ansible."""
        return (self.all_nodes - self.one_node) / (self.nodes - 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inventory", required=True, help="the inventory of the lab")
    parser.add_argument("--machine", required=True, help="the machine that stands for the nodes")
    parser.add_argument("--nodes", type=int, default=6)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        return print_report(measure(Path(directory), arguments))


def measure(directory: Path, arguments: argparse.Namespace) -> dict[str, Cost]:
    inventory = directory / "hosts.json"
    inventory.write_text(json.dumps(build_inventory(arguments)), encoding="utf-8")
    costs = {}
    for name in ("ping", "audit", "prepare", "ping again"):
        seconds = []
        for limit in ("node-0", ",".join(f"node-{number}" for number in range(arguments.nodes))):
            # The nodes must be unprepared for each run.
            run_playbook(inventory, "nodes.yml", "node-0", nodes=arguments.nodes)
            seconds.append(run_playbook(inventory, f"{name.split()[0]}.yml", limit))
        costs[name] = Cost(*seconds, arguments.nodes)
    return costs


def build_inventory(arguments: argparse.Namespace) -> dict[str, object]:
    """Return an inventory in which one machine is many nodes."""
    listed = subprocess.run(
        ["ansible-inventory", "-i", arguments.inventory, "--host", arguments.machine],
        check=True,
        capture_output=True,
        text=True,
    )
    variables = {**json.loads(listed.stdout), "inventory_dir": str(Path(arguments.inventory).resolve().parent)}
    variables = {
        name: value.replace("{{ inventory_hostname }}", arguments.machine) if isinstance(value, str) else value
        for name, value in variables.items()
    }
    variables |= {
        "ansible_control_path": "{{ budget_sockets }}/{{ inventory_hostname }}",
        "ansible_python_interpreter": "/root/{{ inventory_hostname }}/python",
        "lab_state": str(Path(arguments.inventory).resolve().parents[2] / ".lab"),
    }
    return {"all": {"hosts": {f"node-{number}": {} for number in range(arguments.nodes)}, "vars": variables}}


def run_playbook(inventory: Path, playbook: str, limit: str, **variables: object) -> float:
    """Run a playbook, and return its CPU seconds. Raises SystemExit if it fails."""
    with tempfile.TemporaryDirectory(prefix="cp") as sockets:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        extra = json.dumps({"budget_sockets": sockets, **variables})
        done = subprocess.run(
            ["ansible-playbook", "-i", str(inventory), "-f", "4", "-l", limit, "-e", extra, str(HERE / playbook)],
            env={**os.environ, "ANSIBLE_PIPELINING": "true"},
            capture_output=True,
            text=True,
            check=False,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{playbook}:\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}")
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def print_report(costs: dict[str, Cost]) -> int:
    """Print the costs, and return the exit code."""
    ping = max(costs["ping"].further_node, costs["ping again"].further_node)
    exceeded = False
    for name, cost in costs.items():
        text = (
            f"{name:10} one node {cost.one_node:6.2f} s, {cost.nodes} nodes {cost.all_nodes:6.2f} s, "
            f"further node {cost.further_node:.3f} s: {cost.further_node / ping:.2f} x ping"
        )
        if name in BUDGETS:
            text += f", budget {BUDGETS[name]}"
            exceeded = exceeded or cost.further_node > BUDGETS[name] * ping
        print(text)
    return 1 if exceeded else 0


if __name__ == "__main__":
    sys.exit(main())
