# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document as CSV: a line for each node, and one for each requirement of each node. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.drift import told
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import Document, Node

# A spreadsheet takes a cell that begins with one of these for a formula (OWASP, CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

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
    """Yield the lines of report-nodes.csv."""
    causes = {cause.id: cause for cause in document.causes}

    def cells(node: Node) -> Iterable[str | int]:
        gaps = node.gaps
        here = [causes[cause] for cause in dict.fromkeys(row.cause for row in gaps)]
        return (
            node.name,
            node.system,
            node.kernel,
            node.verdict,
            node.documented,
            node.effective,
            node.probe_result,
            len(gaps),
            sum(row.waiver is not None for row in node.rows),
            " ".join(document.requirements[row.id].label for row in gaps),
            "; ".join(cause.text for cause in here),
            "; ".join(dict.fromkeys(cause.remedy for cause in here if cause.remedy)),
            node.no_data.text if node.no_data else "",
            "; ".join(f"{part}: {text}" for part, text in node.failures),
            node.observed_at,
        )

    return _lines(NODE_COLUMNS, map(cells, document.nodes))


def render_requirements(document: Document) -> Iterator[str]:
    """Yield the lines of report-requirements.csv; a node without data has one line."""

    def rows() -> Iterator[Iterable[str | int]]:
        for node in document.nodes:
            if node.no_data:
                yield node.name, node.verdict, "", "", "", node.no_data.code, "", "", "", "", node.no_data.text, "", ""
            for row in node.rows:
                until = document.waivers[row.waiver].until if row.waiver is not None else ""
                gap = told(row) if row.gap else ""
                source = document.requirements[row.id].source
                profiles = " ".join(row.profiles)
                yield (
                    node.name,
                    node.verdict,
                    row.id,
                    row.level,
                    profiles,
                    row.state,
                    row.now,
                    row.after_reboot,
                    gap,
                    until,
                    row.reason,
                    row.remedy,
                    source,
                )

    return _lines(REQUIREMENT_COLUMNS, rows())


def _lines(columns: Iterable[str], rows: Iterable[Iterable[str | int]]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    # Excel takes a file for UTF-8 only with this mark.
    buffer.write("\ufeff")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_safe(cell) for cell in row])
        if buffer.tell() > 1 << 16:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _safe(cell: str | int) -> str | int:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
