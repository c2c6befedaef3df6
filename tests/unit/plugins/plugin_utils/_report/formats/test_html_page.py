# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTML page without a browser: its structure, and that no text of a node becomes markup."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats import html_page
from ansible_collections.nodeprep.istio.tests.unit.support.document_factory import (
    DOCUMENTS,
    Page,
    make_failed_document,
    make_waived_document,
    render_text,
)
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import build, make_declared, make_outcome

TEMPLATES = Path(__file__).parents[6] / "roles" / "istio_report" / "templates"
render = partial(html_page.render, templates=TEMPLATES)


@pytest.fixture(scope="module", params=DOCUMENTS)
def document(request):
    return DOCUMENTS[request.param]()


@pytest.fixture(scope="module")
def page(document):
    return Page(render_text(render, document))


def test_no_text_becomes_markup(page):
    assert page.tags.count("script") == 2
    assert page.tags.count("style") == 1
    assert not {"img", "link", "iframe", "object", "b>"} & set(page.tags)


def test_no_attribute_loads_or_runs_anything(page):
    for _tag, name, value in page.attributes:
        assert not name.startswith("on")
        assert name not in ("src", "style")
        if name == "href":
            assert value.startswith(("#", "https://"))


def test_the_script_is_that_of_the_role(page):
    assert page.data[("script", None)] == (TEMPLATES / "report.js").read_text()


def test_each_node_is_in_the_page_and_in_the_data_of_the_script(page, document):
    data = json.loads(page.data[("script", "data")])
    name = data["columns"]["node"].index("name")
    assert [node[name] for node in data["nodes"]] == [node.name for node in document.nodes]
    for node in document.nodes:
        assert node.name in page.data[None]


@pytest.mark.parametrize("part", ["run", "probe"])
def test_a_failure_on_a_ready_node_is_shown(part):
    document, text = make_failed_document(part)
    assert f"{part} failed: {text}" in Page(render_text(render, document)).data[None]


def test_waivers_are_shown():
    text = render_text(render, make_waived_document())
    assert "bridges are not used" in text
    assert "2027-01-01" in text


def test_a_declaration_is_shown_once_for_all_its_nodes_with_the_text_to_copy():
    document = build(
        [*((name, make_declared("talos", conflicts=("a.conf:1 <b>",))) for name in "abcdefgh"), ("i", make_outcome())]
    )
    page = Page(render_text(render, document))
    shown = page.data[None]
    assert page.tags.count("details") == 1
    assert "Talos for 8 nodes a, b, c, d, e, f and 2 more" in " ".join(shown.split())
    (shared,) = document.declarations
    assert shared.declaration.text in shown
    assert shared.declaration.load_now in shown
    assert "h-declarations" not in render_text(render, build([("e", make_outcome())]))


def test_the_head_has_the_age_of_recordings():
    document = replace(build([("a", make_outcome())]), generated_at="2026-11-26T05:00:00Z")
    assert "the oldest facts" not in render_text(render, document)
    recorded = replace(document, merged_from=("recordings",))
    assert "UTC</time> · the oldest facts are 2 days old</p>" in render_text(render, recorded)


def test_an_empty_fleet_has_no_node():
    assert "0 of 0 nodes are ready" in render_text(render, build([]))


def test_a_directory_without_templates_gets_one_clear_error(tmp_path):
    with pytest.raises(ReportError, match="the HTML report cannot be built from these templates"):
        render_text(partial(html_page.render, templates=tmp_path), build([]))
