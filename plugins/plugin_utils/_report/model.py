# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report: one document for the whole fleet, as data.

roles/istio_report/files/report.schema.json describes its JSON form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.grades import Grade
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.requirement import Level
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration import Declaration
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import (
    Json,
    describe_age,
    parse_time,
    pluralize,
)

SCHEMA = 2

Verdict = Literal["ready", "on_demand", "at_risk", "not_ready", "unknown", "no_data", "skipped"]
# Of a profile; empty without data.
ProfileVerdict = Literal[Verdict, ""]
Profile = Literal["documented", "effective"]
NoDataCode = Literal[
    "unreachable", "failed", "not_selected", "not_recorded", "no_answer", "stale", "unusable", "other_system"
]

# The code of a host that is not a Linux node; its verdict is skipped.
OTHER_SYSTEM: NoDataCode = "other_system"

# From the best to the worst: the order of every table of totals.
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
PROFILES: tuple[Profile, ...] = get_args(Profile)
# Verdicts with which Istio works, now and after a reboot.
GOOD_VERDICTS: tuple[Verdict, ...] = ("ready", "on_demand")
# Grades that keep a node from ready.
BAD_GRADES: tuple[Grade, ...] = ("unmet", "unknown")
# The owner reads the nodes in this order.
MOST_URGENT_FIRST: tuple[Verdict, ...] = ("not_ready", "no_data", "unknown", "at_risk", "on_demand", "ready", "skipped")
URGENCY: Mapping[str, int] = {verdict: rank for rank, verdict in enumerate(MOST_URGENT_FIRST)}

# Texts by key, as a plan, an execution or a probe has them. Hashable, since equal ones of many nodes are one object.
Details: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class ReportRequirement:
    """The part of a requirement that is the same on every node."""

    id: str
    name: str
    kind: str
    wording: str = ""
    source: str = ""
    any_of: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name to show; it distinguishes two requirements of one name, as in "nft_chain_nat/ipv4"."""
        # An id is backend/kind/name, or backend/kind/name/feature.
        label = self.id.split("/", 2)[-1]
        return label if "/" in label else self.name


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement on one node. Equal rows of different nodes are one object.

    ``profiles`` are those of documented and effective that require it on this node; a site's own check has none.
    ``cause`` is the id of the root cause of a gap. ``waiver`` is the index of the waiver in force among the waivers of
    the document.
    """

    id: str
    level: Level
    state: str
    now: Grade
    after_reboot: Grade
    profiles: tuple[Profile, ...] = ()
    reason: str = ""
    remedy: str = ""
    cause: str = ""
    waiver: int | None = None

    @property
    def is_lacking(self) -> bool:
        """Whether it is unmet or unknown, now or after a reboot, at any level and waived or not."""
        return self.now in BAD_GRADES or self.after_reboot in BAD_GRADES

    @property
    def is_gap(self) -> bool:
        """Whether it keeps the node from ready."""
        return self.level == "must" and self.waiver is None and self.is_lacking


@dataclass(frozen=True)
class ReportFinding:
    """A finding of the assessment or of the probe."""

    id: str
    severity: str
    message: str
    source: str = ""


@dataclass(frozen=True)
class ReportDisagreement:
    """A requirement that only one of the profiles documented and effective has, and that is not present."""

    name: str
    required_by: Profile


@dataclass(frozen=True)
class NoData:
    """Why a node has no data.

    ``at`` is when that was found, ISO 8601 in UTC. For a node that the run selected, it is the time of the first
    report that contains the node.
    """

    code: NoDataCode
    text: str
    at: str = ""


@dataclass(frozen=True)
class ReportTarget:
    """A node under the target selection, which ``text`` describes: its verdict, and why that is not a good one."""

    text: str
    verdict: Verdict
    reasons: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether Istio works after the change, now and after a reboot."""
        return self.verdict in GOOD_VERDICTS


@dataclass(frozen=True, kw_only=True)
class Node:
    """One node. Without an assessment its verdict is no_data, or skipped if it is no Linux node; ``no_data`` says why.

    ``verdict`` does not count what is waived, ``unwaived_verdict`` does. ``documented`` and ``effective`` are the
    verdicts of these profiles. ``selection`` is the index among the selections of the document. ``failure`` is an error
    of the run on a node that has data. ``plan``, ``execution`` and ``probe`` are the results of the role's stages.
    ``target`` is the node under the target selection, after the plan if that was not executed. ``declarations`` have
    its system load the modules at boot, if the role does not list them.
    """

    name: str
    verdict: Verdict = "no_data"
    unwaived_verdict: Verdict = "no_data"
    documented: ProfileVerdict = ""
    effective: ProfileVerdict = ""
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
    findings: tuple[ReportFinding, ...] = ()
    disagreements: tuple[ReportDisagreement, ...] = ()
    plan: Details = ()
    execution: Details = ()
    probe: Details = ()
    target: ReportTarget | None = None
    declarations: tuple[Declaration, ...] = ()

    @property
    def is_selected(self) -> bool:
        """Whether the run selected it, or a source has it."""
        return self.no_data is None or self.no_data.code not in ("not_selected", "not_recorded")

    @property
    def is_skipped(self) -> bool:
        """Whether it is not a Linux node, so that nothing is expected of it."""
        return self.verdict == "skipped"

    @property
    def probe_result(self) -> str:
        """The result of the probe: "passed", "failed", "incomplete" or "not_tested"; empty if no probe ran."""
        return _get_text(self.probe, "result")

    @property
    def probe_contradicts_verdict(self) -> bool:
        """Whether the probe failed although the verdict without waivers is not not_ready."""
        return self.probe_result == "failed" and self.unwaived_verdict != "not_ready"

    @property
    def expected_verdict(self) -> str:
        """The verdict after the plan, if it is another one and the plan was not executed; otherwise empty."""
        is_executed = bool(self.execution) and not self.is_check_mode
        expected = _get_text(self.plan, "expected")
        return "" if is_executed or expected == self.unwaived_verdict else expected

    @property
    def is_lost_by_target(self) -> bool:
        """Whether Istio works on it now, and would not after the change to the target selection."""
        return self.target is not None and self.verdict in GOOD_VERDICTS and not self.target.is_good

    @property
    def is_check_mode(self) -> bool:
        """Whether the run was in check mode and changed nothing."""
        return bool(_get_text(self.execution, "check_mode"))

    @property
    def failures(self) -> tuple[tuple[str, str], ...]:
        """The failures on a node that has data, each with its text: the "run" of the playbook, the "probe".

        The verdict contains neither, since it describes the node. So every format shows them in addition to it.
        """
        found = []
        if self.failure:
            found.append(("run", self.failure))
        if self.probe_result == "failed":
            messages = "; ".join(dict(self.probe).get("failed", ()))
            found.append(("probe", f"rules like Istio's fail on this node{': ' if messages else ''}{messages}"))
        return tuple(found)

    @property
    def gaps(self) -> tuple[Row, ...]:
        """The requirements that keep the node from ready."""
        return tuple(row for row in self.rows if row.is_gap)

    @property
    def alternatives(self) -> tuple[str, ...]:
        """Changes to the mesh or to the kernel that would make the node ready; none if it is or becomes ready."""
        return self._list_plan_texts("alternatives")

    @property
    def kernel_config(self) -> tuple[str, ...]:
        """Lines for the configuration of a kernel that has what this one was built without; none if not needed."""
        return self._list_plan_texts("kernel_config")

    def _list_plan_texts(self, key: str) -> tuple[str, ...]:
        return () if self.verdict in GOOD_VERDICTS else dict(self.plan).get(key, ())

    @property
    def waived_count(self) -> int:
        """How many requirements a waiver in force covers."""
        return sum(row.waiver is not None for row in self.rows)

    def get_verdict(self, profile: Profile) -> ProfileVerdict:
        """Return the verdict of a profile; empty if the node has none."""
        return self.documented if profile == "documented" else self.effective


def _get_text(details: Details, key: str) -> str:
    """Return the text of a key that has one, or an empty string."""
    return "".join(dict(details).get(key, ()))


@dataclass(frozen=True)
class SharedAlternative:
    """A change to the mesh or to the kernel, and the number of the nodes of a root cause that it would make ready."""

    change: str
    nodes: int


@dataclass(frozen=True)
class RootCause:
    """One root cause: the nodes and requirements whose gaps it explains, and what would make its nodes ready, too."""

    id: str
    text: str
    remedy: str = ""
    gaps: int = 0
    nodes: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    alternatives: tuple[SharedAlternative, ...] = ()

    @property
    def alternative_texts(self) -> list[str]:
        """The alternatives in words, as in "set X=y: helps on 3 of 3 nodes"."""
        total = pluralize(len(self.nodes), "node")
        return [f"{shared.change}: helps on {shared.nodes:,} of {total}" for shared in self.alternatives]


@dataclass(frozen=True)
class SharedDeclaration:
    """A declaration, and the nodes that it helps."""

    declaration: Declaration
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class Waiver:
    """A requirement that its owner accepts as unmet until the end of a day (UTC).

    ``requirement`` and ``nodes`` are patterns of ids or names; ``where`` is its file and line. ``matches`` is the
    number of requirements of nodes that it covers.
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
    """One change on one node since the previous report.

    ``what`` is verdict, system, kernel, SELinux or the id of a requirement.
    """

    node: str
    what: str
    before: str
    after: str
    reason: str = ""


@dataclass(frozen=True)
class Drift:
    """What changed since another document."""

    since: str
    new: tuple[str, ...]
    lost: tuple[str, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class ReportSelection:
    """A selection that nodes were assessed by; ``text`` describes its ``options``."""

    text: str
    options: Mapping[str, Json]


@dataclass(frozen=True)
class Document:
    """The whole report. Nodes are in the order of their names, requirements in that of the catalogue.

    ``merged_from`` names the recorded facts and reports that it was made from; the report of a run has none.
    """

    generated_at: str
    nodes: tuple[Node, ...]
    requirements: Mapping[str, ReportRequirement]
    selections: tuple[ReportSelection, ...] = ()
    causes: tuple[RootCause, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    drift: Drift | None = None
    merged_from: tuple[str, ...] = ()

    @property
    def totals(self) -> dict[Verdict, int]:
        """The number of nodes by verdict."""
        return count_verdicts(node.verdict for node in self.nodes)

    def count_verdicts_of(self, profile: Profile) -> dict[Verdict, int]:
        """Return the number of nodes by the verdict of a profile.

        A node without this verdict counts as no_data, or as skipped.
        """
        verdicts: list[Verdict] = []
        for node in self.nodes:
            verdicts.append(node.get_verdict(profile) or ("skipped" if node.is_skipped else "no_data"))
        return count_verdicts(verdicts)

    @property
    def has_profile_verdicts(self) -> bool:
        """Whether any node has a verdict of a profile."""
        return any(node.documented or node.effective for node in self.nodes)

    @property
    def has_targets(self) -> bool:
        """Whether any node was also assessed by a target selection."""
        return any(node.target is not None for node in self.nodes)

    def describe_age_of(self, node: Node) -> str:
        """Return how old the facts of a node are, such as "3 days"; empty if they are those of this run, or unknown."""
        return describe_age(node.observed_at, self.generated_at) if self.merged_from else ""

    @property
    def oldest_age(self) -> str:
        """How old the oldest facts are, such as "3 days"; empty if all are those of this run, or unknown."""
        if not self.merged_from:
            return ""
        # These texts sort as their times.
        times = [time for time in {node.observed_at for node in self.nodes if not node.no_data} if parse_time(time)]
        return describe_age(min(times), self.generated_at) if times else ""

    @property
    def declarations(self) -> tuple[SharedDeclaration, ...]:
        """The different declarations, that of most nodes first."""
        nodes_of: dict[Declaration, list[str]] = {}
        for node in self.nodes:
            for declaration in node.declarations:
                nodes_of.setdefault(declaration, []).append(node.name)
        shared = [SharedDeclaration(declaration, tuple(names)) for declaration, names in nodes_of.items()]
        return tuple(sorted(shared, key=lambda one: (-len(one.nodes), one.declaration.kind, one.nodes)))

    @property
    def selection_texts(self) -> list[str]:
        """The different texts of the selections."""
        return list(dict.fromkeys(selection.text for selection in self.selections))

    @property
    def causes_by_id(self) -> dict[str, RootCause]:
        """The root causes by their id."""
        return {cause.id: cause for cause in self.causes}


def count_verdicts(verdicts: Iterable[Verdict]) -> dict[Verdict, int]:
    """Return how often each verdict occurs, from the best to the worst."""
    counts = Counter(verdicts)
    return {verdict: counts[verdict] for verdict in VERDICTS}
