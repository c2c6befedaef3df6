# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document as Markdown, for a pull request or a chat: short, whatever the size of the fleet. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.causes import headline, why
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.drift import alike
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import (
    URGENCY,
    VERDICTS,
    Cause,
    Document,
    Node,
    Requirement,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import count, one_line

# A comment on GitHub holds 65,536 characters, a message on most chats far fewer.
CAUSES = 12
NODES = 50
CHANGES = 25
NAMES = 5
SIGNS = {"ready": "✅", "on_demand": "🔵", "at_risk": "🟠", "not_ready": "❌", "unknown": "❔", "no_data": "⚫"}

# What means something to Markdown, to HTML within it, and to GitHub and chats (mentions, issue numbers, emoji).
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#|~@:<>&$]|(?<=www)\.)")


def render(document: Document) -> Iterator[str]:
    """Yield the text."""
    totals = document.totals
    yield "# Istio node readiness\n\n"
    asked = "; ".join(dict.fromkeys(escaped(str(selection["text"])) for selection in document.selections))
    yield f"{asked or 'No selection'}. {escaped(document.generated_at)}\n\n"
    shown = [verdict for verdict in VERDICTS if totals[verdict]]
    yield f"**{', '.join(f'{SIGNS[v]} {totals[v]:,} {escaped(v)}' for v in shown) or 'No node'}** of {count(len(document.nodes), 'node')}.\n"
    told = headline(document.causes)
    yield f"{escaped(told)}.\n" if told else ""
    yield from _section(
        "Root causes",
        ("Cause", "What to do", "Requirements", "Nodes", "Gaps"),
        [_cause(cause) for cause in document.causes],
        CAUSES,
    )
    if document.drift:
        drift = document.drift
        news = [
            f"{count(len(names), 'node')} {word}" for names, word in ((drift.new, "new"), (drift.lost, "lost")) if names
        ]
        yield f"\n## Since {escaped(drift.since)}\n\n{', '.join([*news, count(len(drift.changes), 'change')])}.\n"
        rows = [
            [_listed(group.whats), group.before, group.after, _listed(group.nodes), group.reason]
            for group in alike(drift)
        ]
        yield from _section("", ("What", "Before", "Now", "Nodes", "Why"), rows, CHANGES)
    causes = {cause.id: cause for cause in document.causes}
    bad = sorted(
        (node for node in document.nodes if node.verdict not in ("ready", "on_demand") or node.failures),
        key=lambda node: (URGENCY[node.verdict], node.name),
    )
    columns = ("Node", "System", "Verdict", "Page", "Rules", "Why")
    yield from _section(
        "Nodes to look at", columns, [_node(node, causes, document.requirements) for node in bad], NODES
    )
    waivers = [
        [w.requirement, ", ".join(w.nodes), w.reason, f"{w.until}{' (expired)' if w.expired else ''}", f"{w.matches:,}"]
        for w in document.waivers
    ]
    yield from _section("Waivers", ("Requirement", "Nodes", "Reason", "Until", "Met"), waivers, NODES)


def _cause(cause: Cause) -> list[str]:
    return [
        cause.text,
        cause.remedy,
        _listed(cause.requirements),
        f"{len(cause.nodes):,}",
        f"{cause.gaps:,}" if cause.gaps else "",
    ]


def _node(node: Node, causes: dict[str, Cause], requirements: dict[str, Requirement]) -> list[str]:
    return [
        node.name,
        f"{node.system}, {node.kernel}".strip(", "),
        f"{SIGNS[node.verdict]} {node.verdict}",
        node.documented,
        node.effective,
        why(node, causes, requirements),
    ]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= NAMES else f"{', '.join(names[:NAMES])} and {len(names) - NAMES:,} more"


def _section(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], limit: int) -> Iterator[str]:
    """Yield a table, nothing where it would be empty; what is beyond the limit is counted."""
    if not rows:
        return
    yield f"\n## {title}\n" if title else ""
    yield f"\n| {' | '.join(columns)} |\n|{' --- |' * len(columns)}\n"
    for row in rows[:limit]:
        yield f"| {' | '.join(escaped(cell) for cell in row)} |\n"
    if len(rows) > limit:
        yield f"\nAnd {len(rows) - limit:,} more: see the HTML report.\n"


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", one_line(text, 300))
