# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repairs: what only the owner can fix, if no package, no override and no reboot helps. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Code
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import Assessment
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts, ModuleFacts, Reason
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.remedies import (
    NodeContext,
    Problem,
    describe_problem,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.packages import has_package, is_installable
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.reboot import find_next_kernel, needs_reboot
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import Step

REPAIR_CODES = (
    Code.ALIAS_OVERRIDE,
    Code.MODULE_FILE_MISSING,
    Code.INVALID_MODULE_FILE,
    Code.UNSIGNED_MODULE,
    Code.MODULES_DISABLED_AT_BOOT,
    Code.INDEX_MISSING,
    Code.NOT_IN_TREE,
    Code.NOT_BUILT,
    Code.PROVIDER_MISSING,
    Code.CONTAINER,
    Code.FLAT_TREE,
    Code.WSL,
    Code.TRANSIENT,
    Code.UNREADABLE,
    Code.NOT_IN_RECORDING,
    # If no package is known, which would be another step.
    Code.NOT_INSTALLED,
    Code.MODULES_TREE_MISSING,
)
OPEN_GRADES = {"unmet", "unknown"}


def list_repair_steps(facts: Facts, assessment: Assessment) -> list[Step]:
    """Return one step for each problem that keeps required modules from being present."""
    context = NodeContext.from_facts(facts)
    texts: dict[tuple[str, str], str] = {}
    reasons: dict[tuple[str, str], Reason] = {}
    names: dict[tuple[str, str], dict[str, str]] = {}
    for row in assessment.requirements:
        if row.kind == "module" and row.level == "must" and not OPEN_GRADES.isdisjoint((row.now, row.after_reboot)):
            name = facts.modules[row.name].provider or row.name
            reason = _find_repair_reason(facts, name) if row.now in OPEN_GRADES else None
            reason = reason or _find_host_reason(facts, name)
            if reason is None:
                continue
            description = describe_problem(context, Problem(reason.code, name, _get_named_file(reason)))
            if description is not None:
                # Modules with one remedy are one problem, for example those in one package.
                problem = (reason.code, description.remedy)
                texts.setdefault(problem, description.remedy)
                reasons.setdefault(problem, reason)
                names.setdefault(problem, {})[name] = reason.text
    return [_make_repair_step(texts[problem], reasons[problem], names[problem]) for problem in texts]


def _make_repair_step(remedy: str, reason: Reason, names: Mapping[str, str]) -> Step:
    example = "" if len(set(names.values())) == 1 else "for example, "
    return Step(
        "repair",
        what=remedy[:1].lower() + remedy[1:],
        why=f"{', '.join(names)}: {example}{reason.text}",
        by="owner",
        where=reason.where,
    )


def _find_repair_reason(facts: Facts, name: str) -> Reason | None:
    """Return the reason why a module is not present now and cannot be loaded, or None if another step resolves it."""
    module = facts.modules[name]
    if module.state not in ("blocked", "missing", "unknown") or _is_resolved_otherwise(facts, name, module):
        return None
    for reason in module.reasons:
        if reason.axis == "now" and reason.code in REPAIR_CODES:
            return reason
    return None


def _find_host_reason(facts: Facts, name: str) -> Reason | None:
    """Return the reason why only the host of this container decides whether a module is present, or None."""
    return next((reason for reason in facts.modules[name].reasons if reason.code == Code.CONTAINER), None)


def _is_resolved_otherwise(facts: Facts, name: str, module: ModuleFacts) -> bool:
    """Return whether a package or a reboot is planned for this module."""
    return is_installable(module) and (has_package(facts, name) or needs_reboot(module, find_next_kernel(facts)))


def _get_named_file(reason: Reason) -> str:
    """Return the file that the remedy of the reason names, or "". Reasons about several files are several problems."""
    if reason.code != Code.ALIAS_OVERRIDE or reason.where is None:
        return ""
    return reason.where.rpartition(":")[0]
