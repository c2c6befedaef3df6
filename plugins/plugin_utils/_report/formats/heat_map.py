# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The heat map of the HTML report: requirements as columns, nodes with equal results as rows. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.drift import describe_row
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import URGENCY, Document, Node, Row

# A fleet has few kinds of nodes. The list of nodes shows those beyond these rows.
MAX_PATTERNS = 600
# Rows that are shown before "Show more" is pressed.
UNFOLDED_PATTERNS = 24

Status = Literal["present", "on_demand", "unmet", "unknown", "at_risk", "waived"]
# Each status has a sign, since colour alone must not carry the meaning. The signs are those of the verdicts.
STATUS_SIGNS = {"present": "·", "on_demand": "◐", "unmet": "✕", "unknown": "?", "at_risk": "▲", "waived": "W"}


@dataclass(frozen=True)
class Cell:
    """A requirement on the nodes of a row; ``title`` is its text."""

    status: Status
    level: str
    title: str


@dataclass
class Pattern:
    """A row: nodes of one system and kernel with equal results; ``node`` is one of them, ``index`` identifies it."""

    index: int
    node: Node
    cells: tuple[Cell | None, ...]
    names: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class HeatMap:
    """``columns`` are the ids of the requirements; the first ``must_count`` are a must on some node.

    ``pattern_of_node`` has for each node of the document the index of its pattern.
    """

    columns: Sequence[str]
    must_count: int
    patterns: Sequence[Pattern]
    pattern_of_node: Sequence[int]

    def list_shown(self) -> list[Pattern]:
        """Return the rows to show: those of most nodes, then the others; both parts with the most urgent first."""
        by_size = sorted(
            self.patterns,
            key=lambda pattern: (-len(pattern.names), URGENCY[pattern.node.verdict], pattern.names[0]),
        )
        shown = []
        for part in (by_size[:UNFOLDED_PATTERNS], by_size[UNFOLDED_PATTERNS:MAX_PATTERNS]):
            shown += sorted(part, key=lambda pattern: URGENCY[pattern.node.verdict])
        return shown


def build_heat_map(document: Document) -> HeatMap:
    """Return the heat map of a document. Kernel options that every node has are not columns: most fleets have them."""
    required: set[str] = set()
    columns = {id_ for id_, requirement in document.requirements.items() if requirement.kind != "option"}
    for rows in {node.rows for node in document.nodes}:
        required.update(row.id for row in rows if row.level == "must")
        columns.update(row.id for row in rows if get_status(row) != "present")
    ordered = [id_ for id_ in document.requirements if id_ in columns]
    ordered.sort(key=lambda id_: id_ not in required)
    index_of: dict[Hashable, int] = {}
    patterns: list[Pattern] = []
    pattern_of_node = []
    for node in document.nodes:
        key: Hashable = (node.system, node.kernel, node.verdict, node.rows)
        if node.no_data:
            key = node.no_data.code
        index = index_of.setdefault(key, len(patterns))
        if index == len(patterns):
            patterns.append(Pattern(index, node, _build_cells(node, ordered)))
        patterns[index].names.append(node.name)
        pattern_of_node.append(index)
    return HeatMap(ordered, len(required & columns), patterns, pattern_of_node)


def _build_cells(node: Node, columns: Sequence[str]) -> tuple[Cell | None, ...]:
    cells = {}
    for row in node.rows:
        title = describe_row(row)
        if row.reason:
            title = f"{title}: {row.reason}"
        cells[row.id] = Cell(get_status(row), row.level, title)
    return tuple(cells.get(id_) for id_ in columns)


def get_status(row: Row) -> Status:
    """Return the status of a requirement that its cell shows: the worse one of its two grades."""
    if row.waiver is not None:
        return "waived"
    if row.now == "unmet":
        return "unmet"
    if row.now == "unknown":
        return "unknown"
    if row.after_reboot == "unmet":
        return "at_risk"
    if row.after_reboot == "unknown":
        return "unknown"
    return "on_demand" if "on_demand" in (row.now, row.after_reboot) else "present"
