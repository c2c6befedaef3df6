# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure what the playbooks cost the controller, against ansible.builtin.ping on the same nodes. make budget runs it.

One machine of the lab stands for many nodes: each has an ssh connection and an /etc/modules-load.d of its own, so that each is
dirty at first. What is measured is user and system time of ansible-playbook and its children: the controller's share of the
work, which is what bounds a fleet. The node's own time is not in it.
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
# Each budget is a multiple of what ping costs for a node.
BUDGETS = {"audit": 1.5, "prepare": 3.5}


@dataclass(frozen=True)
class Cost:
    """CPU seconds of the controller."""

    few: float
    many: float
    nodes: int

    @property
    def node(self) -> float:
        """Seconds for each node more: what one node costs, without what starting Ansible costs."""
        return (self.many - self.few) / (self.nodes - 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inventory", required=True, help="the lab's")
    parser.add_argument("--machine", required=True, help="the machine that stands for the nodes")
    parser.add_argument("--nodes", type=int, default=6)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        return report(measured(Path(directory), arguments))


def measured(directory: Path, arguments: argparse.Namespace) -> dict[str, Cost]:
    inventory = directory / "hosts.json"
    inventory.write_text(json.dumps(nodes(arguments)), encoding="utf-8")
    costs = {}
    for name in ("ping", "audit", "prepare", "ping again"):
        seconds = []
        for limit in ("node-0", ",".join(f"node-{number}" for number in range(arguments.nodes))):
            # Dirty again for each count.
            play(inventory, "nodes.yml", "node-0", nodes=arguments.nodes)
            seconds.append(play(inventory, f"{name.split()[0]}.yml", limit))
        costs[name] = Cost(*seconds, arguments.nodes)
    return costs


def nodes(arguments: argparse.Namespace) -> dict[str, object]:
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


def play(inventory: Path, playbook: str, limit: str, **variables: object) -> float:
    """Run a playbook; return its CPU seconds. Raises SystemExit where it fails."""
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


def report(costs: dict[str, Cost]) -> int:
    ping = max(costs["ping"].node, costs["ping again"].node)
    failed = False
    for name, cost in costs.items():
        budget = BUDGETS.get(name)
        over = budget is not None and cost.node > budget * ping
        failed |= over
        told = f", budget {budget}" if budget else ""
        print(
            f"{name:10} one node {cost.few:6.2f} s, {cost.nodes} nodes {cost.many:6.2f} s, a node {cost.node:.3f} s: {cost.node / ping:.2f} x ping{told}"
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
