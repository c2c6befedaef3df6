# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JUnit XML as its consumers read it."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.junit_xml import render
from ansible_collections.nodeprep.istio.tests.unit.support.document_factory import (
    DOCUMENTS,
    make_failed_document,
    make_waived_document,
    render_text,
)
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import build
from junitparser import Error, Failure, JUnitXml, Skipped


def parse(document):
    return list(JUnitXml.fromstring(render_text(render, document).encode()))


@pytest.fixture(scope="module", params=DOCUMENTS)
def document(request):
    return DOCUMENTS[request.param]()


def test_each_suite_counts_its_cases(document):
    for suite in parse(document):
        results = [type(result) for case in suite for result in case.result]
        assert suite.failures == results.count(Failure)
        assert suite.errors == results.count(Error)
        assert suite.skipped == results.count(Skipped)


def test_the_results_follow_the_verdict(document):
    for suite, node in zip(parse(document), document.nodes, strict=True):
        assert {case.name for case in suite} >= {part for part, _text in node.failures}
        if node.verdict in ("not_ready", "at_risk"):
            assert suite.failures
        elif node.verdict in ("unknown", "no_data"):
            assert suite.errors
        elif not node.failures:
            assert not suite.failures
            assert not suite.errors


def test_the_root_element_counts_all_cases(document, tmp_path):
    path = tmp_path / "report.xml"
    path.write_text(render_text(render, document), encoding="utf-8")
    suites = JUnitXml.fromfile(str(path))
    assert suites.tests == sum(suite.tests for suite in suites)
    assert suites.failures == sum(suite.failures for suite in suites)


@pytest.mark.parametrize("part, kind", [("run", Error), ("probe", Failure)])
def test_a_failure_on_a_ready_node_is_a_case(part, kind):
    document, text = make_failed_document(part)
    failed, passed = parse(document)
    (case,) = [case for case in failed if case.name == part]
    assert [(type(result), result.message) for result in case.result] == [(kind, text)]
    assert failed.errors + failed.failures == 1
    assert passed.errors + passed.failures == 0


def test_a_waived_requirement_is_skipped_with_its_reason():
    text = render_text(render, make_waived_document())
    assert "waived until 2027-01-01: bridges are not used" in text


def test_an_empty_fleet_has_no_tests():
    assert ElementTree.fromstring(render_text(render, build([]))).get("tests") == "0"
