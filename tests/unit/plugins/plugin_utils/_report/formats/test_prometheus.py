# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics as Prometheus reads them."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.prometheus import render
from ansible_collections.nodeprep.istio.tests.unit.support.document_factory import (
    DOCUMENTS,
    make_failed_document,
    make_waived_document,
    render_text,
)
from prometheus_client.parser import text_string_to_metric_families


def parse(document):
    families = text_string_to_metric_families(render_text(render, document))
    return {family.name.removeprefix("nodeprep_istio_"): family for family in families}


@pytest.fixture(scope="module", params=DOCUMENTS)
def document(request):
    return DOCUMENTS[request.param]()


def test_each_metric_is_a_gauge_with_a_description(document):
    for family in parse(document).values():
        assert family.documentation
        assert family.type == "gauge"


def test_nodes_are_counted_by_verdict(document):
    counts = {sample.labels["verdict"]: sample.value for sample in parse(document)["nodes"].samples}
    assert counts == document.totals


def test_each_node_has_its_verdict(document):
    samples = parse(document)["node_verdict"].samples
    verdicts = {sample.labels["node"]: sample.labels["verdict"] for sample in samples}
    assert verdicts == {node.name: node.verdict for node in document.nodes}


def test_each_node_with_data_has_its_gaps(document):
    gaps = {sample.labels["node"]: sample.value for sample in parse(document)["node_gaps"].samples}
    assert gaps == {node.name: len(node.gaps) for node in document.nodes if not node.no_data}


def test_the_report_has_its_time(document):
    assert parse(document)["report_timestamp_seconds"].samples[0].value == 1795492800


@pytest.mark.parametrize("part", ["run", "probe"])
def test_a_failure_on_a_ready_node_is_a_sample(part):
    document, _text = make_failed_document(part)
    samples = parse(document)["node_failed"].samples
    assert [(sample.labels, sample.value) for sample in samples] == [({"node": "a", "part": part}, 1)]


def test_waivers_are_counted():
    text = render_text(render, make_waived_document())
    assert 'nodeprep_istio_waivers{expired="false"} 1' in text
    assert 'nodeprep_istio_waivers{expired="true"} 0' in text
