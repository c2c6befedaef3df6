# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each format as its consumers read it, and hostile text in all of them."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats import (
    csv_tables,
    html_page,
    json_document,
    junit_xml,
    prometheus,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats import markdown as _report_markdown
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.write import FORMATS, write
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.waivers import WaiverRule
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import (
    KINDS,
    SELECTION,
    build,
    facts,
    fleet,
    outcome,
)
from ansible_collections.nodeprep.istio.tests.unit.support.malformed import hostile
from junitparser import Error, Failure, JUnitXml, Skipped
from markdown_it import MarkdownIt
from prometheus_client.parser import text_string_to_metric_families

TEMPLATES = Path(__file__).parents[6] / "roles" / "istio_report" / "templates"


@pytest.fixture(scope="module", params=["plain", "hostile"])
def document(request):
    waivers = [
        WaiverRule("br_netfilter", ("node-0*",), "bridges are not used", "2027-01-01", "w.yml:1"),
        WaiverRule("xt_owner", ("*",), "late", "2026-01-01"),
    ]
    return (
        hostile()
        if request.param == "hostile"
        else build(fleet(14, SELECTION), waivers=waivers, previous=build(fleet(9, SELECTION)))
    )


def rendered(renderer, document):
    return "".join(renderer(document))


def html_of(document):
    return "".join(html_page.render(document, TEMPLATES))


def test_junit(document, tmp_path):
    path = tmp_path / "report.xml"
    path.write_text(rendered(junit_xml.render, document), encoding="utf-8")
    suites = JUnitXml.fromfile(str(path))
    assert len(list(suites)) == len(document.nodes)
    for suite, node in zip(suites, document.nodes, strict=True):
        results = [type(result) for case in suite for result in case.result]
        assert (suite.failures, suite.errors, suite.skipped) == tuple(
            results.count(kind) for kind in (Failure, Error, Skipped)
        )
        assert {case.name for case in suite} >= {part for part, _text in node.failures}
        if node.verdict in ("not_ready", "at_risk"):
            assert suite.failures
        elif node.verdict in ("unknown", "no_data"):
            assert suite.errors
        elif not node.failures:
            assert not suite.failures and not suite.errors
    assert suites.tests == sum(suite.tests for suite in suites) and suites.failures == sum(
        suite.failures for suite in suites
    )


def test_csv(document):
    rows = list(csv.DictReader(io.StringIO(rendered(csv_tables.render_nodes, document).removeprefix("\ufeff"))))
    assert [row["verdict"] for row in rows] == [node.verdict for node in document.nodes]
    details = list(
        csv.DictReader(io.StringIO(rendered(csv_tables.render_requirements, document).removeprefix("\ufeff")))
    )
    assert len(details) == sum(max(len(node.rows), 1) for node in document.nodes)
    cells = [cell for row in [*rows, *details] for cell in row.values()]
    # What OWASP lists, and not what the code does.
    assert None not in cells and not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]
    assert {row["node"] for row in details} == {row["node"] for row in rows}


def test_prometheus(document):
    families = {family.name: family for family in text_string_to_metric_families(rendered(prometheus.render, document))}
    assert all(family.documentation and family.type == "gauge" for family in families.values())
    nodes = {sample.labels["verdict"]: sample.value for sample in families["nodeprep_istio_nodes"].samples}
    assert nodes == document.totals
    verdicts = {
        sample.labels["node"]: sample.labels["verdict"] for sample in families["nodeprep_istio_node_verdict"].samples
    }
    assert verdicts == {node.name: node.verdict for node in document.nodes}
    gaps = {sample.labels["node"]: sample.value for sample in families["nodeprep_istio_node_gaps"].samples}
    assert gaps == {node.name: len(node.gaps) for node in document.nodes if not node.no_data}
    assert families["nodeprep_istio_report_timestamp_seconds"].samples[0].value == 1795492800


def test_markdown(document):
    text = rendered(_report_markdown.render, document)
    lines = text.splitlines()
    tables = [line for line in lines if line.startswith("|")]
    width = None
    for before, line in zip(["", *lines], lines, strict=False):
        if line.startswith("|"):
            cells = len(re.findall(r"(?<!\\)\|", line)) - 1
            width = cells if not before.startswith("|") else width
            assert cells == width, line
    assert tables and len(text) < 65536
    page = Page(MarkdownIt("commonmark").enable("table").render(text))
    assert set(page.tags) <= {"h1", "h2", "p", "strong", "table", "thead", "tbody", "tr", "th", "td"}
    shown = " ".join(page.data[None].split())
    for node in document.nodes:
        if node.verdict == "no_data":
            assert " ".join(node.name.split())[:270] in shown


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.inside, self.data = [], [], None, {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.inside = (tag, dict(attrs).get("id")) if tag in ("script", "style") else self.inside

    def handle_endtag(self, tag):
        self.inside = None if tag in ("script", "style") else self.inside

    def handle_data(self, data):
        self.data[self.inside] = self.data.get(self.inside, "") + data


def test_html(document):
    page = Page(html_of(document))
    assert page.tags.count("script") == 2 and page.tags.count("style") == 1
    assert not {"img", "link", "iframe", "object", "b>"} & set(page.tags)
    assert not [found for found in page.attributes if found[1].startswith("on") or found[1] in ("src", "style")]
    assert all(value.startswith(("#", "https://")) for _tag, name, value in page.attributes if name == "href")
    data = json.loads(page.data[("script", "data")])
    assert [node[0] for node in data["nodes"]] == [node.name for node in document.nodes]
    assert page.data[("script", None)] == (TEMPLATES / "report.js").read_text()
    for node in document.nodes:
        assert node.name in page.data[None]


@pytest.mark.parametrize(
    "part, given",
    [
        ("run", {"failure": "No space left"}),
        ("probe", {"probe": {"result": "failed", "causes": [{"message": "no xt_x"}]}}),
    ],
)
def test_what_failed_on_a_ready_node_is_in_every_format(part, given):
    good = outcome(facts(KINDS[0]), SELECTION)
    document = build([("a", {**good, **given}), ("b", {**good, "probe": {"result": "passed", "causes": []}})])
    text = {"run": "No space left", "probe": "rules like Istio's fail on this node: no xt_x"}[part]
    assert (
        document.nodes[0].failures == ((part, text),)
        and document.nodes[1].failures == ()
        and document.totals["ready"] == 2
    )
    suites = list(JUnitXml.fromstring(rendered(junit_xml.render, document).encode()))
    (case,) = [case for case in suites[0] if case.name == part]
    assert [(type(result), result.message) for result in case.result] == [
        ({"run": Error, "probe": Failure}[part], text)
    ]
    assert (suites[0].errors, suites[0].failures) == {"run": (1, 0), "probe": (0, 1)}[part] and not suites[
        1
    ].errors + suites[1].failures
    markdown = Page(MarkdownIt("commonmark").enable("table").render(rendered(_report_markdown.render, document)))
    assert f"{part} failed: {text}" in markdown.data[None]
    families = {family.name: family for family in text_string_to_metric_families(rendered(prometheus.render, document))}
    assert [(sample.labels, sample.value) for sample in families["nodeprep_istio_node_failed"].samples] == [
        ({"node": "a", "part": part}, 1)
    ]
    rows = list(csv.DictReader(io.StringIO(rendered(csv_tables.render_nodes, document).removeprefix("\ufeff"))))
    assert [(row["failures"], row["no_data"]) for row in rows] == [(f"{part}: {text}", ""), ("", "")]
    page = Page(html_of(document))
    assert f"{part} failed: {text}" in page.data[None]
    assert [node[10] for node in json.loads(page.data[("script", "data")])["nodes"]] == [f"{part}: {text}", ""]


def test_json_of_hostile_text_reads_back():
    document = hostile()
    text = rendered(json_document.render, document)
    assert json_document.read(text, "x") == document and len(text) < 4_000_000


def test_waivers_are_in_every_format():
    document = build(
        fleet(14, SELECTION),
        waivers=[WaiverRule("br_netfilter", ("*",), "bridges are not used", "2027-01-01", "w.yml:1")],
    )
    assert "waived until 2027-01-01: bridges are not used" in rendered(junit_xml.render, document)
    assert ",2027-01-01," in rendered(csv_tables.render_requirements, document)
    for text in (
        rendered(_report_markdown.render, document),
        html_of(document),
        rendered(json_document.render, document),
    ):
        assert "bridges are not used" in text and "2027-01-01" in text
    assert 'nodeprep_istio_waivers{expired="false"} 1' in rendered(prometheus.render, document)


def test_files_are_written_whole_and_readable(tmp_path):
    document = build(fleet(10, SELECTION))
    written = write(document, str(tmp_path / "new"), ["html", *FORMATS], str(TEMPLATES))
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(
        Path(path).name for paths in written.values() for path in paths
    )
    assert all(Path(path).stat().st_mode & 0o777 == 0o644 for paths in written.values() for path in paths)
    assert list(write(document, str(tmp_path / "other"), ["csv"], str(TEMPLATES))) == ["json", "csv"]


def test_what_cannot_be_written_gets_one_clear_error(tmp_path):
    document = build([])
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match="cannot be written"):
        write(document, str(tmp_path / "file"), [], str(TEMPLATES))
    with pytest.raises(ReportError, match="there is no format pdf; there are csv, html, json"):
        write(document, str(tmp_path), ["pdf"], str(TEMPLATES))
    with pytest.raises(ReportError, match="cannot be made of these templates"):
        write(document, str(tmp_path), ["html"], str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "report.json"]


def test_an_empty_fleet():
    document = build([])
    assert ElementTree.fromstring(rendered(junit_xml.render, document)).get("tests") == "0"
    assert "0 of 0 nodes" in html_of(document) and "No node" in rendered(_report_markdown.render, document)
