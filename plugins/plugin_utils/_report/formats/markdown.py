# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document as Markdown, for a pull request or a chat: short for a fleet of any size. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.causes import describe_main_cause
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.drift import group_changes
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.explanation import explain, summarize_targets
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import (
    GOOD_VERDICTS,
    URGENCY,
    VERDICTS,
    Document,
    Drift,
    Node,
    RootCause,
    SharedDeclaration,
    Waiver,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import abbreviate, pluralize, to_one_line

# A comment on GitHub holds 65,536 characters, a message in most chats far fewer.
MAX_CAUSES = 12
MAX_NODES = 50
MAX_WAIVERS = 50
MAX_CHANGES = 25
MAX_DECLARATIONS = 5
MAX_NAMES = 6
MAX_CELL_CHARS = 300
SIGNS = {
    "ready": "✅",
    "on_demand": "🔵",
    "at_risk": "🟠",
    "not_ready": "❌",
    "unknown": "❔",
    "no_data": "⚫",
    "skipped": "⏭",
}

# Characters with a meaning in Markdown, in HTML within it, and on GitHub and in chats (mentions, issue numbers, emoji).
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#|~@:<>&$]|(?<=www)\.)")


def render(document: Document) -> Iterator[str]:
    """Yield the text."""
    yield from _render_head(document)
    yield from _render_section(
        "Root causes",
        ("Cause", "Remedy and alternatives", "Requirements", "Nodes", "Gaps"),
        [_list_cause_cells(cause) for cause in document.causes],
        MAX_CAUSES,
    )
    yield from _render_declarations(document.declarations)
    if document.drift:
        yield from _render_drift(document.drift)
    yield from _render_section(
        "Nodes to look at",
        ("Node", "System", "Verdict", "Documented", "Effective", "Reason"),
        _list_bad_nodes(document),
        MAX_NODES,
    )
    yield from _render_targets(document)
    yield from _render_section(
        "Waivers",
        ("Requirement", "Nodes", "Reason", "Until", "Matches"),
        [_list_waiver_cells(waiver) for waiver in document.waivers],
        MAX_WAIVERS,
    )


def _render_head(document: Document) -> Iterator[str]:
    yield "# Istio node readiness\n\n"
    selections = "; ".join(escape(text) for text in document.selection_texts) or "No selection"
    oldest_age = document.oldest_age
    age = f". The oldest facts are {oldest_age} old" if oldest_age else ""
    yield f"{selections}. {escape(document.generated_at)}{age}\n\n"
    totals = document.totals
    counts = [f"{SIGNS[verdict]} {totals[verdict]:,} {escape(verdict)}" for verdict in VERDICTS if totals[verdict]]
    yield f"**{', '.join(counts) or 'No nodes'}** of {pluralize(len(document.nodes), 'node')}.\n"
    main_cause = describe_main_cause(document.causes)
    if main_cause:
        yield f"{escape(main_cause)}.\n"


def _render_declarations(declarations: Sequence[SharedDeclaration]) -> Iterator[str]:
    """Yield the declarations as blocks of code. No line of them starts with a fence."""
    if declarations:
        yield "\n## Declarations\n"
    for shared in declarations[:MAX_DECLARATIONS]:
        declaration = shared.declaration
        yield f"\n**{escape(declaration.kind)}** for {escape(abbreviate(shared.nodes, MAX_NAMES))}:\n"
        yield f"\n```\n{declaration.text}```\n\nTo load these modules now:\n\n```\n{declaration.load_now}\n```\n"
        if declaration.conflicts:
            yield f"\nFirst: {escape('; '.join(declaration.conflicts))}\n"
    if len(declarations) > MAX_DECLARATIONS:
        yield f"\nAnd {len(declarations) - MAX_DECLARATIONS:,} more: see the HTML report.\n"


def _render_drift(drift: Drift) -> Iterator[str]:
    counts = []
    for names, word in ((drift.new, "new"), (drift.lost, "lost")):
        if names:
            counts.append(f"{pluralize(len(names), 'node')} {word}")
    counts.append(pluralize(len(drift.changes), "change"))
    yield f"\n## Since {escape(drift.since)}\n\n{', '.join(counts)}.\n"
    rows = []
    for group in group_changes(drift):
        whats, nodes = abbreviate(group.whats, MAX_NAMES), abbreviate(group.nodes, MAX_NAMES)
        rows.append((whats, group.before, group.after, nodes, group.reason))
    yield from _render_section("", ("What", "Before", "Now", "Nodes", "Reason"), rows, MAX_CHANGES)


def _render_targets(document: Document) -> Iterator[str]:
    """Yield the nodes that work now and would not work after the change to the target selection."""
    if document.has_targets:
        yield "\n## After the change\n"
        for sentence in summarize_targets(document):
            yield f"\n{escape(sentence)}\n"
    rows = []
    for node in document.nodes:
        if node.target is not None and node.is_lost_by_target:
            rows.append((node.name, node.verdict, node.target.verdict, "; ".join(node.target.reasons)))
    yield from _render_section("", ("Node", "Now", "After the change", "Reasons"), rows, MAX_NODES)


def _list_cause_cells(cause: RootCause) -> Sequence[str]:
    return (
        cause.text,
        "; ".join(text for text in (cause.remedy, *cause.alternative_texts) if text),
        abbreviate(cause.requirements, MAX_NAMES),
        f"{len(cause.nodes):,}",
        f"{cause.gaps:,}" if cause.gaps else "",
    )


def _list_bad_nodes(document: Document) -> list[Sequence[str]]:
    """Return the cells of each node with a bad verdict or a failure, the most urgent first."""
    causes = document.causes_by_id
    bad = [node for node in document.nodes if node.verdict not in (*GOOD_VERDICTS, "skipped") or node.failures]
    rows: list[Sequence[str]] = []
    for node in sorted(bad, key=_rank_node):
        rows.append(
            (
                node.name,
                f"{node.system}, {node.kernel}".strip(", "),
                f"{SIGNS[node.verdict]} {node.verdict}",
                node.documented,
                node.effective,
                explain(node, causes, document.requirements),
            )
        )
    return rows


def _rank_node(node: Node) -> tuple[int, str]:
    return URGENCY[node.verdict], node.name


def _list_waiver_cells(waiver: Waiver) -> Sequence[str]:
    until = f"{waiver.until} (expired)" if waiver.expired else waiver.until
    return waiver.requirement, ", ".join(waiver.nodes), waiver.reason, until, f"{waiver.matches:,}"


def _render_section(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], limit: int) -> Iterator[str]:
    """Yield a table of at most ``limit`` rows, or nothing if it would be empty."""
    if not rows:
        return
    if title:
        yield f"\n## {title}\n"
    yield f"\n| {' | '.join(columns)} |\n|{' --- |' * len(columns)}\n"
    for row in rows[:limit]:
        yield f"| {' | '.join(escape(cell) for cell in row)} |\n"
    if len(rows) > limit:
        yield f"\nAnd {len(rows) - limit:,} more: see the HTML report.\n"


def escape(text: str) -> str:
    """Return the text with escapes: Markdown shows it unchanged."""
    return _SPECIAL.sub(r"\\\1", to_one_line(text, MAX_CELL_CHARS))
