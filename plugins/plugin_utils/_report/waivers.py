# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waivers: requirements that their owner accepts as unmet, with a reason and an end date. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TypeAlias

import yaml
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.grades import decide_verdict
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import (
    Document,
    Node,
    ReportRequirement,
    Row,
    Waiver,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import to_one_line

REQUIRED_KEYS = ("requirement", "reason", "until")
KEYS = (*REQUIRED_KEYS, "nodes")
REMEDY = "each waiver is a mapping of requirement, nodes (default '*'), reason and until (YYYY-MM-DD)"
MAX_KEY_CHARS = 60

# A value of a YAML file whose scalars are all read as text.
YamlText: TypeAlias = "str | list[YamlText] | dict[str, YamlText]"


@dataclass(frozen=True)
class WaiverRule:
    """A waiver as its owner wrote it; see :class:`_report.model.Waiver`."""

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
        # The nodes hold the line numbers, the data the values.
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        # Days are read as text, too: YAML's own dates raise an exception without a line number.
        data: YamlText = yaml.load(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(exc, "problem", None) or exc
        raise ReportError(f"{name}:{line}: not valid YAML ({problem}); {REMEDY}") from exc
    except RecursionError as exc:
        raise ReportError(f"{name}:1: nested too deeply; {REMEDY}") from exc
    _check_duplicate_keys(node, name)
    if isinstance(data, dict) and set(data) == {"waivers"}:
        data = data["waivers"]
        node = node.value[0][1] if isinstance(node, yaml.MappingNode) else None
    if not data and not isinstance(data, dict):
        return []
    if not isinstance(data, list) or not isinstance(node, yaml.SequenceNode):
        raise ReportError(f"{name}:1: not a list of waivers; {REMEDY}")
    rules = []
    for entry, item in zip(data, node.value, strict=True):
        _check_duplicate_keys(item, name)
        rules.append(_read_rule(entry, f"{name}:{item.start_mark.line + 1}"))
    return rules


def _check_duplicate_keys(node: yaml.Node | None, name: str) -> None:
    """Raise ReportError if a mapping has a key twice: YAML would ignore the first value."""
    if not isinstance(node, yaml.MappingNode):
        return
    keys = set()
    for key, _value in node.value:
        if key.value in keys:
            line = key.start_mark.line + 1
            raise ReportError(f"{name}:{line}: duplicate key '{to_one_line(key.value, MAX_KEY_CHARS)}'; {REMEDY}")
        keys.add(key.value)


def _read_rule(entry: YamlText, where: str) -> WaiverRule:
    if not isinstance(entry, dict):
        raise ReportError(f"{where}: not a waiver; {REMEDY}")
    _check_keys(entry, where)
    requirement, reason = entry["requirement"], entry["reason"]
    nodes = entry.get("nodes", "*")
    patterns = nodes if isinstance(nodes, list) else [nodes]
    if not isinstance(requirement, str) or not requirement or not patterns:
        raise _pattern_error(where)
    names = []
    for pattern in patterns:
        if not isinstance(pattern, str) or not pattern:
            raise _pattern_error(where)
        names.append(to_one_line(pattern))
    if not isinstance(reason, str) or not reason.strip():
        raise ReportError(f"{where}: the reason is empty; {REMEDY}")
    return WaiverRule(
        to_one_line(requirement),
        tuple(names),
        to_one_line(reason),
        _read_day(entry["until"], where),
        to_one_line(where),
    )


def _check_keys(entry: Mapping[str, YamlText], where: str) -> None:
    problems = [f"{name} is missing" for name in REQUIRED_KEYS if name not in entry]
    unknown = sorted(str(name) for name in entry if name not in KEYS)
    problems += [f"unknown key '{to_one_line(name, MAX_KEY_CHARS)}'" for name in unknown]
    if problems:
        raise ReportError(f"{where}: {', '.join(problems)}; {REMEDY}")


def _pattern_error(where: str) -> ReportError:
    return ReportError(f"{where}: requirement and nodes must be names or patterns such as 'edge-*'; {REMEDY}")


def _read_day(value: YamlText, where: str) -> str:
    try:
        return datetime.date.fromisoformat(value if isinstance(value, str) else "").isoformat()
    except ValueError as exc:
        raise ReportError(f"{where}: until: invalid date {value!r}; {REMEDY}") from exc


def apply_waivers(
    nodes: Sequence[Node], rules: Sequence[WaiverRule], requirements: Mapping[str, ReportRequirement], today: str
) -> tuple[tuple[Node, ...], tuple[Waiver, ...]]:
    """Return the nodes with the waivers in force and the verdicts under them, and all waivers with their matches.

    Of two waivers for one requirement the first in force counts. ``today`` is YYYY-MM-DD, UTC.
    """
    if not rules:
        return tuple(nodes), ()
    table = _WaiverTable(rules, requirements, today)
    waived = tuple(table.apply(node) for node in nodes)
    return waived, tuple(table.list_waivers())


class _WaiverTable:
    """The waivers of a report, and how many requirements of nodes each of them covers."""

    def __init__(self, rules: Sequence[WaiverRule], requirements: Mapping[str, ReportRequirement], today: str) -> None:
        self._rules = rules
        self._requirements = requirements
        self._expired = [rule.until < today for rule in rules]
        self._matches = [0] * len(rules)

    def apply(self, node: Node) -> Node:
        """Return the node with the waivers in force, and with the verdict of what they do not cover."""
        indices = []
        for index, rule in enumerate(self._rules):
            if _matches_any(node.name, rule.nodes):
                indices.append(index)
        if not indices:
            return node
        rows = tuple(self._apply_to_row(row, indices) for row in node.rows)
        if all(row.waiver is None for row in rows):
            return node
        return replace(node, rows=rows, verdict=decide_verdict(row for row in rows if row.waiver is None))

    def _apply_to_row(self, row: Row, indices: Iterable[int]) -> Row:
        if not row.is_lacking:
            return row
        names = (row.id, self._requirements[row.id].name)
        for index in indices:
            if not any(fnmatchcase(name, self._rules[index].requirement) for name in names):
                continue
            self._matches[index] += 1
            if not self._expired[index]:
                return replace(row, waiver=index)
        return row

    def list_waivers(self) -> Iterator[Waiver]:
        """Yield the waivers with their matches."""
        for index, rule in enumerate(self._rules):
            yield Waiver(
                rule.requirement,
                rule.nodes,
                rule.reason,
                rule.until,
                rule.where,
                expired=self._expired[index],
                matches=self._matches[index],
            )


def describe_useless_waivers(document: Document) -> list[str]:
    """Return a sentence for each waiver whose patterns match nothing in the document: they are probably misspelled."""
    names = []
    for requirement in document.requirements.values():
        names += [requirement.id, requirement.name]
    sentences = []
    for waiver in document.waivers:
        problems = []
        if not any(_matches_any(node.name, waiver.nodes) for node in document.nodes):
            problems.append(f"no node is called {' or '.join(waiver.nodes)}")
        if names and not any(fnmatchcase(name, waiver.requirement) for name in names):
            problems.append(f"no requirement is called {waiver.requirement}")
        if problems:
            sentences.append(f"Waiver {waiver.where} has no effect: {' and '.join(problems)}.")
    return sentences


def _matches_any(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
