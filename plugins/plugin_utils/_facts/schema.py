# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the facts that a node or a file supplied, and turn them into typed objects. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args

from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import (
    describe_reason,
    reconstruct_line,
    ungroup_reasons,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Axis, ConflictFile, Facts, State
from ansible_collections.nodeprep.istio.plugins.plugin_utils._records import (
    StructureError,
    from_mapping,
    prepare_reading,
)

SCHEMA = 3
STATES: tuple[str, ...] = get_args(State)
REMEDY = "gather the facts with nodeprep.istio.node_facts from this version of the collection"
MAX_LINE_NUMBER = 999_999_999

T = TypeVar("T")
# A reason as it is in the facts, a dict with axis, code, text and places; see module_utils/_reasons.py.
RawReason = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ReasonGroup:
    """Reasons that several modules share.

    ``modules`` maps each of them to the rest of each place in ``where`` and ``listed_in``: the number of a line,
    the name of a file, or None.
    """

    axis: Axis
    code: str
    text: str
    modules: Mapping[str, tuple[Any, ...]]
    where: str | None = None
    listed_in: str | None = None
    dependency: str | None = None
    includes_dependents: bool = False

    def __post_init__(self) -> None:
        for key, value in (("where", self.where), ("listed_in", self.listed_in), ("dependency", self.dependency)):
            if value == "":
                raise StructureError("is empty", (key,))
        places = [place for place in (self.where, self.listed_in) if place is not None]
        for name, rest in self.modules.items():
            if len(rest) != len(places):
                raise StructureError(f"contains {len(rest)} entries for {len(places)} places", ("modules", name))
            for item in rest:
                if not _is_rest_of_a_place(item):
                    raise StructureError(
                        f"contains {str(item)[:100]!r}, which is neither a line number nor a file name",
                        ("modules", name),
                    )


def _is_rest_of_a_place(item: Any) -> bool:
    if item is None:
        return True
    if isinstance(item, str):
        return item != "" and "/" not in item
    return isinstance(item, int) and not isinstance(item, bool) and 0 < item <= MAX_LINE_NUMBER


@dataclass(frozen=True, slots=True)
class _Dependencies:
    depends: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _GroupedFacts:
    """The part of the facts that expand() works on."""

    modules: Mapping[str, _Dependencies]
    reasons: tuple[ReasonGroup, ...]
    conflicts: Mapping[str, ConflictFile] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, group in enumerate(self.reasons):
            for name in group.modules:
                if name not in self.modules:
                    raise StructureError(f"names the unknown module '{name}'", ("reasons", str(number)))


def parse_facts(raw: Any) -> Facts:
    """Return the facts of node_facts as typed objects.

    Raises InvalidInputError that says what is wrong with them and what to do.
    """
    return parse_expanded(expand(raw))


def parse_expanded(expanded: Mapping[str, Any]) -> Facts:
    """Return what expand() returned as typed objects. Raises InvalidInputError as parse_facts() does."""
    return _read(Facts, expanded)


def expand(raw: Any) -> Mapping[str, Any]:
    """Return the facts of node_facts with the reasons of each module in its own entry and all lines of the conflicts.

    Each reason has ``axis``, ``code`` and ``text``, the whole sentence, and if they apply ``where``, a path with its
    line, ``listed_in`` and ``dependency``. Expanding facts again changes nothing.

    Raises InvalidInputError if the facts have another schema, or if the reasons or conflicts are malformed.
    """
    if not isinstance(raw, Mapping):
        raise InvalidInputError(f"the facts: {type(raw).__name__} is not a mapping; {REMEDY}")
    schema = raw.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool) or schema != SCHEMA:
        raise InvalidInputError(f"the facts: schema is {schema!r}, not {SCHEMA}; {REMEDY}")
    _read(_GroupedFacts, raw)
    reasons = ungroup_reasons([_without_nulls(group) for group in raw["reasons"]], raw["modules"])
    modules = {}
    for name, entry in raw["modules"].items():
        modules[name] = {**entry, "reasons": [_with_whole_text(reason) for reason in reasons[name]]}
    return {**raw, "modules": modules, "conflicts": _with_all_lines(raw.get("conflicts", {}), reasons)}


def _read(kind: type[T], value: Any) -> T:
    try:
        return from_mapping(kind, value)
    except StructureError as error:
        raise InvalidInputError(f"the facts: {error}; {REMEDY}") from None


def _without_nulls(group: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: value for key, value in group.items() if value is not None}


def _with_whole_text(reason: RawReason) -> RawReason:
    """Return a reason with its whole sentence, and the place to look at."""
    where = reason.get("where") or reason.get("listed_in")
    place = {"where": where} if where else {}
    return {**reason, "text": describe_reason(reason), **place}


def _with_all_lines(
    conflicts: Mapping[str, Mapping[str, Any]], reasons: Mapping[str, Iterable[RawReason]]
) -> Mapping[str, Mapping[str, Any]]:
    """Return the conflicts with the lines that the facts leave out: those that the reasons of modules already show."""
    shown: dict[str, dict[str, str]] = {path: {} for path in conflicts}
    for name, of_module in reasons.items():
        for reason in of_module:
            path, _colon, number = reason.get("where", "").rpartition(":")
            line = reconstruct_line(reason, name) if path in shown else None
            if line is not None:
                shown[path][number] = line
    return {path: {**file, "lines": {**shown[path], **file.get("lines", {})}} for path, file in conflicts.items()}


# Ansible reads the facts of each node in a process of its own, which it forks after it has imported this module.
prepare_reading(_GroupedFacts)
prepare_reading(Facts)
