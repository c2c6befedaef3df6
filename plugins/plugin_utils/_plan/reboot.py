# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that need a reboot: whether it is planned, and who does it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Code
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts, ModuleFacts, State
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.projection import after_reboot
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.conflicts import has_conflict
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import Actor, Step
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection


def make_reboot_step(
    facts: Facts, selection: Selection, consent: Consent, waiting: Sequence[str], *, is_refused: bool
) -> Step | None:
    """Return the reboot step, or None unless a reboot fixes, or may fix, every module that cannot be loaded now.

    The role reboots only if the node is expected to have the required modules afterwards: otherwise it would repeat
    a useless reboot at each run.

    :param facts: those after the earlier steps.
    :param waiting: the required modules that cannot be loaded now.
    :param is_refused: whether the role does nothing on this node.
    """
    following = find_next_kernel(facts)
    modules = [facts.modules[name] for name in waiting]
    if not modules or not all(fixed_by_reboot(module, following) for module in modules):
        return _make_guess_step(facts, waiting)
    absent = _list_absent_after_reboot(facts, selection, waiting)
    is_useful = not absent and not is_refused
    what = f"reboot into {following}" if following else "reboot"
    reason = modules[0].describe_reasons()
    why = f"only a reboot helps: {reason}"
    if absent:
        why = f"{reason}. A reboot alone does not help: {_explain_absence(facts, absent, consent)}"
    by: Actor = "owner"
    if is_useful and consent.reboot == "if_needed":
        by = "role"
    elif is_useful:
        what += ", or set istio_node_reboot: if_needed"
    # shutdown(8) takes other arguments with runit and does not exist with busybox; reboot exists with each init system.
    args = {} if facts.platform.systemd else {"reboot_command": "reboot"}
    command = ("systemctl", "reboot") if facts.platform.systemd else ("reboot",)
    return Step("reboot", what, why, by, args=args, command=command, reboot=True)


def _make_guess_step(facts: Facts, waiting: Sequence[str]) -> Step | None:
    """Return a step for the owner if the running kernel has no module tree and another kernel may boot next, or None.

    Which kernel boots next is a guess then, so that the role does not reboot and nothing is predicted.

    :param waiting: the required modules that cannot be loaded now.
    """
    following = facts.kernel.next_boot
    if following is None or following.certain or following.release == facts.kernel.release:
        return None
    for name in waiting:
        if any(reason.code == Code.MODULES_TREE_MISSING for reason in facts.modules[name].reasons):
            what = "reboot, if that boots a kernel whose modules are installed"
            return Step("repair", what, facts.modules[name].describe_reasons(), "owner")
    return None


def fixed_by_reboot(module: ModuleFacts, following: str | None) -> bool:
    """Return whether the module loads after a reboot. A reboot does not end conflicts.

    :param following: what find_next_kernel() returns.
    """
    return needs_reboot(module, following) and not has_conflict(module)


def needs_reboot(module: ModuleFacts, following: str | None) -> bool:
    """Return whether the module cannot be loaded before a reboot, regardless of conflicts.

    :param following: what find_next_kernel() returns.
    """
    codes = {reason.code for reason in module.reasons}
    if Code.MODULES_DISABLED in codes:
        return True
    return Code.MODULES_TREE_MISSING in codes and following is not None


def find_next_kernel(facts: Facts) -> str | None:
    """Return the release of the kernel that boots next, or None if that is the running one or not certain."""
    following = facts.kernel.next_boot
    if following is None or not following.certain or following.release in ("", facts.kernel.release):
        return None
    return following.release


def list_kernel_hints(facts: Facts) -> list[str]:
    """Return which kernel the answers after a reboot are about, if another kernel than the running one is installed."""
    following = facts.kernel.next_boot
    if following is None or following.release in ("", facts.kernel.release) or facts.platform.container is not None:
        return []
    if following.certain:
        return [
            f"the answers after a reboot are about kernel {following.release}, which boots next ({following.source})"
        ]
    return [
        f"the answers after a reboot assume that kernel {facts.kernel.release} boots again; which kernel boots next is "
        f"not certain, perhaps {following.release} ({following.source})"
    ]


def _list_absent_after_reboot(facts: Facts, selection: Selection, waiting: Sequence[str]) -> list[str]:
    """Return the required modules that the node lacks after the reboot.

    Of the modules that need the reboot, it includes those that may be absent after it.
    """
    absent: dict[str, None] = {}
    uncertain: set[str] = set()
    for row in assess(after_reboot(facts), selection).requirements:
        if row.kind == "module" and row.level == "must":
            if row.now == "unmet":
                absent[row.name] = None
            elif row.now == "unknown":
                uncertain.update((row.name, *row.any_of))
    absent.update(dict.fromkeys(name for name in waiting if name in uncertain))
    return list(absent)


def _explain_absence(facts: Facts, absent: Iterable[str], consent: Consent) -> str:
    """Return why these modules are absent after the reboot: the next kernel lacks them, or nothing loads them."""
    release = find_next_kernel(facts) or facts.kernel.release
    names_by_state: dict[State, list[str]] = {"missing": [], "blocked": [], "unknown": []}
    not_loaded = []
    for name in absent:
        following = facts.modules[name].next_boot
        if following is not None and following.state in names_by_state:
            names_by_state[following.state].append(name)
        else:
            not_loaded.append(name)
    texts = []
    for state, names in names_by_state.items():
        if names:
            texts.append(f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} {state} with kernel {release}")
    if not_loaded:
        cause = "" if consent.persist else ", because istio_node_persist is false"
        texts.append(f"it is uncertain whether {', '.join(not_loaded)} will be loaded then{cause}")
    return "; ".join(texts)
