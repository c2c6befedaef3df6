# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary that a play prints at its end: the document as a short text. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.causes import describe_main_cause
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.explanation import (
    describe_alternatives,
    describe_target,
    list_failures,
    list_secondary_notes,
    summarize_targets,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import (
    URGENCY,
    VERDICTS,
    Document,
    Node,
    RootCause,
    Row,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import (
    abbreviate,
    pluralize,
    shorten_kernel,
    shorten_system,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.waivers import describe_useless_waivers

# A terminal has no room for ten thousand lines: the most urgent nodes are shown.
MAX_NODES = 200
GAP = "  "


def summarize(document: Document, default_title: str) -> list[str]:
    """Return the lines of the summary.

    :param default_title: the description of the selection, shown if no node has one.
    """
    selected = [node for node in document.nodes if node.is_selected]
    not_selected = [node for node in document.nodes if not node.is_selected]
    hidden = len(selected) - MAX_NODES
    if hidden > 0:
        selected = sorted(selected, key=lambda node: (URGENCY[node.verdict], node.name))[:MAX_NODES]
    table = _Table(
        document,
        document.causes_by_id,
        has_expected=any(node.expected_verdict for node in document.nodes),
        has_targets=document.has_targets,
        has_profiles=document.has_profile_verdicts,
        has_ages=bool(document.merged_from),
    )
    rows = [table.list_headings(), *(table.list_cells(node) for node in selected)]
    if not_selected:
        rows.append(table.list_cells_not_selected(not_selected))
    lines = [f"Istio node readiness: {'; '.join(document.selection_texts) or default_title}"]
    lines += _align(rows)
    if hidden > 0:
        lines.append(f"... and {hidden:,} more")
    return [*lines, *conclude(document)]


def describe_no_data(document: Document) -> list[str]:
    """Return the reason why the first node without data has none, and how many more there are; empty if all have data.

    Nodes that the run did not select do not count.
    """
    reasons = []
    for node in document.nodes:
        if node.no_data and node.is_selected and not node.is_skipped:
            reasons.append(f"No data of {node.name}: {node.no_data.text}")
    if len(reasons) > 1:
        return [reasons[0], f"No data of {pluralize(len(reasons) - 1, 'more node')}; the report shows why."]
    return reasons


def conclude(document: Document) -> list[str]:
    """Return the last lines of the summary: useless waivers, targets, the nodes per verdict, the main root cause."""
    totals = document.totals
    counts = [f"{totals[verdict]} {verdict}" for verdict in VERDICTS if totals[verdict]]
    last = f"{', '.join(counts) or 'no nodes'}."
    main_cause = describe_main_cause(document.causes)
    if main_cause:
        last = f"{last} {main_cause}."
    return [*describe_useless_waivers(document), *summarize_targets(document), *_count_declarations(document), last]


def _count_declarations(document: Document) -> list[str]:
    """Return for example "Declarations: Talos for 9 nodes, NixOS for 1 node."; empty without any."""
    counts: Counter[str] = Counter()
    for node in document.nodes:
        counts.update({declaration.kind for declaration in node.declarations})
    texts = [f"{kind} for {pluralize(number, 'node')}" for kind, number in counts.most_common()]
    return (
        [f"Declarations: {', '.join(texts)}; the report and playbook declare_istio_nodes have them."] if texts else []
    )


def _align(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the rows as lines with aligned columns; the last column has no fixed width."""
    columns = list(zip(*(row[:-1] for row in rows), strict=True))
    widths = [max(len(cell) for cell in column) for column in columns]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True)]
        lines.append(GAP.join([*cells, row[-1]]).rstrip())
    return lines


@dataclass(frozen=True)
class _Table:
    """The table of the nodes. Columns that are empty for the whole fleet are left out."""

    document: Document
    causes: dict[str, RootCause]
    has_expected: bool
    has_targets: bool
    has_profiles: bool
    has_ages: bool

    def list_headings(self) -> list[str]:
        headings = ["NODE", "SYSTEM", *(["AGE"] if self.has_ages else []), "VERDICT"]
        if self.has_expected:
            headings.append("EXPECTED")
        if self.has_targets:
            headings.append("TARGET")
        if self.has_profiles:
            headings += ["DOCUMENTED", "EFFECTIVE"]
        return [*headings, "REASON AND REMEDY"]

    def list_cells(self, node: Node) -> list[str]:
        system = "" if node.no_data else f"{shorten_system(node.system)}, {shorten_kernel(node.kernel)}"
        cells = [node.name, system, *([self.document.describe_age_of(node)] if self.has_ages else []), node.verdict]
        if self.has_expected:
            cells.append(node.expected_verdict)
        if self.has_targets:
            cells.append(node.target.verdict if node.target else "")
        if self.has_profiles:
            cells += [node.documented, node.effective]
        return [*cells, self._describe(node)]

    def list_cells_not_selected(self, nodes: Sequence[Node]) -> list[str]:
        """Return the cells of the one line for all nodes that the run did not select."""
        first = nodes[0]
        reason = first.no_data.text if first.no_data else ""
        name = first.name
        if len(nodes) > 1:
            name = pluralize(len(nodes), "more node")
            reason = f"{reason}: {abbreviate([node.name for node in nodes])}"
        cells = [name, "", *([""] if self.has_ages else []), first.verdict]
        empty = [""] * (len(self.list_headings()) - len(cells) - 1)
        return [*cells, *empty, reason]

    def _describe(self, node: Node) -> str:
        """Return what was done, each root cause of the node's gaps with its remedy, what else helps, and notes."""
        if node.no_data:
            return node.no_data.text
        parts = [*_describe_execution(node), *list_failures(node)]
        rows_of: dict[str, list[Row]] = {}
        for row in node.gaps:
            rows_of.setdefault(row.cause, []).append(row)
        for cause, rows in rows_of.items():
            parts.append(f"{self._list_labels(rows)}: {_describe_cause(self.causes[cause])}")
        parts += describe_alternatives(node)
        parts += describe_target(node)
        parts += list_secondary_notes(node, self.document.requirements)
        if node.waived_count:
            parts.append(f"{node.waived_count} waived")
        return "; ".join(parts)

    def _list_labels(self, rows: Iterable[Row]) -> str:
        return abbreviate([self.document.requirements[row.id].label for row in rows])


def _describe_cause(cause: RootCause) -> str:
    text = _lower_first(cause.text)
    return f"{text} -> {_lower_first(cause.remedy)}" if cause.remedy else text


def _describe_execution(node: Node) -> list[str]:
    details = dict(node.execution)
    parts = []
    if "loaded" in details:
        verb = "would load" if node.is_check_mode else "loaded"
        parts.append(f"{verb} {abbreviate(details['loaded'])}")
    if "persisted" in details:
        verb = "would persist" if node.is_check_mode else "persisted"
        boot_file = "".join(details.get("boot_file", ()))
        parts.append(f"{verb} {pluralize(len(details['persisted']), 'module')} in {boot_file}")
    return parts


def _lower_first(sentence: str) -> str:
    """Return a sentence as a part of another one; names that start with two capitals stay as they are."""
    return sentence if sentence[1:2].isupper() else sentence[:1].lower() + sentence[1:]
