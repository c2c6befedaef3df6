# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the document out of what the role found on each node, or of recorded facts and documents. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, replace
from typing import Any, TypeVar

from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInput, ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.causes import cause_of, counted, no_data_cause
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.drift import drift_between
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import (
    VERDICTS,
    Cause,
    Document,
    Finding,
    NoData,
    Node,
    Requirement,
    Row,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import one_line, plain, texts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.waivers import WaiverRule, waive
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.releases import Release

T = TypeVar("T")
PROFILES = ("documented", "effective")
NOT_ASKED = "not asked in this run (left out by --limit, or in no play of it)"
NO_ANSWER = "no answer in this run"
_LONG_AGO = datetime.datetime.min.replace(tzinfo=datetime.timezone.utc)


class Builder:
    """Takes nodes one by one, so that the facts of ten thousand need not be held at once, and makes the document."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._requirements: dict[str, Requirement] = {}
        self._told: dict[str, Cause] = {}
        self._selections: list[dict[str, Any]] = []
        self._waivers: list[WaiverRule] = []
        self._merged_from: list[str] = []
        self._pool: dict[Any, Any] = {}

    def add(self, name: str, outcome: Any) -> None:
        """Take a node's outcome of role istio_node: {facts, assessment, plan, act, failure}; anything else is no data."""
        found = outcome if isinstance(outcome, Mapping) else {}
        failure = one_line(found.get("failure"))
        facts, assessment = found.get("facts"), found.get("assessment")
        if not isinstance(facts, Mapping) or not isinstance(assessment, Mapping):
            return self.add_missing(name, _no_data_code(failure), failure or NO_ANSWER)
        self._keep(self._node(one_line(name), failure, facts, assessment, found))

    def add_missing(self, name: str, code: str, text: str) -> None:
        """Take a node that gave no data, with the reason."""
        self._keep(Node(name=one_line(name), no_data=NoData(code, text)))

    def add_document(self, document: Document, label: str = "") -> None:
        """Take the nodes of another report. A label tells sites apart that use the same names: it is put before each."""
        prefix = f"{one_line(label)}/" if label else ""
        self._merged_from.append(f"{label or 'report'} of {document.generated_at}")
        for requirement in document.requirements.values():
            self._requirement(requirement)
        self._told = {**{cause.id: cause for cause in document.causes}, **self._told}
        self._waivers += [
            WaiverRule(w.requirement, tuple(prefix + pattern for pattern in w.nodes), w.reason, w.until, w.where)
            for w in document.waivers
        ]
        for node in document.nodes:
            selection = None if node.selection is None else self._selection(document.selections[node.selection])
            rows = tuple(self._one(replace(row, waiver=None)) for row in node.rows)
            no_data = _dated(node.no_data, document.generated_at)
            self._keep(
                replace(
                    node,
                    name=prefix + node.name,
                    selection=selection,
                    rows=rows,
                    verdict=node.unwaived_verdict,
                    no_data=no_data,
                )
            )

    def add_source(self, text: str) -> None:
        """Note what recorded facts were read."""
        self._merged_from.append(one_line(text))

    def document(
        self,
        generated_at: str,
        waivers: Sequence[WaiverRule] = (),
        previous: Document | None = None,
        max_age_hours: float | None = None,
    ) -> Document:
        """Return the document.

        :param generated_at: ISO 8601 in UTC; waivers are in force until the end of their day.
        :param max_age_hours: nodes observed earlier count as no data: an old green is worse than no answer.

        Raises ReportError where ``generated_at`` is no time.
        """
        now = instant(generated_at)
        if now is None:
            raise ReportError(
                f"generated_at: '{one_line(generated_at, 100)}' is no time in UTC such as 2026-11-24T04:00:00Z"
            )
        oldest = None if max_age_hours is None else now - datetime.timedelta(hours=max_age_hours)
        fresh = (_fresh(self._nodes[name], oldest) for name in sorted(self._nodes))
        unwaived_verdict = [
            replace(node, no_data=_dated(node.no_data, one_line(generated_at))) if node.no_data else node
            for node in fresh
        ]
        rules = list(dict.fromkeys([*self._waivers, *waivers]))
        nodes, shown = waive(unwaived_verdict, rules, self._requirements, generated_at[:10])
        told = {**self._told, **{cause.id: cause for cause in (no_data_cause(node) for node in nodes if node.no_data)}}
        document = Document(
            generated_at=one_line(generated_at),
            nodes=nodes,
            requirements=_in_order(nodes, self._requirements),
            selections=tuple(self._selections),
            causes=counted(nodes, told, self._requirements),
            waivers=shown,
            merged_from=tuple(self._merged_from),
        )
        return replace(document, drift=drift_between(previous, document)) if previous else document

    def _keep(self, node: Node) -> None:
        """Keep a node; of two answers of one node the newer wins: that a node cannot be reached any more is news."""
        known = self._nodes.get(node.name)
        if known is None or _rank(node) >= _rank(known):
            self._nodes[node.name] = node

    def _node(
        self, name: str, failure: str, facts: Mapping[str, Any], assessment: Mapping[str, Any], found: Mapping[str, Any]
    ) -> Node:
        system, verdicts = _mapping(facts, "os"), _mapping(assessment, "verdicts")
        verdict = _verdict(assessment.get("verdict"))
        return Node(
            name=name,
            verdict=verdict,
            unwaived_verdict=verdict,
            documented=_verdict(verdicts.get("documented")),
            effective=_verdict(verdicts.get("effective")),
            selection=self._selection(plain(_mapping(assessment, "selection"))),
            system=one_line(system.get("name")) or "unknown system",
            os_id=one_line(system.get("id")),
            os_version=one_line(system.get("version")),
            kernel=one_line(_mapping(facts, "kernel").get("release")),
            selinux=one_line(_mapping(facts, "selinux").get("mode")),
            observed_at=one_line(facts.get("observed_at")),
            tools=self._one(
                tuple((one_line(tool), _version(entry)) for tool, entry in sorted(_mapping(facts, "tools").items()))
            ),
            forecast=_forecast(assessment.get("forecast")),
            failure=failure,
            rows=self._one(tuple(self._row(facts, row) for row in assessment.get("requirements") or ())),
            findings=self._one(
                tuple(_finding(entry) for entry in assessment.get("findings") or () if isinstance(entry, Mapping))
            ),
            disagreements=self._one(tuple(_disagreement(entry) for entry in assessment.get("disagreements") or ())),
            plan=self._one(_plan(_mapping(found, "plan"))),
            execution=self._one(_lists(found.get("execution"))),
            probe=self._one(_proof(_mapping(found, "probe"))),
        )

    def _row(self, facts: Mapping[str, Any], raw: Mapping[str, Any]) -> Row:
        id_ = one_line(raw["id"])
        requirement = self._requirement(
            Requirement(
                id=id_,
                name=one_line(raw["name"]),
                kind=one_line(raw["kind"]),
                wording=one_line(raw["wording"]),
                source=one_line(raw["source"]),
                any_of=texts(raw.get("any_of")),
            )
        )
        level, state, now, after = (one_line(raw[key]) for key in ("level", "state", "now", "after_reboot"))
        profiles = self._one(tuple(profile for profile in PROFILES if profile in raw["profiles"]))
        row = Row(id_, level, state, now, after, profiles, one_line(raw["reason"]), one_line(raw.get("remedy")))
        if row.gap:
            cause = cause_of(facts, requirement, row)
            self._told.setdefault(cause.id, cause)
            row = replace(row, cause=cause.id)
        return self._one(row)

    def _requirement(self, found: Requirement) -> Requirement:
        """Keep what is the same on every node; where selections differ in its words, whichever node came first makes no difference."""
        known = self._requirements.get(found.id)
        if known != found:
            known = self._requirements[found.id] = found if known is None else min(known, found, key=astuple)
        return known

    def _selection(self, selection: dict[str, Any]) -> int | None:
        if not selection:
            return None
        told = {**selection, "text": selection_text(selection)}
        if told not in self._selections:
            self._selections.append(told)
        return self._selections.index(told)

    def _one(self, value: T) -> T:
        """Return the one object that is equal to this one: fleets are made of few kinds of nodes."""
        found: T = self._pool.setdefault(value, value)
        return found


def _in_order(nodes: Iterable[Node], requirements: Mapping[str, Requirement]) -> dict[str, Requirement]:
    """Return the requirements that nodes have, in the catalogue's order as the first nodes have it."""
    sets = dict.fromkeys(node.rows for node in nodes)
    return {row.id: requirements[row.id] for rows in sets for row in rows}


def instant(text: str) -> datetime.datetime | None:
    """Return the time that a text such as 2026-11-24T04:00:00Z gives, or None."""
    try:
        return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    except ValueError:
        return None


def _rank(node: Node) -> tuple[bool, datetime.datetime, bool]:
    """Return what two answers of one node are compared by; a node that was not asked gave none, whatever the time."""
    told = node.no_data.at if node.no_data else node.observed_at
    return not (node.no_data and node.no_data.code == "not_selected"), instant(told) or _LONG_AGO, node.no_data is None


def _dated(no_data: NoData | None, at: str) -> NoData | None:
    return replace(no_data, at=at) if no_data and not no_data.at else no_data


def _fresh(node: Node, oldest: datetime.datetime | None) -> Node:
    if oldest is None or node.no_data or ((seen := instant(node.observed_at)) and seen >= oldest):
        return node
    return Node(
        name=node.name,
        no_data=NoData("stale", f"observed {node.observed_at or 'at an unknown time'}, too long ago", node.observed_at),
    )


def selection_text(selection: Mapping[str, Any]) -> str:
    """Return what is asked of a node, for people: "iptables, ambient, dual, DNS capture on, Istio 1.30, profile combined"."""

    def joined(value: Any) -> str:
        return " and ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)

    capture, variant, version = (selection.get(key) for key in ("dns_capture", "iptables_variant", "istio_version"))
    if capture is None and list(selection.get("mode") or ()) == ["ambient"]:
        capture = True
    interception = joined(selection.get("interception") or "")
    parts = [joined(selection.get(key) or "") for key in ("backend", "mode", "ip_family")]
    parts.append(interception if interception != "redirect" else "")
    parts.append("" if capture is None else f"DNS capture {'on' if capture else 'off'}")
    parts.append(f"{variant} iptables" if variant not in (None, "auto") else "")
    parts.append(_istio(version) if version else "")
    parts.append(f"profile {selection['profile']}" if selection.get("profile") else "")
    return ", ".join(part for part in parts if part)


def _istio(version: Any) -> str:
    """Return for example "Istio 1.30"; with the release that is used in its place where the one asked for is not known."""
    try:
        release = Release.of(version)
    except InvalidInput:
        return f"Istio {version}"
    return f"Istio {version} (judged as {release.used})" if release.used != release.asked else f"Istio {version}"


def _mapping(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = holder.get(key)
    return value if isinstance(value, Mapping) else {}


def _verdict(value: Any) -> str:
    return str(value) if value in VERDICTS else "unknown"


def _version(tool: Any) -> str:
    return (one_line(tool.get("version")) or "version unknown") if isinstance(tool, Mapping) else "not installed"


def _forecast(value: Any) -> str:
    if not isinstance(value, Mapping):
        return ""
    told = one_line(f"{value.get('variant')}: {value['reason']}" if value.get("reason") else value.get("variant"))
    later = _forecast(value.get("after_reboot"))
    return f"{told}; after a reboot {later}" if later else told


def _finding(entry: Mapping[str, Any]) -> Finding:
    return Finding(*(one_line(entry.get(key)) for key in ("id", "severity", "message", "source")))


def _disagreement(entry: Any) -> str:
    return one_line(entry.get("message") if isinstance(entry, Mapping) else entry)


def _lists(value: Any, leave_out: Iterable[str] = ()) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return what a plan, an act or a probe names, each key with its texts; what is empty, false or a mapping is left out."""
    if not isinstance(value, Mapping):
        return ()
    flat = (
        (key, item if isinstance(item, (list, tuple)) else [item] if item else ())
        for key, item in value.items()
        if not isinstance(item, Mapping)
    )
    found = ((one_line(key), texts(items)) for key, items in flat)
    return tuple((key, items) for key, items in found if items and key not in leave_out)


def _plan(found: Mapping[str, Any]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return what a plan names, with the verdict that it leads to; the step of the modules is what is to be loaded and persisted."""
    steps = [step for step in found.get("steps") or () if isinstance(step, Mapping) and step.get("kind") != "modules"]
    told_steps = [f"{step.get('what')}, because {step.get('why')}" for step in steps]
    fails = [
        f"{entry.get('name')}: {entry.get('cause')}"
        for entry in found.get("not_loadable") or ()
        if isinstance(entry, Mapping)
    ]
    told = {**found, "steps": told_steps, "not_loadable": fails, "expected": _mapping(found, "expected").get("verdict")}
    return _lists(told, leave_out=("modules", "change", "state"))


def _proof(found: Mapping[str, Any]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return what filter probe_comparison says, in texts; nothing where no probe ran."""
    if not found:
        return ()
    counts = [f"{number} {status}" for status, number in _mapping(found, "counts").items() if number]
    failed = [cause.get("message") for cause in found.get("causes") or () if isinstance(cause, Mapping)]
    return _lists(
        {
            "predicted": found.get("predicted"),
            "result": found.get("result"),
            "rule_sets": counts,
            "failed": failed,
            "hint": found.get("hint"),
        }
    )


def _no_data_code(failure: str) -> str:
    if not failure:
        return "no_answer"
    return "unreachable" if failure.startswith("unreachable") else "failed"
