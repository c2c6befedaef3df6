# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that is not a Linux node is shown as skipped in every format, and fails nothing."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.builder import Builder
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.declared import list_failures
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats import (
    csv_tables,
    json_document,
    junit_xml,
    markdown,
    prometheus,
    remaining_hosts,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.json_reader import read_report
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.gate import GATES, Gate
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.summary import describe_no_data, summarize

SKIPPED = {"skipped": True, "other_system": "Windows", "msg": "not a Linux node: Windows"}


@pytest.fixture(scope="module")
def document():
    builder = Builder()
    builder.add("win-1", SKIPPED)
    return builder.document("2026-11-24T04:00:00Z")


@pytest.mark.parametrize(
    "render, text",
    [
        (csv_tables.render_nodes, "win-1,,,skipped,"),
        (csv_tables.render_nodes, "not a Linux node: Windows"),
        (csv_tables.render_requirements, "win-1,skipped,,,,other_system,"),
        (json_document.render, '"verdict":"skipped"'),
        (junit_xml.render, '<skipped message="not a Linux node: Windows"'),
        (junit_xml.render, 'errors="0" skipped="1"'),
        (markdown.render, "1 skipped"),
        (prometheus.render, 'nodeprep_istio_node_verdict{node="win-1",verdict="skipped"} 1'),
    ],
)
def test_each_format_shows_it(document, render, text):
    assert text in "".join(render(document)).replace("\\", "")


def test_it_is_no_failure(document):
    assert list(remaining_hosts.render(document)) == ["!all\n"]
    assert Gate(document, GATES).list_failing() == []
    assert "skipped" not in GATES
    assert list_failures(document) == {}
    assert describe_no_data(document) == []


def test_the_summary_has_its_reason_and_its_number(document):
    lines = summarize(document, "no node has data")
    assert lines[2].split()[:2] == ["win-1", "skipped"]
    assert lines[2].endswith("not a Linux node: Windows")
    assert lines[-1] == "1 skipped."


def test_the_report_is_read_again(document):
    text = "".join(json_document.render(document))
    assert read_report(text, "x").nodes == document.nodes
