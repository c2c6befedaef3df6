# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts on made-up nodes: the order of the owner's tasks, what stops a rollout, and how it is resumed."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from ansible_collections.nodeprep.istio.tests.report.rollout import EXAMPLES, Rollout


@pytest.fixture
def rollout(tmp_path):
    return Rollout(tmp_path)


HOOKS = {
    "istio_node_before_disruption_tasks": str(EXAMPLES / "drain_node.yml"),
    "istio_node_after_disruption_tasks": str(EXAMPLES / "uncordon_node.yml"),
}


def find_error(done: subprocess.CompletedProcess[str], host: str) -> str:
    """Return the last error on a host."""
    errors = [line for line in done.stdout.splitlines() if re.match(rf"fatal: \[{host}( -> \w+)?\]: FAILED", line)]
    return errors[-1] if errors else ""


def list_failed(done: subprocess.CompletedProcess[str]) -> set[str]:
    """Return the hosts that the recap counts as failed."""
    recap = done.stdout.partition("PLAY RECAP")[2].splitlines()
    return {line.split()[0] for line in recap if "failed=1 " in line}


def write_site(directory: Path, **variables: object) -> str:
    """Write a playbook that audits all nodes and then prepares them, with these variables; return its path."""
    plays = [
        {"import_playbook": "nodeprep.istio.audit_istio_nodes"},
        {"import_playbook": "nodeprep.istio.prepare_istio_nodes", "vars": variables},
    ]
    path = directory / "site.yml"
    path.write_text(json.dumps(plays))
    return str(path)


@pytest.mark.parametrize("hosts", ["a,c", ["a", "c"]])
def test_an_audit_in_the_same_run_does_not_make_more_nodes_be_prepared(rollout, tmp_path, hosts):
    site = write_site(tmp_path, istio_node_hosts=hosts)
    done = rollout.play(dict.fromkeys("abcd", "quiet"), playbook=site)
    assert done.returncode == 0, done.stdout
    assert sorted(rollout.read_events()) == ["load a", "load c"]


@pytest.mark.parametrize("strategy", ["linear", "free"])
def test_an_audit_in_the_same_run_does_not_change_the_percentage(rollout, tmp_path, strategy):
    rollout.environment = {"ANSIBLE_STRATEGY": strategy}
    rollout.fail_kubectl("drain a")
    site = write_site(tmp_path, istio_node_serial=[1, 1, 2], istio_node_max_fail_percentage=40)
    done = rollout.play(dict.fromkeys("abcd", "waiting"), playbook=site, **HOOKS)
    assert done.returncode == 2, done.stdout
    assert rollout.read_events() == ["drain a"]
    assert "not changed: 100.0 % of the nodes so far have failed, " in find_error(done, "d")
    assert "run_once" not in done.stdout


def test_nodes_are_drained_rebooted_and_uncordoned_one_after_the_other(rollout):
    done = rollout.play({"a": "waiting", "b": "waiting"}, istio_node_serial=1, **HOOKS)
    assert done.returncode == 0, done.stdout
    expected = ["drain {}", "load {}", "reboot {}", "uncordon {}"]
    assert rollout.read_events() == [event.format(node) for node in "ab" for event in expected]
    assert done.stdout.count("run the tasks of") == 4
    done = rollout.play({"a": "waiting", "b": "waiting"}, istio_node_serial=1, **HOOKS)
    assert done.returncode == 0, done.stdout
    assert rollout.read_events() == []


def test_only_nodes_that_are_disrupted_are_drained(rollout):
    done = rollout.play({"a": "quiet", "b": "bridged"}, **HOOKS)
    assert done.returncode == 0, done.stdout
    events = rollout.read_events()
    assert sorted(events) == ["drain b", "load a", "load b", "uncordon b"]
    assert [event for event in events if event.endswith("b")] == ["drain b", "load b", "uncordon b"]


def test_check_mode_says_what_would_run_and_runs_nothing(rollout):
    done = rollout.play({"a": "waiting"}, "--check", **HOOKS)
    assert done.returncode == 0, done.stdout
    assert "drain_node.yml, because these steps disrupt the node: reboot" in done.stdout
    assert rollout.read_events() == ["load a"]


def test_a_node_that_cannot_be_drained_is_not_changed(rollout):
    rollout.fail_kubectl("drain a")
    done = rollout.play({"a": "waiting", "b": "waiting"}, **HOOKS)
    assert done.returncode == 2, done.stdout
    assert list_failed(done) == {"a"}
    events = rollout.read_events()
    assert [event for event in events if event.endswith("a")] == ["drain a"]
    assert [event for event in events if event.endswith("b")] == ["drain b", "load b", "reboot b", "uncordon b"]
    assert "the tasks before the disruption failed, and the node was not changed: " in find_error(done, "a")


@pytest.mark.parametrize(
    "kind, events, error",
    [
        ("lost", ["drain a", "load a", "reboot a"], "the node did not come back from its reboot: Timed out"),
        ("worse", ["drain a", "load a", "reboot a"], "the plan predicted the verdict ready, but the node is not_ready"),
        ("cut", ["drain a", "load a"], "unreachable: no route to host"),
    ],
)
def test_a_node_that_is_worse_afterwards_stays_cordoned_and_stops_the_rollout(rollout, kind, events, error):
    done = rollout.play({"a": kind, "b": "waiting"}, istio_node_serial=1, istio_node_max_fail_percentage=100, **HOOKS)
    assert done.returncode == 2, done.stdout
    assert rollout.read_events() == events
    assert error in find_error(done, "a")
    assert f"not changed: a is worse than its plan predicted ({error}" in find_error(done, "b")
    assert "Uncordon the node" in done.stdout


def test_tasks_after_a_lost_node_know_what_happened(rollout, tmp_path):
    (tmp_path / "after.yml").write_text(
        '- ansible.builtin.debug:\n    msg: "{{ istio_node_disruption.kinds | join }}|'
        '{{ istio_node_disruption.result }}|{{ istio_node_disruption.failure }}"\n'
    )
    done = rollout.play({"a": "lost"}, istio_node_after_disruption_tasks=str(tmp_path / "after.yml"))
    assert done.returncode == 2, done.stdout
    assert "reboot|failed|the node did not come back from its reboot: " in done.stdout
    assert "the node did not come back from its reboot: " in find_error(done, "a")


@pytest.mark.parametrize("kind, first", [("waiting", ""), ("lost", "the node did not come back from its reboot: ")])
def test_tasks_that_fail_afterwards_fail_the_node(rollout, tmp_path, kind, first):
    (tmp_path / "after.yml").write_text("- ansible.builtin.fail:\n    msg: the API server is gone\n")
    done = rollout.play({"a": kind}, istio_node_after_disruption_tasks=str(tmp_path / "after.yml"))
    assert done.returncode == 2, done.stdout
    assert re.search(
        f'"{first}.*the tasks after the disruption failed: .*the API server is gone"', find_error(done, "a")
    ), done.stdout


@pytest.mark.parametrize("option", ["before", "after"])
def test_a_host_of_the_tasks_that_is_unreachable_fails_the_node(rollout, tmp_path, option):
    # Ansible itself ends the run, without a summary, if this happens to all nodes of a batch.
    (tmp_path / "tasks.yml").write_text(
        "- ansible.builtin.ping:\n  delegate_to: down\n  when: inventory_hostname == 'a'\n"
    )
    nodes = {"a": "waiting", "b": "waiting", "down": "down"}
    variables = {f"istio_node_{option}_disruption_tasks": str(tmp_path / "tasks.yml"), "istio_node_hosts": "a,b"}
    done = rollout.play(nodes, **variables)
    assert done.returncode != 0, done.stdout
    events = [event for event in rollout.read_events() if event.endswith("a")]
    assert events == ([] if option == "before" else ["load a", "reboot a"])
    assert re.search(rf"^a .*the tasks {option} the disruption did not finish", done.stdout, re.MULTILINE), done.stdout


def test_in_a_play_of_its_owner_the_tasks_also_run_after_the_loss_of_a_node(rollout, tmp_path):
    (tmp_path / "site.yml").write_text("- hosts: all\n  gather_facts: false\n  roles: [nodeprep.istio.istio_node]\n")
    (tmp_path / "after.yml").write_text("- ansible.builtin.debug:\n    msg: found {{ istio_node_disruption.result }}\n")
    site = {"playbook": str(tmp_path / "site.yml"), "istio_node_after_disruption_tasks": "after.yml"}
    done = rollout.play({"a": "lost", "b": "cut", "c": "waiting"}, **site)
    assert done.returncode == 2, done.stdout
    assert done.stdout.count("found failed") == 2
    assert done.stdout.count("found ready") == 1
    assert list_failed(done) == {"a", "b"}


def test_a_missing_task_file_is_one_error_and_no_node_is_contacted(rollout):
    done = rollout.play({"a": "waiting", "b": "waiting"}, istio_node_after_disruption_tasks="absent.yml")
    assert done.returncode == 2, done.stdout
    assert done.stdout.count("fatal: ") == 1
    assert "istio_node_after_disruption_tasks: " in done.stdout
    assert "/playbooks/absent.yml: no such file; give an absolute path, or one relative to" in done.stdout
    assert rollout.read_events() == []


def test_the_rollout_stops_above_the_percentage(rollout):
    rollout.fail_kubectl("drain a")
    nodes = dict.fromkeys("abcd", "waiting")
    done = rollout.play(nodes, istio_node_serial=[1, 2, "100%"], istio_node_max_fail_percentage=40, **HOOKS)
    assert done.returncode == 2, done.stdout
    assert rollout.read_events() == ["drain a"]
    stop = "not changed: 100.0 % of the nodes so far have failed, more than istio_node_max_fail_percentage (40)"
    assert [stop in find_error(done, node) for node in "abcd"] == [False, True, True, True]
    assert done.stdout.count("REASON AND REMEDY") == 1


def test_the_rollout_goes_on_below_the_percentage(rollout):
    rollout.fail_kubectl("drain b")
    nodes = dict.fromkeys("abcd", "waiting")
    done = rollout.play(nodes, istio_node_serial=["50%", 1], istio_node_max_fail_percentage=50, **HOOKS)
    assert done.returncode == 2, done.stdout
    assert list_failed(done) == {"b"}
    assert [event for event in rollout.read_events() if event.startswith("uncordon")] == [
        "uncordon a",
        "uncordon c",
        "uncordon d",
    ]


@pytest.mark.parametrize(
    "kind, at, done_before",
    [
        ("apt", "update", []),
        ("apt", "simulate", ["apt-get --quiet update a"]),
        ("apt", "install.*--yes", None),
        ("dnf", "dnf", []),
        ("selinux", "tempfile", None),
        ("selinux", "copy", None),
        ("selinux", "semodule", None),
        ("selinux", "setsebool", None),
        ("waiting", "kernel_modules", []),
    ],
)
def test_a_node_that_is_unreachable_for_one_step_is_not_changed_further_and_stops_the_rollout(
    rollout, kind, at, done_before
):
    rollout.variables = {"a": {"rollout_break": at}}
    consent = {
        "istio_node_install_packages": True,
        "istio_node_selinux": "policy",
        "istio_node_selinux_boolean": True,
    }
    nodes = {"a": kind, "b": "quiet"}
    done = rollout.play(nodes, istio_node_serial=1, istio_node_max_fail_percentage=100, **consent)
    assert done.returncode == 2, done.stdout
    events = rollout.read_events()
    assert not {"load a", "reboot a", "load b"}.intersection(events)
    assert done_before in (None, events)
    assert find_error(done, "a").endswith('"msg": "unreachable: no route to host"}')
    assert "not changed: a is worse than its plan predicted (unreachable: no route to host)" in find_error(done, "b")


def test_unreachable_nodes_stop_the_rollout(rollout):
    done = rollout.play({"a": "down", "b": "quiet"}, istio_node_serial=1)
    assert done.returncode == 2, done.stdout
    assert rollout.read_events() == []
    assert "not changed: 100.0 % of the nodes so far have failed, " in find_error(done, "b")


def test_without_batches_a_worse_node_stops_nothing(rollout):
    done = rollout.play({"a": "worse", "b": "waiting"}, **HOOKS)
    assert done.returncode == 2, done.stdout
    assert list_failed(done) == {"a"}
    assert "uncordon b" in rollout.read_events()


def test_a_stopped_rollout_is_resumed_with_the_last_report(rollout, tmp_path):
    rollout.fail_kubectl("drain b")
    nodes = dict.fromkeys("abcd", "waiting")
    report = {"istio_report_dir": str(tmp_path / "out"), "istio_report_formats": ["remaining"]}
    done = rollout.play(nodes, istio_node_serial=1, **HOOKS, **report)
    assert done.returncode == 2, done.stdout
    remaining = tmp_path / "out" / "remaining-hosts.txt"
    assert remaining.read_text() == "b\nc\nd\n"
    rollout.read_events()

    rollout.fail_kubectl("drain d")
    limit = ("--limit", f"@{remaining}")
    done = rollout.play(nodes, *limit, istio_node_serial=1, **HOOKS, **report)
    assert done.returncode == 2, done.stdout
    assert [event for event in rollout.read_events() if event.startswith("drain")] == ["drain b", "drain c", "drain d"]
    assert remaining.read_text() == "d\n"

    rollout.fail_kubectl("")
    rollout.play(nodes, *limit, istio_node_serial=1, **HOOKS, **report)
    assert rollout.read_events() == ["drain d", "load d", "reboot d", "uncordon d"]
    assert remaining.read_text() == "!all\n"

    # Ansible would prepare all nodes if the file were empty.
    done = rollout.play(nodes, *limit, istio_node_serial=1, **HOOKS, **report)
    assert done.returncode == 1, done.stdout
    assert "--limit leaves us with no hosts to target" in " ".join(done.stdout.split())
    assert rollout.read_events() == []


def test_a_stopped_rollout_is_resumed_with_the_retry_file(rollout, tmp_path):
    rollout.fail_kubectl("drain b")
    nodes = dict.fromkeys("abc", "waiting")
    rollout.environment = {"ANSIBLE_RETRY_FILES_ENABLED": "true", "ANSIBLE_RETRY_FILES_SAVE_PATH": str(tmp_path)}
    done = rollout.play(nodes, istio_node_serial=1, **HOOKS)
    assert done.returncode == 2, done.stdout
    (retry,) = tmp_path.glob("*.retry")
    assert retry.read_text().split() == ["b", "c"]
    rollout.read_events()
    rollout.fail_kubectl("")
    done = rollout.play(nodes, "--limit", f"@{retry}", istio_node_serial=1, **HOOKS)
    assert done.returncode == 0, done.stdout
    assert [event for event in rollout.read_events() if event.startswith("drain")] == ["drain b", "drain c"]


@pytest.mark.parametrize("playbook", ["audit_istio_nodes", "prepare_istio_nodes"])
def test_hosts_that_are_not_linux_nodes_are_skipped_and_fail_nothing(rollout, tmp_path, playbook):
    rollout.variables = {
        "win": {"ansible_shell_type": "powershell"},
        "switch": {"ansible_network_os": "{{ 'cisco.ios' }}.ios"},
    }
    report = {"istio_report_dir": str(tmp_path / "out"), "istio_report_fail_on": ["no_data", "unknown"]}
    nodes = {"a": "quiet", "bsd": "bsd", "win": "down", "switch": "down"}
    done = rollout.play(nodes, playbook=f"nodeprep.istio.{playbook}", istio_node_probe=False, **report)
    assert done.returncode == 0, done.stdout
    shown = re.findall(r"^(\w+) +skipped +not a Linux node: (.*)$", done.stdout, re.MULTILINE)
    assert shown == [("bsd", "FreeBSD"), ("switch", "a network device"), ("win", "Windows")], done.stdout
    document = json.loads((tmp_path / "out" / "report.json").read_text())
    assert document["totals"]["verdicts"]["skipped"] == 3


@pytest.mark.parametrize(
    "text, problem",
    [
        ("- no.such.module:\n", "after.yml: cannot be run (couldn't resolve module/action 'no.such.module'"),
        ("- ansible.builtin.debug:\n  whne: true\n", "after.yml: cannot be run (conflicting action statements: "),
        ("- ansible.builtin.include_tasks: more.yml\n", "more.yml: cannot be run (couldn't resolve module/action "),
    ],
)
def test_a_task_that_would_end_the_run_is_an_error_before_any_node_is_contacted(rollout, tmp_path, text, problem):
    (tmp_path / "after.yml").write_text(text)
    (tmp_path / "more.yml").write_text("- no.such.module:\n")
    done = rollout.play({"a": "waiting"}, istio_node_after_disruption_tasks=str(tmp_path / "after.yml"))
    assert done.returncode == 2, done.stdout
    assert "istio_node_after_disruption_tasks: " in done.stdout
    assert problem in done.stdout
    assert done.stdout.count("fatal: ") == 1
    assert rollout.read_events() == []
