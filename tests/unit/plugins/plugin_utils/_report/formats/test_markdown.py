# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Markdown as CommonMark with tables shows it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.markdown import render
from ansible_collections.nodeprep.istio.tests.unit.support.document_factory import (
    DOCUMENTS,
    Page,
    make_failed_document,
    make_waived_document,
    render_text,
)
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import (
    KINDS,
    build,
    make_alternatives,
    make_declared,
    make_outcome,
    make_target,
)
from markdown_it import MarkdownIt


def parse(document):
    return Page(MarkdownIt("commonmark").enable("table").render(render_text(render, document)))


@pytest.fixture(scope="module", params=DOCUMENTS)
def document(request):
    return DOCUMENTS[request.param]()


def test_all_rows_of_a_table_have_the_same_number_of_cells(document):
    width = None
    before = ""
    for line in render_text(render, document).splitlines():
        if line.startswith("|"):
            cells = len(re.findall(r"(?<!\\)\|", line)) - 1
            if not before.startswith("|"):
                width = cells
            assert cells == width, line
        before = line
    assert width


def test_it_fits_a_comment_on_github(document):
    assert len(render_text(render, document)) < 65536


def test_it_has_only_headings_paragraphs_tables_and_declarations(document):
    allowed = {"h1", "h2", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "pre", "code"}
    assert set(parse(document).tags) <= allowed


def test_each_node_without_data_is_shown(document):
    shown = " ".join(parse(document).data[None].split())
    for node in document.nodes:
        if node.verdict == "no_data":
            assert " ".join(node.name.split())[:270] in shown


@pytest.mark.parametrize("part", ["run", "probe"])
def test_a_failure_on_a_ready_node_is_shown(part):
    document, text = make_failed_document(part)
    assert f"{part} failed: {text}" in parse(document).data[None]


def test_waivers_are_shown():
    text = render_text(render, make_waived_document())
    assert "bridges are not used" in text
    assert "2027-01-01" in text


def test_an_empty_fleet_has_no_node():
    assert "**No nodes** of 0 nodes." in render_text(render, build([]))


def test_a_declaration_is_shown_once_for_all_its_nodes_with_the_text_to_copy():
    conflict = "/etc/modprobe.d/a.conf:3 keeps ``` from loading"
    nodes = [(name, make_declared("cloud_init", "xt_owner", conflicts=(conflict,))) for name in "abc"]
    document = build([*nodes, ("d", make_outcome())])
    text = render_text(render, document)
    (shared,) = document.declarations
    assert f"```\n{shared.declaration.text}```\n" in text
    shown = parse(document).data[None]
    assert "cloud-init for a, b, c:" in " ".join(shown.split())
    assert shared.declaration.text in shown
    assert shared.declaration.load_now in shown
    assert f"First: {conflict}" in shown


def test_only_the_declarations_of_most_nodes_are_shown():
    nodes = [(str(number), make_declared("nixos", f"xt_{number}")) for number in range(8)]
    text = render_text(render, build(nodes))
    assert text.count("**NixOS** for ") == 5
    assert "And 3 more: see the HTML report." in text


def test_alternatives_are_shown_with_the_cause_and_the_node():
    document = build([("a", make_outcome(kind=KINDS[5], plan=make_alternatives("use A")))])
    shown = parse(document).data[None]
    assert "for the running kernel; use A: helps on 1 of 1 node" in shown
    assert "is not installed; alternative: use A" in shown


def test_nodes_that_the_change_would_lose_are_shown():
    nodes = {"a": make_outcome(target=make_target("not_ready", "x: y")), "b": make_outcome(target=make_target("ready"))}
    shown = parse(build(nodes.items())).data[None]
    assert "After the change to ambient: 1 of 2 nodes that are ready or on_demand now would not be: a." in shown
    assert "x: y" in shown


def test_the_head_has_the_age_of_recordings():
    document = replace(build([("a", make_outcome())]), generated_at="2026-11-26T05:00:00Z", merged_from=("x",))
    assert "The oldest facts are 2 days old\n" in render_text(render, document)
