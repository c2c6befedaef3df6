# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the owner of the fleet sees at the end of a play, as text: the document in few lines. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.causes import headline, less, some
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import (
    URGENCY,
    VERDICTS,
    Cause,
    Document,
    Node,
    Row,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import count, short_system
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.waivers import without_effect

# A terminal is no place for ten thousand lines: the most urgent nodes are shown.
NODES = 200


def summary(document: Document, asked: str) -> list[str]:
    """Return the lines of the summary.

    :param asked: what was asked of the nodes, shown where no node gave an answer that says it.
    """
    # Of the nodes that were not asked one line tells, whatever their number.
    left_out = [node for node in document.nodes if not node.asked]
    nodes = [node for node in document.nodes if node.asked]
    hidden = len(nodes) - NODES
    if hidden > 0:
        nodes = sorted(nodes, key=lambda node: (URGENCY[node.verdict], node.name))[:NODES]
    judged = any(node.documented or node.effective for node in document.nodes)
    # What preparing would make of the nodes, until it has been done.
    foreseen = any(node.foreseen for node in document.nodes)
    headings = [
        "NODE",
        "SYSTEM",
        "VERDICT",
        *(["WOULD BE"] if foreseen else []),
        *(["PAGE", "RULES"] if judged else []),
        "WHY, AND WHAT TO DO",
    ]
    causes = {cause.id: cause for cause in document.causes}
    rows = [headings, *(_cells(node, foreseen, judged, document, causes) for node in nodes)]
    if left_out:
        rows.append(_left_out(left_out, len(headings) - 4))
    widths = [max(len(row[column]) for row in rows) for column in range(len(headings) - 1)]
    title = "; ".join(dict.fromkeys(str(selection["text"]) for selection in document.selections)) or asked
    lines = [f"Istio node readiness: {title}"]
    lines += [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    ]
    lines += [f"... and {hidden:,} more"] if hidden > 0 else []
    return [*lines, *conclusion(document)]


def conclusion(document: Document) -> list[str]:
    """Return the last lines of the summary: waivers without effect, how many nodes have which verdict, and what would mend most."""
    totals = (
        ", ".join(f"{document.totals[verdict]} {verdict}" for verdict in VERDICTS if document.totals[verdict])
        or "no node"
    )
    told = headline(document.causes)
    return [*without_effect(document), f"{totals}. {told}." if told else f"{totals}."]


def _cells(node: Node, foreseen: bool, judged: bool, document: Document, causes: dict[str, Cause]) -> list[str]:
    system = f"{short_system(node.system)}, {short_kernel(node.kernel)}" if not node.no_data else ""
    columns = [*([node.foreseen] if foreseen else []), *([node.documented, node.effective] if judged else [])]
    return [node.name, system, node.verdict, *columns, _why(node, document, causes)]


def _left_out(nodes: Sequence[Node], between: int) -> list[str]:
    """Return the cells of the nodes that the run did not ask; ``between`` verdict and reason there are that many others."""
    text = nodes[0].no_data.text if nodes[0].no_data else ""
    if len(nodes) == 1:
        return [nodes[0].name, "", "no_data", *[""] * between, text]
    return [
        count(len(nodes), "more node"),
        "",
        "no_data",
        *[""] * between,
        f"{text}: {some([node.name for node in nodes])}",
    ]


def short_kernel(release: str) -> str:
    """Return for example "6.12.0-124" for "6.12.0-124.8.1.el10_1.x86_64"."""
    found = re.match(r"\d+(\.\d+)*(-\d+)?", release)
    return found.group() if found else release


def _why(node: Node, document: Document, causes: dict[str, Cause]) -> str:
    """Return what was done, what keeps the node from ready, cause by cause, and what to do about it."""
    if node.no_data:
        return node.no_data.text
    parts = [_done(dict(node.execution)), *(f"{part} failed: {text}" for part, text in node.failures)]
    by_cause: dict[str, list[Row]] = {}
    for row in node.gaps:
        by_cause.setdefault(row.cause, []).append(row)
    for id_, rows in by_cause.items():
        cause = causes[id_]
        what = _names(document, rows)
        parts.append(
            f"{what}: {_lower(cause.text)} -> {_lower(cause.remedy)}"
            if cause.remedy
            else f"{what}: {_lower(cause.text)}"
        )
    parts += less(node, document.requirements)
    waived = sum(row.waiver is not None for row in node.rows)
    parts.append(f"{waived} waived" if waived else "")
    return "; ".join(part for part in parts if part)


def _names(document: Document, rows: Sequence[Row]) -> str:
    return some([document.requirements[row.id].label for row in rows])


def _done(act: dict[str, tuple[str, ...]]) -> str:
    would = "check_mode" in act
    parts = [f"{'would load' if would else 'loaded'} {some(act['loaded'])}"] if "loaded" in act else []
    if "persisted" in act:
        parts.append(
            f"{'would persist' if would else 'persisted'} {len(act['persisted'])} in {act.get('boot_file', ('',))[0]}"
        )
    return "; ".join(parts)


def _lower(sentence: str) -> str:
    """Return a sentence as part of another one; a name that begins with two capitals keeps them."""
    return sentence if sentence[1:2].isupper() else sentence[:1].lower() + sentence[1:]
