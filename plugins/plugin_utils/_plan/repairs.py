# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repairs: what only the owner can fix, if no package, no override and no reboot helps. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Code
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import Assessment
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts, ModuleFacts, Reason
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.reason_codes import REASON_KINDS
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.packages import is_installable
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
)


def list_repair_steps(facts: Facts, assessment: Assessment) -> list[Step]:
    """Return one step for each problem that keeps required modules from being present."""
    reasons: dict[tuple[str, str], Reason] = {}
    names: dict[tuple[str, str], dict[str, None]] = {}
    for row in assessment.requirements:
        if row.kind == "module" and row.level == "must" and row.now in ("unmet", "unknown"):
            name = facts.modules[row.name].provider or row.name
            reason = _find_repair_reason(facts.modules[name])
            if reason is not None:
                problem = (reason.code, _get_named_file(reason))
                reasons.setdefault(problem, reason)
                names.setdefault(problem, {})[name] = None
    return [_make_repair_step(reason, names[problem]) for problem, reason in reasons.items()]


def _make_repair_step(reason: Reason, names: Iterable[str]) -> Step:
    what = REASON_KINDS[reason.code].remedy.format_map({"file": _get_named_file(reason)})
    return Step(
        "repair",
        what=what[:1].lower() + what[1:],
        why=f"{', '.join(names)}: {reason.text}",
        by="owner",
        where=reason.where,
    )


def _find_repair_reason(module: ModuleFacts) -> Reason | None:
    """Return the reason why a module is not present now and cannot be loaded, or None."""
    if module.state not in ("blocked", "missing", "unknown") or is_installable(module):
        return None
    for reason in module.reasons:
        if reason.axis == "now" and reason.code in REPAIR_CODES:
            return reason
    return None


def _get_named_file(reason: Reason) -> str:
    """Return the file that the remedy of the reason names, or "". Reasons about several files are several problems."""
    if reason.code != Code.ALIAS_OVERRIDE or reason.where is None:
        return ""
    return reason.where.rpartition(":")[0]
