# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The target selection beside the current one: its verdict, and the modules that prepare a node for both. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import (
    AssessedRequirement,
    Assessment,
    assess,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.grades import AVAILABLE_GRADES
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.description import describe_selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection


@dataclass(frozen=True)
class TargetState:
    """The verdict of a node under the target selection; ``reasons`` say why it is not a good one."""

    selection: Selection
    verdict: str
    reasons: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """Return the state with the types of JSON."""
        return {
            "selection": self.selection.as_dict(),
            "text": describe_selection(self.selection),
            "verdict": self.verdict,
            "reasons": list(self.reasons),
        }


def judge_target(facts: Facts, target: Selection) -> TargetState:
    """Return the state of a node with these facts under the target selection.

    Raises InvalidInputError if the facts lack a module that the target needs.
    """
    assessment = assess(facts, target)
    return TargetState(target, assessment.verdict, tuple(_list_reasons(assessment.requirements)))


def _list_reasons(rows: Iterable[AssessedRequirement]) -> list[str]:
    reasons = []
    for row in rows:
        lacks = {row.now, row.after_reboot}.difference((*AVAILABLE_GRADES, "not_needed"))
        if row.level == "must" and lacks:
            when = "" if row.now in lacks else "after a reboot "
            reasons.append(f"{row.name}: {row.reason or f'{when}{row.state}'}")
    return reasons


def add_target_modules(assessment: Assessment, target: Assessment) -> Assessment:
    """Return the assessment with the modules that only the target requires.

    They get the level should: they are loaded if the kernel has them, unless Istio would then pick another iptables
    variant than it does now. So the preparation for the target never stops the one for the current selection.
    """
    known = {row.id for row in assessment.requirements}
    added = []
    for row in target.requirements:
        if row.kind == "module" and row.level == "must" and row.id not in known:
            added.append(replace(row, level="should"))
    return replace(assessment, requirements=(*assessment.requirements, *added))
