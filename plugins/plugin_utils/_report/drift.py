# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drift: the changes on the fleet since the previous report. Pure."""

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
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import to_one_line

PREPARED = "prepared in this run"
_FILE_AND_LINE = re.compile(r"/\S+:\d+")

CauseTexts = Mapping[str, str]


def compare_documents(before: Document, after: Document) -> Drift:
    """Return what changed from one document to the next; of nodes without data only the verdict is compared."""
    causes = {cause.id: cause.text for cause in after.causes}
    old = {node.name: node for node in before.nodes}
    new = {node.name: node for node in after.nodes}
    changes: list[Change] = []
    for name, node in new.items():
        if name in old:
            changes += _compare_nodes(old[name], node, causes)
    return Drift(
        since=before.generated_at,
        new=tuple(name for name in new if name not in old),
        lost=tuple(name for name in old if name not in new),
        changes=tuple(changes),
    )


def _compare_nodes(old: Node, new: Node, causes: CauseTexts) -> Iterator[Change]:
    if old.verdict != new.verdict:
        yield Change(new.name, "verdict", old.verdict, new.verdict, _explain_verdict(new, causes))
    if old.no_data or new.no_data:
        return
    for what, before, after in (
        ("system", old.system, new.system),
        ("kernel", old.kernel, new.kernel),
        ("SELinux", old.selinux, new.selinux),
    ):
        if before != after:
            yield Change(new.name, what, before, after)
    if old.rows != new.rows:
        yield from _compare_rows(old, new, causes)


def _compare_rows(old: Node, new: Node, causes: CauseTexts) -> Iterator[Change]:
    rows = {row.id: row for row in old.rows}
    for row in new.rows:
        known = rows.get(row.id)
        # A requirement that is new on a node is a change of the selection, not of the node.
        if known is None:
            continue
        before, after = describe_row(known), describe_row(row)
        if before != after or (row.is_lacking and known.reason != row.reason):
            yield Change(new.name, row.id, before, after, _explain_row(row, causes))


def _explain_verdict(node: Node, causes: CauseTexts) -> str:
    """Return why a node has its new verdict."""
    if node.no_data:
        return node.no_data.text
    texts = [PREPARED] if _is_prepared(node) else []
    texts += dict.fromkeys(causes[row.cause] for row in node.gaps)
    return to_one_line("; ".join(texts))


def _is_prepared(node: Node) -> bool:
    """Return whether this run loaded or persisted modules."""
    return not node.is_check_mode and bool(dict(node.execution).keys() & {"loaded", "persisted"})


def _explain_row(row: Row, causes: CauseTexts) -> str:
    """Return why a requirement is lacking now: its file and line, or else the root cause, which many nodes share.

    A requirement that is met has no such text: the reasons in its facts are about the past.
    """
    if not row.is_lacking:
        return ""
    if row.is_gap and not _FILE_AND_LINE.search(row.reason):
        return causes[row.cause]
    return row.reason or row.remedy


def describe_row(row: Row) -> str:
    """Return a row's state and grades in words: "missing", "loaded, unmet after a reboot", ..."""
    if row.waiver is not None:
        return f"{row.state}, waived"
    if row.after_reboot not in (row.now, "present"):
        return f"{row.state}, {row.after_reboot} after a reboot"
    # These states alone do not show the grade.
    return f"{row.state}, {row.now}" if row.state in ("loadable", "unknown") else row.state


@dataclass(frozen=True)
class ChangeGroup:
    """Changes from one value to the same other one, for one reason, on the same nodes."""

    whats: tuple[str, ...]
    before: str
    after: str
    reason: str
    nodes: tuple[str, ...]

    @property
    def is_of_verdict(self) -> bool:
        """Whether it is a change of the verdict."""
        return self.whats[0] == "verdict"


def group_changes(drift: Drift) -> list[ChangeGroup]:
    """Return the changes in groups: changes of the verdict first, the worst first; then those of most nodes."""
    nodes_of: dict[tuple[str, str, str, str], list[str]] = {}
    for change in drift.changes:
        key = (change.what, change.before, change.after, change.reason)
        nodes_of.setdefault(key, []).append(change.node)
    whats_of: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}
    for (what, before, after, reason), nodes in nodes_of.items():
        whats_of.setdefault((before, after, reason, tuple(nodes)), []).append(what)
    groups = []
    for (before, after, reason, names), whats in whats_of.items():
        groups.append(ChangeGroup(tuple(whats), before, after, reason, names))
    return sorted(groups, key=_rank_group)


def _rank_group(group: ChangeGroup) -> tuple[int, int]:
    urgency = URGENCY[group.after] if group.is_of_verdict else len(URGENCY)
    return urgency, -len(group.nodes)
