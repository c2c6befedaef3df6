# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run did of its plan, and how the node differs from what the plan predicted. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import Assessment
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.grades import Verdict
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.iptables_forecast import Forecasts, summarize
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError, describe_task_failure
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import NotLoadable
from ansible_collections.nodeprep.istio.plugins.plugin_utils._records import StructureError, from_mapping

# How bad a verdict is. A plan that expects unknown predicts nothing.
FOUND_RANKS: Mapping[str, int] = {"ready": 0, "on_demand": 0, "at_risk": 1, "unknown": 1, "not_ready": 2}
EXPECTED_RANKS: Mapping[str, int] = {**FOUND_RANKS, "unknown": 2}

REMEDY = "pass the plan and the registered results of its tasks, as the role istio_node does"


@dataclass(frozen=True)
class StepArguments:
    """The arguments of a step that are reported: ``names`` of packages, ``state`` of the policy."""

    names: tuple[str, ...] = ()
    state: str = "unchanged"


@dataclass(frozen=True)
class ExecutedStep:
    """A step of the plan that was executed."""

    kind: str
    by: str
    args: StepArguments = StepArguments()


@dataclass(frozen=True)
class PredictedVariants:
    """The iptables variant of each mode."""

    modes: Mapping[str, str]


@dataclass(frozen=True)
class PredictedForecast:
    """The forecast of a plan: the iptables variant of each mode; ``after_reboot`` only if it differs then."""

    modes: Mapping[str, str]
    after_reboot: PredictedVariants | None = None

    @property
    def modes_after_reboot(self) -> Mapping[str, str]:
        """The iptables variant of each mode after a reboot."""
        return self.modes if self.after_reboot is None else self.after_reboot.modes


@dataclass(frozen=True)
class PredictedState:
    """The expected verdict of a plan."""

    verdict: Verdict


@dataclass(frozen=True)
class ExecutedPlan:
    """The parts of the executed plan that are compared with the results; see NodePlan.as_dict()."""

    steps: tuple[ExecutedStep, ...]
    load: tuple[str, ...] = ()
    persist: tuple[str, ...] = ()
    not_loadable: tuple[NotLoadable, ...] = ()
    optional: tuple[str, ...] = ()
    forecast: PredictedForecast | None = None
    expected: PredictedState | None = None
    not_removed: tuple[str, ...] = ()

    @property
    def role_steps(self) -> dict[str, StepArguments]:
        """The arguments of the role's steps, by kind."""
        return {step.kind: step.args for step in self.steps if step.by == "role"}


@dataclass(frozen=True)
class FailedModule:
    """A module that nodeprep.istio.kernel_modules could not load."""

    name: str


@dataclass(frozen=True)
class ModulesResult:
    """The result of nodeprep.istio.kernel_modules. ``loaded`` and ``persisted`` are None if the module did not run."""

    failed: bool = False
    skipped: bool = False
    unreachable: bool = False
    loaded: tuple[str, ...] | None = None
    persisted: tuple[str, ...] | None = None
    boot_file: str = ""
    failed_modules: tuple[FailedModule, ...] = ()


@dataclass(frozen=True)
class OverridesResult:
    """The result of nodeprep.istio.modprobe_overrides."""

    unreachable: bool = False
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class RebootResult:
    """The result of ansible.builtin.reboot."""

    failed: bool = False
    unreachable: bool = False


@dataclass(frozen=True)
class _Option:
    """The option ``execution`` of the action. ``boot_id`` is "" or None if it is not known."""

    plan: ExecutedPlan
    modules: ModulesResult
    overrides: OverridesResult
    boot_id: str | None
    reboot: RebootResult = RebootResult()


@dataclass(frozen=True)
class Execution:
    """A plan that was executed, and the results of its tasks.

    ``modules_error``, ``overrides_error`` and ``reboot_error`` are the error messages of the tasks, if they failed.
    ``boot_id`` is that of the node before the run (/proc/sys/kernel/random/boot_id).
    """

    plan: ExecutedPlan
    modules: ModulesResult
    overrides: OverridesResult
    modules_error: str
    overrides_error: str
    boot_id: str | None
    check_mode: bool
    reboot: RebootResult = RebootResult()
    reboot_error: str = ""

    @classmethod
    def from_option(cls, option: Mapping[str, Any], check_mode: bool) -> Execution:
        """Build it from the option ``execution`` of the action. Raises InvalidInputError if that is malformed."""
        try:
            given = from_mapping(_Option, option)
        except StructureError as error:
            raise InvalidInputError(f"execution: {error}; {REMEDY}") from error
        return cls(
            plan=given.plan,
            modules=given.modules,
            overrides=given.overrides,
            modules_error=describe_task_failure(option["modules"]),
            overrides_error=describe_task_failure(option["overrides"]),
            boot_id=given.boot_id or None,
            check_mode=check_mode,
            reboot=given.reboot,
            reboot_error=describe_task_failure(option.get("reboot") or {}),
        )

    @property
    def unreachable_error(self) -> str | None:
        """Why the node became unreachable during the run, or None if it did not."""
        if self.reboot.unreachable:
            return f"unreachable: {self.reboot_error}"
        if self.overrides.unreachable:
            return f"unreachable: {self.overrides_error}"
        if self.modules.unreachable:
            return f"unreachable: {self.modules_error}"
        return None

    def describe_loss(self, error: object) -> str:
        """Return why the node cannot be observed after the run.

        :param error: why the connection failed.
        """
        if self.reboot.failed:
            return f"the node did not come back from its reboot: {self.reboot_error}"
        return f"unreachable: {error}"

    def as_dict(self, facts: Facts) -> dict[str, object]:
        """Return what was done, or in check mode would be done.

        :param facts: those after the run.
        """
        steps = self.plan.role_steps
        boot_ids = [self.boot_id, facts.kernel.boot_id] if "reboot" in steps else []
        return {
            "check_mode": self.check_mode,
            "loaded": list(self._get_reported(self.modules.loaded, self.plan.load)),
            "persisted": list(self._get_reported(self.modules.persisted, self.plan.persist)),
            "boot_file": self.modules.boot_file,
            "packages": list(steps.get("packages", StepArguments()).names),
            "files": list(self.overrides.files),
            "policy": steps.get("policy", StepArguments()).state,
            "boot_ids": boot_ids,
            "not_removed": list(self.plan.not_removed),
        }

    def _get_reported(self, reported: tuple[str, ...] | None, planned: tuple[str, ...]) -> tuple[str, ...]:
        """Return what the task reported. Without a report, a failed task did nothing, any other did what is planned."""
        if reported is not None:
            return reported
        return () if self.modules.failed else planned

    def deviation(self, facts: Facts, assessment: Assessment) -> str | None:
        """Return how the node differs from what the plan predicted, or why the plan failed as predicted, or None.

        :param facts: those after the run, which the assessment is about.
        """
        return self._modules_deviation() or self.find_regression(facts, assessment)

    def find_regression(self, facts: Facts, assessment: Assessment) -> str | None:
        """Return how the node is worse than the plan predicted, or None if it is not. Check mode changes nothing.

        :param facts: those after the run, which the assessment is about.
        """
        if self.check_mode:
            return None
        return (
            (None if self._is_predicted_failure() else self._modules_deviation())
            or self.variant_changed(assessment.forecasts, assessment.forecasts_after_reboot)
            or self._reboot_deviation(facts)
            or self._verdict_deviation(assessment)
        )

    def _is_predicted_failure(self) -> bool:
        """Return whether only modules failed that cannot be loaded by the plan."""
        if self.modules.skipped:
            return True
        names = {failure.name for failure in self.modules.failed_modules}
        predicted = {failure.name for failure in self.plan.not_loadable}
        return bool(names) and names.issubset(predicted.union(self.plan.optional))

    def _modules_deviation(self) -> str | None:
        if "reboot" in self.plan.role_steps:
            return None  # The modules could not load before the reboot. The verdict shows whether they did after it.
        if self.modules.failed:
            # An optional module that cannot be loaded does not fail the node. An error that names no module does.
            names = {failure.name for failure in self.modules.failed_modules}
            return self.modules_error if not names or not names.issubset(self.plan.optional) else None
        if self.modules.skipped and self.plan.not_loadable:
            causes = {failure.name: failure.cause for failure in self.plan.not_loadable}
            return "; ".join(f"{name}: {cause}" for name, cause in causes.items())
        return None

    def variant_changed(self, now: Forecasts, after_reboot: Forecasts) -> str | None:
        """Return a message if Istio picks another iptables variant than the plan predicted, or None."""
        predicted = self.plan.forecast
        found = summarize(now, after_reboot)
        if self.check_mode or predicted is None or found is None:
            return None
        if found.modes != predicted.modes:
            return f"Istio would now pick iptables {found.variant}: {found.reason}"
        later = found.after_reboot
        if later is not None and later.modes != predicted.modes_after_reboot:
            return f"after a reboot Istio would pick iptables {later.variant}: {later.reason}"
        return None

    def _reboot_deviation(self, facts: Facts) -> str | None:
        if self.check_mode or "reboot" not in self.plan.role_steps or self.boot_id != facts.kernel.boot_id:
            return None
        if self.reboot.failed:
            return self.reboot_error
        return f"the node did not reboot: its boot ID is still {self.boot_id}"

    def _verdict_deviation(self, assessment: Assessment) -> str | None:
        expected = self.plan.expected
        if expected is None or FOUND_RANKS[assessment.verdict] <= EXPECTED_RANKS[expected.verdict]:
            return None
        unmet = [row.name for row in assessment.requirements if row.level == "must" and row.now == "unmet"]
        suffix = f": {', '.join(unmet)}" if unmet else ""
        return f"the plan predicted the verdict {expected.verdict}, but the node is {assessment.verdict}{suffix}"
