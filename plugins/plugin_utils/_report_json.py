# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document as JSON, and back. One node a line, so that two reports can be compared with any tool. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report import (
    GRADES,
    SCHEMA,
    VERDICTS,
    Cause,
    Change,
    Document,
    Drift,
    Finding,
    NoData,
    Node,
    ReportError,
    Requirement,
    Row,
    Waiver,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report_text import one_line, plain

REMEDY = "name a report.json that role nodeprep.istio.istio_report of this collection's version wrote"
_DEFAULTS = {
    "profiles",
    "alternatives",
    "reason",
    "remedy",
    "cause",
    "waiver",
    "failure",
    "findings",
    "disagreements",
    "plan",
    "act",
    "proof",
    "no_data",
    "at",
    "forecast",
}
# Keys of the document's file that stand on lines of their own, in this order.
_LINES = ("requirements", "causes", "nodes")


def render(document: Document) -> Iterator[str]:
    """Yield the JSON text. The same document gives the same bytes."""
    head = {
        "schema": SCHEMA,
        "generated_at": document.generated_at,
        "selections": document.selections,
        "totals": _totals(document),
        "waivers": [_dict(waiver) for waiver in document.waivers],
        "drift": _dict(document.drift) if document.drift else None,
        "merged_from": document.merged_from,
    }
    yield "{\n" + ",\n".join(f"{_json(key)}: {_json(value)}" for key, value in head.items())
    parts: tuple[Iterator[dict[str, Any]], ...] = (
        (_dict(requirement) for requirement in document.requirements.values()),
        (_dict(cause) for cause in document.causes),
        (_node(node) for node in document.nodes),
    )
    for key, items in zip(_LINES, parts, strict=True):
        yield f",\n{_json(key)}: ["
        for index, item in enumerate(items):
            yield (",\n" if index else "\n") + _json(item)
        yield "\n]"
    yield "\n}\n"


_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def _totals(document: Document) -> dict[str, Any]:
    return {
        "nodes": len(document.nodes),
        "verdicts": document.totals,
        "documented": document.totals_of("documented"),
        "effective": document.totals_of("effective"),
        "gaps": sum(cause.gaps for cause in document.causes),
        "waived": sum(row.waiver is not None for node in document.nodes for row in node.rows),
    }


def _dict(value: Any) -> dict[str, Any]:
    """Return a dataclass as a mapping; what says nothing is left out of rows and nodes."""
    pairs = ((name, getattr(value, name)) for name in _names(type(value)))
    return {name: _item(item) for name, item in pairs if not (name in _DEFAULTS and not _says(item))}


def _item(item: Any) -> Any:
    if isinstance(item, tuple):
        return [_item(part) for part in item]
    return _dict(item) if hasattr(item, "__dataclass_fields__") else item


def _says(item: Any) -> bool:
    return item is not None and item not in ("", ())


_FIELDS: dict[type, tuple[str, ...]] = {}


def _names(kind: type) -> tuple[str, ...]:
    if kind not in _FIELDS:
        _FIELDS[kind] = tuple(item.name for item in fields(kind))
    return _FIELDS[kind]


def _node(node: Node) -> dict[str, Any]:
    found = _dict(node)
    found["requirements"] = found.pop("rows")
    for key in ("plan", "act", "proof", "tools"):
        if key in found:
            found[key] = dict(found[key])
    return found


def read(text: str, name: str) -> Document:
    """Return the document of a JSON text. Raises ReportError that says what is wrong with the file ``name``."""
    pool: dict[Any, Any] = {}

    def build(raw: dict[str, Any]) -> Any:
        # Rows are most of the text: make them what they become while they are read, equal ones only once.
        if "after_reboot" in raw:
            row = _row(raw)
            return pool.setdefault(row, row)
        return raw

    try:
        raw = json.loads(text, object_hook=build)
    except (ValueError, RecursionError) as exc:
        raise ReportError(f"{name}: this is no JSON ({exc}); {REMEDY}") from exc
    if not isinstance(raw, dict) or raw.get("schema") != SCHEMA:
        raise ReportError(f"{name}: this is no report of schema {SCHEMA}; {REMEDY}")
    try:
        document = _document(raw)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise ReportError(f"{name}: this report is damaged ({type(exc).__name__}: {one_line(exc, 200)}); {REMEDY}") from exc
    return document


def _document(raw: Mapping[str, Any]) -> Document:
    document = Document(
        generated_at=one_line(raw["generated_at"]),
        nodes=tuple(_read_node(node) for node in raw["nodes"]),
        requirements={one_line(entry["id"]): _read(Requirement, entry) for entry in raw["requirements"]},
        selections=tuple(dict(plain(selection)) for selection in raw["selections"]),
        causes=tuple(_read(Cause, entry) for entry in raw["causes"]),
        waivers=tuple(_read(Waiver, entry) for entry in raw["waivers"]),
        drift=_read(Drift, {**raw["drift"], "changes": [_read(Change, change) for change in raw["drift"]["changes"]]}) if raw["drift"] else None,
        merged_from=tuple(map(one_line, raw["merged_from"])),
    )
    causes = {cause.id for cause in document.causes}
    for node in document.nodes:
        if node.selection is not None:
            document.selections[node.selection]
        for row in node.rows:
            document.requirements[row.id]
            if row.gap and row.cause not in causes:
                raise ValueError(f"{node.name} names no known cause")
    return document


def _row(raw: Mapping[str, Any]) -> Row:
    row: Row = _read(Row, raw)
    if row.now not in GRADES or row.after_reboot not in GRADES:
        raise ValueError(f"{row.id} has no known grade")
    return row


def _read_node(raw: Mapping[str, Any]) -> Node:
    if raw["verdict"] not in VERDICTS or raw["unwaived"] not in VERDICTS:
        raise ValueError(f"{raw['name']} has no known verdict")
    found = dict(raw)
    rows = tuple(found.pop("requirements"))
    if not all(isinstance(row, Row) for row in rows):
        raise ValueError(f"{raw['name']} has a requirement without grades")
    found["findings"] = [_read(Finding, finding) for finding in raw.get("findings", ())]
    found["no_data"] = _read(NoData, raw["no_data"]) if raw.get("no_data") else None
    for key in ("plan", "act", "proof", "tools"):
        found[key] = list(raw.get(key, {}).items())
    node: Node = _read(Node, {**found, "rows": rows})
    return node


def _read(kind: Any, raw: Mapping[str, Any]) -> Any:
    return kind(**{one_line(key): _value(item) for key, item in raw.items()})


def _value(item: Any) -> Any:
    if isinstance(item, (list, tuple)):
        return tuple(_value(part) for part in item)
    return item if item is None or isinstance(item, (bool, int)) or hasattr(item, "__dataclass_fields__") else one_line(item)
