# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the document from the outcomes of nodes, from recorded facts, and from other reports. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, replace
from typing import TypeVar, cast

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import AssessedRequirement
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError, ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Tool
from ansible_collections.nodeprep.istio.plugins.plugin_utils._records import StructureError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.causes import (
    count_causes,
    find_cause,
    make_no_data_cause,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.drift import compare_documents
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.from_outcome import (
    OutcomeReader,
    make_outcome_error,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import (
    OTHER_SYSTEM,
    PROFILES,
    Document,
    NoData,
    NoDataCode,
    Node,
    ReportRequirement,
    ReportSelection,
    RootCause,
    Row,
    Verdict,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.outcome import Failure, Outcome
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import clean_mapping, parse_time, to_one_line
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.waivers import WaiverRule, apply_waivers
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.description import describe_selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection

T = TypeVar("T")

NOT_SELECTED = "not selected in this run (excluded by --limit, or in none of its plays)"
NOT_RECORDED = "in none of the sources; record the node, or remove it from istio_report_nodes"
UNKNOWN_SYSTEM = "unknown system"
# More than a century. datetime.timedelta cannot hold much larger values.
MAX_AGE_HOURS = 1_000_000
MAX_TIME_CHARS = 100
_LONG_AGO = datetime.datetime.min.replace(tzinfo=datetime.timezone.utc)


class Builder:
    """Collects nodes one by one, without keeping their facts, and builds the document."""

    def __init__(self) -> None:
        self._reader = OutcomeReader()
        self._nodes: dict[str, Node] = {}
        self._requirements: dict[str, ReportRequirement] = {}
        self._causes: dict[str, RootCause] = {}
        self._selections: list[ReportSelection] = []
        self._waivers: list[WaiverRule] = []
        self._merged_from: list[str] = []
        self._pool: dict[object, object] = {}

    def add(self, name: str, outcome: object) -> None:
        """Add a node with its outcome of role istio_node, as its host variables hold it.

        Raises InvalidInputError if the outcome is malformed, or from an older version of the collection.
        """
        result = self._reader.read(outcome)
        if isinstance(result, Failure):
            self.add_missing(name, result.code, result.text)
            return
        try:
            node = self._build_node(to_one_line(name), result)
        except StructureError as error:
            # The facts of modules are read only now.
            raise make_outcome_error(error) from error
        self._keep_newest(node)

    def add_missing(self, name: str, code: NoDataCode, text: str, at: str = "") -> None:
        """Add a node without data, with the reason.

        :param at: when it was without data, ISO 8601 in UTC. Without a time, any data of the node is newer.
        """
        verdict: Verdict = "skipped" if code == OTHER_SYSTEM else "no_data"
        no_data = NoData(code, text, at)
        self._keep_newest(Node(name=to_one_line(name), verdict=verdict, unwaived_verdict=verdict, no_data=no_data))

    def add_document(self, document: Document, label: str = "") -> None:
        """Add the nodes of another report.

        :param label: distinguishes sites with nodes of the same names; it is put before each name.
        """
        prefix = f"{to_one_line(label)}/" if label else ""
        self._merged_from.append(f"{label or 'report'} of {document.generated_at}")
        for requirement in document.requirements.values():
            self._register_requirement(requirement)
        for cause in document.causes:
            self._causes.setdefault(cause.id, cause)
        for waiver in document.waivers:
            patterns = tuple(prefix + pattern for pattern in waiver.nodes)
            self._waivers.append(WaiverRule(waiver.requirement, patterns, waiver.reason, waiver.until, waiver.where))
        for node in document.nodes:
            selection = None
            if node.selection is not None:
                selection = self._register_selection(document.selections[node.selection])
            self._keep_newest(
                replace(
                    node,
                    name=prefix + node.name,
                    selection=selection,
                    rows=tuple(self._intern(replace(row, waiver=None)) for row in node.rows),
                    verdict=node.unwaived_verdict,
                    no_data=_with_time(node.no_data, document.generated_at),
                )
            )

    def add_source(self, text: str) -> None:
        """Add the description of recorded facts that were read."""
        self._merged_from.append(to_one_line(text))

    def document(
        self,
        generated_at: str,
        waivers: Sequence[WaiverRule] = (),
        previous: Document | None = None,
        max_age_hours: float | None = None,
    ) -> Document:
        """Return the document.

        :param generated_at: ISO 8601 in UTC; waivers are in force until the end of their day.
        :param previous: the report to compare with.
        :param max_age_hours: nodes observed earlier are reported as no_data: old facts must not look new.

        Raises ReportError if ``generated_at`` is not such a time, or if ``max_age_hours`` is out of range.
        """
        now = parse_time(generated_at)
        if now is None:
            raise ReportError(
                f"generated_at: invalid time '{to_one_line(generated_at, MAX_TIME_CHARS)}'; "
                "give a UTC time such as 2026-11-24T04:00:00Z"
            )
        max_age = None
        if max_age_hours is not None:
            error = check_max_age_hours(max_age_hours)
            if error:
                raise ReportError(f"max_age_hours: {error}")
            max_age = datetime.timedelta(hours=max_age_hours)
        rules = list(dict.fromkeys([*self._waivers, *waivers]))
        nodes, applied = apply_waivers(
            self._list_nodes(generated_at, now, max_age), rules, self._requirements, generated_at[:10]
        )
        causes = dict(self._causes)
        for node in nodes:
            if node.no_data:
                cause = make_no_data_cause(node.no_data.code)
                causes[cause.id] = cause
        document = Document(
            generated_at=to_one_line(generated_at),
            nodes=nodes,
            requirements=_list_requirements(nodes, self._requirements),
            selections=tuple(self._selections),
            causes=count_causes(nodes, causes, self._requirements),
            waivers=applied,
            merged_from=tuple(self._merged_from),
        )
        return replace(document, drift=compare_documents(previous, document)) if previous else document

    def _list_nodes(self, generated_at: str, now: datetime.datetime, max_age: datetime.timedelta | None) -> list[Node]:
        """Return the nodes in the order of their names, those with facts that are too old without data."""
        nodes = []
        for name in sorted(self._nodes):
            node = _drop_stale_data(self._nodes[name], now, max_age)
            if node.no_data:
                node = replace(node, no_data=_with_time(node.no_data, to_one_line(generated_at)))
            nodes.append(node)
        return nodes

    def _keep_newest(self, node: Node) -> None:
        """Keep the newer of two answers of one node. That a node is unreachable now is newer than old facts."""
        known = self._nodes.get(node.name)
        if known is None or _rank(node) >= _rank(known):
            self._nodes[node.name] = node

    def _build_node(self, name: str, outcome: Outcome) -> Node:
        facts, assessment = outcome.facts, outcome.assessment
        tools = [(tool, _describe_tool(facts.tools[tool])) for tool in sorted(facts.tools)]
        return Node(
            name=name,
            verdict=assessment.verdict,
            unwaived_verdict=assessment.verdict,
            documented=assessment.verdicts.documented,
            effective=assessment.verdicts.effective,
            selection=self._register_options(outcome.selection),
            system=facts.os.name or UNKNOWN_SYSTEM,
            os_id=facts.os.id or "",
            os_version=facts.os.version or "",
            kernel=facts.kernel.release,
            selinux=facts.selinux.mode,
            observed_at=facts.observed_at or "",
            tools=self._intern(tuple(tools)),
            forecast=to_one_line(assessment.forecast),
            failure=outcome.failure,
            rows=self._intern(tuple(self._build_row(outcome, requirement) for requirement in outcome.requirements)),
            findings=self._intern(assessment.findings),
            disagreements=self._intern(assessment.disagreements),
            plan=self._intern(outcome.plan),
            execution=self._intern(outcome.execution),
            probe=self._intern(outcome.probe),
            target=self._intern(outcome.target),
            declarations=self._intern(outcome.declarations),
        )

    def _build_row(self, outcome: Outcome, assessed: AssessedRequirement) -> Row:
        requirement = self._register_requirement(
            ReportRequirement(
                id=assessed.id,
                name=assessed.name,
                kind=assessed.kind,
                wording=assessed.wording,
                source=assessed.source,
                any_of=assessed.any_of,
            )
        )
        row = Row(
            id=assessed.id,
            level=assessed.level,
            state=assessed.state,
            now=assessed.now,
            after_reboot=assessed.after_reboot,
            profiles=self._intern(tuple(profile for profile in PROFILES if profile in assessed.profiles)),
            reason=assessed.reason,
            remedy=assessed.remedy or "",
        )
        if row.is_gap:
            cause = find_cause(outcome.facts, outcome.modules, requirement, row)
            self._causes.setdefault(cause.id, cause)
            row = replace(row, cause=cause.id)
        return self._intern(row)

    def _register_requirement(self, requirement: ReportRequirement) -> ReportRequirement:
        """Keep a requirement once for all nodes.

        If its wording differs between selections, the result does not depend on the order of the nodes.
        """
        known = self._requirements.get(requirement.id)
        if known == requirement:
            return known
        kept = requirement if known is None else min(known, requirement, key=astuple)
        self._requirements[requirement.id] = kept
        return kept

    def _register_options(self, options: Mapping[str, object]) -> int:
        """Return the index of the selection with these options."""
        cleaned = clean_mapping(options)
        for index, known in enumerate(self._selections):
            if known.options == cleaned:
                return index
        try:
            selection = Selection.from_options(options)
        except InvalidInputError as error:
            raise make_outcome_error(f"'assessment.selection' is invalid ({error})") from error
        return self._register_selection(ReportSelection(to_one_line(describe_selection(selection)), cleaned))

    def _register_selection(self, selection: ReportSelection) -> int:
        if selection not in self._selections:
            self._selections.append(selection)
        return self._selections.index(selection)

    def _intern(self, value: T) -> T:
        """Return the one object that is equal to this value: a fleet consists of few kinds of nodes."""
        return cast(T, self._pool.setdefault(value, value))


def check_max_age_hours(hours: float) -> str:
    """Return what is wrong with a maximum age of facts in hours, or an empty string."""
    # NaN is in no range.
    if 0 <= hours <= MAX_AGE_HOURS:
        return ""
    return f"invalid value {hours:g}; give a number from 0 to {MAX_AGE_HOURS}"


def _list_requirements(
    nodes: Iterable[Node], requirements: Mapping[str, ReportRequirement]
) -> dict[str, ReportRequirement]:
    """Return the requirements of the nodes, in the order of the catalogue as the first nodes have it."""
    listed = {}
    for rows in dict.fromkeys(node.rows for node in nodes):
        for row in rows:
            listed[row.id] = requirements[row.id]
    return listed


def _rank(node: Node) -> tuple[bool, datetime.datetime, bool]:
    """Return the key that orders two answers of one node. A node that was not selected has none, at any time."""
    time = node.no_data.at if node.no_data else node.observed_at
    return node.is_selected, parse_time(time) or _LONG_AGO, node.no_data is None


def _with_time(no_data: NoData | None, at: str) -> NoData | None:
    return replace(no_data, at=at) if no_data and not no_data.at else no_data


def _drop_stale_data(node: Node, now: datetime.datetime, max_age: datetime.timedelta | None) -> Node:
    """Return the node, without data if it was observed more than ``max_age`` ago."""
    if max_age is None or node.no_data:
        return node
    observed = parse_time(node.observed_at)
    if observed and now - observed <= max_age:
        return node
    observed_at = node.observed_at or "at an unknown time"
    text = (
        f"observed {observed_at}, longer ago than istio_report_max_age_hours; record the node or gather its facts again"
    )
    return Node(name=node.name, no_data=NoData("stale", text, node.observed_at))


def _describe_tool(tool: Tool | None) -> str:
    if tool is None:
        return "not installed"
    return tool.version or "version unknown"
