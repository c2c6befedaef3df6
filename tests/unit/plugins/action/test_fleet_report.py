# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions that print the summary and write the report, without a play around them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.nodeprep.istio.plugins.action import fleet_report, fleet_summary
from ansible_collections.nodeprep.istio.tests.unit.support import recording_factory
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import KINDS, NOW, make_outcome
from ansible_collections.nodeprep.istio.tests.unit.support.recorded_node import RecordedNode


class Hostvars(dict):
    def raw_get(self, name):
        return self[name]


def run(plugin, outcomes, variables=None, **arguments):
    """Run an action on hosts with these outcomes; the variables are those of the first host."""
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


def test_the_title_is_the_selection_of_a_node_with_data():
    outcomes = {"a": {"failure": "istio_version: invalid version 'xx'"}, "b": make_outcome()}
    title, *lines = run(fleet_summary, outcomes, {"istio_node_istio_version": "xx"})["lines"]
    assert title == "Istio node readiness: iptables, sidecar and ambient, dual, Istio 1.32, profile combined"
    assert any("invalid version 'xx'" in line for line in lines)
    assert any(line.startswith("b ") and " ready " in line for line in lines)


def test_without_data_the_title_is_the_selection_of_the_variables():
    gone = {"a": {"unreachable": True, "msg": "x"}, "b": {"unreachable": True, "msg": "y"}}
    assert run(fleet_summary, gone)["lines"][0].startswith("Istio node readiness: iptables, sidecar, ipv4")
    title, *lines = run(fleet_summary, gone, {"istio_node_istio_version": "xx"})["lines"]
    assert title.startswith("Istio node readiness: selection unknown (")
    assert "xx" in title
    assert [line.split()[:2] for line in lines[1:3]] == [["a", "no_data"], ["b", "no_data"]]
    assert lines[-1] == "2 no_data."


@pytest.mark.parametrize("plugin, arguments", [(fleet_summary, {}), (fleet_report, {"dir": "out", "templates": "t"})])
def test_an_error_is_shown_once(tmp_path, monkeypatch, plugin, arguments):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AnsibleActionFail) as raised:
        run(plugin, {"a": {}}, waivers=str(tmp_path / "no.yml"), **arguments)
    assert str(raised.value).count("cannot be read") == 1
    # ansible-core 2.19 and newer append the message of the cause.
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


OUTCOMES = {
    "a": make_outcome(),
    "b": make_outcome(kind=KINDS[5]),
    "c": {"unreachable": True, "msg": "x"},
}


def write_report(directory, outcomes=None, **arguments):
    outcomes = OUTCOMES if outcomes is None else outcomes
    return run(fleet_report, outcomes, **{"dir": str(directory), "formats": ["json"], "templates": "t", **arguments})


def test_the_nodes_that_fail_the_gate_are_named(tmp_path):
    assert write_report(tmp_path)["failing"] == ""
    assert write_report(tmp_path, fail_on=["not_ready"])["failing"] == "1 not_ready: b (not_ready)"


def test_the_error_of_a_host_ends_with_the_path_of_the_report(tmp_path):
    failures = write_report(tmp_path, fail_on=["not_ready", "no_data"], nodes=["a", "b", "c", "d"])["failures"]
    assert failures.keys() == {"b", "c"}
    reason = "istio_report_fail_on matched not_ready: kernel-modules-extra is not installed"
    assert failures["b"].startswith(f"{reason}; alternative: ")
    assert failures["b"].endswith(f". Report: {tmp_path}/report.json")
    assert failures["c"].startswith("unreachable: x; istio_report_fail_on also matched nodes outside this run: ")


def test_nodes_outside_the_run_fail_the_host_that_writes_the_report(tmp_path):
    ready = {"a": OUTCOMES["a"]}
    failures = write_report(tmp_path, ready, fail_on=["no_data"], nodes=["d"])["failures"]
    assert "1 no_data: d (no_data)" in failures["a"]
    assert write_report(tmp_path, ready, fail_on=["no_data"], nodes=[])["failures"] == {}


def test_the_hosts_of_the_run_may_be_others_than_those_of_the_play(tmp_path):
    assert write_report(tmp_path, hosts=["a"])["nodes"] == 1


def test_the_reason_of_unusable_sources_is_displayed(tmp_path, monkeypatch):
    (tmp_path / "node-1").write_text('{"schema": 2, "modules": {}}')
    shown = []
    monkeypatch.setattr(fleet_report.Display, "display", lambda _self, text: shown.append(text))
    write_report(tmp_path / "report", sources=[str(tmp_path / "node-1")])
    assert f"No data of node-1: {tmp_path}/node-1: the facts: schema is 2, not 3; gather the facts " in shown[0]
    assert "\n1 no_data.\n" in shown[0]


def test_a_source_is_a_path_or_a_mapping(tmp_path):
    with pytest.raises(AnsibleActionFail, match="source 5 is neither a path nor a mapping of path and label; give"):
        write_report(tmp_path, sources=[5])


@pytest.fixture
def recordings(tmp_path):
    """A directory with a good recording and a damaged one."""
    node = RecordedNode(tmp_path / "root")
    directory = tmp_path / "recordings"
    directory.mkdir()
    (directory / "a.tar.gz").write_bytes(recording_factory.record_node(node.root, name="a", recorded_at=NOW))
    (directory / "b.tar.gz").write_bytes(b"")
    return directory


@pytest.mark.parametrize("is_written", [False, True])
def test_the_summary_of_recordings_is_that_of_a_run(tmp_path, monkeypatch, recordings, is_written):
    shown = []
    monkeypatch.setattr(fleet_report.Display, "display", lambda _self, text: shown.append(text))
    if is_written:
        write_report(tmp_path / "report", sources=[str(recordings)], summary=True)
    else:
        result = run(fleet_summary, OUTCOMES, sources=[str(recordings)], fail_on=["no_data"])
        assert result["failing"] == "1 no_data: b (no_data)"
    lines = shown[0].strip().split("\n")
    assert lines[0] == "Istio node readiness: iptables, sidecar, ipv4, Istio 1.32, profile combined"
    assert lines[1].split()[:4] == ["NODE", "SYSTEM", "AGE", "VERDICT"]
    assert [line.split()[0] for line in lines[2:4]] == ["a", "b"]
    assert lines[3].endswith(f"{recordings}/b.tar.gz: it is empty; record the node again")


def test_recordings_that_are_too_old_have_no_data(recordings):
    sources = [str(recordings / "a.tar.gz")]
    assert run(fleet_summary, OUTCOMES, sources=sources, fail_on=["no_data"])["failing"] == ""
    result = run(
        fleet_summary,
        OUTCOMES,
        sources=sources,
        fail_on=["no_data"],
        max_age_hours=1,
        generated_at="2026-11-24T05:00:01Z",
    )
    assert result["failing"] == "1 no_data: a (no_data)"


@pytest.mark.parametrize("plugin, arguments", [(fleet_summary, {}), (fleet_report, {"dir": "out", "templates": "t"})])
def test_sources_without_nodes_are_an_error(tmp_path, monkeypatch, plugin, arguments):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(AnsibleActionFail, match="empty: no node is recorded there; give recordings, "):
        run(plugin, OUTCOMES, sources=["empty"], **arguments)
