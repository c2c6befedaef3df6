# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded facts, fact caches and other reports as sources, and the nodes of a run."""

from __future__ import annotations

import datetime
import json
import os
import weakref
from pathlib import Path

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report import sources
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.builder import Builder
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats import json_document
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.sources import (
    RecordedSource,
    add_expected,
    add_run,
    add_sources,
    check_nodes,
    check_source,
    collect_failures,
    find_report_host,
    read_document,
    read_run,
    read_selection,
    read_text,
    read_waiver_file,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.summary import summarize
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.unit.support import fact_factory, recording_factory
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import (
    KINDS,
    NOW,
    SELECTION,
    build,
    facts,
    fleet,
    make_outcome,
)
from ansible_collections.nodeprep.istio.tests.unit.support.recorded_node import RecordedNode


def read_recorded(path, label="", excluded="unused"):
    builder = Builder()
    RecordedSource(Path(path), label, SELECTION, Path(excluded)).add_to(builder)
    return builder.document(NOW)


def write_facts(path, found):
    path.write_text(json.dumps(fact_factory.recorded(found)))


def test_every_form_of_recorded_facts(tmp_path):
    good = fact_factory.recorded(facts(KINDS[0]))
    (tmp_path / "plain.json").write_text(json.dumps(good))
    (tmp_path / "module-result").write_text(json.dumps({"ansible_facts": {"istio_node": good}}))
    (tmp_path / "cache.example.net").write_text(json.dumps({"ansible_system": "Linux", "istio_node": good}))
    (tmp_path / "s1_newer-cache").write_text(json.dumps({"__payload__": json.dumps({"istio_node": good})}))
    (tmp_path / "other-facts").write_text(json.dumps({"ansible_system": "Linux"}))
    (tmp_path / "half").write_text("{")
    (tmp_path / "s1_half-payload").write_text(json.dumps({"__payload__": "{"}))
    (tmp_path / "old-schema").write_text(json.dumps({**good, "schema": 0}))
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "errors.log").write_text("Error from server: no such pod\n")
    (tmp_path / "report.html").write_text("<p>")
    (tmp_path / "directory").mkdir()
    nodes = {node.name: node for node in read_recorded(tmp_path).nodes}
    ready = {"plain", "module-result", "cache.example.net", "newer-cache"}
    assert {name for name, node in nodes.items() if node.verdict == "ready"} == ready
    assert {name: node.no_data.code for name, node in nodes.items() if node.no_data} == {
        "other-facts": "no_answer",
        "half": "unusable",
        "half-payload": "unusable",
        "old-schema": "unusable",
        "binary": "unusable",
        "empty": "unusable",
        "errors.log": "unusable",
    }
    assert "old-schema: the facts: schema is 0, not 3" in nodes["old-schema"].no_data.text
    problems = {
        "half": "half: cannot be read as JSON (",
        "half-payload": "s1_half-payload: cannot be read as JSON (",
        "binary": "binary: cannot be read as JSON (",
        "empty": "empty: is empty; ",
        "errors.log": "errors.log: contains neither recordings nor JSON; ",
    }
    for name, problem in problems.items():
        assert nodes[name].no_data.text.startswith(f"{tmp_path}/{problem}")
        assert nodes[name].no_data.text.endswith(
            "; give recordings, recorded facts, a fact cache or a report.json, "
            "and keep other files out of their directory"
        )


@pytest.mark.parametrize("text", ["[1]", '"text"', '{"name": "a-package", "version": "1.0"}'])
def test_a_file_with_other_content_is_rejected(tmp_path, text):
    write_facts(tmp_path / "good.json", facts(KINDS[0]))
    (tmp_path / "package.json").write_text(text)
    for path in (tmp_path, tmp_path / "package.json"):
        with pytest.raises(ReportError, match=r"package\.json: contains neither the facts of a node nor a report; "):
            read_recorded(path)


def test_a_damaged_file_that_is_the_source_is_rejected(tmp_path):
    (tmp_path / "half.json").write_text("{")
    with pytest.raises(ReportError, match=r"half\.json: cannot be read as JSON \("):
        read_recorded(tmp_path / "half.json")


BAD = {
    "tools.nft": 5,
    "tools.iptables.version": [1],
    "options": ["MODULES"],
    "options.MODULES": {"y": 1},
    "netfilter": "none",
    "netfilter.legacy_tables": [],
    "netfilter.legacy_tables.ipv4": {"filter": 1},
    "netfilter.ipsets": "all",
    "selinux": "enforcing",
    "selinux.module_request": "no",
    "kernel.version": "6.1",
    "kernel.release": 6,
    "boot_files./etc/modules": "xt_owner",
    "os": None,
    "os.name": ["Debian"],
    "modules.xt_owner.depends": "x_tables",
    "managed.boot_file": 3,
}


@pytest.mark.parametrize("path, value", BAD.items(), ids=BAD)
def test_malformed_facts_do_not_affect_other_nodes(tmp_path, path, value):
    write_facts(tmp_path / "good", facts(KINDS[0]))
    bad = fact_factory.recorded(facts(KINDS[0]))
    *above, last = path.split(".")
    holder = bad
    for name in above:
        holder = holder.setdefault(name, {})
    holder[last] = value
    (tmp_path / "bad").write_text(json.dumps(bad))
    worse, good = read_recorded(tmp_path).nodes
    assert good.verdict == "ready" and worse.no_data.code == "unusable"
    assert path in worse.no_data.text and "Error" not in worse.no_data.text, worse.no_data.text


@pytest.mark.parametrize("step", ["expand", "parse_expanded", "assess", "build_plan"])
def test_any_error_makes_the_node_one_without_data(tmp_path, monkeypatch, step):
    def fail(*_arguments):
        raise KeyError("xt_owner")

    monkeypatch.setattr(sources, step, fail)
    write_facts(tmp_path / "a", facts(KINDS[0]))
    (node,) = read_recorded(tmp_path).nodes
    assert node.no_data.code == "unusable"
    assert node.no_data.text == f"{tmp_path}/a: cannot be used (KeyError: 'xt_owner')"


def test_recorded_facts_give_the_report_of_the_run(tmp_path):
    nodes = [(name, given) for name, given in fleet(13, SELECTION) if "facts" in given]
    for name, given in nodes:
        write_facts(tmp_path / f"{name}.json", given["facts"])
    document = read_recorded(tmp_path)
    assert document.nodes == build(nodes).nodes
    assert document.merged_from == (f"recorded facts of {len(nodes)} nodes in {tmp_path}",)


def test_reports_are_sources(tmp_path):
    nodes = list(fleet(14, SELECTION))
    for number, part in enumerate((nodes[:7], nodes[7:])):
        (tmp_path / f"slice-{number}.json").write_text("".join(json_document.render(build(part))))
    assert read_recorded(tmp_path).totals == build(nodes).totals
    assert len(read_recorded(tmp_path, excluded=tmp_path / "slice-1.json").nodes) == 7
    assert read_recorded(tmp_path / "slice-0.json", "fra").nodes[0].name == "fra/node-01"


def test_a_source_that_does_not_exist_gets_one_clear_error(tmp_path):
    with pytest.raises(ReportError, match="nowhere: no such file or directory; give "):
        read_recorded(tmp_path / "nowhere")


def test_a_directory_that_cannot_be_read_gets_one_clear_error(tmp_path, monkeypatch):
    def fail(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(sources.os, "listdir", fail)
    with pytest.raises(ReportError, match=r"cannot be read .Permission denied.; give recordings, recorded facts or"):
        read_recorded(tmp_path)


def test_a_file_that_cannot_be_read_gets_one_clear_error(tmp_path):
    with pytest.raises(ReportError, match=r"cannot be read .No such file"):
        read_text(str(tmp_path / "waivers.yml"))


def test_a_report_of_another_schema_gets_one_clear_error(tmp_path):
    (tmp_path / "report.json").write_text('{"nodes": []}')
    with pytest.raises(ReportError, match=r"report.json: not a report of schema 2"):
        read_document(str(tmp_path / "report.json"))
    with pytest.raises(ReportError, match=r"report.json: not a report of schema 2"):
        read_recorded(tmp_path)


def test_without_a_file_of_waivers_there_are_none(tmp_path):
    assert read_waiver_file(None) == []
    (tmp_path / "w.yml").write_text("- {requirement: xt_owner, reason: why, until: 2026-12-31}\n")
    assert read_waiver_file(str(tmp_path / "w.yml"))[0].where == f"{tmp_path}/w.yml:1"


class Hostvars(dict):
    def raw_get(self, name):
        return self[name]


def test_the_nodes_of_a_run():
    malformed = {**make_outcome(), "assessment": {"requirements": [5]}}
    hostvars = Hostvars(
        a={"istio_node_outcome": make_outcome()},
        b={},
        c={"istio_node_outcome": {"unreachable": True, "msg": "x"}},
        e={"istio_node_outcome": malformed},
    )
    builder = Builder()
    add_run(builder, read_run({"hostvars": hostvars}, ["a", "b", "c", "e"]), ["a", "b", "c", "d"])
    nodes = builder.document(NOW).nodes
    assert [node.no_data.code if node.no_data else node.verdict for node in nodes] == [
        "ready",
        "no_answer",
        "unreachable",
        "not_selected",
        "unusable",
    ]


def test_the_variables_of_the_role_make_the_selection():
    variables = {"istio_node_mode": "{{ mode }}", "istio_node_backend": "nftables", "istio_node_state": "audited"}
    selection = read_selection(variables, lambda value: "ambient" if value == "{{ mode }}" else value)
    assert selection == Selection.from_options({"backend": "nftables", "mode": "ambient"})


def test_the_errors_of_a_run_are_collected_by_host():
    lost = {"unreachable": True, "msg": "Task failed: Failed to connect to the host via ssh: timed out"}
    rejected = {"failed": True, "msg": "nodeprep.istio: mode: unknown value 'x'"}
    hostvars = Hostvars(a={"istio_node_outcome": lost}, b={"istio_node_outcome": rejected}, c={})
    assert collect_failures(read_run({"hostvars": hostvars}, ["a", "b", "c"])) == {
        "a": "unreachable: Failed to connect to the host via ssh: timed out",
        "b": "nodeprep.istio: mode: unknown value 'x'",
    }


def test_the_report_host_is_the_first_with_a_directory():
    hostvars = Hostvars(a={}, b={"istio_report_dir": "/srv"}, c={"istio_report_dir": "/other"})
    assert find_report_host(read_run({"hostvars": hostvars}, ["a", "b", "c"])) == "b"
    assert find_report_host(read_run({"hostvars": hostvars}, ["a"])) == ""


def make_recording(root, name, recorded_at="2026-11-24T03:00:00Z"):
    return recording_factory.record_node(root, name=name, recorded_at=recorded_at)


@pytest.fixture
def recordings(tmp_path):
    """A directory with a recording in each form, and two damaged ones."""
    node = RecordedNode(tmp_path / "root")
    node.tree()
    directory = tmp_path / "recordings"
    directory.mkdir()
    (directory / "archive.tar.gz").write_bytes(make_recording(node.root, "worker-1"))
    texts = [recording_factory.write_text(make_recording(node.root, name), name) for name in ("worker-2", "worker-3")]
    (directory / "cluster.log").write_text("starting\n" + "done\n".join(texts))
    (directory / "one.txt").write_text(recording_factory.write_text(make_recording(node.root, "worker-4"), "worker-4"))
    recording_factory.unpack(make_recording(node.root, "worker-5"), directory / "unpacked")
    (directory / "worker-6.tar.gz").write_bytes(make_recording(node.root, "worker-6")[:-20])
    (directory / "notes.txt").write_text("notes\n")
    (directory / "other").mkdir()
    write_facts(directory / "worker-7.json", facts(KINDS[0]))
    return directory


def test_recordings_in_every_form_are_judged_beside_recorded_facts(recordings):
    document = read_recorded(recordings)
    assert [node.name for node in document.nodes] == [f"worker-{number}" for number in range(1, 8)]
    assert [node.name for node in document.nodes if node.no_data] == ["worker-6"]
    damaged = document.nodes[5].no_data
    assert damaged.code == "unusable"
    assert damaged.text == (
        f"{recordings}/worker-6.tar.gz: it cannot be unpacked (it ends too early); record the node again"
    )
    assert document.nodes[0].verdict == "not_ready"
    assert document.nodes[0].observed_at == "2026-11-24T03:00:00Z"
    assert document.describe_age_of(document.nodes[0]) == "60 minutes"
    assert document.merged_from == (
        f"recordings of 6 nodes in {recordings}",
        f"recorded facts of 1 node in {recordings}",
    )


def test_a_label_is_put_before_the_names_of_recorded_nodes(recordings):
    names = [node.name for node in read_recorded(recordings / "cluster.log", "ams").nodes]
    assert names == ["ams/worker-2", "ams/worker-3"]
    assert [node.name for node in read_recorded(recordings / "worker-6.tar.gz", "ams").nodes] == ["ams/worker-6"]


def test_of_two_recordings_of_a_node_the_newer_counts(tmp_path):
    node = RecordedNode(tmp_path / "root")
    (tmp_path / "all").mkdir()
    for number, hour in enumerate([1, 3, 2]):
        time = f"2026-11-24T0{hour}:00:00Z"
        (tmp_path / "all" / f"{number}.tar.gz").write_bytes(make_recording(node.root, "worker-1", time))
    (only,) = read_recorded(tmp_path / "all").nodes
    assert only.observed_at == "2026-11-24T03:00:00Z"


def test_an_older_recording_does_not_hide_a_damaged_one(tmp_path):
    node = RecordedNode(tmp_path / "root")
    (tmp_path / "all").mkdir()
    damaged = tmp_path / "all" / "worker-1.tar.gz"
    damaged.write_bytes(make_recording(node.root, "worker-1")[:-50])
    for hour, has_data in ((1, False), (3, True)):
        time = f"2026-11-24T0{hour}:00:00Z"
        (tmp_path / "all" / "other.tar.gz").write_bytes(make_recording(node.root, "worker-1", time))
        written = datetime.datetime(2026, 11, 24, 2, tzinfo=datetime.timezone.utc).timestamp()
        os.utime(damaged, (written, written))
        (only,) = read_recorded(tmp_path / "all").nodes
        assert (only.no_data is None) == has_data
        assert has_data or only.no_data.text.startswith(f"{damaged}: it cannot be unpacked")


def test_a_directory_that_is_a_recording_is_one_source(recordings):
    assert [node.name for node in read_recorded(recordings / "unpacked").nodes] == ["worker-5"]
    check_source(recordings / "unpacked")


def test_any_error_in_a_recording_makes_its_node_one_without_data(recordings, monkeypatch):
    def fail(*_arguments):
        raise KeyError("x")

    monkeypatch.setattr(sources, "gather_facts", fail)
    (node,) = read_recorded(recordings / "archive.tar.gz").nodes
    assert node.no_data.text == f"{recordings}/archive.tar.gz: cannot be used (KeyError: 'x')"


def test_only_one_recording_is_in_memory_at_a_time(recordings, monkeypatch):
    observed = []

    def gather_facts(files, *arguments):
        assert [known for known in observed if known() is not None] == []
        observed.append(weakref.ref(files))
        return real(files, *arguments)

    real = sources.gather_facts
    monkeypatch.setattr(sources, "gather_facts", gather_facts)
    assert sum(node.no_data is None for node in read_recorded(recordings).nodes) == 6
    assert len(observed) == 5


def test_sources_without_any_node_are_an_error(tmp_path):
    with pytest.raises(ReportError) as raised:
        check_nodes(read_recorded(tmp_path), [str(tmp_path)])
    assert (
        str(raised.value) == f"{tmp_path}: no node is recorded there; give recordings, recorded facts or a report.json"
    )
    check_nodes(read_recorded(tmp_path), [])


def test_a_node_that_no_source_has_has_no_data(tmp_path):
    write_facts(tmp_path / "a.json", facts(KINDS[0]))
    builder = Builder()
    add_sources(builder, [{"path": str(tmp_path), "label": "fra"}], {}, str)
    add_expected(builder, ["fra/a", "fra/b"])
    document = builder.document(NOW)
    assert [(node.name, node.verdict) for node in document.nodes] == [("fra/a", "ready"), ("fra/b", "no_data")]
    assert document.nodes[1].no_data.code == "not_recorded"
    assert document.nodes[1].no_data.text.startswith("in none of the sources; record the node, ")
    assert summarize(document, "")[-2].split()[:2] == ["fra/b", "no_data"]


def test_sources_without_a_node_are_an_error_also_if_nodes_are_expected(tmp_path):
    builder = Builder()
    add_expected(builder, ["a"])
    with pytest.raises(ReportError, match="no node is recorded there; "):
        check_nodes(builder.document(NOW), [str(tmp_path)])


def test_nodes_share_an_answer_only_if_their_facts_are_equal(monkeypatch):
    assessed = []
    monkeypatch.setattr(sources, "assess", lambda *given: assessed.append(given) or assess(*given))
    assessor = sources.Assessor(SELECTION, None)
    made = fact_factory.recorded(facts(KINDS[0]))
    other = fact_factory.recorded(facts(KINDS[5]))
    again = {**made, "observed_at": "2026-11-25T00:00:00Z", "kernel": {**made["kernel"], "boot_id": "another"}}
    answers = [assessor.assess(found) for found in (made, other, again, made)]
    assert len(assessed) == len([made, other])
    assert [answer["facts"]["observed_at"] for answer in answers[:3:2]] == [made["observed_at"], again["observed_at"]]
    assert answers[0]["plan"] == answers[2]["plan"] == answers[3]["plan"] != answers[1]["plan"]
