# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure an audit of thousands of nodes in slices, as AWX runs it, and the merge of the reports of all slices.

Usage: python fleet.py --output FILE; make bench-fleet runs it. Playbooks, strategy, forks, assessment, summary and
report are real. A connection plugin with recorded facts (tests/report/connection_plugins) replaces ssh and the nodes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from ansible_collections.nodeprep.istio.tests.bench.machine import describe_machine, read_load
from ansible_collections.nodeprep.istio.tests.bench.processes import (
    adopt_orphans,
    build_environment,
    find_ansible_playbook,
    run_measured,
)
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import recorded
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import observed

CONNECTIONS = Path(__file__).parents[1] / "report" / "connection_plugins"
FORKS = 20
# To estimate the duration, on two processors.
SECONDS_PER_NODE = 0.12
SECONDS_PER_MERGED_NODE = 0.005
MAX_SEED = 1000


def main() -> int:
    arguments = parse_arguments()
    slices = arguments.nodes // arguments.slice
    audited = sum(arguments.growth) * arguments.repeat + slices * arguments.slice
    merged = sum(arguments.merge) * arguments.repeat
    seconds = audited * SECONDS_PER_NODE + merged * SECONDS_PER_MERGED_NODE
    print(f"this takes about {seconds / 60:.0f} minutes", file=sys.stderr)
    adopt_orphans()
    load = read_load()
    with tempfile.TemporaryDirectory(prefix="fleet-") as name:
        directory = Path(name)
        growth = [
            audit_slice(directory / f"growth-{repetition}-{nodes}", nodes, seed=MAX_SEED)
            for repetition in range(arguments.repeat)
            for nodes in arguments.growth
        ]
        run = [
            audit_slice(directory / f"slice-{number:02}", arguments.slice, seed=number)
            for number in range(1, slices + 1)
        ]
        merges = list(merge_all(directory, arguments.merge * arguments.repeat, arguments.slice))
    machine = describe_machine(load)
    result = {"machine": machine, "forks": FORKS, "growth": growth, "slices": run, "merges": merges}
    arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="the JSON file of the results")
    parser.add_argument("--nodes", type=int, default=10_000, help="the size of the fleet")
    parser.add_argument("--slice", type=int, default=1000, help="the nodes of one ansible-playbook process")
    parser.add_argument("--growth", type=split_numbers, default=[100, 200, 500, 1000], help="sizes of further slices")
    parser.add_argument("--merge", type=split_numbers, default=[1000, 2000, 5000, 10_000], help="sizes of the report")
    parser.add_argument("--repeat", type=int, default=3, help="how often growth and merge are measured")
    arguments = parser.parse_args()
    if any(size % arguments.slice or size > arguments.nodes for size in arguments.merge):
        parser.error("--merge: give multiples of --slice that are at most --nodes")
    return arguments


def split_numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def audit_slice(directory: Path, nodes: int, seed: int) -> dict[str, object]:
    """Audit one slice in a separate process that writes its report, and return its cost."""
    hosts = write_slice(directory, nodes, seed)
    options = {
        "istio_report_dir": str(directory / "report"),
        "istio_report_formats": ["json"],
        "istio_report_fail_on": [],
    }
    # Nodes without data fail the run.
    cost = run_playbook("audit_istio_nodes", directory, options, ["-i", str(hosts)], codes=(0, 2))
    counted = json.loads((directory / "report" / "report.json").read_text(encoding="utf-8"))["totals"]["nodes"]
    if counted != nodes:
        raise SystemExit(f"{directory}: the report has {counted} of {nodes} nodes; read playbook.log there")
    return {"nodes": nodes, **cost}


def write_slice(directory: Path, nodes: int, seed: int) -> Path:
    """Record the facts of a slice and return its inventory; a node without data has no file."""
    directory.mkdir()
    names = []
    for name, facts in observed(nodes, seed):
        names.append(name)
        if "modules" in facts:
            (directory / f"{name}.json").write_text(json.dumps(recorded(facts)), encoding="utf-8")
    variables = {
        "ansible_connection": "recorded",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_pipelining": True,
        "istio_node_become": False,
        "recorded_facts": f"{directory}/{{{{ inventory_hostname }}}}.json",
    }
    hosts: dict[str, dict[str, str]] = {name: {} for name in names}
    path = directory / "hosts.json"
    path.write_text(json.dumps({"all": {"hosts": hosts, "vars": variables}}), encoding="utf-8")
    return path


def merge_all(directory: Path, sizes: Iterable[int], slice_size: int) -> Iterator[dict[str, object]]:
    """Yield the cost of each merge of the reports of the first slices."""
    for number, nodes in enumerate(sizes):
        target = directory / f"merged-{number}"
        target.mkdir()
        sources = [
            {"path": str(directory / f"slice-{part:02}" / "report" / "report.json"), "label": f"slice-{part:02}"}
            for part in range(1, nodes // slice_size + 1)
        ]
        options = {"istio_report_dir": str(target), "istio_report_sources": sources, "istio_report_fail_on": []}
        cost = run_playbook("report_from_facts", target, options)
        mib = (target / "report.html").stat().st_size / (1 << 20)
        yield {"nodes": nodes, **cost, "html_mib": round(mib, 1)}


def run_playbook(
    name: str,
    directory: Path,
    variables: Mapping[str, object],
    options: Iterable[str] = (),
    codes: tuple[int, ...] = (0,),
) -> dict[str, float]:
    log = directory / "playbook.log"
    command = [find_ansible_playbook(), *options, "-e", json.dumps(variables), f"nodeprep.istio.{name}"]
    settings = {"ANSIBLE_CONNECTION_PLUGINS": str(CONNECTIONS), "ANSIBLE_FORKS": str(FORKS)}
    code, cost = run_measured(command, log, build_environment(settings))
    if code not in codes:
        raise SystemExit(f"{name} exited with {code}:\n{log.read_text(encoding='utf-8')[-4000:]}")
    found = {key: round(value, 2) for key, value in asdict(cost).items() if key != "connections"}
    print(json.dumps({"playbook": name, **found}), file=sys.stderr, flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
