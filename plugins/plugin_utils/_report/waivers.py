# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waivers: requirements that their owner accepts as unmet, with a reason and an end date. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

import yaml
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import verdict
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import (
    Document,
    Node,
    Requirement,
    Row,
    Waiver,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import one_line

REMEDY = "each waiver is a mapping of requirement, nodes (default '*'), reason and until (YYYY-MM-DD)"


@dataclass(frozen=True)
class WaiverRule:
    """A waiver as its owner wrote it; see :class:`_report.Waiver`."""

    requirement: str
    nodes: tuple[str, ...]
    reason: str
    until: str
    where: str = ""


def read_waivers(text: str, name: str) -> list[WaiverRule]:
    """Return the waivers of a YAML file's text: a list, or a mapping with a list under "waivers".

    Raises ReportError that names file and line.
    """
    try:
        # The nodes have the lines, the data the values.
        node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
        # As text, days too: YAML's own dates end in an exception that knows no line.
        data = yaml.load(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        raise ReportError(
            f"{name}:{mark.line + 1 if mark else 1}: this is no YAML ({getattr(exc, 'problem', None) or exc}); {REMEDY}"
        ) from exc
    if isinstance(data, dict) and set(data) == {"waivers"}:
        node, data = node.value[0][1], data["waivers"]
    if not data and not isinstance(data, dict):
        return []
    if not isinstance(data, list):
        raise ReportError(f"{name}:1: there is no list of waivers; {REMEDY}")
    return [_rule(entry, f"{name}:{item.start_mark.line + 1}") for entry, item in zip(data, node.value, strict=True)]


def _rule(entry: Any, where: str) -> WaiverRule:
    if not isinstance(entry, dict):
        raise ReportError(f"{where}: this is no waiver; {REMEDY}")
    missing = [name for name in ("requirement", "reason", "until") if name not in entry]
    unknown = sorted(set(map(str, entry)) - {"requirement", "nodes", "reason", "until"})
    if missing or unknown:
        wrong = [f"{name} is missing" for name in missing] + [f"there is no '{one_line(name, 60)}'" for name in unknown]
        raise ReportError(f"{where}: {', '.join(wrong)}; {REMEDY}")
    patterns = entry.get("nodes", "*")
    patterns = patterns if isinstance(patterns, list) else [patterns]
    if not patterns or not all(isinstance(pattern, str) and pattern for pattern in [*patterns, entry["requirement"]]):
        raise ReportError(f"{where}: requirement and nodes are names or patterns such as 'edge-*'; {REMEDY}")
    if not isinstance(entry["reason"], str) or not entry["reason"].strip():
        raise ReportError(f"{where}: a waiver needs a reason; {REMEDY}")
    return WaiverRule(
        one_line(entry["requirement"]),
        tuple(map(one_line, patterns)),
        one_line(entry["reason"]),
        _day(entry["until"], where),
        one_line(where),
    )


def _day(value: Any, where: str) -> str:
    try:
        return datetime.date.fromisoformat(value).isoformat()
    except (TypeError, ValueError) as exc:
        raise ReportError(f"{where}: until: {value!r} is no day; {REMEDY}") from exc


def waive(
    nodes: Sequence[Node], rules: Sequence[WaiverRule], requirements: Mapping[str, Requirement], today: str
) -> tuple[tuple[Node, ...], tuple[Waiver, ...]]:
    """Return the nodes with the waivers in force set and their verdicts given again, and what came of each waiver.

    Of two waivers for one requirement the first in force counts. ``today`` is YYYY-MM-DD, UTC.
    """
    matches = [0] * len(rules)
    expired = [rule.until < today for rule in rules]
    waived = tuple(_waived(node, rules, expired, requirements, matches) for node in nodes) if rules else tuple(nodes)
    shown = (
        Waiver(rule.requirement, rule.nodes, rule.reason, rule.until, rule.where, expired[index], matches[index])
        for index, rule in enumerate(rules)
    )
    return waived, tuple(shown)


def without_effect(document: Document) -> list[str]:
    """Return a sentence on each waiver whose patterns name nothing that is in the document: misspelt, most likely."""
    names = [(requirement.id, requirement.name) for requirement in document.requirements.values()]
    told = []
    for waiver in document.waivers:
        missed = []
        if not any(fnmatchcase(node.name, pattern) for node in document.nodes for pattern in waiver.nodes):
            missed.append(f"no node is called {' or '.join(waiver.nodes)}")
        if names and not any(fnmatchcase(name, waiver.requirement) for pair in names for name in pair):
            missed.append(f"no requirement is called {waiver.requirement}")
        if missed:
            told.append(f"Waiver {waiver.where} has no effect: {' and '.join(missed)}.")
    return told


def _waived(
    node: Node,
    rules: Sequence[WaiverRule],
    expired: Sequence[bool],
    requirements: Mapping[str, Requirement],
    matches: list[int],
) -> Node:
    here = [index for index, rule in enumerate(rules) if any(fnmatchcase(node.name, pattern) for pattern in rule.nodes)]
    if not here:
        return node

    def in_force(row: Row) -> int | None:
        return next((index for index in _matching(row, rules, here, requirements, matches) if not expired[index]), None)

    rows = tuple(
        replace(row, waiver=waiver) if row.lacking and (waiver := in_force(row)) is not None else row
        for row in node.rows
    )
    if all(row.waiver is None for row in rows):
        return node
    # A row has what the verdict looks at: level, now and after_reboot.
    counting: Any = [row for row in rows if row.waiver is None]
    return replace(node, rows=rows, verdict=verdict(counting))


def _matching(
    row: Row,
    rules: Sequence[WaiverRule],
    here: Sequence[int],
    requirements: Mapping[str, Requirement],
    matches: list[int],
) -> Iterator[int]:
    """Yield the waivers for this requirement, each counted as matched."""
    for index in here:
        pattern = rules[index].requirement
        if fnmatchcase(row.id, pattern) or fnmatchcase(requirements[row.id].name, pattern):
            matches[index] += 1
            yield index
