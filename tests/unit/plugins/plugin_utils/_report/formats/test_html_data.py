# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data of the script: each kind of entry has its columns, and equal entries are one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.heat_map import build_heat_map
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.html_data import COLUMNS, build_script_data
from ansible_collections.nodeprep.istio.tests.unit.support.document_factory import DOCUMENTS, make_failed_document
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import (
    KINDS,
    build,
    make_alternatives,
    make_outcome,
    make_target,
)

SCRIPT = Path(__file__).parents[6] / "roles" / "istio_report" / "templates" / "report.js"


def load(document):
    return json.loads(build_script_data(document, build_heat_map(document)))


def get_values(data, kind, entry):
    return dict(zip(data["columns"][kind], entry, strict=True))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_entry_has_the_columns_of_its_kind(name):
    data = load(DOCUMENTS[name]())
    for kind in ("node", "row", "note", "system", "requirement", "waiver", "cause"):
        entries = data[f"{kind}s"]
        assert entries
        for entry in entries:
            assert len(entry) == len(data["columns"][kind])


def test_the_script_uses_only_columns_that_exist():
    script = SCRIPT.read_text()
    for kind, columns in COLUMNS.items():
        prefix = f"{kind.upper()}."
        for part in script.split(prefix)[1:]:
            column = part.split("]")[0].split(")")[0].strip()
            assert column in columns, f"{prefix}{column}"


def test_equal_nodes_share_their_entries():
    data = load(build([("a", make_outcome()), ("b", make_outcome())]))
    first, second = (get_values(data, "node", node) for node in data["nodes"])
    for column in ("system", "rows", "note", "pattern"):
        assert first[column] == second[column]
    assert len(data["notes"]) == len(data["row_lists"]) == len(data["systems"]) == 1


@pytest.mark.parametrize("part", ["run", "probe"])
def test_a_failure_is_the_text_of_a_node_with_data(part):
    document, text = make_failed_document(part)
    data = load(document)
    texts = [get_values(data, "node", node)["text"] for node in data["nodes"]]
    assert texts == [f"{part}: {text}", ""]


def test_nothing_can_end_the_script_element():
    document = DOCUMENTS["hostile"]()
    text = build_script_data(document, build_heat_map(document))
    assert not {"<", ">", "&"} & set(text)


def test_alternatives_and_kernel_options_are_apart_from_the_plan():
    plan = make_alternatives("use A", kernel_config=["CONFIG_A=m"], load=["xt_owner"])
    data = load(build([("a", make_outcome(kind=KINDS[5], plan=plan))]))
    note = get_values(data, "note", data["notes"][0])
    assert (note["alternatives"], note["kernel_config"]) == (["use A"], ["CONFIG_A=m"])
    assert [key for key, _texts in note["plan"]] == ["load", "expected"]


def test_the_details_of_a_node_have_its_target():
    data = load(build([("a", make_outcome(target=make_target("not_ready", "x: y")))]))
    assert get_values(data, "note", data["notes"][0])["target"] == "ambient: not_ready; x: y"


@pytest.mark.parametrize("merged_from, age", [((), ""), (("recordings",), " (2 days before this report)")])
def test_the_details_of_a_node_have_the_age_of_recorded_facts(merged_from, age):
    document = replace(build([("a", make_outcome())]), generated_at="2026-11-26T05:00:00Z", merged_from=merged_from)
    data = load(document)
    observed = get_values(data, "node", data["nodes"][0])["observed_at"]
    assert observed == document.nodes[0].observed_at + age
