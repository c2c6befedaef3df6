# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outliers: nodes that ought to be like their peers and are not. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import Document, Node, Row

# Fewer nodes than these show no custom, and a smaller share of them is none.
FEWEST = 4
SHARE = 0.75
# A larger part of the nodes is no outlier; a single node always is.
RARE = 0.1


@dataclass(frozen=True)
class Outlier:
    """Nodes that differ in the same requirements from ``alike`` others of their system, kernel and selection.

    ``differs`` are the ids of those requirements.
    """

    names: tuple[str, ...]
    system: str
    kernel: str
    alike: int
    differs: tuple[str, ...]


def outliers(document: Document) -> list[Outlier]:
    """Return the outliers, those of the largest groups first."""
    peers: dict[tuple[str, str, int | None], list[Node]] = defaultdict(list)
    for node in document.nodes:
        if not node.no_data:
            peers[node.system, node.kernel, node.selection].append(node)
    found = [outlier for nodes in peers.values() for outlier in _unlike(nodes)]
    return sorted(found, key=lambda outlier: (-outlier.alike, outlier.names))


def _unlike(peers: list[Node]) -> list[Outlier]:
    """Return those of some peers that are not as most are."""
    kinds: dict[tuple[tuple[str, str, str], ...], list[Node]] = defaultdict(list)
    for rows, nodes in _by_rows(peers).items():
        kinds[tuple((row.id, row.now, row.after_reboot) for row in rows)] += nodes
    usual = max(kinds, key=lambda kind: len(kinds[kind]))
    if len(peers) < FEWEST or len(kinds[usual]) < SHARE * len(peers):
        return []
    return [
        Outlier(
            tuple(node.name for node in nodes),
            peers[0].system,
            peers[0].kernel,
            len(kinds[usual]),
            _differs(kind, usual),
        )
        for kind, nodes in kinds.items()
        if kind != usual and len(nodes) <= max(1, RARE * len(peers))
    ]


def _by_rows(nodes: list[Node]) -> dict[tuple[Row, ...], list[Node]]:
    found: dict[tuple[Row, ...], list[Node]] = defaultdict(list)
    for node in nodes:
        found[node.rows].append(node)
    return found


def _differs(kind: tuple[tuple[str, str, str], ...], usual: tuple[tuple[str, str, str], ...]) -> tuple[str, ...]:
    """Return the ids of the requirements that stand otherwise, whatever the reason."""
    changed = {id_ for id_, *_grades in set(kind) ^ set(usual)}
    return tuple(dict.fromkeys(id_ for id_, *_grades in (*usual, *kind) if id_ in changed))
