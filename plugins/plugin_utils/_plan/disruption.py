# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which steps of a plan disrupt the pods of a node, so that its owner may want to drain it first. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import (
    Disruption,
    DisruptionKind,
    NodePlan,
    StepKind,
)

BRIDGE_MODULE = "br_netfilter"
# The kinds of steps that disrupt every node.
DISRUPTIVE_KINDS: Mapping[StepKind, DisruptionKind] = {"policy": "selinux", "boolean": "selinux", "reboot": "reboot"}


def add_disruption(plan: NodePlan, facts: Facts, consent: Consent) -> NodePlan:
    """Return the plan with what disrupts the node, and with the owner's tasks that run before and after it.

    :param facts: those of the node as it is now.
    """
    disruption = tuple(_list_disruption(plan, facts))
    if not disruption:
        return plan
    return replace(
        plan,
        disruption=disruption,
        tasks_before=consent.before_disruption_tasks,
        tasks_after=consent.after_disruption_tasks,
    )


def _list_disruption(plan: NodePlan, facts: Facts) -> Iterator[Disruption]:
    """Yield what disrupts the node, in the order of the steps."""
    for step in plan.steps:
        if step.by != "role":
            continue
        if step.kind == "modules" and BRIDGE_MODULE in plan.load:
            yield from _find_bridge_disruption(facts.netfilter.bridges)
        elif step.kind in DISRUPTIVE_KINDS:
            yield Disruption(DISRUPTIVE_KINDS[step.kind], step.what)


def _find_bridge_disruption(bridges: tuple[str, ...] | None) -> Iterator[Disruption]:
    """Yield the disruption of loading br_netfilter; none if the node has no bridge."""
    if bridges is None:
        yield Disruption("br_netfilter", f"load {BRIDGE_MODULE}; whether the node has bridges is unknown")
    elif bridges:
        yield Disruption("br_netfilter", f"load {BRIDGE_MODULE} on a node with bridges ({', '.join(bridges)})")
