# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions that print the summary and write the report, without a play around them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.nodeprep.istio.plugins.action import fleet_preflight, fleet_report, fleet_summary
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import KINDS, NOW, SELECTION, facts, outcome


class Hostvars(dict):
    def raw_get(self, name):
        return self[name]


def run(plugin, outcomes, variables=None, **arguments):
    """Run an action over hosts that left these outcomes; the variables are those of the first of them."""
    task = SimpleNamespace(
        args={"generated_at": NOW, **arguments},
        async_val=0,
        check_mode=False,
        diff=False,
        action="x",
        get_name=lambda: "x",
    )
    templar = SimpleNamespace(template=lambda value: value)
    hostvars = Hostvars({name: {"istio_node_outcome": found} for name, found in outcomes.items()})
    action = plugin.ActionModule(
        task,
        SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused")),
        SimpleNamespace(check_mode=False),
        None,
        templar,
        None,
    )
    return action.run(
        task_vars={
            "hostvars": hostvars,
            "ansible_play_hosts_all": list(outcomes),
            "inventory_hostname": next(iter(outcomes)),
            **(variables or {}),
        }
    )


def test_the_summary_of_a_fleet_whose_first_node_has_a_bad_selection():
    outcomes = {"a": {"failure": "istio_version: 'xx' is no version"}, "b": outcome(facts(KINDS[0]), SELECTION)}
    title, *lines = run(fleet_summary, outcomes, {"istio_node_istio_version": "xx"})["lines"]
    assert title == "Istio node readiness: iptables, sidecar and ambient, dual, Istio 1.31, profile combined"
    assert any("'xx' is no version" in line for line in lines) and any(
        line.startswith("b ") and " ready " in line for line in lines
    )


def test_the_summary_without_any_answer_says_what_was_asked_or_that_it_is_unknown():
    gone = {"a": {"failure": "unreachable: x"}, "b": {"failure": "unreachable: y"}}
    title, *lines = run(fleet_summary, gone, {"istio_node_istio_version": "xx"})["lines"]
    assert title.startswith("Istio node readiness: selection unknown (") and "xx" in title
    assert [line.split()[:2] for line in lines[1:3]] == [["a", "no_data"], ["b", "no_data"]] and lines[
        -1
    ] == "2 no_data."
    assert run(fleet_summary, gone)["lines"][0].startswith("Istio node readiness: iptables, sidecar, ipv4")


@pytest.mark.parametrize("plugin, arguments", [(fleet_summary, {}), (fleet_report, {"dir": "out", "templates": "t"})])
def test_an_error_is_told_once(tmp_path, monkeypatch, plugin, arguments):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AnsibleActionFail) as raised:
        run(plugin, {"a": {}}, waivers=str(tmp_path / "no.yml"), **arguments)
    # ansible-core 2.19 and newer append the message of the cause.
    assert (
        str(raised.value).count("cannot be read") == 1
        and raised.value.__cause__ is None
        and raised.value.__suppress_context__
    )


def test_the_gate_is_shut_by_a_verdict_and_by_a_proof_against_one(tmp_path):
    proof = {
        "predicted": "ready",
        "result": "failed",
        "counts": {"failed": 1},
        "causes": [{"message": "for want of xt_owner"}],
        "findings": [],
    }
    outcomes = {
        "a": {**outcome(facts(KINDS[0]), SELECTION), "probe": proof},
        "b": outcome(facts(KINDS[5]), SELECTION),
        "c": outcome(facts(KINDS[0]), SELECTION),
    }
    arguments = {"dir": str(tmp_path), "formats": ["json"], "templates": "t"}
    told = {
        gates: run(fleet_report, outcomes, fail_on=list(gates), **arguments)["failing"]
        for gates in ((), ("probe_failed",), ("not_ready", "probe_failed"))
    }
    assert list(told.values()) == [
        "",
        "1 probe_failed: a (ready, probe_failed)",
        "1 probe_failed, 1 not_ready: b (not_ready), a (ready, probe_failed)",
    ]


def test_each_host_is_told_why_the_gate_is_shut_on_it(tmp_path):
    """What failed is told first; nodes that are no hosts are told on a host that fails anyhow, else on the one that writes."""
    outcomes = {
        "a": outcome(facts(KINDS[0]), SELECTION),
        "b": outcome(facts(KINDS[5]), SELECTION),
        "c": {"failure": "unreachable: x"},
    }
    arguments = {"dir": str(tmp_path), "formats": ["json"], "templates": "t", "nodes": ["a", "b", "c", "d"]}
    found = run(fleet_report, outcomes, fail_on=["not_ready", "no_data"], **arguments)["failures"]
    assert found.keys() == {"b", "c"} and all(
        text.endswith(f". The report: {tmp_path}/report.json") for text in found.values()
    )
    assert found["b"].startswith(
        "istio_report_fail_on does not accept not_ready: kernel-modules-extra is not installed. "
    )
    assert found["c"].startswith(
        "unreachable: x; the gate istio_report_fail_on is shut by nodes that are no hosts of this run too: 1 no_data: d (no_data)."
    )
    ready = {"a": outcomes["a"]}
    assert (
        "1 no_data: d (no_data)"
        in run(fleet_report, ready, fail_on=["no_data"], **{**arguments, "nodes": ["d"]})["failures"]["a"]
    )
    assert run(fleet_report, ready, fail_on=["no_data"], **{**arguments, "nodes": []})["failures"] == {}
    # The hosts of the run may be others than those of the play that writes.
    assert run(fleet_report, outcomes, hosts=["a"], **{**arguments, "nodes": []})["nodes"] == 1


def check(by_host, hosts, pattern="all", play=None):
    """Run the check over hosts with these variables of the inventory; also those of the play or the command line."""
    task = SimpleNamespace(
        args={"pattern": pattern, "hosts": hosts},
        async_val=0,
        check_mode=False,
        diff=False,
        action="x",
        get_name=lambda: "x",
    )
    templar = SimpleNamespace(template=lambda value: value)
    first = next(iter(by_host))
    action = fleet_preflight.ActionModule(
        task,
        SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused")),
        SimpleNamespace(check_mode=False),
        None,
        templar,
        None,
    )
    variables = {
        **by_host[first],
        **(play or {}),
        "hostvars": Hostvars(by_host),
        "inventory_hostname": first,
        "ansible_play_hosts_all": list(by_host),
    }
    return action.run(task_vars=variables)


def test_the_check_looks_at_the_hosts_of_the_pattern_that_are_in_the_run():
    by_host = {
        "a": {"istio_node_mode": "typo"},
        "b": {"istio_node_mode": "ambient"},
        "c": {"istio_node_profile": "typo"},
    }
    assert check(by_host, ["b", "not in this run"]) == {"changed": False, "hosts": 1}
    found = check(by_host, ["a", "b", "c"])
    assert (
        found["failed"]
        and "istio_node_mode: 'typo' is not one of sidecar, ambient, or a list of them (for a)" in found["msg"]
        and "(for c)" in found["msg"]
    )
    # What the command line says holds for all, whatever the inventory says.
    assert not check(by_host, ["a", "b"], play={"istio_node_mode": "sidecar"}).get("failed")
    assert "(for " not in check(by_host, ["a", "b"], play={"istio_node_mode": "nothing"})["msg"]


@pytest.mark.parametrize("name", ["a b", "a,b", "a:b", "!a"])
def test_the_check_refuses_a_host_that_no_play_can_name(name):
    assert f"cannot name these hosts in a play: {name}. " in check({"good": {}, name: {}}, ["good", name])["msg"]
    assert not check(
        {"fd00::1": {}, "10.0.0.1": {}, "n-1.example.net": {}}, ["fd00::1", "10.0.0.1", "n-1.example.net"]
    ).get("failed")


@pytest.mark.parametrize(
    "hosts, message",
    [([], "no host of the inventory matches 'x'"), (["z"], "no host of 'x' is in this run: --limit leaves all")],
)
def test_the_check_refuses_a_run_without_hosts(hosts, message):
    assert message in check({"a": {}}, hosts, pattern="x")["msg"]
