# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which modules the role loads now and lists for the boot to make the selection work. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ansible_collections.nodeprep.istio.plugins.module_utils._managed.boot_block import PATH as BOOT_FILE
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import LOADABLE_STATES, PRESENT_STATES
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import works_at_boot
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import AssessedRequirement, Assessment
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.iptables_forecast import forecast_variant
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.legacy_tables import LEGACY_MODULES
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.projection import (
    after_preparing,
    after_reboot,
    with_dependencies,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.selinux import list_always_loaded
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import NotLoadable, Step

# Modules that only iptables-nft needs. Any of them may load nf_tables as its dependency.
NFT_MODULES = ("nf_tables", "nft_compat", "nft_chain_nat", "nft_chain_nat_ipv4", "nft_chain_nat_ipv6", "nft_counter")
# Istio picks its iptables variant by these modules; those of one group are loaded or left out together.
VARIANT_GROUPS = (LEGACY_MODULES, NFT_MODULES)
VARIANT_MODULES = frozenset(name for group in VARIANT_GROUPS for name in group)
# Modules cannot satisfy requirements of these kinds. A site's own check is reported, but does not stop the role.
REFUSED_KINDS = ("tool", "kernel", "option", "release")


@dataclass(frozen=True)
class ModulePlan:
    """What nodeprep.istio.kernel_modules does.

    ``modules``, ``optional``, ``boot_only``, ``load``, ``persist`` and ``not_loadable`` are as in NodePlan. ``always``
    are modules that are loaded and listed even if load or persist are false. ``writes_boot_file`` is whether the role
    manages its block of the boot file, ``block_changes`` whether the content of the block changes. ``refusals`` are the
    unmet requirements that make the role do nothing.
    """

    modules: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    boot_only: tuple[str, ...] = ()
    always: tuple[str, ...] = ()
    load: tuple[str, ...] = ()
    persist: tuple[str, ...] = ()
    not_loadable: tuple[NotLoadable, ...] = ()
    writes_boot_file: bool = False
    block_changes: bool = False
    refusals: tuple[str, ...] = ()


NO_MODULES = ModulePlan()


def plan_modules(facts: Facts, assessment: Assessment, consent: Consent) -> ModulePlan:
    """Return the plan for the modules of an assessment.

    :param facts: those after the earlier steps; the assessment is about them.
    """
    candidates = _collect_candidates(facts, assessment)
    left_out = _find_left_out(facts, assessment, candidates)
    names = tuple(name for name in candidates.names if name not in left_out)
    always = list_always_loaded(consent, names)
    absent = _list_absent(facts, names, candidates.boot_only) if consent.load else ()
    load, not_loadable = _split_loadable(facts, absent or _list_absent(facts, always))
    writes_boot_file = consent.persist or bool(always)
    persist = _list_persistable(facts, names if consent.persist else always)
    return ModulePlan(
        modules=names,
        optional=tuple(name for name in names if name not in candidates.required),
        boot_only=candidates.boot_only,
        always=always,
        load=load,
        persist=persist,
        not_loadable=not_loadable,
        writes_boot_file=writes_boot_file,
        block_changes=writes_boot_file and persist != list_block_names(facts),
        refusals=_list_refusals(assessment),
    )


def make_modules_step(plan: ModulePlan, consent: Consent, *, has_target: bool = False) -> Step | None:
    """Return the step that loads the modules and writes the boot file, or None if there is nothing to do.

    :param has_target: whether some modules are those of the target selection.
    """
    if not plan.load and not plan.not_loadable and not plan.block_changes:
        return None
    what = []
    why = f"the selection {'and its target need' if has_target else 'needs'} {len(plan.modules)} modules"
    if plan.load:
        what.append(f"load {', '.join(plan.load)}")
    if plan.persist:
        what.append(f"list {', '.join(plan.persist)} in {BOOT_FILE}")
    if not what and plan.block_changes:
        what.append(f"update {BOOT_FILE}")
    elif not what:
        what.append("load no module")
        why = "none of the missing modules can be loaded"
    return Step(
        "modules",
        what="; ".join(what),
        why=why,
        where=BOOT_FILE,
        args={
            "modules": list(plan.modules),
            "always": list(plan.always),
            "boot_only": list(plan.boot_only),
            "load": consent.load,
            "persist": consent.persist,
        },
    )


def list_block_names(facts: Facts) -> tuple[str, ...]:
    """Return the names in this collection's block of the boot file."""
    return facts.managed.boot_file or ()


def _pick_module(facts: Facts, row: AssessedRequirement) -> str:
    """Return the module to load for a requirement: of any-of modules the first that this kernel has."""
    for name in row.any_of:
        if facts.modules[name].state not in ("missing", "blocked"):
            return name
    return row.name


@dataclass(frozen=True)
class _Candidates:
    """The modules of all requirements, in their order, and those that are required.

    ``boot_only`` are the required ones that Istio picks its variant by and that are needed only after a reboot.
    """

    names: tuple[str, ...]
    required: tuple[str, ...]
    boot_only: tuple[str, ...]

    @property
    def optional(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name not in self.required)


def _collect_candidates(facts: Facts, assessment: Assessment) -> _Candidates:
    names: dict[str, None] = {}
    required: dict[str, None] = {}
    needed_now = set()
    for row in assessment.requirements:
        if row.kind == "module":
            name = _pick_module(facts, row)
            names[name] = None
            if row.level == "must":
                required[name] = None
                if row.now != "not_needed":
                    needed_now.add(name)
    boot_only = [name for name in required if name in VARIANT_MODULES and name not in needed_now]
    return _Candidates(tuple(names), tuple(required), tuple(boot_only))


def _find_left_out(facts: Facts, assessment: Assessment, candidates: _Candidates) -> set[str]:
    """Return the optional modules that are not loaded: they cannot be, or Istio would pick another iptables variant.

    The comparison is with the variant after the required modules were loaded.
    """
    persist = _filter_loadable(facts, candidates.required)
    load = [name for name in persist if name not in candidates.boot_only]
    after = after_preparing(facts, load, persist, writes_boot_file=False)
    left_out = set(candidates.optional).difference(_filter_loadable(after, candidates.optional))
    for group in VARIANT_GROUPS:
        of_group = set(candidates.optional).intersection(group)
        if _changes_variant(after, assessment, of_group - left_out, group):
            left_out |= of_group
    return left_out


def _changes_variant(facts: Facts, assessment: Assessment, names: set[str], group: tuple[str, ...]) -> bool:
    """Return whether Istio would pick another variant if these modules were loaded.

    If the selection sets the variant to nft, no legacy module is loaded at all.
    """
    if assessment.selection.iptables_variant == "nft" and group == LEGACY_MODULES:
        return True
    if not names:
        return False
    after = after_preparing(facts, names, names, writes_boot_file=False)
    return _list_variants(after, assessment) != _list_variants(facts, assessment)


def _list_variants(facts: Facts, assessment: Assessment) -> list[str]:
    """Return what Istio would pick in each mode, now and after a reboot."""
    variants: list[str] = []
    for moment in (facts, after_reboot(facts)):
        for mode in assessment.forecasts:
            variants.append(forecast_variant(moment, assessment.selection, mode).variant)
    return variants


def _list_absent(facts: Facts, names: Iterable[str], boot_only: Collection[str] = ()) -> tuple[str, ...]:
    """Return the modules that are to be loaded now and are not present."""
    return tuple(name for name in names if facts.modules[name].state not in PRESENT_STATES and name not in boot_only)


def _split_loadable(facts: Facts, names: Iterable[str]) -> tuple[tuple[str, ...], tuple[NotLoadable, ...]]:
    """Return the modules that the role loads, and those that it cannot load (split_loadable() of _act/load.py).

    A module that is loaded as a dependency is neither. None of them is blacklisted: the role does not load a module
    with a blacklisted dependency that is not loaded already.
    """
    names = list(names)
    load = tuple(
        name for name in names if facts.modules[name].state == "loadable" and not facts.modules[name].is_blacklisted
    )
    loaded = with_dependencies(facts.modules, load)
    not_loadable = []
    for name in names:
        if name not in loaded:
            module = facts.modules[name]
            not_loadable.append(NotLoadable(name, module.describe_reasons() or module.state))
    return load, tuple(not_loadable)


def _list_persistable(facts: Facts, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names for the block of the boot file: modules that load at boot and that no other line lists.

    The kernel command line (modules-load=) is such a line, too. nodeprep.istio.kernel_modules decides the same on the
    node (select_persistable of _act/load.py).
    """
    listed = set(facts.boot_files.get(BOOT_FILE, ())).difference(list_block_names(facts))
    for path, of_file in facts.boot_files.items():
        if path != BOOT_FILE:
            listed.update(of_file)
    persistable = []
    for name in names:
        module = facts.modules[name]
        reasons = [(reason.axis, reason.code) for reason in module.reasons]
        works = works_at_boot(module.state, module.state_at_next_boot, reasons)
        if name not in listed and works and not module.is_blacklisted:
            persistable.append(name)
    return tuple(persistable)


def _filter_loadable(facts: Facts, names: Iterable[str]) -> list[str]:
    """Return those of the modules that modprobe loads or has loaded, without those that are blacklisted."""
    loadable = []
    for name in names:
        module = facts.modules[name]
        if module.state in LOADABLE_STATES and not module.is_blacklisted:
            loadable.append(name)
    return loadable


def _list_refusals(assessment: Assessment) -> tuple[str, ...]:
    return tuple(
        row.reason
        for row in assessment.requirements
        if row.kind in REFUSED_KINDS and row.level == "must" and row.now == "unmet"
    )
