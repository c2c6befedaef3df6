# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the document as JSON. One node per line: any tool can compare two reports. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import is_dataclass

from ansible_collections.nodeprep.istio.plugins.plugin_utils._records import list_field_names
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import (
    SCHEMA,
    Document,
    Node,
    SharedDeclaration,
    Verdict,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import Json

# Fields that are left out if they are empty.
OPTIONAL_FIELDS = frozenset(
    (
        *("profiles", "any_of", "reason", "remedy", "cause", "waiver", "failure", "findings", "disagreements"),
        *("plan", "execution", "probe", "no_data", "at", "forecast", "alternatives", "target", "reasons"),
        *("declarations", "kept", "conflicts"),
    )
)


def render(document: Document) -> Iterator[str]:
    """Yield the JSON text. The same document gives the same bytes."""
    head: dict[str, Json] = {
        "schema": SCHEMA,
        "generated_at": document.generated_at,
        "selections": [{**selection.options, "text": selection.text} for selection in document.selections],
        "totals": _count(document),
        "waivers": [_to_json(waiver) for waiver in document.waivers],
        "drift": _to_json(document.drift),
        "merged_from": document.merged_from,
    }
    lines = (f"{_encode(key)}: {_encode(value)}" for key, value in head.items())
    yield "{\n" + ",\n".join(lines)
    yield from _render_lines("requirements", (_to_json(item) for item in document.requirements.values()))
    yield from _render_lines("causes", (_to_json(cause) for cause in document.causes))
    yield from _render_lines("declarations", (_declaration_to_json(shared) for shared in document.declarations))
    yield from _render_lines("nodes", (_node_to_json(node) for node in document.nodes))
    yield "\n}\n"


def _render_lines(key: str, items: Iterable[Json]) -> Iterator[str]:
    """Yield a key with a list that has one item per line."""
    yield f",\n{_encode(key)}: ["
    separator = "\n"
    for item in items:
        yield separator + _encode(item)
        separator = ",\n"
    yield "\n]"


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def _count(document: Document) -> dict[str, Json]:
    return {
        "nodes": len(document.nodes),
        "verdicts": _totals_to_json(document.totals),
        "documented": _totals_to_json(document.count_verdicts_of("documented")),
        "effective": _totals_to_json(document.count_verdicts_of("effective")),
        "gaps": sum(cause.gaps for cause in document.causes),
        "waived": sum(node.waived_count for node in document.nodes),
    }


def _totals_to_json(totals: Mapping[Verdict, int]) -> Json:
    return {str(verdict): number for verdict, number in totals.items()}


def _to_json(value: object) -> Json:
    """Return a value of the model as JSON has it: dataclasses as mappings without their empty optional fields."""
    if isinstance(value, tuple):
        return [_to_json(item) for item in value]
    if is_dataclass(value):
        return _fields_to_json(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise TypeError(f"{type(value).__name__} is not a type of the model")


def _fields_to_json(value: object) -> dict[str, Json]:
    entry = {}
    for name in list_field_names(type(value)):
        item = getattr(value, name)
        if name not in OPTIONAL_FIELDS or item not in (None, "", ()):
            entry[name] = _to_json(item)
    return entry


def _declaration_to_json(shared: SharedDeclaration) -> Json:
    """Return a declaration with the text to copy; the entries of its nodes have the rest."""
    declaration = shared.declaration
    return {
        "kind": declaration.kind,
        "format": declaration.format,
        "nodes": shared.nodes,
        "conflicts": declaration.conflicts,
        "load_now": declaration.load_now,
        "text": declaration.text,
    }


def _node_to_json(node: Node) -> Json:
    entry = _fields_to_json(node)
    entry["requirements"] = entry.pop("rows")
    entry["tools"] = dict(node.tools)
    for name, details in (("plan", node.plan), ("execution", node.execution), ("probe", node.probe)):
        if details:
            entry[name] = dict(details)
    return entry
