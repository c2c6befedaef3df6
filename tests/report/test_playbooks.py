# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks in check mode: the report is written whatever the verdicts are, and the exit code follows them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import KINDS, facts

ROOT = Path(__file__).parents[2]
# This machine is every node but one. What it lacks is a site's own check, so that it is known on any machine.
INVENTORY = """
all:
  hosts:
    good: {istio_node_extra_checks: []}
    bad: {}
    gone: {ansible_connection: ssh, ansible_host: gone.invalid}
    left_out: {}
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    istio_node_become: false
    istio_node_extra_checks: [{id: site, query: "kernel.release == 'no such kernel'", message: the site wants another kernel}]
"""


def recap(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Return the lines of the recap, by host."""
    return {line.split()[0]: line for line in done.stdout.partition("PLAY RECAP")[2].splitlines()[1:] if " : " in line}


def told_on(done: subprocess.CompletedProcess[str], host: str) -> str:
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


@pytest.mark.parametrize("playbook", ["audit_istio_nodes", "prepare_istio_nodes"])
def test_a_fleet_with_a_node_that_is_not_ready_one_that_is_down_and_one_left_out(tmp_path, playbook):
    (tmp_path / "hosts.yml").write_text(INVENTORY)
    waivers = tmp_path / "waivers.yml"
    waivers.write_text("- {requirement: no_such_module, reason: to see the file read, until: 2999-12-31}\n")
    done = play(
        playbook,
        "-i",
        str(tmp_path / "hosts.yml"),
        "--limit",
        "!left_out",
        istio_report_dir=str(tmp_path / "out"),
        istio_report_waivers=str(waivers),
    )
    assert done.returncode == 2, done.stdout
    document = json.loads((tmp_path / "out" / "report.json").read_text())
    nodes = {node["name"]: node for node in document["nodes"]}
    assert {name: node["no_data"]["code"] for name, node in nodes.items() if "no_data" in node} == {
        "gone": "unreachable",
        "left_out": "not_selected",
    }
    reasons = {row["id"]: row.get("reason", "") for row in nodes["bad"]["requirements"]}
    assert nodes["bad"]["verdict"] == "not_ready" and "the site wants another kernel" in reasons["site/check/site"], (
        reasons
    )
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
    assert "WHY, AND WHAT TO DO" in done.stdout and "the site wants another kernel" in done.stdout
    assert re.search(r"^left_out +no_data +not asked in this run", done.stdout, re.M) and re.search(
        r"^1 \w+, 1 not_ready, 2 no_data\.", done.stdout, re.M
    )
    assert done.stdout.splitlines().count(f"The report: {tmp_path}/out/report.html") == 1
    # The recap counts the gate on the nodes that shut it; what this run did not ask is told on one of them.
    assert {name: "failed=1 " in line for name, line in recap(done).items()} == {
        "good": False,
        "bad": True,
        "gone": True,
    }
    told = {
        "audit_istio_nodes": "does not accept not_ready: the site wants another kernel",
        "prepare_istio_nodes": "be not_ready for iptables: site",
    }
    assert told[playbook] in told_on(done, "bad") and "unreachable: " in told_on(done, "gone")
    assert "no hosts of this run too: 1 no_data: left_out (no_data)" in told_on(done, "bad") + told_on(done, "gone")
    assert len(document["waivers"]) == 1 and document["waivers"][0]["matches"] == 0


def test_the_directory_of_a_later_host_under_another_strategy(tmp_path):
    """The first host has no variables of the report; neither free nor any_errors_fatal loses the summary, the report or its gate."""
    (tmp_path / "hosts.yml").write_text(
        INVENTORY.replace(
            "    bad: {}", f"    bad: {{istio_report_dir: {tmp_path}/out, istio_report_formats: [markdown]}}"
        )
    )
    limit = ("-i", str(tmp_path / "hosts.yml"), "--limit", "good,bad")
    for _time in range(2):
        done = play(
            "audit_istio_nodes", *limit, environment={"ANSIBLE_STRATEGY": "free", "ANSIBLE_ANY_ERRORS_FATAL": "true"}
        )
        assert (
            done.returncode == 2 and "does not accept not_ready" in told_on(done, "bad") and not told_on(done, "good")
        ), done.stdout
        assert (
            done.stdout.count("TASK [nodeprep.istio.istio_report : Write the report]")
            == done.stdout.count("WHY, AND WHAT TO DO")
            == 1
        ), done.stdout
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["report.json", "report.md"]
    assert json.loads((tmp_path / "out" / "report.json").read_text())["drift"]["since"]


@pytest.mark.parametrize(
    "arguments, variables, messages",
    [
        ((), {"istio_node_hosts": "typo"}, ["no host of the inventory matches 'typo'"]),
        (
            ("--limit", "good"),
            {"istio_node_hosts": "bad"},
            ["no host of 'bad' is in this run: --limit leaves all of them out"],
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
                "reads no variable 'istio_node_pool'",
                "there is no variable 'istio_node_bakend'; 'istio_node_backend' is meant",
                "istio_node_mode: 'sidecars' is not one of sidecar, ambient",
                "is no list of html, json, junit",
                "istio_report_dir: /dev/null is no directory",
            ],
        ),
    ],
)
@pytest.mark.parametrize("playbook", ["audit_istio_nodes", "prepare_istio_nodes", "probe_istio_nodes"])
def test_a_mistake_is_told_once_and_no_node_is_touched(tmp_path, playbook, arguments, variables, messages):
    (tmp_path / "hosts.yml").write_text(INVENTORY.replace("    bad: {}", "    bad: {istio_node_profile: best}"))
    done = play(playbook, "-i", str(tmp_path / "hosts.yml"), *arguments, **variables)
    told = [line for line in done.stdout.splitlines() if line.startswith("fatal: ")]
    assert (
        done.returncode == 2
        and len(told) == 1
        and "PLAY [Sum up]" not in done.stdout
        and "istio_node : " not in done.stdout
    ), done.stdout
    assert all(message in done.stdout for message in messages), done.stdout
    assert ("'best' is not one of" in told[0]) == ("(for bad)" in told[0]) == (len(messages) > 1)


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    "limit, code, failed",
    [
        (
            "good",
            2,
            {
                "good": "the gate istio_report_fail_on is shut by nodes that are no hosts of this run too: 1 no_data: left_out (no_data)"
            },
        ),
        (
            "bad,left_out",
            2,
            {
                "bad": "istio_report_fail_on does not accept not_ready: the site wants another kernel",
                "left_out": "does not accept not_ready",
            },
        ),
        ("good,left_out", 0, {}),
    ],
)
def test_the_exit_code_follows_the_gate_and_the_report_is_written(tmp_path, check, limit, code, failed):
    ready = "" if code else " {istio_node_extra_checks: []}"
    (tmp_path / "hosts.yml").write_text(INVENTORY.replace("left_out: {}", f"left_out:{ready or ' {}'}"))
    nodes = [*limit.split(","), *(["left_out"] if limit == "good" else [])]
    report = {"istio_report_dir": str(tmp_path / "out"), "istio_report_nodes": nodes}
    done = play("audit_istio_nodes", "-i", str(tmp_path / "hosts.yml"), "--limit", limit, check=check, **report)
    assert done.returncode == code, done.stdout
    assert {name for name, line in recap(done).items() if "failed=1 " in line} == failed.keys()
    assert all(
        text in told_on(done, name) and f"The report: {tmp_path}/out/report.html" in told_on(done, name)
        for name, text in failed.items()
    ), done.stdout
    assert {node["name"] for node in json.loads((tmp_path / "out" / "report.json").read_text())["nodes"]} == set(nodes)


def test_a_waiver_opens_the_gate(tmp_path):
    (tmp_path / "hosts.yml").write_text(INVENTORY)
    waivers = tmp_path / "waivers.yml"
    waivers.write_text(
        "- {requirement: '*', nodes: [good, bad], reason: the machine under test is as it is, until: 2999-12-31}\n"
    )
    report = {"istio_report_dir": str(tmp_path / "out"), "istio_report_nodes": ["good", "bad"]}
    limit = ("-i", str(tmp_path / "hosts.yml"), "--limit", "good,bad")
    shut = play("audit_istio_nodes", *limit, **report)
    assert shut.returncode == 2 and "does not accept not_ready" in told_on(shut, "bad")
    opened = play("audit_istio_nodes", *limit, **report, istio_report_waivers=str(waivers))
    assert opened.returncode == 0, opened.stdout
    document = json.loads((tmp_path / "out" / "report.json").read_text())
    bad = next(node for node in document["nodes"] if node["name"] == "bad")
    assert (bad["verdict"], bad["unwaived_verdict"]) == ("ready", "not_ready") and document["drift"]["since"]


def test_recorded_facts_of_a_ready_fleet_and_of_another(tmp_path):
    (tmp_path / "facts").mkdir()
    for name, kind in (("a", KINDS[0]), ("b", KINDS[2])):
        (tmp_path / "facts" / f"{name}.json").write_text(json.dumps(facts(kind)))
    report = {
        "istio_report_dir": str(tmp_path / "out"),
        "istio_report_sources": [str(tmp_path / "facts")],
        "istio_report_formats": ["junit", "html"],
    }
    done = play("report_from_facts", **report)
    assert done.returncode == 0, done.stdout
    first = json.loads((tmp_path / "out" / "report.json").read_text())
    assert first["totals"]["verdicts"]["ready"] == 2

    (tmp_path / "facts" / "b.json").write_text(json.dumps(facts(KINDS[5])))
    done = play("report_from_facts", **report)
    assert done.returncode == 2 and "1 not_ready: b (not_ready)" in done.stdout
    second = json.loads((tmp_path / "out" / "report.json").read_text())
    assert ("b", "verdict") in [(change["node"], change["what"]) for change in second["drift"]["changes"]]

    (tmp_path / "one.json").write_text(json.dumps(first))
    (tmp_path / "facts" / "package.json").write_text('{"name": "a-package"}')
    done = play("report_from_facts", **report)
    assert (
        done.returncode == 2
        and "package.json: these are neither facts of a node nor a report" in done.stdout
        and done.stdout.count("fatal: ") == 1
    )
    done = play("report_from_facts", **{**report, "istio_report_formats": ["pdf"]})
    assert (
        done.returncode == 2 and "is no list of html, json, junit" in done.stdout and "argument_spec" not in done.stdout
    )

    both = [
        {"path": str(tmp_path / "one.json"), "label": "fra"},
        {"path": str(tmp_path / "out" / "report.json"), "label": "ams"},
    ]
    done = play("report_from_facts", istio_report_dir=str(tmp_path / "both"), istio_report_sources=both)
    assert done.returncode == 2
    assert [node["name"] for node in json.loads((tmp_path / "both" / "report.json").read_text())["nodes"]] == [
        "ams/a",
        "ams/b",
        "fra/a",
        "fra/b",
    ]
