# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An audit in slices, as AWX runs it: one ansible-runner and one private data directory per slice, then one report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import ansible_runner
import pytest
import yaml
from ansible_collections.nodeprep.istio.tests.awx.conftest import ENVIRONMENT, ROOT
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import recorded
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import KINDS, facts

CONNECTIONS = ROOT / "tests" / "report" / "connection_plugins"
AUDIT = [{"import_playbook": "nodeprep.istio.audit_istio_nodes"}]
MERGE = ROOT / "docs" / "examples" / "awx" / "merge_reports.yml"
# The kind of each node; a node without one does not answer.
NODES = {"a": KINDS[0], "b": KINDS[5], "c": KINDS[0], "d": None, "e": KINDS[2]}


class Expected(NamedTuple):
    """What a slice returns: the status and exit code of its run, the nodes that failed, and the totals."""

    status: str
    code: int
    failures: set[str]
    totals: dict[str, int]


# The second slice has the node that is not ready and the one that does not answer.
EXPECTED = [
    Expected("successful", 0, set(), {"ready": 3}),
    Expected("failed", 2, {"b", "d"}, {"not_ready": 1, "no_data": 1}),
]


@pytest.fixture
def environment(collections) -> dict[str, str]:
    return {
        "PATH": ENVIRONMENT["PATH"],
        "PYTHONPATH": "",
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_CONNECTION_PLUGINS": str(CONNECTIONS),
        "ANSIBLE_INJECT_FACT_VARS": "false",
    }


def run(
    directory: Path,
    playbook: list[dict[str, Any]],
    hosts: list[str],
    variables: dict[str, Any],
    environment: dict[str, str],
) -> ansible_runner.Runner:
    """Run a playbook in a private data directory, on these hosts of the inventory."""
    (directory / "project").mkdir(parents=True)
    (directory / "project" / "site.yml").write_text(json.dumps(playbook))
    common = {
        "ansible_connection": "recorded",
        "ansible_python_interpreter": "/usr/bin/python3",
        "istio_node_become": False,
        "recorded_facts": f"{directory.parent}/{{{{ inventory_hostname }}}}.json",
    }
    return ansible_runner.run(
        private_data_dir=str(directory),
        playbook="site.yml",
        inventory={"all": {"hosts": {name: {} for name in hosts}, "vars": common}},
        extravars=variables,
        envvars=environment,
        quiet=True,
    )


def read_report(directory: Path) -> dict[str, Any]:
    return json.loads((directory / "report.json").read_text())


def read_output(runner: ansible_runner.Runner) -> str:
    with runner.stdout as file:
        return file.read()


def read_statistics(runner: ansible_runner.Runner) -> dict[str, Any]:
    """Return what the playbook stored for AWX with set_stats."""
    (event,) = [event for event in runner.events if event["event"] == "playbook_on_stats"]
    return event["event_data"]["artifact_data"]


def test_the_reports_of_all_slices_become_one_report_of_the_fleet(tmp_path, environment):
    for name, kind in NODES.items():
        if kind is not None:
            (tmp_path / f"{name}.json").write_text(json.dumps(recorded(facts(kind))))
    for number, expected in enumerate(EXPECTED):
        hosts = sorted(NODES)[number :: len(EXPECTED)]
        # AWX sets awx_job_id.
        variables = {"istio_report_dir": f"{tmp_path}/slices/{{{{ awx_job_id }}}}", "awx_job_id": number}
        runner = run(tmp_path / f"slice-{number}", AUDIT, hosts, variables, environment)
        assert (runner.status, runner.rc) == (expected.status, expected.code), read_output(runner)
        assert runner.stats["failures"].keys() == expected.failures
        statistics = read_statistics(runner)["istio_report"]
        assert {verdict: count for verdict, count in statistics["totals"].items() if count} == expected.totals
        assert statistics["files"]["json"] == [f"{tmp_path}/slices/{number}/report.json"]
        assert [node["name"] for node in read_report(tmp_path / "slices" / str(number))["nodes"]] == hosts

    variables = {"slices_dir": f"{tmp_path}/slices", "istio_report_dir": f"{tmp_path}/fleet"}
    runner = run(tmp_path / "merge", yaml.safe_load(MERGE.read_text()), [], variables, environment)
    text = read_output(runner)
    assert runner.rc == 2, text
    assert "1 not_ready, 1 no_data: b (not_ready), d (no_data)" in text
    document = read_report(tmp_path / "fleet")
    assert [node["name"] for node in document["nodes"]] == sorted(NODES)
    verdicts = {verdict: count for verdict, count in document["totals"]["verdicts"].items() if count}
    assert verdicts == {"ready": 3, "not_ready": 1, "no_data": 1}
    assert (tmp_path / "fleet" / "report.html").exists()
