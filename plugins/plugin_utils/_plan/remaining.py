# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role has yet to do on a node after it was observed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent

# modules: only the step of the plan that loads and persists modules. more: anything else.
Remaining = Literal["nothing", "modules", "more"]


def find_remaining(
    plan: Mapping[str, Any], verdict: str, consent: Consent, *, is_executed: bool, has_probe: bool
) -> Remaining:
    """Return what the role has yet to do; "more" also if one of its tasks has to decide that.

    :param plan: the plan as NodePlan.as_dict() returns it.
    :param verdict: the verdict of the node now.
    :param is_executed: whether the plan was executed.
    :param has_probe: whether the probe follows.
    """
    changes_node = consent.state != "audited"
    kinds = {step["kind"] for step in plan["steps"] if step["by"] == "role"}
    has_tasks = plan["disruption"] and (consent.before_disruption_tasks or consent.after_disruption_tasks)
    if changes_node and not is_executed and kinds == {"modules"} and not plan["refused"] and not has_tasks:
        return "modules"
    expected = (plan.get("expected") or {}).get("verdict")
    has_problem = plan["refused"] or plan["not_loadable"] or plan.get("not_removed")
    if changes_node and not is_executed and (kinds or has_problem):
        return "more"
    if consent.state == "prepared" and consent.load and "not_ready" in (verdict, expected):
        return "more"
    return "more" if has_probe and consent.state != "absent" else "nothing"
