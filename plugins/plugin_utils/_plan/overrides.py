# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which conflicts the role overrides, what the owner does about the others, and what a removal leaves of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.nodeprep.istio.plugins.module_utils._managed.modprobe_overrides import DIRECTORY, SEARCH_PATH
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import COMMAND_LINE, CONFLICT_CODES, Code
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import Assessment
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.projection import with_dependencies
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.write_blocks import write_block_reason
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.conflicts import (
    Conflict,
    find_conflicts,
    find_still_blocked,
    find_unblocked,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import Step


@dataclass(frozen=True)
class OverridePlan:
    """The steps about conflicts, and the modules that no conflict affects after the steps of the role."""

    steps: tuple[Step, ...]
    unblocked: frozenset[str]


def plan_overrides(facts: Facts, assessment: Assessment, consent: Consent) -> OverridePlan:
    """Plan what is done about the conflicts of required modules."""
    names = _list_affected_modules(facts, assessment)
    on_demand = _must_load_on_demand(consent)
    conflicts = find_conflicts(facts, names, on_demand=on_demand)
    still_blocked = find_still_blocked(facts, conflicts, names)
    overridden = []
    if consent.override_conflicts:
        overridden = [
            conflict
            for conflict in conflicts
            if conflict.can_be_overridden and not still_blocked.issuperset(conflict.modules)
        ]

    steps = []
    override_step = _make_override_step(overridden, _list_outdated_files(facts))
    if override_step:
        steps.append(override_step)
    for conflict in conflicts:
        if conflict not in overridden:
            remedy = _describe_override(facts, conflict, helps=not still_blocked.issuperset(conflict.modules))
            steps.append(_make_owner_step(conflict, remedy))
    unlisted_step = _make_unlisted_lines_step(facts, names)
    if unlisted_step:
        steps.append(unlisted_step)
    for path in list_edited_files(facts):
        steps.append(_make_edited_file_step(path))
    return OverridePlan(tuple(steps), frozenset(find_unblocked(facts, overridden, on_demand=on_demand)))


def list_edited_files(facts: Facts) -> list[str]:
    """Return the override files of this collection that another user changed. They are left as they are."""
    return [path for path, override in sorted(facts.managed.overrides.items()) if override.edited]


def list_remaining_overrides(facts: Facts) -> list[str]:
    """Return what a removal leaves of the override files, and what they still do."""
    texts = []
    for path in list_edited_files(facts):
        lines = ", ".join(f"'{line}'" for line in facts.managed.overrides[path].lines)
        effect = f", and still overrides {lines}" if lines else ""
        texts.append(
            f"{path} stays: it was changed after the role wrote it{effect}; save the changes and delete the file"
        )
    return texts


def list_override_hints(facts: Facts, assessment: Assessment, consent: Consent) -> list[str]:
    """Return what the owner should know about conflicts besides the steps: old overrides, and harmless conflicts."""
    hints = []
    if facts.managed.overrides and not consent.override_conflicts:
        paths = ", ".join(sorted(facts.managed.overrides))
        hints.append(
            f"{paths}: these files from an earlier run still override conflicts; "
            "to remove them, set istio_node_state: absent"
        )
    return hints + _list_harmless_conflicts(facts, assessment, consent)


def _list_affected_modules(facts: Facts, assessment: Assessment) -> list[str]:
    """Return the required modules that are present only if no conflict keeps them from loading."""
    absent = {}
    for row in assessment.requirements:
        is_required = row.kind == "module" and row.level == "must"
        if is_required and (row.now != "present" or row.after_reboot != "present"):
            absent[row.name] = facts.modules[row.name]
    free = [
        name for name, module in absent.items() if module.state in ("loaded", "loadable") and not module.is_blacklisted
    ]
    # The role loads these, and modprobe loads their dependencies with them. Lines about a missing module do not matter.
    dependencies = with_dependencies(facts.modules, free).difference(free)
    return [name for name, module in absent.items() if name not in dependencies and module.state != "missing"]


def _must_load_on_demand(consent: Consent) -> bool:
    """Return whether modules must load on demand: not if the role loads them now and lists them for every boot."""
    return not (consent.load and consent.persist)


def _list_harmless_conflicts(facts: Facts, assessment: Assessment, consent: Consent) -> list[str]:
    """Return a hint for each file with lines about modules that no rule needs: these are neither loaded nor a step."""
    required = _list_affected_modules(facts, assessment)
    planned = {conflict.where for conflict in find_conflicts(facts, required, on_demand=_must_load_on_demand(consent))}
    optional = []
    for row in assessment.requirements:
        is_absent = row.kind == "module" and row.level == "should" and row.now != "present"
        if is_absent and facts.modules[row.name].state in ("loadable", "blocked"):
            optional.append(row.name)
    names_by_path: dict[str, dict[str, None]] = {}
    for conflict in find_conflicts(facts, optional, on_demand=False):
        if conflict.where not in planned:
            names_by_path.setdefault(conflict.path, {}).update(dict.fromkeys(conflict.named_modules))
    hints = []
    for path, names in names_by_path.items():
        hints.append(
            f"{path} keeps {', '.join(names)} from loading; "
            "no rule on this node needs them, so the file is left unchanged"
        )
    return hints


def _list_outdated_files(facts: Facts) -> list[str]:
    return [path for path, override in sorted(facts.managed.overrides.items()) if not override.current]


def _make_override_step(overridden: Sequence[Conflict], outdated: Sequence[str]) -> Step | None:
    """Return the step that overrides lines and updates outdated copies, or None if there is nothing to do."""
    if not overridden and not outdated:
        return None
    by_path: dict[str, list[Conflict]] = {}
    for conflict in sorted(overridden, key=lambda conflict: (conflict.path, conflict.number)):
        by_path.setdefault(conflict.path, []).append(conflict)
    what = []
    why = []
    for path, conflicts in by_path.items():
        lines = ", ".join(f"line {conflict.number} '{conflict.line}'" for conflict in conflicts)
        what.append(f"override {lines} of {path} with a file in {DIRECTORY}")
        why.append(f"{path} {_describe_effect(conflicts)} ({conflicts[0].owner})")
    for path in outdated:
        what.append(f"update {path} from the file that it replaces")
    return Step(
        "overrides",
        what="; ".join(what),
        why="; ".join(why) or "the original file changed",
        where=DIRECTORY,
        args={"lines": [{"path": conflict.path, "line": conflict.line} for conflict in overridden]},
    )


def _describe_effect(conflicts: Iterable[Conflict]) -> str:
    """Return the end of a sentence about a file or a line: which modules it affects.

    A blacklist affects the modules that need the blacklisted one only in that the role does not load them.
    """
    kept: dict[str, None] = {}
    needing: dict[str, None] = {}
    for conflict in conflicts:
        names = conflict.modules
        if conflict.code == Code.BLACKLIST:
            names = conflict.named_modules
            needing.update(dict.fromkeys(name for name in conflict.modules if name not in names))
        kept.update(dict.fromkeys(names))
    text = f"keeps {', '.join(kept)} from loading"
    others = [name for name in needing if name not in kept]
    return f"{text}, so the role does not load what needs it: {', '.join(others)}" if others else text


def _describe_override(facts: Facts, conflict: Conflict, *, helps: bool) -> str:
    """Return the end of the owner's step: whether the role could override the line instead.

    :param helps: whether a module would load after the role overrode every conflict that it can.
    """
    if not conflict.can_be_overridden:
        return " (the role cannot override it)"
    if write_block_reason(facts):
        return ""
    if not helps:
        return " (overriding this line alone would not help)"
    return ", or set istio_node_override_conflicts: true"


def _make_owner_step(conflict: Conflict, remedy: str) -> Step:
    """Return what the owner does about a conflict that the role does not override: the smallest change."""
    why = f"it {_describe_effect([conflict])} ({conflict.owner})"
    if conflict.where != COMMAND_LINE:
        what = f"remove the line '{conflict.line}' from {conflict.where}{remedy}"
        return Step("conflict", what, why, "owner", conflict.where)
    parameter = "module_blacklist=" if conflict.code == Code.MODULE_BLACKLIST else "modprobe.blacklist="
    what = f"remove {', '.join(conflict.named_modules)} from {parameter} on the kernel command line"
    return Step("conflict", what, why, "owner", conflict.where, reboot=True)


def _make_unlisted_lines_step(facts: Facts, names: Iterable[str]) -> Step | None:
    """Return what the owner does about lines that the facts do not list, because they are too many, or None."""
    modules: dict[str, None] = {}
    for name in names:
        for reason in facts.modules[name].reasons:
            if reason.code in CONFLICT_CODES and not reason.where:
                modules[reason.dependency or name] = None
    if not modules:
        return None
    pattern = f"^ *(blacklist|install) .*({'|'.join(modules)})"
    return Step(
        "conflict",
        what=f"remove the 'blacklist' and 'install' lines of {', '.join(modules)} in modprobe.d",
        why="these lines keep the modules from loading and are too many to list",
        by="owner",
        command=("grep", "-rnE", pattern, *SEARCH_PATH),
    )


def _make_edited_file_step(path: str) -> Step:
    """Return what the owner does about an override file that another user changed."""
    return Step(
        "conflict",
        what=f"move the changes in {path} to another file, delete {path}, and run again",
        why="it was changed after the role wrote it, so the role does not update it",
        by="owner",
        where=path,
    )
