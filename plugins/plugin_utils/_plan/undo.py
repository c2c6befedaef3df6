# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of state absent: remove what this collection wrote, and say what stays and why. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.nodeprep.istio.plugins.module_utils._managed.boot_block import PATH as BOOT_FILE
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.write_blocks import write_block_reason
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.modules import list_block_names
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.overrides import (
    list_edited_files,
    list_remaining_overrides,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.selinux import (
    list_remaining_selinux,
    make_removal_step,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import NodePlan, Step


def build_removal_plan(facts: Facts) -> NodePlan:
    """Return the plan that removes what this collection wrote on the node."""
    steps = _list_steps(facts)
    refusal = _find_refusal(facts, steps)
    if refusal:
        return NodePlan(state="absent", steps=(), refused=(refusal,))
    return NodePlan(
        state="absent",
        steps=tuple(steps),
        refused=(),
        not_removed=tuple(_list_remaining(facts, is_changed=bool(steps))),
    )


def _list_steps(facts: Facts) -> list[Step]:
    steps = []
    if list_block_names(facts) or facts.managed.has_empty_block:
        what = f"remove the nodeprep.istio block from {BOOT_FILE}"
        steps.append(Step("modules", what, "this role wrote it", where=BOOT_FILE, args={"state": "absent"}))
    files = ", ".join(sorted(set(facts.managed.overrides).difference(list_edited_files(facts))))
    if files:
        what = f"remove {files}"
        steps.append(Step("overrides", what, "this role wrote them", where=files, args={"state": "absent"}))
    policy_step = make_removal_step(facts)
    if policy_step:
        steps.append(policy_step)
    return steps


def _find_refusal(facts: Facts, steps: Iterable[Step]) -> str | None:
    if facts.managed.boot_file is None:
        return f"{BOOT_FILE}: unbalanced BEGIN/END markers; remove the markers manually"
    block = write_block_reason(facts)
    changes = "; ".join(step.what for step in steps)
    if block and changes:
        return f"nothing is removed: {block}; make these changes in the system's configuration: {changes}"
    return None


def _list_remaining(facts: Facts, *, is_changed: bool) -> list[str]:
    """Return what stays on the node though this role may have made it.

    :param is_changed: whether anything is removed.
    """
    texts = []
    loaded = []
    for name in list_block_names(facts):
        if name in facts.modules and facts.modules[name].state == "loaded":
            loaded.append(name)
    if loaded:
        texts.append(
            f"loaded modules stay loaded until a reboot, because other software may use them: {', '.join(loaded)}"
        )
    texts += list_remaining_overrides(facts)
    texts += list_remaining_selinux(facts)
    if is_changed:
        texts.append("installed packages stay, because other software may use them")
    return texts
