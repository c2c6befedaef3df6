# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a plan, and the plan of one node. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.iptables_forecast import ForecastSummary
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration import Declaration

# The role has a task for each kind but the last three. The task takes the arguments of the step.
StepKind = Literal[
    "packages",  # install packages
    "overrides",  # write files in modprobe.d that override conflicts, or remove them
    "policy",  # install, enable or remove the SELinux module of this collection
    "boolean",  # set an SELinux boolean
    "modules",  # load modules, and list them in the boot file or remove them from it
    "reboot",  # reboot the node
    "conflict",  # a line or a mask of another owner, which only that owner removes
    "declare",  # what loads modules at boot instead of the boot file, which would have no effect
    "repair",  # something that is damaged or missing, which only the owner of the node repairs
]
Actor = Literal["role", "owner"]
# After these steps of the owner, modules load that did not load before.
UNBLOCKING_KINDS: tuple[StepKind, ...] = ("packages", "conflict", "repair")

MAX_TARGET_REASONS = 4
KERNEL_CONFIG_HEADING = "this kernel was built without required options; a kernel that has them is configured with:"


@dataclass(frozen=True)
class Step:
    """One thing to do.

    ``what`` and ``why`` are clauses of one sentence: "what, because why". ``by`` is who does it: the role, with
    ``args`` as the arguments of its task, or the owner. ``command`` is a command that does it, ``where`` the file, with
    the line if there is one, ``reboot`` whether it takes effect only after a reboot.
    """

    kind: StepKind
    what: str
    why: str
    by: Actor = "role"
    where: str | None = None
    command: tuple[str, ...] = ()
    reboot: bool = False
    args: Mapping[str, object] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """Return the step with the types of JSON; where, command and args only if there are any."""
        step: dict[str, object] = {"kind": self.kind, "what": self.what, "why": self.why, "by": self.by}
        if self.where:
            step["where"] = self.where
        if self.command:
            step["command"] = list(self.command)
        step["reboot"] = self.reboot
        if self.by == "role":
            step["args"] = dict(self.args)
        return step


DisruptionKind = Literal["reboot", "selinux", "br_netfilter"]


@dataclass(frozen=True)
class Disruption:
    """A step of the role that may interrupt the pods or the traffic of the node; ``text`` is what it does."""

    kind: DisruptionKind
    text: str


@dataclass(frozen=True)
class NotLoadable:
    """A required module that cannot be loaded, and why."""

    name: str
    cause: str


@dataclass(frozen=True)
class Expected:
    """The verdicts after the steps of the role; ``unmet`` are the requirements of level must that are then unmet."""

    verdict: str
    verdicts: Mapping[str, str]
    unmet: tuple[str, ...]


@dataclass(frozen=True)
class PlannedTarget:
    """The target selection in words, and its verdict before and after the steps of the role.

    ``reasons`` say why the verdict after them is not a good one.
    """

    text: str
    verdict: str
    expected: str
    reasons: tuple[str, ...]

    def describe(self) -> str:
        """Return the target as one line, with at most the first reasons."""
        line = f"target ({self.text}): verdict now: {self.verdict}, expected after this plan: {self.expected}"
        shown = "; ".join(self.reasons[:MAX_TARGET_REASONS])
        more = len(self.reasons) - MAX_TARGET_REASONS
        suffix = f" and {more} more" if more > 0 else ""
        return f"{line}: {shown}{suffix}" if shown else line

    def as_dict(self) -> dict[str, object]:
        """Return the target with the types of JSON."""
        return {**vars(self), "reasons": list(self.reasons)}


AlternativeKind = Literal[
    "iptables_variant",  # force the other iptables variant
    "ambient_ipv6",  # no IPv6 rules in ambient mode
    "dns_capture",  # no DNS capture
    "backend",  # the other backend
    "init_container",  # sidecars without the CNI plugin
    "kernel",  # another installed kernel
    "release",  # another release of Istio
]


@dataclass(frozen=True)
class Alternative:
    """A change to the mesh, or to the kernel of the node, that would make the node ready; verified by another plan.

    ``change`` is what the owner does, in the imperative. ``settings`` are Istio's settings that do it, as in
    "values.global.nativeNftables=true". ``selection`` are the options of the selection that change, ``kernel`` is the
    installed kernel to boot. ``verdict`` is the verdict after the change and the steps of the role.
    """

    kind: AlternativeKind
    change: str
    verdict: str
    settings: tuple[str, ...] = ()
    selection: Mapping[str, object] = field(default_factory=dict)
    kernel: str | None = None

    def describe(self) -> str:
        """Return the change and its settings, as in "switch off DNS capture (values.cni.ambient.dnsCapture=false)"."""
        return f"{self.change} ({', '.join(self.settings)})" if self.settings else self.change

    def as_dict(self) -> dict[str, object]:
        """Return the alternative with the types of JSON; settings, selection and kernel only if there are any."""
        alternative: dict[str, object] = {"kind": self.kind, "change": self.change, "verdict": self.verdict}
        if self.settings:
            alternative["settings"] = list(self.settings)
        if self.selection:
            alternative["selection"] = dict(self.selection)
        if self.kernel:
            alternative["kernel"] = self.kernel
        return alternative


@dataclass(frozen=True)
class NodePlan:
    """What to do on one node.

    ``modules`` are all required modules, and the optional ones that can be loaded; ``optional`` are the latter.
    ``boot_only`` are those of them that are only listed for the boot, because Istio would pick another iptables variant
    if they were loaded now. ``load`` are those that the role loads, ``persist`` those that its block of the boot file
    lists. ``refused`` says why the role does nothing at all. ``forecast`` and ``expected`` describe the node after the
    steps of the role. A plan of state absent has neither; its ``not_removed`` says what stays on the node, and why.
    ``verdict`` is the verdict before the steps. If the verdict after them is not good, ``alternatives`` are changes
    that would make the node ready, and ``kernel_config`` are the lines for the configuration of a kernel that has the
    options which this one was built without. ``target`` is about the selection after a planned change of the mesh.
    ``disruption`` is what may interrupt the pods of the node; ``tasks_before`` and ``tasks_after`` are the owner's task
    files that run before the first step of the role and after the last one because of it.
    """

    state: Literal["prepared", "absent"]
    steps: tuple[Step, ...]
    refused: tuple[str, ...]
    modules: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    boot_only: tuple[str, ...] = ()
    load: tuple[str, ...] = ()
    persist: tuple[str, ...] = ()
    not_loadable: tuple[NotLoadable, ...] = ()
    hints: tuple[str, ...] = ()
    forecast: ForecastSummary | None = None
    declaration: Declaration | None = None
    expected: Expected | None = None
    not_removed: tuple[str, ...] = ()
    verdict: str | None = None
    alternatives: tuple[Alternative, ...] = ()
    kernel_config: tuple[str, ...] = ()
    target: PlannedTarget | None = None
    disruption: tuple[Disruption, ...] = ()
    tasks_before: str | None = None
    tasks_after: str | None = None

    @property
    def change(self) -> bool:
        """Whether the role changes anything on the node."""
        return any(step.by == "role" for step in self.steps)

    def describe(self) -> list[str]:
        """Return the plan as lines of text: the verdicts, the steps with their reasons, the hints, what else helps."""
        lines = []
        if self.verdict and self.expected is not None:
            lines.append(f"verdict now: {self.verdict}, expected after this plan: {self.expected.verdict}")
        if self.target is not None:
            lines.append(self.target.describe())
        lines += self._describe_steps()
        lines += [*self.hints, *self.not_removed]
        for alternative in self.alternatives:
            lines.append(f"alternative: {alternative.describe()}; the expected verdict is then {alternative.verdict}")
        # A refused node shows it with the refusal.
        if self.declaration is not None and not self.refused:
            lines += [f"declaration ({self.declaration.kind}):", *self.declaration.text.splitlines()]
            lines.append(f"to load these modules now: {self.declaration.load_now}")
        if self.kernel_config:
            lines += [KERNEL_CONFIG_HEADING, *self.kernel_config]
        return lines

    def _describe_steps(self) -> list[str]:
        """Return the steps with their reasons, and the owner's tasks at the point at which they run."""
        lines = [f"{step.what}, because {step.why}" for step in self.steps]
        by_role = [index for index, step in enumerate(self.steps) if step.by == "role"]
        if self.tasks_after:
            lines.insert(by_role[-1] + 1, f"run the tasks of {self.tasks_after}, also if a step before them fails")
        if self.tasks_before:
            causes = "; ".join(disruption.text for disruption in self.disruption)
            line = f"run the tasks of {self.tasks_before}, because these steps disrupt the node: {causes}"
            lines.insert(by_role[0], line)
        return lines

    def as_dict(self) -> dict[str, object]:
        """Return the plan with the types of JSON and Ansible, as the filter preparation_plan documents it."""
        plan: dict[str, object] = {
            "state": self.state,
            "steps": [step.as_dict() for step in self.steps],
            "modules": list(self.modules),
            "optional": list(self.optional),
            "boot_only": list(self.boot_only),
            "load": list(self.load),
            "persist": list(self.persist),
            "not_loadable": [dict(vars(failure)) for failure in self.not_loadable],
            "change": self.change,
            "disruption": [dict(vars(disruption)) for disruption in self.disruption],
            "refused": list(self.refused),
            "hints": list(self.hints),
        }
        if self.state == "absent":
            plan["not_removed"] = list(self.not_removed)
        else:
            plan["forecast"] = None if self.forecast is None else self.forecast.as_dict()
            plan["declaration"] = None if self.declaration is None else self.declaration.as_dict()
            plan["alternatives"] = [alternative.as_dict() for alternative in self.alternatives]
            plan["kernel_config"] = list(self.kernel_config)
            if self.target is not None:
                plan["target"] = self.target.as_dict()
        if self.expected is not None:
            plan["expected"] = {
                "verdict": self.expected.verdict,
                "verdicts": dict(self.expected.verdicts),
                "unmet": list(self.expected.unmet),
            }
        plan["text"] = self.describe()
        return plan
