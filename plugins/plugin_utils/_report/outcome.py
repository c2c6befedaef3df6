# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a node's outcome that a report needs, and how they are read. Pure.

An outcome is untrusted: each value is checked, and text is cleaned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import AssessedRequirement
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.grades import Verdict
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import (
    Kernel,
    ModuleFacts,
    OperatingSystem,
    Platform,
    SELinux,
    Tool,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration import Declaration
from ansible_collections.nodeprep.istio.plugins.plugin_utils._records import (
    StructureError,
    from_mapping,
    list_field_names,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import (
    Details,
    NoDataCode,
    ReportDisagreement,
    ReportFinding,
    ReportTarget,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import clean, to_one_line

T = TypeVar("T")


def read_clean(kind: type[T], raw: Any, *path: str) -> T:
    """Return the dataclass with cleaned text; only its fields are read. Raises StructureError with the whole path."""
    if isinstance(raw, Mapping):
        raw = {name: clean(raw[name]) for name in list_field_names(kind) if name in raw}
    try:
        return from_mapping(kind, raw)
    except StructureError as error:
        raise StructureError(error.problem, (*path, *error.path)) from None


class NodeModules:
    """The facts of the modules of one node. Each is read when it is needed: only gaps need them."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = raw

    def __getitem__(self, name: str) -> ModuleFacts:
        """Return the facts of a module. Raises StructureError if there are none, or if they are malformed."""
        if name not in self._raw:
            raise StructureError("is missing", ("facts", "modules", name))
        return read_clean(ModuleFacts, self._raw[name], "facts", "modules", name)

    def __contains__(self, name: str) -> bool:
        return name in self._raw

    def items(self) -> Iterator[tuple[str, ModuleFacts]]:
        """Yield names and facts of all modules."""
        for name in self._raw:
            yield name, self[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """The facts that a report needs of a node; see _facts/model.py."""

    observed_at: str | None = None
    kernel: Kernel
    os: OperatingSystem
    tools: Mapping[str, Tool | None]
    selinux: SELinux = field(default_factory=SELinux)
    platform: Platform = field(default_factory=Platform)


@dataclass(frozen=True, slots=True)
class ForecastText:
    """The variant now or after a reboot, and why; see _assess/iptables_forecast.py: ForecastSummary."""

    variant: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.variant}: {self.reason}" if self.reason else self.variant


@dataclass(frozen=True, slots=True)
class NodeForecast(ForecastText):
    """A forecast; ``after_reboot`` only if it differs then."""

    after_reboot: ForecastText | None = None

    def __str__(self) -> str:
        now = ForecastText(self.variant, self.reason)
        return f"{now}; after a reboot {self.after_reboot}" if self.after_reboot else str(now)


@dataclass(frozen=True, slots=True)
class ProfileVerdicts:
    """The verdicts of the two profiles that a report compares."""

    documented: Verdict
    effective: Verdict


@dataclass(frozen=True, slots=True)
class NodeAssessment:
    """The part of an assessment that describes one node, without its requirements; see _assess/assessment.py."""

    verdict: Verdict
    verdicts: ProfileVerdicts
    findings: tuple[ReportFinding, ...] = ()
    disagreements: tuple[ReportDisagreement, ...] = ()
    forecast: NodeForecast | None = None


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step of a plan; see _plan/steps.py."""

    what: str
    why: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class PlannedDisruption:
    """A step of the plan that may interrupt the pods of the node; see _plan/disruption.py."""

    text: str


@dataclass(frozen=True, slots=True)
class NotLoadable:
    """A module that the plan cannot load, and why."""

    name: str
    cause: str


@dataclass(frozen=True, slots=True)
class PlannedAlternative:
    """A change that would make the node ready, and Istio's settings that make it; see _plan/steps.py."""

    change: str
    settings: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.change} ({', '.join(self.settings)})" if self.settings else self.change


@dataclass(frozen=True, slots=True)
class ExpectedState:
    """The expected verdict of a node after its plan."""

    verdict: str


@dataclass(frozen=True, slots=True)
class PlannedTarget:
    """The expected verdict of a node under the target selection after its plan; see _plan/steps.py."""

    expected: Verdict
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NodePlan:
    """The part of a plan that a report shows; see _plan/steps.py."""

    steps: tuple[PlannedStep, ...] = ()
    disruption: tuple[PlannedDisruption, ...] = ()
    optional: tuple[str, ...] = ()
    boot_only: tuple[str, ...] = ()
    load: tuple[str, ...] = ()
    persist: tuple[str, ...] = ()
    not_loadable: tuple[NotLoadable, ...] = ()
    refused: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    not_removed: tuple[str, ...] = ()
    expected: ExpectedState | None = None
    alternatives: tuple[PlannedAlternative, ...] = ()
    kernel_config: tuple[str, ...] = ()

    def to_details(self) -> Details:
        """Return its texts. The step of the modules is left out: ``load`` and ``persist`` have its content."""
        steps = [f"{step.what}, because {step.why}" for step in self.steps if step.kind != "modules"]
        return make_details(
            steps=steps,
            disruption=[disruption.text for disruption in self.disruption],
            optional=self.optional,
            boot_only=self.boot_only,
            load=self.load,
            persist=self.persist,
            not_loadable=[f"{module.name}: {module.cause}" for module in self.not_loadable],
            refused=self.refused,
            hints=self.hints,
            not_removed=self.not_removed,
            expected=self.expected.verdict if self.expected else "",
            alternatives=[str(alternative) for alternative in self.alternatives],
            kernel_config=self.kernel_config,
        )


@dataclass(frozen=True, slots=True)
class NodeExecution:
    """What a run did of the plan; see _plan/outcome.py."""

    check_mode: bool = False
    loaded: tuple[str, ...] = ()
    persisted: tuple[str, ...] = ()
    boot_file: str = ""
    packages: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    policy: str = ""
    boot_ids: tuple[str | None, ...] = ()
    not_removed: tuple[str, ...] = ()

    def to_details(self) -> Details:
        """Return its texts."""
        return make_details(
            check_mode="true" if self.check_mode else "",
            loaded=self.loaded,
            persisted=self.persisted,
            boot_file=self.boot_file,
            packages=self.packages,
            files=self.files,
            policy=self.policy,
            boot_ids=[boot_id or "unknown" for boot_id in self.boot_ids],
            not_removed=self.not_removed,
        )


@dataclass(frozen=True, slots=True)
class ProbeFailure:
    """Why rule sets failed."""

    message: str


@dataclass(frozen=True, slots=True)
class NodeProbe:
    """The comparison of a probe with the assessment; see _assess/probe_comparison.py."""

    result: str
    predicted: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    causes: tuple[ProbeFailure, ...] = ()
    hint: str | None = None

    def to_details(self) -> Details:
        """Return its texts."""
        return make_details(
            predicted=self.predicted,
            result=self.result,
            rule_sets=[f"{number} {status}" for status, number in self.counts.items() if number],
            failed=[cause.message for cause in self.causes],
            hint=self.hint or "",
        )


def make_details(**entries: str | Iterable[str]) -> Details:
    """Return the keys with their texts, which may be composed and are cut again; keys without a text are left out."""
    details = []
    for key, entry in entries.items():
        texts = tuple(to_one_line(text) for text in ((entry,) if isinstance(entry, str) else entry))
        if any(texts):
            details.append((key, texts))
    return tuple(details)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of role istio_node for a node that has data.

    ``selection`` are the options that it was assessed by, ``target`` is about those after a planned change
    of the mesh.
    """

    facts: NodeFacts
    modules: NodeModules
    assessment: NodeAssessment
    requirements: tuple[AssessedRequirement, ...]
    selection: Mapping[str, object]
    failure: str
    plan: Details
    execution: Details
    probe: Details
    target: ReportTarget | None
    declarations: tuple[Declaration, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """The outcome of role istio_node for a node without data."""

    code: NoDataCode
    text: str
