# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CSV as a spreadsheet reads it."""

from __future__ import annotations

import csv
import io

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.csv_tables import (
    render_nodes,
    render_requirements,
)
from ansible_collections.nodeprep.istio.tests.unit.support.document_factory import (
    DOCUMENTS,
    make_failed_document,
    make_waived_document,
    render_text,
)
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import (
    KINDS,
    build,
    make_alternatives,
    make_outcome,
    make_target,
)


def parse(renderer, document):
    return list(csv.DictReader(io.StringIO(render_text(renderer, document).removeprefix("\ufeff"))))


@pytest.fixture(scope="module", params=DOCUMENTS)
def document(request):
    return DOCUMENTS[request.param]()


def test_each_node_has_a_line(document):
    rows = parse(render_nodes, document)
    assert [row["verdict"] for row in rows] == [node.verdict for node in document.nodes]


def test_each_requirement_has_a_line_and_so_has_a_node_without_data(document):
    rows = parse(render_requirements, document)
    assert len(rows) == sum(max(len(node.rows), 1) for node in document.nodes)
    assert {row["node"] for row in rows} == {row["node"] for row in parse(render_nodes, document)}


def test_no_cell_is_a_formula(document):
    """These starts are those of OWASP's list, not those of the code."""
    for row in [*parse(render_nodes, document), *parse(render_requirements, document)]:
        for cell in row.values():
            assert cell is not None
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@pytest.mark.parametrize("part", ["run", "probe"])
def test_a_failure_on_a_ready_node_is_shown(part):
    document, text = make_failed_document(part)
    rows = parse(render_nodes, document)
    assert [(row["failures"], row["no_data"]) for row in rows] == [(f"{part}: {text}", ""), ("", "")]


def test_a_waiver_is_shown_with_its_last_day():
    assert ",2027-01-01," in render_text(render_requirements, make_waived_document())


def test_alternatives_and_kernel_options_have_columns():
    plan = make_alternatives("use A", "use B", kernel_config=["CONFIG_A=m", "CONFIG_B=y"])
    (row,) = parse(render_nodes, build([("a", make_outcome(kind=KINDS[5], plan=plan))]))
    assert (row["alternatives"], row["kernel_config"]) == ("use A; use B", "CONFIG_A=m CONFIG_B=y")


def test_the_target_has_columns():
    (row,) = parse(render_nodes, build([("a", make_outcome(target=make_target("at_risk", "x: y", "z: y")))]))
    assert (row["target"], row["target_reasons"]) == ("at_risk", "x: y; z: y")
