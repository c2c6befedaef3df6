# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document as CSV: one line per node, and one line per requirement of each node. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.drift import describe_row
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import Document, Node, RootCause, Row

# A spreadsheet may execute a cell that starts with one of these, full-width forms included (OWASP, "CSV Injection"). A
# quote before it makes it text.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# Excel reads a file as UTF-8 only if it starts with this mark.
BYTE_ORDER_MARK = "\ufeff"
BUFFER_SIZE = 1 << 16

Cell = str | int

NODE_COLUMNS = (
    "node",
    "system",
    "kernel",
    "verdict",
    "documented",
    "effective",
    "probe",
    "gaps",
    "waived",
    "missing",
    "causes",
    "remedies",
    "alternatives",
    "kernel_config",
    "target",
    "target_reasons",
    "no_data",
    "failures",
    "observed_at",
)
REQUIREMENT_COLUMNS = (
    "node",
    "verdict",
    "requirement",
    "level",
    "profiles",
    "state",
    "now",
    "after_reboot",
    "gap",
    "waived_until",
    "reason",
    "remedy",
    "source",
)


def render_nodes(document: Document) -> Iterator[str]:
    """Yield the text of report-nodes.csv."""
    causes = document.causes_by_id
    return _render_table(NODE_COLUMNS, (_list_node_cells(node, document, causes) for node in document.nodes))


def render_requirements(document: Document) -> Iterator[str]:
    """Yield the text of report-requirements.csv; a node without data has one line."""
    return _render_table(REQUIREMENT_COLUMNS, _list_requirement_lines(document))


def _list_node_cells(node: Node, document: Document, causes: Mapping[str, RootCause]) -> Iterable[Cell]:
    gaps = node.gaps
    causes_here = [causes[cause] for cause in dict.fromkeys(row.cause for row in gaps)]
    return (
        node.name,
        node.system,
        node.kernel,
        node.verdict,
        node.documented,
        node.effective,
        node.probe_result,
        len(gaps),
        node.waived_count,
        " ".join(document.requirements[row.id].label for row in gaps),
        "; ".join(cause.text for cause in causes_here),
        "; ".join(dict.fromkeys(cause.remedy for cause in causes_here if cause.remedy)),
        "; ".join(node.alternatives),
        " ".join(node.kernel_config),
        node.target.verdict if node.target else "",
        "; ".join(node.target.reasons) if node.target else "",
        node.no_data.text if node.no_data else "",
        "; ".join(f"{part}: {text}" for part, text in node.failures),
        node.observed_at,
    )


def _list_requirement_lines(document: Document) -> Iterator[Iterable[Cell]]:
    for node in document.nodes:
        if node.no_data:
            no_data = node.no_data
            yield node.name, node.verdict, "", "", "", no_data.code, "", "", "", "", no_data.text, "", ""
        for row in node.rows:
            yield node.name, node.verdict, *_list_row_cells(row, document)


def _list_row_cells(row: Row, document: Document) -> Iterable[Cell]:
    return (
        row.id,
        row.level,
        " ".join(row.profiles),
        row.state,
        row.now,
        row.after_reboot,
        describe_row(row) if row.is_gap else "",
        "" if row.waiver is None else document.waivers[row.waiver].until,
        row.reason,
        row.remedy,
        document.requirements[row.id].source,
    )


def _render_table(columns: Iterable[str], lines: Iterable[Iterable[Cell]]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    buffer.write(BYTE_ORDER_MARK)
    writer.writerow(columns)
    for cells in lines:
        writer.writerow([_escape(cell) for cell in cells])
        if buffer.tell() > BUFFER_SIZE:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _escape(cell: Cell) -> Cell:
    """Return the cell with a quote if a spreadsheet could execute it."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell
