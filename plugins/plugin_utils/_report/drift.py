# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drift: what changed on the fleet since the last report. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import (
    URGENCY,
    Change,
    Document,
    Drift,
    Node,
    Row,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import one_line

# A file with a line.
_PLACE = re.compile(r"/\S+:\d+")


def drift_between(before: Document, after: Document) -> Drift:
    """Return what is different in ``after``; nodes without data are compared by their verdict alone."""
    causes = {cause.id: cause.text for cause in after.causes}
    old = {node.name: node for node in before.nodes}
    new = {node.name: node for node in after.nodes}
    return Drift(
        since=before.generated_at,
        new=tuple(name for name in new if name not in old),
        lost=tuple(name for name in old if name not in new),
        changes=tuple(
            change for name, node in new.items() if name in old for change in _changes(old[name], node, causes)
        ),
    )


def _changes(old: Node, new: Node, causes: Mapping[str, str]) -> Iterator[Change]:
    if old.verdict != new.verdict:
        why = (
            new.no_data.text
            if new.no_data
            else "; ".join([_done(new), *dict.fromkeys(causes[row.cause] for row in new.gaps)])
        )
        yield Change(new.name, "verdict", old.verdict, new.verdict, one_line(why.strip("; ")))
    if old.no_data or new.no_data:
        return
    for what, before, now in (
        ("system", old.system, new.system),
        ("kernel", old.kernel, new.kernel),
        ("SELinux", old.selinux, new.selinux),
    ):
        if before != now:
            yield Change(new.name, what, before, now)
    if old.rows == new.rows:
        return
    rows = {row.id: row for row in old.rows}
    for row in new.rows:
        known = rows.get(row.id)
        # A requirement that was not asked for before is a change of the question, not of the node.
        if known and (told(known) != told(row) or (row.lacking and known.reason != row.reason)):
            yield Change(new.name, row.id, told(known), told(row), _why(row, causes))


@dataclass(frozen=True)
class Alike:
    """Changes of which the same is to be said: what changed alike, from what to what, why, and on which nodes."""

    whats: tuple[str, ...]
    before: str
    after: str
    reason: str
    nodes: tuple[str, ...]


def alike(drift: Drift) -> list[Alike]:
    """Return the changes for people: verdicts first, the worst first, then what changed on most nodes."""
    nodes: dict[tuple[str, str, str, str], list[str]] = {}
    for change in drift.changes:
        nodes.setdefault((change.what, change.before, change.after, change.reason), []).append(change.node)
    whats: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}
    for (what, before, after, reason), names in nodes.items():
        whats.setdefault((before, after, reason, tuple(names)), []).append(what)
    groups = [
        Alike(tuple(listed), before, after, reason, names) for (before, after, reason, names), listed in whats.items()
    ]
    return sorted(
        groups,
        key=lambda group: (URGENCY[group.after] if group.whats[0] == "verdict" else len(URGENCY), -len(group.nodes)),
    )


def _why(row: Row, causes: Mapping[str, str]) -> str:
    """Return why it lacks now: file and line, else the cause, which is told alike of all that share it.

    What is there lacks nothing; what its facts say besides is about the past.
    """
    if not row.lacking:
        return ""
    return causes[row.cause] if row.gap and not _PLACE.search(row.reason) else row.reason or row.remedy


def _done(node: Node) -> str:
    """Return that this run did it, where it did."""
    done = dict(node.execution)
    return "prepared in this run" if "check_mode" not in done and done.keys() & {"loaded", "persisted"} else ""


def told(row: Row) -> str:
    """Return a row's state and grades in words: "missing", "loaded, gone after a reboot", …"""
    if row.waiver is not None:
        return f"{row.state}, waived"
    if row.now == row.after_reboot or row.after_reboot == "present":
        return f"{row.state}, {row.now}" if row.state in ("loadable", "unknown") else row.state
    return f"{row.state}, {row.after_reboot} after a reboot"
