# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data of the HTML report's script, as JSON: the list of nodes and the details of each node. Pure.

Each kind of entry is a tuple here and a list in JSON. ``columns`` names the values of each kind, once: the script
builds its indices from it. Equal entries of many nodes are one entry. Nodes refer to it by its index; -1 is none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.explanation import list_secondary_notes
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.heat_map import (
    STATUS_SIGNS,
    HeatMap,
    get_status,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import (
    VERDICTS,
    Details,
    Document,
    Node,
    ReportDisagreement,
    ReportFinding,
    Row,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import shorten_system

NONE = -1
# Each verdict has a sign, since colour alone must not carry the meaning.
VERDICT_SIGNS = {
    "ready": "✓",
    "on_demand": "◐",
    "at_risk": "▲",
    "not_ready": "✕",
    "unknown": "?",
    "no_data": "○",
    "skipped": "/",
}
# The parts of a plan that the details of a node show in sections of their own.
OWN_SECTIONS = ("alternatives", "kernel_config")
# Within a script element these characters could end the element or start a comment.
UNSAFE_IN_SCRIPT = "<>&"

T = TypeVar("T")


class NodeEntry(NamedTuple):
    """A node. Verdicts are indices of VERDICTS; ``text`` says why it has no data, or what failed on it."""

    name: str
    verdict: int
    documented: int
    effective: int
    unwaived_verdict: int
    system: int
    rows: int
    note: int
    pattern: int
    observed_at: str
    text: str
    no_data_cause: int
    probe_result: str


class RowEntry(NamedTuple):
    """A requirement on a node."""

    requirement: int
    is_must: int
    cause: int
    waiver: int
    state: str
    now: str
    after_reboot: str
    reason: str
    remedy: str
    status: str
    profiles: tuple[str, ...]


class NoteEntry(NamedTuple):
    """The rest of a node, which only its details show."""

    findings: tuple[FindingEntry, ...]
    disagreements: tuple[DisagreementEntry, ...]
    plan: Details
    execution: Details
    probe: Details
    tools: tuple[tuple[str, str], ...]
    selection: int
    forecast: str
    secondary_notes: str
    alternatives: tuple[str, ...]
    kernel_config: tuple[str, ...]
    target: str
    expected_verdict: str


class FindingEntry(NamedTuple):
    """A finding."""

    severity: str
    message: str
    source: str


class DisagreementEntry(NamedTuple):
    """A requirement of one profile only."""

    name: str
    required_by: str


class SystemEntry(NamedTuple):
    """System and kernel. The short name is in it, since other tables show it and users search for it."""

    system: str
    kernel: str
    selinux: str
    short_system: str


class RequirementEntry(NamedTuple):
    """The part of a requirement that is the same on all nodes."""

    id: str
    label: str
    kind: str
    wording: str
    source: str


class CauseEntry(NamedTuple):
    """A root cause."""

    text: str
    remedy: str


class WaiverEntry(NamedTuple):
    """A waiver."""

    until: str
    reason: str


class ChangeEntry(NamedTuple):
    """A change on one node."""

    what: str
    before: str
    after: str
    reason: str


COLUMNS: dict[str, tuple[str, ...]] = {
    "node": NodeEntry._fields,
    "row": RowEntry._fields,
    "note": NoteEntry._fields,
    "finding": FindingEntry._fields,
    "disagreement": DisagreementEntry._fields,
    "system": SystemEntry._fields,
    "requirement": RequirementEntry._fields,
    "cause": CauseEntry._fields,
    "waiver": WaiverEntry._fields,
    "change": ChangeEntry._fields,
}


class _Pool(Generic[T]):
    """A list that holds each entry once."""

    def __init__(self) -> None:
        self._index_of: dict[Hashable, int] = {}
        self.items: list[T] = []

    def get_index(self, key: Hashable, build: Callable[[], T]) -> int:
        """Return the index of the entry of a key, which is built if it is new."""
        index = self._index_of.get(key)
        if index is None:
            index = self._index_of[key] = len(self.items)
            self.items.append(build())
        return index


class _Entries:
    """Builds the entries of the nodes of a document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._requirements = {id_: index for index, id_ in enumerate(document.requirements)}
        self._causes = {cause.id: index for index, cause in enumerate(document.causes)}
        self.systems = _Pool[SystemEntry]()
        self.rows = _Pool[RowEntry]()
        # The indices of the rows of a node.
        self.row_lists = _Pool[list[int]]()
        self.notes = _Pool[NoteEntry]()

    def build_node(self, node: Node, pattern: int) -> NodeEntry:
        text = "; ".join(f"{part}: {message}" for part, message in node.failures)
        age = self._document.describe_age_of(node)
        return NodeEntry(
            name=node.name,
            verdict=_index_verdict(node.verdict),
            documented=_index_verdict(node.documented),
            effective=_index_verdict(node.effective),
            unwaived_verdict=_index_verdict(node.unwaived_verdict),
            system=self._index_system(node),
            rows=self._index_rows(node),
            note=self._index_note(node),
            pattern=pattern,
            observed_at=f"{node.observed_at} ({age} before this report)" if age else node.observed_at,
            text=node.no_data.text if node.no_data else text,
            no_data_cause=self._causes.get(f"no_data: {node.no_data.code}", NONE) if node.no_data else NONE,
            probe_result=node.probe_result,
        )

    def _index_system(self, node: Node) -> int:
        entry = SystemEntry(node.system, node.kernel, node.selinux, shorten_system(node.system))
        return self.systems.get_index(entry, lambda: entry)

    def _index_rows(self, node: Node) -> int:
        if not node.rows:
            return NONE
        return self.row_lists.get_index(node.rows, lambda: [self._index_row(row) for row in node.rows])

    def _index_row(self, row: Row) -> int:
        return self.rows.get_index(row, lambda: self._build_row(row))

    def _build_row(self, row: Row) -> RowEntry:
        return RowEntry(
            requirement=self._requirements[row.id],
            is_must=int(row.level == "must"),
            cause=self._causes.get(row.cause, NONE),
            waiver=NONE if row.waiver is None else row.waiver,
            state=row.state,
            now=row.now,
            after_reboot=row.after_reboot,
            reason=row.reason,
            remedy=row.remedy,
            status=get_status(row),
            profiles=row.profiles,
        )

    def _index_note(self, node: Node) -> int:
        entry = NoteEntry(
            findings=tuple(_build_finding(finding) for finding in node.findings),
            disagreements=tuple(_build_disagreement(disagreement) for disagreement in node.disagreements),
            plan=tuple(entry for entry in node.plan if entry[0] not in OWN_SECTIONS),
            execution=node.execution,
            probe=node.probe,
            tools=node.tools,
            selection=NONE if node.selection is None else node.selection,
            forecast=node.forecast,
            secondary_notes="; ".join(list_secondary_notes(node, self._document.requirements)),
            alternatives=node.alternatives,
            kernel_config=node.kernel_config,
            target=_describe_target(node),
            expected_verdict=node.expected_verdict,
        )
        return self.notes.get_index(entry, lambda: entry)


def _build_finding(finding: ReportFinding) -> FindingEntry:
    return FindingEntry(finding.severity, finding.message, finding.source)


def _build_disagreement(disagreement: ReportDisagreement) -> DisagreementEntry:
    return DisagreementEntry(disagreement.name, disagreement.required_by)


def _describe_target(node: Node) -> str:
    target = node.target
    if target is None:
        return ""
    return f"{target.text}: {'; '.join((target.verdict, *target.reasons))}"


def _index_verdict(verdict: str) -> int:
    return VERDICTS.index(verdict) if verdict in VERDICTS else NONE


def build_script_data(document: Document, heat_map: HeatMap) -> str:
    """Return the data as JSON that can stand inside a script element."""
    entries = _Entries(document)
    nodes = []
    for node, pattern in zip(document.nodes, heat_map.pattern_of_node, strict=True):
        nodes.append(entries.build_node(node, pattern))
    changes: dict[str, list[ChangeEntry]] = {}
    for change in document.drift.changes if document.drift else ():
        entry = ChangeEntry(change.what, change.before, change.after, change.reason)
        changes.setdefault(change.node, []).append(entry)
    requirements = [
        RequirementEntry(requirement.id, requirement.label, requirement.kind, requirement.wording, requirement.source)
        for requirement in document.requirements.values()
    ]
    data = {
        "columns": COLUMNS,
        "verdicts": VERDICTS,
        "verdict_signs": VERDICT_SIGNS,
        "status_signs": STATUS_SIGNS,
        "requirements": requirements,
        "causes": [CauseEntry(cause.text, cause.remedy) for cause in document.causes],
        "waivers": [WaiverEntry(waiver.until, waiver.reason) for waiver in document.waivers],
        "selections": [selection.text for selection in document.selections],
        "systems": entries.systems.items,
        "rows": entries.rows.items,
        "row_lists": entries.row_lists.items,
        "notes": entries.notes.items,
        "nodes": nodes,
        "changes": changes,
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for character in UNSAFE_IN_SCRIPT:
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
