# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks in check mode: the report is always written, and the exit code follows the verdicts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.nodeprep.istio.tests.unit.support import recording_factory
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import recorded
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import KINDS, facts
from ansible_collections.nodeprep.istio.tests.unit.support.recorded_node import RecordedNode

ROOT = Path(__file__).parents[2]
# Every node but one is this machine. A check of the site makes it not ready, which works on any machine.
INVENTORY = """
all:
  hosts:
    good: {istio_node_extra_checks: []}
    bad: {}
    gone: {ansible_connection: ssh, ansible_host: gone.invalid}
    excluded: {}
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    istio_node_become: false
    istio_node_extra_checks:
      - {id: site, query: "kernel.release == 'no such kernel'", message: the site wants another kernel}
"""


def recap(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Return the lines of the recap by host."""
    return {line.split()[0]: line for line in done.stdout.partition("PLAY RECAP")[2].splitlines()[1:] if " : " in line}


def find_errors(done: subprocess.CompletedProcess[str], host: str) -> str:
    """Return the errors on a host."""
    return "\n".join(line for line in done.stdout.splitlines() if line.startswith(f"fatal: [{host}]: FAILED"))


def play(
    playbook: str, *arguments: str, environment: dict[str, str] | None = None, check: bool = True, **variables: object
) -> subprocess.CompletedProcess[str]:
    command = [
        Path(sys.executable).with_name("ansible-playbook"),
        f"nodeprep.istio.{playbook}",
        *(["--check"] if check else []),
        *arguments,
        "-e",
        json.dumps(variables),
    ]
    environment = {
        **os.environ,
        **(environment or {}),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache"),
        "ANSIBLE_INJECT_FACT_VARS": "false",
        "ANSIBLE_NOCOLOR": "1",
    }
    return subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def list_failed(done: subprocess.CompletedProcess[str]) -> set[str]:
    """Return the hosts that the recap counts as failed."""
    return {name for name, line in recap(done).items() if "failed=1 " in line}


def read_report(directory: Path) -> dict[str, Any]:
    return json.loads((directory / "report.json").read_text())


@pytest.mark.parametrize(
    "playbook, error",
    [
        ("audit_istio_nodes", "istio_report_fail_on matched not_ready: the site wants another kernel"),
        ("prepare_istio_nodes", "be not_ready for iptables: site"),
    ],
)
def test_a_fleet_with_a_node_that_is_not_ready_one_that_is_unreachable_and_one_that_is_excluded(
    tmp_path, playbook, error
):
    (tmp_path / "hosts.yml").write_text(INVENTORY)
    waivers = tmp_path / "waivers.yml"
    waivers.write_text("- {requirement: no_such_module, reason: to see the file read, until: 2999-12-31}\n")
    done = play(
        playbook,
        "-i",
        str(tmp_path / "hosts.yml"),
        "--limit",
        "!excluded",
        istio_report_dir=str(tmp_path / "out"),
        istio_report_waivers=str(waivers),
    )
    assert done.returncode == 2, done.stdout
    document = read_report(tmp_path / "out")
    nodes = {node["name"]: node for node in document["nodes"]}
    codes = {name: node["no_data"]["code"] for name, node in nodes.items() if "no_data" in node}
    assert codes == {"gone": "unreachable", "excluded": "not_selected"}
    reasons = {row["id"]: row.get("reason", "") for row in nodes["bad"]["requirements"]}
    assert nodes["bad"]["verdict"] == "not_ready"
    assert "the site wants another kernel" in reasons["site/check/site"], reasons
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
    assert len(document["waivers"]) == 1
    assert document["waivers"][0]["matches"] == 0

    assert "REASON AND REMEDY" in done.stdout
    assert "the site wants another kernel" in done.stdout
    assert re.search(r"^excluded +no_data +not selected in this run", done.stdout, re.MULTILINE)
    assert re.search(r"^1 \w+, 1 not_ready, 2 no_data\.", done.stdout, re.MULTILINE)
    assert done.stdout.splitlines().count(f"Report: {tmp_path}/out/report.html") == 1
    # The recap counts the nodes that fail the gate. A node that the run did not select is named on one of them.
    assert list_failed(done) == {"bad", "gone"}
    assert error in find_errors(done, "bad")
    assert "unreachable: " in find_errors(done, "gone")
    errors = find_errors(done, "bad") + find_errors(done, "gone")
    assert "also matched nodes outside this run: 1 no_data: excluded (no_data)" in errors


def test_another_strategy_and_a_directory_of_a_later_host(tmp_path):
    """The first host has no variables of the report. Neither option loses the summary, the report or the gate."""
    bad = f"    bad: {{istio_report_dir: {tmp_path}/out, istio_report_formats: [markdown]}}"
    (tmp_path / "hosts.yml").write_text(INVENTORY.replace("    bad: {}", bad))
    environment = {"ANSIBLE_STRATEGY": "free", "ANSIBLE_ANY_ERRORS_FATAL": "true"}
    for _time in range(2):
        done = play(
            "audit_istio_nodes", "-i", str(tmp_path / "hosts.yml"), "--limit", "good,bad", environment=environment
        )
        assert done.returncode == 2, done.stdout
        assert "istio_report_fail_on matched not_ready" in find_errors(done, "bad")
        assert not find_errors(done, "good")
        assert done.stdout.count("TASK [nodeprep.istio.istio_report : Write the report]") == 1
        assert done.stdout.count("REASON AND REMEDY") == 1
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["report.json", "report.md"]
    assert read_report(tmp_path / "out")["drift"]["since"]


@pytest.mark.parametrize(
    "arguments, variables, messages",
    [
        ((), {"istio_node_hosts": "typo"}, ["no host in the inventory matches 'typo'"]),
        (
            ("--limit", "good"),
            {"istio_node_hosts": "bad"},
            ["no host of 'bad' is in this run; --limit excludes all of them"],
        ),
        (
            (),
            {
                "istio_node_bakend": "x",
                "istio_node_mode": "sidecars",
                "istio_report_dir": "/dev/null/x",
                "istio_report_formats": ["pdf"],
                "istio_node_pool": 1,
            },
            [
                "unknown variable 'istio_node_pool': nodeprep.istio ignores it",
                "unknown variable 'istio_node_bakend'; rename it to 'istio_node_backend'",
                "istio_node_mode: unknown value 'sidecars'; valid values: sidecar, ambient",
                "give a list of html, json, junit",
                "istio_report_dir: /dev/null is not a directory",
            ],
        ),
    ],
)
@pytest.mark.parametrize("playbook", ["audit_istio_nodes", "prepare_istio_nodes", "probe_istio_nodes"])
def test_a_mistake_is_reported_once_and_no_node_is_contacted(tmp_path, playbook, arguments, variables, messages):
    (tmp_path / "hosts.yml").write_text(INVENTORY.replace("    bad: {}", "    bad: {istio_node_profile: best}"))
    done = play(playbook, "-i", str(tmp_path / "hosts.yml"), *arguments, **variables)
    assert done.returncode == 2, done.stdout
    (error,) = [line for line in done.stdout.splitlines() if line.startswith("fatal: ")]
    assert "PLAY [Summarize the results]" not in done.stdout
    assert "istio_node : " not in done.stdout
    for message in messages:
        assert message in done.stdout
    has_option_errors = len(messages) > 1
    assert ("unknown value 'best'" in error) == has_option_errors
    assert ("(for bad)" in error) == has_option_errors


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    "limit, code, errors",
    [
        pytest.param(
            "good",
            2,
            {"good": "istio_report_fail_on also matched nodes outside this run: 1 no_data: excluded (no_data)"},
            id="a node outside the run",
        ),
        pytest.param(
            "bad,excluded",
            2,
            {
                "bad": "istio_report_fail_on matched not_ready: the site wants another kernel",
                "excluded": "istio_report_fail_on matched not_ready",
            },
            id="two nodes that are not ready",
        ),
        pytest.param("good,excluded", 0, {}, id="ready nodes"),
    ],
)
def test_the_exit_code_follows_the_gate_and_the_report_is_written(tmp_path, check, limit, code, errors):
    ready = "excluded: {}" if code else "excluded: {istio_node_extra_checks: []}"
    (tmp_path / "hosts.yml").write_text(INVENTORY.replace("excluded: {}", ready))
    nodes = ["good", "excluded"] if limit == "good" else limit.split(",")
    report = {"istio_report_dir": str(tmp_path / "out"), "istio_report_nodes": nodes}
    done = play("audit_istio_nodes", "-i", str(tmp_path / "hosts.yml"), "--limit", limit, check=check, **report)
    assert done.returncode == code, done.stdout
    assert list_failed(done) == errors.keys()
    for name, error in errors.items():
        assert error in find_errors(done, name)
        assert f"Report: {tmp_path}/out/report.html" in find_errors(done, name)
    assert {node["name"] for node in read_report(tmp_path / "out")["nodes"]} == set(nodes)


def test_with_a_waiver_the_gate_accepts_the_node(tmp_path):
    (tmp_path / "hosts.yml").write_text(INVENTORY)
    waivers = tmp_path / "waivers.yml"
    waivers.write_text(
        "- {requirement: '*', nodes: [good, bad], reason: the machine under test is as it is, until: 2999-12-31}\n"
    )
    report = {"istio_report_dir": str(tmp_path / "out"), "istio_report_nodes": ["good", "bad"]}
    limit = ("-i", str(tmp_path / "hosts.yml"), "--limit", "good,bad")
    done = play("audit_istio_nodes", *limit, **report)
    assert done.returncode == 2, done.stdout
    assert "istio_report_fail_on matched not_ready" in find_errors(done, "bad")
    done = play("audit_istio_nodes", *limit, **report, istio_report_waivers=str(waivers))
    assert done.returncode == 0, done.stdout
    document = read_report(tmp_path / "out")
    bad = next(node for node in document["nodes"] if node["name"] == "bad")
    assert (bad["verdict"], bad["unwaived_verdict"]) == ("ready", "not_ready")
    assert document["drift"]["since"]


class TestRecordedFacts:
    @pytest.fixture
    def options(self, tmp_path):
        (tmp_path / "facts").mkdir()
        self.record(tmp_path, "a", KINDS[0])
        self.record(tmp_path, "b", KINDS[2])
        return {
            "istio_report_dir": str(tmp_path / "out"),
            "istio_report_sources": [str(tmp_path / "facts")],
            "istio_report_formats": ["junit", "html"],
        }

    @staticmethod
    def record(directory, name, kind):
        (directory / "facts" / f"{name}.json").write_text(json.dumps(recorded(facts(kind))))

    def test_a_ready_fleet_then_a_node_that_is_not_ready(self, tmp_path, options):
        done = play("report_from_facts", **options)
        assert done.returncode == 0, done.stdout
        assert read_report(tmp_path / "out")["totals"]["verdicts"]["ready"] == 2

        self.record(tmp_path, "b", KINDS[5])
        done = play("report_from_facts", **options)
        assert done.returncode == 2, done.stdout
        assert "1 not_ready: b (not_ready)" in done.stdout
        changes = read_report(tmp_path / "out")["drift"]["changes"]
        assert ("b", "verdict") in [(change["node"], change["what"]) for change in changes]

    def test_reports_of_two_sites_become_one(self, tmp_path, options):
        play("report_from_facts", **options)
        report = str(tmp_path / "out" / "report.json")
        both = [{"path": report, "label": "fra"}, {"path": report, "label": "ams"}]
        done = play("report_from_facts", istio_report_dir=str(tmp_path / "both"), istio_report_sources=both)
        assert done.returncode == 0, done.stdout
        names = [node["name"] for node in read_report(tmp_path / "both")["nodes"]]
        assert names == ["ams/a", "ams/b", "fra/a", "fra/b"]

    def test_another_file_among_the_facts_gets_one_clear_error(self, tmp_path, options):
        (tmp_path / "facts" / "package.json").write_text('{"name": "a-package"}')
        done = play("report_from_facts", **options)
        assert done.returncode == 2, done.stdout
        assert "package.json: contains neither the facts of a node nor a report; give " in done.stdout
        assert done.stdout.count("fatal: ") == 1

    def test_an_unknown_format_gets_one_clear_error(self, options):
        done = play("report_from_facts", **{**options, "istio_report_formats": ["pdf"]})
        assert done.returncode == 2, done.stdout
        assert "give a list of html, json, junit" in done.stdout
        assert "argument_spec" not in done.stdout


class TestDeclarations:
    def test_of_the_selection_alone_no_node_is_contacted(self, tmp_path):
        (tmp_path / "hosts.yml").write_text(INVENTORY)
        options = {"istio_declaration_formats": ["talos", "ignition"], "istio_declaration_dir": str(tmp_path / "out")}
        done = play("declare_istio_nodes", "-i", str(tmp_path / "hosts.yml"), **options)
        assert done.returncode == 0, done.stdout
        assert recap(done).keys() == {"good", "localhost"}
        assert "istio_node : " not in done.stdout
        assert "Talos for an image that does not exist yet" in done.stdout
        index = json.loads((tmp_path / "out" / "declarations.json").read_text())
        assert [entry["format"] for entry in index] == ["talos", "ignition"]

    def test_nodes_without_data_fail_and_the_others_are_declared(self, tmp_path):
        (tmp_path / "hosts.yml").write_text(INVENTORY)
        options = {"istio_declaration_formats": ["nixos"], "istio_declaration_from": "nodes"}
        done = play("declare_istio_nodes", "-i", str(tmp_path / "hosts.yml"), "--limit", "!excluded", **options)
        assert done.returncode == 2, done.stdout
        assert list_failed(done) == {"gone"}
        assert "unreachable: " in find_errors(done, "gone")
        assert re.search(
            r"^NixOS for 2 nodes: bad, good$|^No declaration for 2 nodes: bad, good", done.stdout, re.MULTILINE
        )

    def test_recorded_facts_are_declared_in_the_format_of_their_system(self, tmp_path):
        found = facts(KINDS[1])
        found["os"] = {"id": "bottlerocket", "version": "1.49.0", "name": "Bottlerocket OS 1.49.0"}
        found["platform"] = {"etc": "volatile"}
        (tmp_path / "a.json").write_text(json.dumps(recorded(found)))
        done = play("declare_istio_nodes", istio_declaration_sources=[str(tmp_path)])
        assert done.returncode == 0, done.stdout
        assert "Bottlerocket for 1 node: a" in done.stdout
        assert "[settings.kernel.modules.xt_owner]\nallowed = true\nautoload = true\n" in done.stdout

    def test_a_mistake_is_reported_before_anything_else(self):
        done = play("declare_istio_nodes", istio_declaration_formats=["tallos"])
        assert done.returncode == 2, done.stdout
        assert "istio_declaration_formats: unknown value 'tallos'; valid values: bottlerocket, butane, " in done.stdout
        assert done.stdout.count("fatal: ") == 1


class TestRecordings:
    def test_recordings_get_the_summary_of_an_audit_and_damaged_ones_fail(self, tmp_path):
        node = RecordedNode(tmp_path / "root")
        directory = tmp_path / "recordings"
        directory.mkdir()
        (directory / "a.tar.gz").write_bytes(recording_factory.record_node(node.root, name="a"))
        done = play("audit_recordings", istio_recordings=str(directory))
        assert done.returncode == 0, done.stdout
        assert re.search(r"^a +unknown system, \S+ +\d+ days +\w+ ", done.stdout, re.MULTILINE)

        (directory / "b.tar.gz").write_bytes(b"")
        done = play("audit_recordings", istio_recordings=str(directory))
        assert done.returncode == 2, done.stdout
        assert "nodes without a usable recording: 1 no_data: b (no_data); record these nodes again" in done.stdout

        report = {"istio_report_fail_on": ["no_data"], "istio_report_dir": str(tmp_path / "out")}
        done = play("audit_recordings", istio_recordings=[{"path": str(directory), "label": "fra"}], **report)
        assert done.returncode == 2, done.stdout
        assert "istio_report_fail_on matched: 1 no_data: fra/b (no_data)" in done.stdout
        assert done.stdout.count("Istio node readiness: ") == 1
        names = [node["name"] for node in read_report(tmp_path / "out")["nodes"]]
        assert names == ["fra/a", "fra/b"]

    @pytest.mark.parametrize("report", [False, True])
    def test_a_node_that_was_not_recorded_is_named(self, tmp_path, report):
        node = RecordedNode(tmp_path / "root")
        (tmp_path / "a.tar.gz").write_bytes(recording_factory.record_node(node.root, name="a"))
        options = {"istio_report_dir": str(tmp_path / "out"), "istio_report_fail_on": ["no_data"]} if report else {}
        options["istio_recordings"] = str(tmp_path / "a.tar.gz")
        done = play("audit_recordings", istio_report_nodes="a,b", **options)
        assert done.returncode == 2, done.stdout
        assert re.search(r"^b +no_data +in none of the sources; ", done.stdout, re.MULTILINE)
        assert "1 no_data: b (no_data)" in done.stdout
        assert play("audit_recordings", **options).returncode == 0

    def test_without_recordings_the_error_names_the_variable(self, tmp_path):
        done = play("audit_recordings", istio_recordings_dir=str(tmp_path / "none"))
        assert done.returncode == 2, done.stdout
        assert f"istio_recordings is not set, and {tmp_path}/none does not exist; set it, " in done.stdout

    def test_a_mistake_in_the_recordings_gets_one_clear_error(self, tmp_path):
        done = play("audit_recordings", istio_recordings=str(tmp_path / "none"))
        assert done.returncode == 2, done.stdout
        assert f"istio_recordings: {tmp_path}/none: no such file or directory; give recordings, " in done.stdout
        assert done.stdout.count("fatal: ") == 1

    @pytest.mark.parametrize("check", [False, True])
    def test_nodes_without_python_are_recorded_and_the_others_are_listed(self, tmp_path, check):
        (tmp_path / "hosts.yml").write_text(INVENTORY)
        directory = tmp_path / "recordings"
        done = play(
            "record_istio_nodes",
            "-i",
            str(tmp_path / "hosts.yml"),
            "--limit",
            "good,gone",
            check=check,
            ansible_python_interpreter="/nowhere/python",
            istio_recordings_dir=str(directory),
        )
        assert done.returncode == 2, done.stdout
        assert f"1 of 2 nodes recorded in {directory}; not recorded: gone" in done.stdout
        assert list_failed(done) == {"gone"}
        assert os.listdir(directory) == ["good.tar.gz"]
        done = play("audit_recordings", istio_recordings_dir=str(directory))
        assert done.returncode == 0, done.stdout
        assert re.search(r"^good +\S.* minutes? +\w+ ", done.stdout, re.MULTILINE)
