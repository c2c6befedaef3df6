# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outliers: nodes that differ from most nodes of their system, kernel and selection. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import Document, Node, Row

# Peers have a usual state only if there are this many of them, and this share of them has it.
MIN_PEERS = 4
MAJORITY = 0.75
# A larger share of the peers is not an outlier; a single node always is.
MAX_OUTLIER_SHARE = 0.1

# Id and grades of each requirement.
GradedIds: TypeAlias = tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Outlier:
    """Nodes that differ in the same requirements from ``peers`` other nodes of their system, kernel and selection.

    ``differs`` are the ids of those requirements.
    """

    names: tuple[str, ...]
    system: str
    kernel: str
    peers: int
    differs: tuple[str, ...]


def find_outliers(document: Document) -> list[Outlier]:
    """Return the outliers, those with most peers first."""
    groups: dict[tuple[str, str, int | None], list[Node]] = defaultdict(list)
    for node in document.nodes:
        if not node.no_data:
            groups[node.system, node.kernel, node.selection].append(node)
    outliers: list[Outlier] = []
    for peers in groups.values():
        outliers += _find_among(peers)
    return sorted(outliers, key=lambda outlier: (-outlier.peers, outlier.names))


def _find_among(peers: list[Node]) -> list[Outlier]:
    """Return the outliers among nodes of one system, kernel and selection."""
    by_grades = _group_by_grades(peers)
    usual = max(by_grades, key=lambda grades: len(by_grades[grades]))
    if len(peers) < MIN_PEERS or len(by_grades[usual]) < MAJORITY * len(peers):
        return []
    outliers = []
    for grades, nodes in by_grades.items():
        if grades != usual and len(nodes) <= max(1, MAX_OUTLIER_SHARE * len(peers)):
            names = tuple(node.name for node in nodes)
            differs = _list_differences(grades, usual)
            outliers.append(Outlier(names, peers[0].system, peers[0].kernel, len(by_grades[usual]), differs))
    return outliers


def _group_by_grades(nodes: Iterable[Node]) -> dict[GradedIds, list[Node]]:
    # By rows first: most nodes share them.
    by_rows: dict[tuple[Row, ...], list[Node]] = defaultdict(list)
    for node in nodes:
        by_rows[node.rows].append(node)
    by_grades: dict[GradedIds, list[Node]] = defaultdict(list)
    for rows, group in by_rows.items():
        by_grades[tuple((row.id, row.now, row.after_reboot) for row in rows)] += group
    return by_grades


def _list_differences(grades: GradedIds, usual: GradedIds) -> tuple[str, ...]:
    """Return the ids of the requirements with other grades."""
    different = {id_ for id_, _now, _after in set(grades) ^ set(usual)}
    return tuple(dict.fromkeys(id_ for id_, _now, _after in (*usual, *grades) if id_ in different))
