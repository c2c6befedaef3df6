# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a report.json. It is untrusted: each value is checked, and text is cleaned. Pure."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration import Declaration
from ansible_collections.nodeprep.istio.plugins.plugin_utils._records import (
    StructureError,
    from_mapping,
    list_field_names,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import (
    OTHER_SYSTEM,
    SCHEMA,
    Details,
    Document,
    Drift,
    NoData,
    Node,
    ProfileVerdict,
    ReportDisagreement,
    ReportFinding,
    ReportRequirement,
    ReportSelection,
    ReportTarget,
    RootCause,
    Row,
    Verdict,
    Waiver,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import to_one_line

REMEDY = "give a report.json written by role nodeprep.istio.istio_report from this version of the collection"
MAX_PROBLEM_CHARS = 200
# A mapping with this key is a row, one with the other key a node.
KEY_OF_ROWS = "after_reboot"
KEY_OF_NODES = "unwaived_verdict"
# A selection holds options, some of them lists, one a list of mappings.
MAX_SELECTION_DEPTH = 3


@dataclass(frozen=True, slots=True)
class NodeEntry:
    """A node as it is in the file; see _report/model.py: Node."""

    name: str
    verdict: Verdict
    unwaived_verdict: Verdict
    requirements: tuple[Row, ...]
    documented: ProfileVerdict = ""
    effective: ProfileVerdict = ""
    selection: int | None = None
    system: str = ""
    os_id: str = ""
    os_version: str = ""
    kernel: str = ""
    selinux: str = ""
    observed_at: str = ""
    tools: Mapping[str, str] | None = None
    forecast: str = ""
    no_data: NoData | None = None
    failure: str = ""
    findings: tuple[ReportFinding, ...] = ()
    disagreements: tuple[ReportDisagreement, ...] = ()
    plan: Mapping[str, tuple[str, ...]] | None = None
    execution: Mapping[str, tuple[str, ...]] | None = None
    probe: Mapping[str, tuple[str, ...]] | None = None
    target: ReportTarget | None = None
    declarations: tuple[Declaration, ...] = ()

    def __post_init__(self) -> None:
        has_data = self.verdict not in ("no_data", "skipped")
        if not has_data and self.no_data is None:
            raise StructureError("is missing", ("no_data",))
        if self.no_data is not None and (
            has_data or (self.verdict == "skipped") != (self.no_data.code == OTHER_SYSTEM)
        ):
            raise StructureError(f"contradicts the verdict {self.verdict}", ("no_data",))

    def to_node(self) -> Node:
        """Return the node of the model."""
        return Node(
            name=self.name,
            verdict=self.verdict,
            unwaived_verdict=self.unwaived_verdict,
            documented=self.documented,
            effective=self.effective,
            selection=self.selection,
            system=self.system,
            os_id=self.os_id,
            os_version=self.os_version,
            kernel=self.kernel,
            selinux=self.selinux,
            observed_at=self.observed_at,
            tools=tuple((self.tools or {}).items()),
            forecast=self.forecast,
            no_data=self.no_data,
            failure=self.failure,
            rows=self.requirements,
            findings=self.findings,
            disagreements=self.disagreements,
            plan=_to_details(self.plan),
            execution=_to_details(self.execution),
            probe=_to_details(self.probe),
            target=self.target,
            declarations=self.declarations,
        )


def _to_details(texts: Mapping[str, tuple[str, ...]] | None) -> Details:
    return tuple(texts.items()) if texts else ()


@dataclass(frozen=True, slots=True)
class ReportFile:
    """The file; see _report/model.py: Document."""

    generated_at: str
    selections: tuple[Mapping[str, Any], ...]
    waivers: tuple[Waiver, ...]
    drift: Drift | None
    merged_from: tuple[str, ...]
    requirements: tuple[ReportRequirement, ...]
    causes: tuple[RootCause, ...]
    nodes: tuple[NodeEntry, ...]

    def __post_init__(self) -> None:
        for index, selection in enumerate(self.selections):
            if not isinstance(selection.get("text"), str):
                raise StructureError("has no text", ("selections", str(index)))
            if not _is_plain(selection, MAX_SELECTION_DEPTH):
                raise StructureError("contains something that is not an option", ("selections", str(index)))
        for index, waiver in enumerate(self.waivers):
            if not _is_day(waiver.until):
                raise StructureError(f"is {waiver.until!r}, not a date", ("waivers", str(index), "until"))
        causes = {cause.id for cause in self.causes}
        requirements = {requirement.id for requirement in self.requirements}
        for index, node in enumerate(self.nodes):
            try:
                self._check_node(node, causes, requirements)
            except StructureError as error:
                raise error.within(index).within("nodes") from None

    def _check_node(self, node: NodeEntry, causes: Collection[str], requirements: Collection[str]) -> None:
        """Raise StructureError if a node refers to something that is not in the file."""
        if node.selection is not None and not 0 <= node.selection < len(self.selections):
            raise StructureError("is not the index of a selection", ("selection",))
        for row in node.requirements:
            path = ("requirements", row.id)
            if row.id not in requirements:
                raise StructureError("is not a known requirement", path)
            if row.waiver is not None and not 0 <= row.waiver < len(self.waivers):
                raise StructureError("has an invalid waiver index", path)
            if row.is_gap and row.cause not in causes:
                raise StructureError(f"has the unknown cause {row.cause!r}", path)

    def to_document(self) -> Document:
        """Return the document of the model."""
        selections = []
        for options in self.selections:
            rest = {name: value for name, value in options.items() if name != "text"}
            selections.append(ReportSelection(options["text"], rest))
        return Document(
            generated_at=self.generated_at,
            nodes=tuple(node.to_node() for node in self.nodes),
            requirements={requirement.id: requirement for requirement in self.requirements},
            selections=tuple(selections),
            causes=self.causes,
            waivers=self.waivers,
            drift=self.drift,
            merged_from=self.merged_from,
        )


def _is_plain(value: Any, max_depth: int) -> bool:
    """Return whether a value consists of plain values, in at most ``max_depth`` levels of mappings and lists."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        return max_depth > 0 and all(_is_plain(item, max_depth - 1) for item in value)
    return value is None or isinstance(value, (str, int, float))


def _is_day(text: str) -> bool:
    try:
        return bool(datetime.date.fromisoformat(text))
    except ValueError:
        return False


def read_report(text: str, name: str) -> Document:
    """Return the document of a JSON text. Raises ReportError that says what is wrong with the file ``name``."""
    try:
        raw = json.loads(text, object_hook=_RowReader().read, parse_float=_parse_float, parse_constant=_reject_constant)
    except StructureError as exc:
        raise _damaged(name, exc) from exc
    except (ValueError, RecursionError) as exc:
        raise ReportError(f"{name}: not valid JSON ({to_one_line(exc, MAX_PROBLEM_CHARS)}); {REMEDY}") from exc
    if not isinstance(raw, dict) or raw.get("schema") != SCHEMA:
        raise ReportError(f"{name}: not a report of schema {SCHEMA}; {REMEDY}")
    try:
        return from_mapping(ReportFile, raw).to_document()
    except StructureError as exc:
        raise _damaged(name, exc) from exc


def _damaged(name: str, error: StructureError) -> ReportError:
    return ReportError(f"{name}: the report is damaged: {to_one_line(error, MAX_PROBLEM_CHARS)}; {REMEDY}")


def _parse_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise StructureError(f"contains {to_one_line(text, MAX_PROBLEM_CHARS)}, which is too large a number")
    return number


def _reject_constant(word: str) -> NoReturn:
    raise StructureError(f"contains {word}, which is not a number")


class _RowReader:
    """Reads rows while their text is parsed, equal ones as one object: they are most of a report."""

    def __init__(self) -> None:
        self._rows: dict[Row, Row] = {}

    def read(self, raw: dict[str, Any]) -> Any:
        """Return the row that a mapping of the file is, or the mapping, with its text cleaned."""
        if KEY_OF_NODES in raw:
            _check_keys(raw, NodeEntry)
        if KEY_OF_ROWS not in raw:
            return _clean_values(raw)
        id_ = to_one_line(raw.get("id"))
        try:
            _check_keys(raw, Row)
            row = from_mapping(Row, _clean_values(raw))
        except StructureError as error:
            raise error.within(id_).within("requirements") from None
        return self._rows.setdefault(row, row)


def _check_keys(raw: Mapping[str, Any], kind: type[object]) -> None:
    for key in raw:
        if key not in list_field_names(kind):
            raise StructureError(f"contains the unknown key '{to_one_line(key, MAX_PROBLEM_CHARS)}'")


def _clean_values(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping with cleaned keys and text. Mappings in it are read already, and stay as they are."""
    return {to_one_line(key): _clean_value(value) for key, value in raw.items()}


def _clean_value(value: Any) -> Any:
    if isinstance(value, str):
        return to_one_line(value)
    if isinstance(value, list):
        return [_clean_value(item) for item in value]
    return value
