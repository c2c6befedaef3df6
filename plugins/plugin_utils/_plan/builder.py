# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole plan of a node: what the role does, what its owner does, and the verdict afterwards. Pure.

Each stage starts with the facts as they will be after the earlier stages. The plan is made once: check mode shows it,
and a run executes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import CONFLICT_CODES
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import Assessment, assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.iptables_forecast import summarize
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.projection import (
    after_overrides,
    after_packages,
    after_policy,
    after_preparing,
    after_reboot,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.write_blocks import (
    file_block_reason,
    package_block_reason,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.alternatives import (
    GOOD_VERDICTS,
    Situation,
    find_alternatives,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.boot_file import (
    describe_useless_file,
    find_write_refusal,
    make_declare_step,
    make_unmask_step,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration import (
    Declaration,
    make_declaration,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.kernel_config import make_kernel_config
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.modules import (
    NO_MODULES,
    ModulePlan,
    make_modules_step,
    plan_modules,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.overrides import list_override_hints, plan_overrides
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.packages import plan_packages
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.reboot import list_kernel_hints, make_reboot_step
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.repairs import list_repair_steps
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.selinux import (
    find_policy_refusal,
    list_selinux_hints,
    make_boolean_step,
    make_policy_step,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import (
    UNBLOCKING_KINDS,
    Expected,
    NodePlan,
    PlannedTarget,
    Step,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.target import add_target_modules, judge_target
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.undo import build_removal_plan
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.description import describe_selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection


@dataclass(frozen=True)
class PlanContext:
    """What all stages work with.

    ``observed`` are the facts of the node as it is now, ``assessment`` is about them. ``consent`` is the one that
    applies to this node, ``ignored_consents`` are the variables of the role that are ignored on it. ``target`` is the
    selection after a planned change of the mesh, for which the modules are prepared, too. ``unlisted`` is whether the
    modules should be listed, but the boot file would have no effect.
    """

    observed: Facts
    assessment: Assessment
    selection: Selection
    consent: Consent
    ignored_consents: tuple[str, ...]
    target: Selection | None
    unlisted: bool = False


@dataclass(frozen=True)
class PlanState:
    """What the stages so far planned: ``facts`` are those of the node after the steps."""

    facts: Facts
    steps: tuple[Step, ...] = ()
    modules: ModulePlan = NO_MODULES
    refusals: tuple[str, ...] = ()
    declaration: Declaration | None = None

    def add_steps(self, *steps: Step | None) -> PlanState:
        """Return the state with these steps at the end."""
        return replace(self, steps=(*self.steps, *(step for step in steps if step is not None)))


Stage = Callable[[PlanState, PlanContext], PlanState]


def build_plan(
    facts: Facts,
    selection: Selection,
    consent: Consent,
    target: Selection | None = None,
    assessment: Assessment | None = None,
) -> NodePlan:
    """Return the plan for a node, which prepares it for the selection and as far as possible for the target.

    :param assessment: that of the facts under the selection, if the caller has it.

    Raises InvalidInputError if the facts lack a module that one of them needs.
    """
    if consent.state == "absent":
        return build_removal_plan(facts)
    prepared = _prepare(facts, selection, consent, target, assessment)
    if prepared.expected.verdict in GOOD_VERDICTS:
        return prepared.plan

    def expect(changed_facts: Facts, changed_selection: Selection) -> Expected:
        return _prepare(changed_facts, changed_selection, consent).expected

    situation = Situation(
        facts,
        prepared.after,
        selection,
        may_install=consent.install_packages,
        may_override=consent.override_conflicts,
    )
    return replace(
        prepared.plan,
        alternatives=find_alternatives(situation, expect),
        kernel_config=make_kernel_config(facts, prepared.assessment),
    )


@dataclass(frozen=True)
class _Prepared:
    """A plan without alternatives, the facts of the node after its steps, and the assessment of these facts."""

    plan: NodePlan
    expected: Expected
    after: Facts
    assessment: Assessment


def _prepare(
    facts: Facts,
    selection: Selection,
    consent: Consent,
    target: Selection | None = None,
    assessment: Assessment | None = None,
) -> _Prepared:
    context = _make_context(facts, assessment or assess(facts, selection), consent, target)
    state = PlanState(facts)
    for stage in STAGES:
        state = stage(state, context)
    return _make_plan(state, context)


def _make_context(facts: Facts, assessment: Assessment, consent: Consent, target: Selection | None) -> PlanContext:
    ignored: tuple[str, ...] = ()
    # What the role must not write becomes a step of the owner, as without consent.
    if file_block_reason(facts):
        ignored = consent.list_write_consents()
        consent = consent.without_write_consents()
    elif package_block_reason(facts) and consent.install_packages:
        ignored = ("istio_node_install_packages",)
        consent = replace(consent, install_packages=False)
    unlisted = consent.persist and consent.selinux != "policy" and describe_useless_file(facts) is not None
    if unlisted:
        consent = replace(consent, persist=False)
    return PlanContext(facts, assessment, assessment.selection, consent, ignored, target, unlisted)


def install_packages(state: PlanState, context: PlanContext) -> PlanState:
    """Plan the packages that contain missing modules and tools."""
    plan = plan_packages(state.facts, context.assessment, context.consent)
    state = state.add_steps(*plan.steps)
    if not plan.modules and not plan.tools:
        return state
    return replace(state, facts=after_packages(state.facts, plan.modules, plan.tools, CONFLICT_CODES))


def override_conflicts(state: PlanState, context: PlanContext) -> PlanState:
    """Plan what is done about lines of other owners that keep modules from loading."""
    plan = plan_overrides(state.facts, context.assessment, context.consent)
    state = state.add_steps(*plan.steps)
    if not plan.unblocked:
        return state
    return replace(state, facts=after_overrides(state.facts, plan.unblocked, CONFLICT_CODES))


def plan_repairs(state: PlanState, context: PlanContext) -> PlanState:
    """Plan what only the owner can fix."""
    return state.add_steps(*list_repair_steps(state.facts, context.assessment))


def change_selinux(state: PlanState, context: PlanContext) -> PlanState:
    """Plan the policy module and the boolean that let containers request kernel modules."""
    consent = context.consent
    policy = make_policy_step(state.facts, consent)
    boolean = make_boolean_step(state.facts, consent)
    state = state.add_steps(policy, boolean)
    policy_allows = policy is not None and policy.by == "role" and state.facts.selinux.domain in consent.selinux_domains
    boolean_allows = boolean is not None and consent.selinux_boolean is True
    if policy_allows or boolean_allows:
        return replace(state, facts=after_policy(state.facts))
    return state


def load_modules(state: PlanState, context: PlanContext) -> PlanState:
    """Plan which modules are loaded, and which of them the boot file lists."""
    assessment = context.assessment
    if state.facts is not context.observed:
        assessment = assess(state.facts, context.selection)
    if context.target is not None:
        assessment = add_target_modules(assessment, assess(state.facts, context.target))
    plan = plan_modules(state.facts, assessment, context.consent)
    after = after_preparing(state.facts, plan.load, plan.persist, plan.writes_boot_file)
    return replace(state, modules=plan, facts=after).add_steps(
        make_modules_step(plan, context.consent, has_target=context.target is not None)
    )


def unmask_boot_files(state: PlanState, context: PlanContext) -> PlanState:
    """Plan what the owner does if nothing reads the boot file."""
    return state.add_steps(make_unmask_step(context.observed, state.modules))


def declare_modules(state: PlanState, context: PlanContext) -> PlanState:
    """Plan what the owner declares if the boot file would have no effect."""
    if not context.unlisted:
        return state
    assessment = assess(state.facts, context.selection)
    # Lines in other files count for nothing, too.
    facts = replace(state.facts, boot_files={})
    listed = plan_modules(facts, assessment, replace(context.consent, persist=True)).persist
    names = [name for name in listed if state.facts.modules[name].boot != "yes"]
    declaration = make_declaration(context.observed, names, state.modules.modules) if names else None
    step = make_declare_step(context.observed, names, declaration)
    return replace(state, declaration=declaration).add_steps(step)


def check_refusals(state: PlanState, context: PlanContext) -> PlanState:
    """Refuse all steps of the role if one of them is impossible, or if no step satisfies an unmet requirement."""
    kinds = {step.kind for step in state.steps if step.by == "role"}
    boot_file = find_write_refusal(context.observed, kinds, state.modules, context.consent)
    policy = find_policy_refusal(context.observed, context.consent) if "policy" in kinds else None
    refusals = (*state.modules.refusals, *(refusal for refusal in (boot_file, policy) if refusal is not None))
    if not refusals:
        return state
    declaration = state.declaration
    if boot_file and state.modules.persist:
        declaration = make_declaration(context.observed, state.modules.persist, state.modules.modules)
    return replace(
        state,
        facts=context.observed,
        steps=tuple(step for step in state.steps if step.by == "owner"),
        refusals=refusals,
        declaration=declaration,
    )


def reboot(state: PlanState, context: PlanContext) -> PlanState:
    """Plan a reboot if the required modules that cannot be loaded need nothing else."""
    step = make_reboot_step(
        state.facts,
        context.selection,
        context.consent,
        [failure.name for failure in state.modules.not_loadable],
        is_refused=bool(state.refusals),
    )
    state = state.add_steps(step)
    if step is not None and step.by == "role":
        return replace(state, facts=after_reboot(state.facts))
    return state


# In the order in which the steps are done. The reboot comes after the refusals: it is planned for a refused node, too,
# but then for its owner.
STAGES: tuple[Stage, ...] = (
    install_packages,
    override_conflicts,
    plan_repairs,
    change_selinux,
    load_modules,
    unmask_boot_files,
    declare_modules,
    check_refusals,
    reboot,
)


def _make_plan(state: PlanState, context: PlanContext) -> _Prepared:
    # Most nodes need nothing: without a step of the role, the node stays as it is, and so does its assessment.
    is_changed = any(step.by == "role" for step in state.steps)
    after = assess(state.facts, context.selection) if is_changed else context.assessment
    unmet = [row.name for row in after.requirements if row.level == "must" and row.now == "unmet"]
    modules = state.modules
    if state.refusals:
        modules = replace(modules, load=(), persist=(), not_loadable=())
    expected = Expected(after.verdict, after.verdicts, tuple(unmet))
    plan = NodePlan(
        state="prepared",
        steps=state.steps,
        refused=state.refusals,
        modules=modules.modules,
        optional=modules.optional,
        boot_only=modules.boot_only,
        load=modules.load,
        persist=modules.persist,
        not_loadable=modules.not_loadable,
        hints=tuple(_list_hints(state, context, modules.load)),
        forecast=summarize(after.forecasts, after.forecasts_after_reboot),
        declaration=state.declaration,
        expected=expected,
        verdict=context.assessment.verdict,
        target=_plan_target(state, context),
    )
    return _Prepared(plan, expected, state.facts, after)


def _plan_target(state: PlanState, context: PlanContext) -> PlannedTarget | None:
    if context.target is None:
        return None
    now = judge_target(context.observed, context.target)
    after = judge_target(state.facts, context.target)
    return PlannedTarget(describe_selection(context.target), now.verdict, after.verdict, after.reasons)


def _list_hints(state: PlanState, context: PlanContext, load: Iterable[str]) -> list[str]:
    hints = []
    if context.ignored_consents and (state.steps or state.refusals):
        hints.append(_describe_ignored(context))
    hints += list_kernel_hints(context.observed)
    hints += list_selinux_hints(context.observed, context.selection, context.consent)
    hints += list_override_hints(context.observed, context.assessment, context.consent)
    if "br_netfilter" in load:
        # net/bridge/br_netfilter_hooks.c sets net.bridge.bridge-nf-call-iptables to 1 when the module is loaded.
        hints.append(
            "br_netfilter sends bridged traffic through iptables (net.bridge.bridge-nf-call-iptables becomes 1), "
            "including the bridges of other software such as libvirt"
        )
    if any(step.by == "owner" and step.kind in UNBLOCKING_KINDS for step in state.steps):
        hints += _list_repetition_hints(context)
    return hints


def _list_repetition_hints(context: PlanContext) -> list[str]:
    """Return what another run does after the steps of the owner: nothing for a container, whose host is prepared."""
    consent = context.consent
    persist = consent.persist or context.unlisted
    done = [verb for verb, is_done in (("loads", consent.load), ("persists", persist)) if is_done]
    if not done or context.observed.platform.container not in (None, "wsl"):
        return []
    return [
        f"run again after the owner's steps; the role then {' and '.join(done)} the modules that they unblock",
    ]


def _describe_ignored(context: PlanContext) -> str:
    verb = "is" if len(context.ignored_consents) == 1 else "are"
    return f"{', '.join(context.ignored_consents)} {verb} ignored: {package_block_reason(context.observed)}"
