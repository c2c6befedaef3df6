# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure what the playbooks cost the controller for each node, next to ansible.builtin.ping in the same run.

Usage: python bench.py --output FILE; make bench runs it. The nodes are addresses of this machine (loopback.py), or the
machines of an inventory. Everything on the controller is real: ansible-playbook, ssh, forks and modules.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from ansible_collections.nodeprep.istio.tests.bench.loopback import LoopbackNodes
from ansible_collections.nodeprep.istio.tests.bench.machine import describe_machine, read_load
from ansible_collections.nodeprep.istio.tests.bench.machines import InventoryMachines
from ansible_collections.nodeprep.istio.tests.bench.processes import (
    Cost,
    adopt_orphans,
    build_environment,
    find_ansible_playbook,
    run_measured,
)

HERE = Path(__file__).parent
PREPARE = "nodeprep.istio.prepare_istio_nodes"
AUDIT = "nodeprep.istio.audit_istio_nodes"
# Ansible's own defaults, without the configuration of the user.
SSH_OPTIONS = "-F /dev/null -C -o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile=/dev/null"
RECAP_CHANGED = re.compile(r"^\S+ +: ok=\d+ +changed=(\d+) ", re.MULTILINE)


@dataclass(frozen=True)
class Case:
    """A playbook to measure: the state in which it must find the nodes, and whether it changes them.

    ``seconds`` estimates how long one node takes, on two processors.
    """

    playbook: str
    dirty: bool
    changes: bool
    seconds: float


CASES = {
    "ping": Case(str(HERE / "playbooks" / "ping.yml"), dirty=False, changes=False, seconds=0.2),
    "gather_facts": Case(str(HERE / "playbooks" / "gather_facts.yml"), dirty=False, changes=False, seconds=0.9),
    "audit": Case(AUDIT, dirty=False, changes=False, seconds=0.4),
    "prepare_clean": Case(PREPARE, dirty=False, changes=False, seconds=0.4),
    "prepare_dirty": Case(PREPARE, dirty=True, changes=True, seconds=1.0),
    "modprobe_loop": Case(str(HERE / "playbooks" / "modprobe.yml"), dirty=True, changes=True, seconds=6.0),
}


class Nodes(Protocol):
    """The nodes of a benchmark: how to run them, to change their state, and to select some of them."""

    def run(self) -> AbstractContextManager[None]:
        """Keep the nodes running inside a with block."""

    def set_dirty(self, dirty: bool) -> None:
        """Make all nodes unprepared, or prepared."""

    def list_options(self, nodes: int) -> list[str]:
        """Return the options of ansible-playbook that select so many of the nodes."""


@dataclass(frozen=True)
class Setting:
    """How Ansible runs: the number of nodes, of forks, and whether modules are the input of one command."""

    nodes: int
    forks: int
    pipelining: bool


def main() -> int:
    arguments = parse_arguments()
    settings = list(list_settings(arguments))
    minutes = sum(CASES[case].seconds * setting.nodes for case in arguments.cases for setting in settings) / 60
    print(f"this takes about {minutes * arguments.repeat:.0f} minutes", file=sys.stderr)
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        directory = Path(name)
        load = read_load()
        nodes: Nodes = LoopbackNodes(directory, max(arguments.nodes), arguments.selection)
        if arguments.inventory:
            nodes = InventoryMachines(arguments.inventory, arguments.selection)
        with nodes.run():
            runs = list(measure(nodes, directory, arguments, settings))
    result = {"machine": describe_machine(load), "replayed": not arguments.inventory}
    result.update(selection=arguments.selection, runs=runs)
    arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="the JSON file of the results")
    parser.add_argument("--selection", type=json.loads, default={}, help='Istio\'s mesh, as in {"mode": "ambient"}')
    parser.add_argument("--inventory", help="the machines of this inventory are the nodes, and nothing is replayed")
    parser.add_argument("--cases", type=split_names, default=list(CASES), help=",".join(CASES))
    parser.add_argument("--nodes", type=split_numbers, default=[40, 160], help="for example 10,40,160")
    parser.add_argument("--forks", type=split_numbers, default=[20], help="for example 5,20")
    parser.add_argument("--pipelining", choices=("on", "off", "both"), default="on")
    parser.add_argument("--repeat", type=int, default=3, help="how often each playbook runs in each setting")
    parser.add_argument("--full", action="store_true", help="10, 40, 160 nodes, 5 and 20 forks, pipelining on and off")
    arguments = parser.parse_args()
    if arguments.full:
        arguments.nodes, arguments.forks, arguments.pipelining = [10, 40, 160], [5, 20], "both"
    return arguments


def split_names(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in CASES]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown value {unknown[0]!r}; valid values: {', '.join(CASES)}")
    return names


def split_numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def list_settings(arguments: argparse.Namespace) -> Iterator[Setting]:
    pipelining = {"on": [True], "off": [False], "both": [True, False]}[arguments.pipelining]
    for is_pipelined in pipelining:
        for forks in arguments.forks:
            for nodes in arguments.nodes:
                yield Setting(nodes, forks, is_pipelined)


def measure(
    nodes: Nodes,
    directory: Path,
    arguments: argparse.Namespace,
    settings: list[Setting],
) -> Iterator[dict[str, object]]:
    """Yield each run. The cases take turns, so that other load on this machine hits all of them alike."""
    for _round in range(arguments.repeat):
        for setting in settings:
            options = nodes.list_options(setting.nodes)
            for name in arguments.cases:
                nodes.set_dirty(CASES[name].dirty)
                cost = run_case(CASES[name], setting, options, directory)
                run = {"case": name, **asdict(setting), **round_values(cost)}
                print(json.dumps(run), file=sys.stderr, flush=True)
                yield run


def round_values(cost: Cost) -> dict[str, float]:
    return {name: round(value, 3) for name, value in asdict(cost).items()}


def run_case(case: Case, setting: Setting, options: list[str], directory: Path) -> Cost:
    """Run a playbook with new connections, and return its cost. Raises SystemExit if it did not do what it should."""
    log = directory / "playbook.log"
    with tempfile.TemporaryDirectory(prefix="cp") as sockets:
        settings = {
            "ANSIBLE_FORKS": str(setting.forks),
            "ANSIBLE_HOST_KEY_CHECKING": "false",
            "ANSIBLE_PIPELINING": str(setting.pipelining),
            "ANSIBLE_SSH_ARGS": SSH_OPTIONS,
            "ANSIBLE_SSH_CONTROL_PATH_DIR": sockets,
        }
        command = [find_ansible_playbook(), *options, case.playbook]
        code, cost = run_measured(command, log, build_environment(settings))
    text = log.read_text(encoding="utf-8")
    changed = [int(count) > 0 for count in RECAP_CHANGED.findall(text.partition("PLAY RECAP")[2])]
    if code or changed != [case.changes] * setting.nodes:
        raise SystemExit(f"{case.playbook} exited with {code} and {changed.count(True)} changed nodes:\n{text[-4000:]}")
    return cost


if __name__ == "__main__":
    sys.exit(main())
