# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON of a document fits its schema, and a document can be read from it again."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.builder import NOT_RECORDED, NOT_SELECTED, Builder
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats import json_document
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.json_reader import read_report
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import listed_tables
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import (
    KINDS,
    NOW,
    SELECTION,
    build,
    fleet,
    make_alternatives,
    make_declared,
    make_outcome,
    make_target,
    outcome,
)
from ansible_collections.nodeprep.istio.tests.unit.support.malformed import hostile

ROLE = Path(__file__).parents[6] / "roles" / "istio_report"
SCHEMA = json.loads((ROLE / "files" / "report.schema.json").read_text())


def check(document):
    """Check the JSON of a document against the schema, and return the document that is read from it."""
    text = "".join(json_document.render(document))
    jsonschema.validate(json.loads(text), SCHEMA, cls=jsonschema.Draft202012Validator)
    return read_report(text, "x")


def test_the_schema_is_valid():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_fleet_fits_the_schema_and_reads_back():
    document = build(fleet(300, SELECTION))
    assert check(document) == document
    assert sum(document.totals.values()) == len(document.nodes) == 300
    for verdict in ("ready", "at_risk", "not_ready", "unknown", "no_data"):
        assert document.totals[verdict]


def test_nodes_without_data_fit_the_schema():
    builder = Builder()
    builder.add("a", {"unreachable": True, "msg": "timed out"})
    builder.add_missing("b", "not_selected", NOT_SELECTED)
    builder.add_missing("c", "not_recorded", NOT_RECORDED)
    document = builder.document(NOW)
    assert check(document) == document


def test_a_requirement_that_is_only_needed_after_a_reboot_fits_the_schema():
    ambient = Selection.from_options({"mode": "ambient", "profile": "effective"})
    document = build([("node-1", outcome(listed_tables(), ambient))])
    assert check(document) == document


def test_plan_execution_and_probe_fit_the_schema():
    plan = {"expected": {"verdict": "ready"}, "steps": [{"what": "load", "why": "it is missing"}]}
    probe = {"predicted": "ready", "result": "failed", "counts": {"failed": 1}, "causes": [{"message": "no xt_owner"}]}
    execution = {"loaded": ["xt_owner"], "check_mode": True}
    document = build([("a", make_outcome(plan=plan, probe=probe, execution=execution))])
    assert check(document) == document


def test_disagreements_fit_the_schema():
    selection = Selection.from_options({"mode": "ambient", "profile": "documented"})
    document = build([("a", make_outcome(kind=KINDS[5], selection=selection))])
    assert document.nodes[0].disagreements
    assert check(document) == document


def test_hostile_text_reads_back():
    document = hostile()
    assert len("".join(json_document.render(document))) < 4_000_000
    assert check(document) == document


def test_equal_rows_are_one_object_when_they_are_read():
    document = check(build([("a", make_outcome()), ("b", make_outcome())]))
    assert document.nodes[0].rows[0] is document.nodes[1].rows[0]


def test_alternatives_fit_the_schema():
    plan = make_alternatives("use A", kernel_config=["CONFIG_A=m"])
    document = build([("a", make_outcome(kind=KINDS[5], plan=plan))])
    assert document.causes[0].alternatives
    assert check(document) == document


def test_declarations_fit_the_schema_and_have_the_text_to_copy():
    first = make_declared("ignition", "xt_owner", kept=("wireguard",), conflicts=("a.conf:1 keeps xt_x from loading",))
    document = build([("a", first), ("b", make_declared()), ("c", make_declared())])
    assert check(document) == document
    talos, ignition = json.loads("".join(json_document.render(document)))["declarations"]
    assert (talos["kind"], talos["nodes"]) == ("Talos", ["b", "c"])
    assert (ignition["format"], ignition["nodes"]) == ("ignition", ["a"])
    assert json.loads(ignition["text"])["ignition"]
    assert "kubectl debug" in ignition["load_now"]


def test_a_target_fits_the_schema():
    nodes = {"a": make_outcome(target=make_target("not_ready", "x: y")), "b": make_outcome(target=make_target("ready"))}
    document = build(nodes.items())
    assert document.nodes[0].is_lost_by_target
    assert check(document) == document
