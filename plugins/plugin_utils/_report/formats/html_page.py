# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document as one HTML file. The template and its style and script are the role's; this prepares what they show."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.causes import headline, less, why
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.drift import alike, told
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import (
    URGENCY,
    VERDICTS,
    Document,
    Node,
    Row,
    counted,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.outliers import outliers
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import count, short_system
from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError
from markupsafe import Markup

# Rows of the heat map that are in the file; a fleet has few kinds of nodes, and what is beyond is in the list of nodes.
PATTERNS = 600
PATTERN_FOLD = 24
CHANGES = 500

# A cell's sign, so that colour is never all there is. The same ladder as a verdict's.
CELLS = {"present": "·", "on_demand": "◐", "unmet": "✕", "unknown": "?", "at_risk": "▲", "waived": "W"}
SIGNS = {"ready": "✓", "on_demand": "◐", "at_risk": "▲", "not_ready": "✕", "unknown": "?", "no_data": "○"}
MEANING = {
    "ready": "everything is there, now and after a reboot",
    "on_demand": "the kernel loads the rest by itself when it is needed",
    "at_risk": "all is there now, something is gone after a reboot",
    "not_ready": "something is not there and the kernel will not load it",
    "unknown": "it cannot be told",
    "no_data": "the node gave no answer",
}


@dataclass(frozen=True)
class Cell:
    status: str
    level: str
    title: str


@dataclass
class Pattern:
    """Nodes of one system and kernel whose requirements all stand alike: one row of the heat map."""

    index: int
    node: Node
    names: list[str]
    cells: tuple[Cell | None, ...]


def status(row: Row) -> str:
    """Return what a cell shows of a requirement, the worst of its two grades."""
    if row.waiver is not None:
        return "waived"
    ladder = (
        (row.now, "unmet", "unmet"),
        (row.now, "unknown", "unknown"),
        (row.after_reboot, "unmet", "at_risk"),
        (row.after_reboot, "unknown", "unknown"),
    )
    return next(
        (found for grade, bad, found in ladder if grade == bad),
        "on_demand" if "on_demand" in (row.now, row.after_reboot) else "present",
    )


def render(document: Document, templates: Path) -> Iterator[str]:
    """Yield the HTML text. Raises ReportError where a template cannot be used."""
    try:
        style, script = ((templates / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
        environment = Environment(
            loader=FileSystemLoader(templates),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.filters.update(number=lambda value: f"{value:,}", count=count, short_system=short_system)
        template = environment.get_template("report.html.j2")
        yield from template.generate(
            style=Markup(style), script=Markup(script), policy=_policy(style, script), **_view(document)
        )
    except (OSError, TemplateError) as exc:
        raise ReportError(f"{templates}: the HTML report cannot be made of these templates ({exc})") from exc


def _policy(style: str, script: str) -> str:
    """Return a Content-Security-Policy that lets this style and this script work and nothing else, the network least."""
    style_hash, script_hash = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)
    )
    return f"default-src 'none'; style-src 'sha256-{style_hash}'; script-src 'sha256-{script_hash}'; base-uri 'none'; form-action 'none'"


def _view(document: Document) -> dict[str, Any]:
    columns, musts = _columns(document)
    patterns, place = _patterns(document, columns)
    totals = document.totals
    gaps = sum(cause.gaps for cause in document.causes)
    judged = any(node.documented or node.effective for node in document.nodes)
    bars = [
        ("Verdict", totals),
        *(
            (label, document.totals_of(profile))
            for label, profile in (("Page", "documented"), ("Rules", "effective"))
            if judged
        ),
    ]
    return {
        "document": document,
        "signs": SIGNS,
        "meaning": MEANING,
        "cell_signs": CELLS,
        "verdicts": VERDICTS,
        "totals": totals,
        "bars": bars,
        "headline": headline(document.causes),
        "gaps": gaps,
        "systems": _systems(document),
        "outliers": outliers(document),
        "findings": _findings(document),
        "columns": [document.requirements[id_] for id_ in columns],
        "musts": musts,
        "patterns": _ranked(patterns),
        "pattern_fold": PATTERN_FOLD,
        "pattern_count": len(patterns),
        "changes": alike(document.drift) if document.drift else (),
        "change_limit": CHANGES,
        "whys": _whys(document),
        "judged": judged,
        "probe_failed": [node.name for node in document.nodes if node.probe_contradicts_verdict],
        "data": Markup(_data(document, place)),
    }


def _columns(document: Document) -> tuple[list[str], int]:
    """Return the ids of the requirements, those that are a must somewhere first, and how many these are."""
    musts = {row.id for rows in {node.rows for node in document.nodes} for row in rows if row.level == "must"}
    return sorted(document.requirements, key=lambda id_: id_ not in musts), len(musts)


def _patterns(document: Document, columns: list[str]) -> tuple[list[Pattern], list[int]]:
    """Return the heat map's rows and, for each node, the position of its own."""
    found: dict[Any, int] = {}
    patterns: list[Pattern] = []
    place: list[int] = []
    for node in document.nodes:
        key = (node.system, node.kernel, node.verdict, node.rows) if not node.no_data else node.no_data.code
        index = found.setdefault(key, len(patterns))
        if index == len(patterns):
            rows = {row.id: row for row in node.rows}
            patterns.append(Pattern(index, node, [], tuple(_cell(rows.get(id_)) for id_ in columns)))
        patterns[index].names.append(node.name)
        place.append(index)
    return patterns, place


def _ranked(patterns: list[Pattern]) -> list[Pattern]:
    """Return the rows that stand for most nodes, then the others; within each the most urgent first."""
    by_size = sorted(
        patterns, key=lambda pattern: (-len(pattern.names), URGENCY[pattern.node.verdict], pattern.names[0])
    )[:PATTERNS]
    parts = (by_size[:PATTERN_FOLD], by_size[PATTERN_FOLD:])
    return [pattern for part in parts for pattern in sorted(part, key=lambda pattern: URGENCY[pattern.node.verdict])]


def _cell(row: Row | None) -> Cell | None:
    return (
        None if row is None else Cell(status(row), row.level, f"{told(row)}{': ' + row.reason if row.reason else ''}")
    )


def _systems(document: Document) -> list[tuple[str, str, dict[str, int], int]]:
    groups: dict[tuple[str, str], list[str]] = {}
    for node in document.nodes:
        if not node.no_data:
            groups.setdefault((node.system, node.kernel), []).append(node.verdict)
    return sorted(
        ((*group, counted(verdicts), len(verdicts)) for group, verdicts in groups.items()),
        key=lambda item: (item[0], item[1]),
    )


def _findings(document: Document) -> list[tuple[str, str, int]]:
    """Return severity, message and number of nodes of each finding, errors first."""
    order = ("error", "warning", "info")
    counts = Counter((finding.severity, finding.message) for node in document.nodes for finding in set(node.findings))
    ranked = sorted(
        counts.items(),
        key=lambda item: (order.index(item[0][0]) if item[0][0] in order else len(order), -item[1], item[0][1]),
    )
    return [(*finding, nodes) for finding, nodes in ranked]


def _whys(document: Document) -> dict[str, str]:
    causes = {cause.id: cause for cause in document.causes}
    return {node.name: why(node, causes, document.requirements) for node in document.nodes}


def _failed(node: Node) -> str:
    return "; ".join(f"{part}: {text}" for part, text in node.failures)


class _Pool:
    """Positions of equal values in a list that has each of them once."""

    def __init__(self) -> None:
        self._places: dict[Any, int] = {}
        self.items: list[Any] = []

    def place(self, key: Any, item: Any) -> int:
        found = self._places.setdefault(key, len(self.items))
        if found == len(self.items):
            self.items.append(item)
        return found


def _data(document: Document, place: list[int]) -> str:
    """Return what the script works on, as JSON that can stand inside an element: a node is a few numbers."""
    requirements = {id_: index for index, id_ in enumerate(document.requirements)}
    causes = {cause.id: index for index, cause in enumerate(document.causes)}
    systems, rows, sets, notes = _Pool(), _Pool(), _Pool(), _Pool()
    changes: dict[str, list[list[str]]] = {}
    for change in document.drift.changes if document.drift else ():
        changes.setdefault(change.node, []).append([change.what, change.before, change.after, change.reason])

    def row_place(row: Row) -> int:
        numbers = [
            requirements[row.id],
            int(row.level == "must"),
            causes.get(row.cause, -1),
            -1 if row.waiver is None else row.waiver,
        ]
        return rows.place(
            row, [*numbers, row.state, row.now, row.after_reboot, row.reason, row.remedy, status(row), row.profiles]
        )

    def node_entry(node: Node, pattern: int) -> list[Any]:
        further = "; ".join(less(node, document.requirements))
        same = (
            node.disagreements,
            node.plan,
            node.execution,
            node.probe,
            node.tools,
            node.selection,
            node.forecast,
            further,
            node.foreseen,
        )
        findings = [[finding.severity, finding.message, finding.source] for finding in node.findings]
        return [
            node.name,
            *(
                VERDICTS.index(verdict) if verdict else -1
                for verdict in (node.verdict, node.documented, node.effective, node.unwaived_verdict)
            ),
            # The short name too: it is what other tables show, so it is what people search for.
            systems.place(
                (node.system, node.kernel, node.selinux),
                [node.system, node.kernel, node.selinux, short_system(node.system)],
            ),
            sets.place(node.rows, [row_place(row) for row in node.rows]) if node.rows else -1,
            notes.place((node.findings, *same), [findings, *same]),
            pattern,
            node.observed_at,
            node.no_data.text if node.no_data else _failed(node),
            causes.get(f"no_data: {node.no_data.code}", -1) if node.no_data else -1,
            node.probe_result,
        ]

    nodes = [node_entry(node, pattern) for node, pattern in zip(document.nodes, place, strict=True)]
    data = {
        "verdicts": VERDICTS,
        "signs": SIGNS,
        "cells": CELLS,
        "requirements": [
            [r.id, r.label, r.kind, r.wording, r.source, r.any_of] for r in document.requirements.values()
        ],
        "causes": [[cause.text, cause.remedy] for cause in document.causes],
        "waivers": [[waiver.until, waiver.reason] for waiver in document.waivers],
        "selections": [selection["text"] for selection in document.selections],
        "systems": systems.items,
        "rows": rows.items,
        "sets": sets.items,
        "notes": notes.items,
        "nodes": nodes,
        "changes": changes,
    }
    return _inside_html(json.dumps(data, ensure_ascii=False, separators=(",", ":")))


def _inside_html(text: str) -> str:
    """Within a script element only these could end it or begin a comment; JSON strings may say them otherwise."""
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
