# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded facts, fact caches and other reports as sources; and the nodes of a run."""

from __future__ import annotations

import json

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report import sources
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.builder import Builder
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats import json_document
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.sources import (
    add_recorded,
    add_run,
    failures,
    read_document,
    read_text,
    selection_of,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.unit.support import fact_factory
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import (
    KINDS,
    NOW,
    SELECTION,
    build,
    facts,
    fleet,
    outcome,
)


def recorded(path, label="", leave_out=""):
    builder = Builder()
    add_recorded(builder, str(path), label, SELECTION, str(leave_out))
    return builder.document(NOW)


def test_every_form_of_recorded_facts(tmp_path):
    good = fact_factory.recorded(facts(KINDS[0]))
    (tmp_path / "plain.json").write_text(json.dumps(good))
    (tmp_path / "module-result").write_text(json.dumps({"ansible_facts": {"istio_node": good}}))
    (tmp_path / "cache.example.net").write_text(json.dumps({"ansible_system": "Linux", "istio_node": good}))
    (tmp_path / "s1_newer-cache").write_text(json.dumps({"__payload__": json.dumps({"istio_node": good})}))
    (tmp_path / "other-facts").write_text(json.dumps({"ansible_system": "Linux"}))
    (tmp_path / "half").write_text("{")
    (tmp_path / "old-schema").write_text(json.dumps({**good, "schema": 0}))
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "report.html").write_text("<p>")
    (tmp_path / "directory").mkdir()
    nodes = {node.name: node for node in recorded(tmp_path).nodes}
    ready = {"plain", "module-result", "cache.example.net", "newer-cache"}
    assert {name for name, node in nodes.items() if node.verdict == "ready"} == ready
    assert {name: node.no_data.code for name, node in nodes.items() if node.no_data} == {
        "other-facts": "no_answer",
        "half": "unusable",
        "old-schema": "unusable",
        "binary": "unusable",
    }
    assert "old-schema: the facts have schema 0, not 3" in nodes["old-schema"].no_data.text


@pytest.mark.parametrize("text", ["[1]", '"text"', '{"name": "a-package", "version": "1.0"}'])
def test_a_file_that_is_not_of_a_node_is_refused_and_makes_no_node(tmp_path, text):
    (tmp_path / "good.json").write_text(json.dumps(fact_factory.recorded(facts(KINDS[0]))))
    (tmp_path / "package.json").write_text(text)
    for path in (tmp_path, tmp_path / "package.json"):
        with pytest.raises(ReportError, match=r"package\.json: these are neither facts of a node nor a report; name "):
            recorded(path)


def test_a_damaged_file_that_is_named_itself_is_refused(tmp_path):
    (tmp_path / "half.json").write_text("{")
    with pytest.raises(ReportError, match=r"half\.json: this cannot be read as JSON \("):
        recorded(tmp_path / "half.json")


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
def test_one_bad_recorded_node_costs_no_other_its_report(tmp_path, path, value):
    (tmp_path / "good").write_text(json.dumps(fact_factory.recorded(facts(KINDS[0]))))
    bad = fact_factory.recorded(facts(KINDS[0]))
    *above, last = path.split(".")
    holder = bad
    for name in above:
        holder = holder.setdefault(name, {})
    holder[last] = value
    (tmp_path / "bad").write_text(json.dumps(bad))
    worse, good = recorded(tmp_path).nodes
    assert good.verdict == "ready" and worse.no_data.code == "unusable"
    assert path in worse.no_data.text and "Error" not in worse.no_data.text, worse.no_data.text


@pytest.mark.parametrize("step", ["checked", "assess", "preparation"])
def test_whatever_goes_wrong_with_one_recorded_node_is_said_of_it(tmp_path, monkeypatch, step):
    def broken(*_arguments):
        raise KeyError("xt_owner")

    monkeypatch.setattr(sources, step, broken)
    (tmp_path / "a").write_text(json.dumps(fact_factory.recorded(facts(KINDS[0]))))
    (node,) = recorded(tmp_path).nodes
    assert (
        node.no_data.code == "unusable"
        and node.no_data.text == f"{tmp_path}/a: this cannot be used (KeyError: 'xt_owner')"
    )


def test_recorded_facts_give_the_report_of_the_run(tmp_path):
    nodes = [(name, given) for name, given in fleet(13, SELECTION) if "facts" in given]
    for name, given in nodes:
        (tmp_path / f"{name}.json").write_text(json.dumps(fact_factory.recorded(given["facts"])))
    document = recorded(tmp_path)
    assert document.nodes == build(nodes).nodes and document.merged_from == (
        f"recorded facts of {len(nodes)} nodes in {tmp_path}",
    )


def test_reports_as_sources(tmp_path):
    for number, nodes in enumerate((list(fleet(14, SELECTION))[:7], list(fleet(14, SELECTION))[7:])):
        (tmp_path / f"slice-{number}.json").write_text("".join(json_document.render(build(nodes))))
    document = recorded(tmp_path)
    assert document.totals == build(fleet(14, SELECTION)).totals
    assert len(recorded(tmp_path, leave_out=tmp_path / "slice-1.json").nodes) == 7
    assert recorded(tmp_path / "slice-0.json", "fra").nodes[0].name == "fra/node-01"


def test_a_source_that_is_not_there_gets_one_clear_error(tmp_path):
    with pytest.raises(ReportError, match="nowhere: there is no such file or directory"):
        recorded(tmp_path / "nowhere")
    with pytest.raises(ReportError, match="cannot be read .No such file"):
        read_text(str(tmp_path / "waivers.yml"))
    (tmp_path / "report.json").write_text('{"nodes": []}')
    with pytest.raises(ReportError, match="report.json: this is no report of schema 2"):
        read_document(str(tmp_path / "report.json"))
    with pytest.raises(ReportError, match="report.json: this is no report of schema 2"):
        recorded(tmp_path)


class Hostvars(dict):
    def raw_get(self, name):
        return self[name]


def test_the_nodes_of_a_run():
    broken = {"istio_node_outcome": {**outcome(facts(KINDS[0]), SELECTION), "assessment": {"requirements": [5]}}}
    hostvars = Hostvars(
        a={"istio_node_outcome": outcome(facts(KINDS[0]), SELECTION)},
        b={},
        c={"istio_node_outcome": {"failure": "unreachable: x"}},
        e=broken,
    )
    builder = Builder()
    add_run(builder, {"hostvars": hostvars}, ["a", "b", "c", "e"], ["a", "b", "c", "d"])
    nodes = builder.document(NOW).nodes
    assert [node.no_data.code if node.no_data else node.verdict for node in nodes] == [
        "ready",
        "no_answer",
        "unreachable",
        "not_selected",
        "unusable",
    ]


def test_the_roles_variables_make_the_selection():
    variables = {"istio_node_mode": "{{ mode }}", "istio_node_backend": "nftables", "istio_node_state": "audited"}
    assert selection_of(
        variables, lambda value: "ambient" if value == "{{ mode }}" else value
    ) == Selection.from_options({"backend": "nftables", "mode": "ambient"})


def test_a_lost_node_is_told_without_ansibles_own_words():
    lost = {
        "istio_node_outcome": {
            "unreachable": True,
            "msg": "Task failed: Failed to connect to the host via ssh: timed out",
        }
    }
    refused = {
        "istio_node_outcome": {"failed": True, "msg": "nodeprep.istio: mode: 'x' is not one of sidecar, ambient"}
    }
    variables = {"hostvars": Hostvars(a=lost, b=refused, c={})}
    assert failures(variables, ["a", "b", "c"]) == {
        "a": "unreachable: Failed to connect to the host via ssh: timed out",
        "b": "nodeprep.istio: mode: 'x' is not one of sidecar, ambient",
    }
