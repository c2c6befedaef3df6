# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document as JSON, and back. One node a line, so that two reports can be compared with any tool. Pure."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import (
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
    Requirement,
    Row,
    Waiver,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import one_line, plain

REMEDY = "name a report.json that role nodeprep.istio.istio_report of this collection's version wrote"
_DEFAULTS = {
    "profiles",
    "any_of",
    "reason",
    "remedy",
    "cause",
    "waiver",
    "failure",
    "findings",
    "disagreements",
    "plan",
    "execution",
    "probe",
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
    for key in ("plan", "execution", "probe", "tools"):
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
        raw = json.loads(text, object_hook=build, parse_constant=_no_constant)
    except (json.JSONDecodeError, RecursionError) as exc:
        raise ReportError(f"{name}: this is no JSON ({exc}); {REMEDY}") from exc
    except (KeyError, TypeError, ValueError) as exc:
        raise _damaged(name, exc) from exc
    if not isinstance(raw, dict) or raw.get("schema") != SCHEMA:
        raise ReportError(f"{name}: this is no report of schema {SCHEMA}; {REMEDY}")
    try:
        for row in pool:
            _fitting(row)
        return _document(raw)
    except (LookupError, TypeError, ValueError, AttributeError) as exc:
        raise _damaged(name, exc) from exc


def _damaged(name: str, exc: Exception) -> ReportError:
    return ReportError(f"{name}: this report is damaged ({type(exc).__name__}: {one_line(exc, 200)}); {REMEDY}")


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def _document(raw: Mapping[str, Any]) -> Document:
    document = Document(
        generated_at=one_line(raw["generated_at"]),
        nodes=tuple(_read_node(node) for node in raw["nodes"]),
        requirements={one_line(entry["id"]): _read(Requirement, entry) for entry in raw["requirements"]},
        selections=tuple(dict(plain(selection)) for selection in raw["selections"]),
        causes=tuple(_read(Cause, entry) for entry in raw["causes"]),
        waivers=tuple(_read(Waiver, entry) for entry in raw["waivers"]),
        drift=_read(Drift, {**raw["drift"], "changes": [_read(Change, change) for change in raw["drift"]["changes"]]})
        if raw["drift"]
        else None,
        merged_from=tuple(map(one_line, raw["merged_from"])),
    )
    for selection in document.selections:
        if not isinstance(selection["text"], str):
            raise TypeError(f"{selection['text']!r} is no text of a selection")
    for waiver in document.waivers:
        datetime.date.fromisoformat(waiver.until)
    causes = {cause.id for cause in document.causes}
    for node in document.nodes:
        if node.selection is not None:
            _at(document.selections, node.selection)
        for row in node.rows:
            document.requirements[row.id]
            if row.waiver is not None:
                _at(document.waivers, row.waiver)
            if row.gap and row.cause not in causes:
                raise ValueError(f"{node.name} names no known cause")
    return document


def _at(items: Sequence[Any], index: int) -> Any:
    """Return the item at a position; no position is counted from the end."""
    return items[index if index >= 0 else len(items)]


def _row(raw: Mapping[str, Any]) -> Row:
    row: Row = _made(Row, raw)
    if row.now not in GRADES or row.after_reboot not in GRADES:
        raise ValueError(f"{row.id} has no known grade")
    return row


def _read_node(raw: Mapping[str, Any]) -> Node:
    verdicts = [raw["verdict"], raw["unwaived_verdict"], *(raw[key] for key in ("documented", "effective") if raw[key])]
    if not all(verdict in VERDICTS for verdict in verdicts):
        raise ValueError(f"{raw['name']} has no known verdict")
    found = dict(raw)
    rows = tuple(found.pop("requirements"))
    if not all(isinstance(row, Row) for row in rows):
        raise ValueError(f"{raw['name']} has a requirement without grades")
    found["findings"] = [_read(Finding, finding) for finding in raw.get("findings", ())]
    found["no_data"] = _read(NoData, raw["no_data"]) if raw.get("no_data") else None
    for key in ("plan", "execution", "probe", "tools"):
        found[key] = list(raw.get(key, {}).items())
    node: Node = _read(Node, {**found, "rows": rows})
    if (node.verdict == "no_data") != (node.no_data is not None):
        raise ValueError(
            f"{node.name} has verdict {node.verdict} and {'a' if node.no_data else 'no'} reason for no data"
        )
    return node


def _read(kind: Any, raw: Mapping[str, Any]) -> Any:
    return _fitting(_made(kind, raw))


def _fitting(value: Any) -> Any:
    """Return a dataclass whose values are of their fields' types. Raises TypeError that names the field."""
    kind: Any = type(value)
    for name, hint in _hints(kind).items():
        if not _fits(getattr(value, name), hint):
            raise TypeError(f"{kind.__name__}.{name} is {getattr(value, name)!r}")
    return value


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _fits(value: Any, hint: Any) -> bool:
    parts = get_args(hint)
    if get_origin(hint) is not tuple:
        return any(value.__class__ is part for part in parts or (hint,))
    if not isinstance(value, tuple):
        return False
    if parts[-1] is Ellipsis:
        return all(_fits(item, parts[0]) for item in value)
    return len(value) == len(parts) and all(map(_fits, value, parts))


def _made(kind: Any, raw: Mapping[str, Any]) -> Any:
    return kind(**{one_line(key): _value(item) for key, item in raw.items()})


def _value(item: Any) -> Any:
    if isinstance(item, (list, tuple)):
        return tuple(_value(part) for part in item)
    return (
        item
        if item is None or isinstance(item, (bool, int)) or hasattr(item, "__dataclass_fields__")
        else one_line(item)
    )
