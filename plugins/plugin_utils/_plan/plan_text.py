# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan as lines of text, for the output of the role. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def describe_plan(plan: Mapping[str, Any], verdict: str | None = None) -> list[str]:
    """Return the plan as lines: the verdicts, each step with its reason, the hints, and what a removal leaves.

    :param plan: the plan as a dict, as preparation_plan returns it.
    :param verdict: the verdict of the node before the plan is executed.
    """
    lines = []
    if verdict and "expected" in plan:
        lines.append(f"verdict now: {verdict}, expected after this plan: {plan['expected']['verdict']}")
    for step in plan["steps"]:
        lines.append(f"{step['what']}, because {step['why']}")
    return [*lines, *plan["hints"], *plan.get("not_removed", [])]
