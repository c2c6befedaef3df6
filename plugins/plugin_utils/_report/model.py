# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report: one document for the whole fleet, as data. Its JSON form is described by roles/istio_report/files/report.schema.json."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

SCHEMA = 2

# From the best to the worst: the order of every table of totals.
VERDICTS = ("ready", "on_demand", "at_risk", "not_ready", "unknown", "no_data")
GRADES = ("present", "on_demand", "unmet", "unknown", "not_needed")
BAD = ("unmet", "unknown")
# What the gate can be shut by: a verdict, or a proof that contradicts one.
DISPROVED = "probe_failed"
GATES = (*VERDICTS, DISPROVED)

# What an owner looks at first.
URGENCY = {
    verdict: rank for rank, verdict in enumerate(("not_ready", "no_data", "unknown", "at_risk", "on_demand", "ready"))
}


@dataclass(frozen=True)
class Requirement:
    """What is the same on every node about one line of the catalogue."""

    id: str
    name: str
    kind: str
    wording: str = ""
    source: str = ""
    any_of: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Return its name for people, which tells two of one name apart: "nft_chain_nat/ipv4"."""
        return self.id.split("/", 2)[-1] if self.id.count("/") > 2 else self.name


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement as it stands on one node. Equal rows of different nodes are one object.

    ``profiles`` are those of documented and effective that ask for it on this node; a site's own check has none.
    ``cause`` is the id of the root cause of a gap; ``waiver`` the position of the waiver in force in the document's list.
    """

    id: str
    level: str
    state: str
    now: str
    after_reboot: str
    profiles: tuple[str, ...] = ()
    reason: str = ""
    remedy: str = ""
    cause: str = ""
    waiver: int | None = None

    @property
    def lacking(self) -> bool:
        """Whether it is not there, or cannot be told, now or after a reboot, whoever minds."""
        return self.now in BAD or self.after_reboot in BAD

    @property
    def gap(self) -> bool:
        """Whether it keeps the node from ready."""
        return self.level == "must" and self.waiver is None and self.lacking


@dataclass(frozen=True)
class Finding:
    id: str
    severity: str
    message: str
    source: str = ""


@dataclass(frozen=True)
class NoData:
    """Why a node gave no data: ``code`` is unreachable, failed, not_asked, no_answer, stale or unusable.

    ``at`` is when that was so, ISO 8601 in UTC: for a node that was asked, the time of the report that first said it.
    """

    code: str
    text: str
    at: str = ""


@dataclass(frozen=True, kw_only=True)
class Node:
    """One node. Without an assessment its verdict is no_data and ``no_data`` says why.

    ``verdict`` leaves out what is waived, ``unwaived_verdict`` does not; ``documented`` and ``effective`` are the verdicts of the
    page and of the rules. ``selection`` is the position in the document's list. ``failure`` is an error of the run on a
    node that has data all the same. ``plan``, ``execution`` and ``probe`` are what the role planned, did and tested.
    """

    name: str
    verdict: str = "no_data"
    unwaived_verdict: str = "no_data"
    documented: str = ""
    effective: str = ""
    selection: int | None = None
    system: str = ""
    os_id: str = ""
    os_version: str = ""
    kernel: str = ""
    selinux: str = ""
    observed_at: str = ""
    tools: tuple[tuple[str, str], ...] = ()
    forecast: str = ""
    no_data: NoData | None = None
    failure: str = ""
    rows: tuple[Row, ...] = ()
    findings: tuple[Finding, ...] = ()
    disagreements: tuple[str, ...] = ()
    plan: tuple[tuple[str, tuple[str, ...]], ...] = ()
    execution: tuple[tuple[str, tuple[str, ...]], ...] = ()
    probe: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def asked(self) -> bool:
        """Whether the run asked it; recorded facts count as asked."""
        return self.no_data is None or self.no_data.code != "not_selected"

    @property
    def probe_result(self) -> str:
        """Return what the probe proved: "passed", "failed", "incomplete" or "not_tested"; nothing where it did not run."""
        return "".join(dict(self.probe).get("result", ()))

    @property
    def probe_contradicts_verdict(self) -> bool:
        """Whether rules like Istio's fail although the verdict, waivers aside, does not say that something is lacking now."""
        return self.probe_result == "failed" and self.unwaived_verdict != "not_ready"

    @property
    def foreseen(self) -> str:
        """Return the verdict that the plan leads to, if that is another one and the plan was not carried out."""
        after = "".join(dict(self.plan).get("expected", ()))
        carried_out = bool(self.execution) and "check_mode" not in dict(self.execution)
        return "" if carried_out or after == self.unwaived_verdict else after

    @property
    def failures(self) -> tuple[tuple[str, str], ...]:
        """Return what failed on a node that has data, each with its text: the "run" of the playbook, the "probe".

        Neither is in the verdict, which says what the node has; so every format shows them beside it.
        """
        found = [("run", self.failure)] if self.failure else []
        if self.probe_result == "failed":
            lacking = "; ".join(dict(self.probe).get("failed", ()))
            found.append(("probe", f"rules like Istio's fail on this node{': ' if lacking else ''}{lacking}"))
        return tuple(found)

    @property
    def gaps(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.gap)


@dataclass(frozen=True)
class Cause:
    """One root cause: the nodes and requirements whose gaps it explains."""

    id: str
    text: str
    remedy: str = ""
    gaps: int = 0
    nodes: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True)
class Waiver:
    """A requirement that its owner accepts as unmet until the end of a day (UTC).

    ``requirement`` and ``nodes`` are patterns of ids or names; ``where`` is its file and line.
    """

    requirement: str
    nodes: tuple[str, ...]
    reason: str
    until: str
    where: str = ""
    expired: bool = False
    matches: int = 0


@dataclass(frozen=True)
class Change:
    """One difference on one node since the last report; ``what`` is verdict, kernel, system or a requirement's id."""

    node: str
    what: str
    before: str
    after: str
    reason: str = ""


@dataclass(frozen=True)
class Drift:
    """What changed since another document."""

    since: str
    new: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Document:
    """The whole report. Nodes are in the order of their names, requirements in that of the catalogue.

    ``selections`` are what was asked of the nodes, each with its ``text`` for people. ``merged_from`` names the recorded
    facts and documents that it was made of; a report of its own run has none.
    """

    generated_at: str
    nodes: tuple[Node, ...]
    requirements: dict[str, Requirement]
    selections: tuple[dict[str, Any], ...] = ()
    causes: tuple[Cause, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    drift: Drift | None = None
    merged_from: tuple[str, ...] = ()

    @property
    def totals(self) -> dict[str, int]:
        return counted(node.verdict for node in self.nodes)

    def totals_of(self, profile: str) -> dict[str, int]:
        """Return the totals of "documented" or "effective"; a node that does not have this verdict counts as no_data."""
        return counted(getattr(node, profile) or "no_data" for node in self.nodes)

    def failing(self, gates: Iterable[str]) -> tuple[Node, ...]:
        """Return the nodes that have one of these verdicts or, with "probe_failed" among them, a proof against it, the most urgent first."""
        wanted = set(gates)
        found = (
            node
            for node in self.nodes
            if node.verdict in wanted or (DISPROVED in wanted and node.probe_contradicts_verdict)
        )
        return tuple(sorted(found, key=lambda node: (URGENCY[node.verdict], node.name)))


def counted(verdicts: Iterable[str]) -> dict[str, int]:
    counts = Counter(verdicts)
    return {verdict: counts[verdict] for verdict in VERDICTS}
