# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that wait for a reboot: who reboots, and whether that alone helps. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts import projection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import reason_text
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan import conflicts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import Consent, Step
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection

Facts = Mapping[str, Any]


def reboot_step(
    after: Facts, selection: Selection, consent: Consent, waiting: Iterable[str], refused: bool
) -> Step | None:
    """Return the step where required modules wait for a reboot and for nothing else.

    It is the role's only where the node is foreseen to have them afterwards: a reboot that does not help would be made again at each run.

    :param after: the facts as the steps before leave them.
    :param waiting: the modules that cannot be loaded now.
    :param refused: whether the role does nothing on this node.
    """
    entries, waiting = after["modules"], list(waiting)
    following = next_kernel(after)
    if not waiting or not all(is_cured(entries[name], following) for name in waiting):
        return None
    lacking = _lacking(after, selection, waiting)
    by: Any = "role" if consent.reboot == "if_needed" and not lacking and not refused else "owner"
    what = f"reboot into {following}" if following else "reboot"
    consented = "" if consent.reboot == "if_needed" or lacking or refused else ", or set istio_node_reboot: if_needed"
    why = reason_text(entries[waiting[0]])
    why = (
        f"{why}. A reboot alone does not help: {_why_not(after, lacking, consent)}"
        if lacking
        else f"nothing else helps: {why}"
    )
    return Step("reboot", what + consented, why, by, None, ("systemctl", "reboot"), True)


def is_cured(entry: Mapping[str, Any], following: str | None) -> bool:
    """Whether what keeps a module from loading ends with a reboot."""
    # Lines of modprobe.d outlive the reboot.
    return not any(reason["code"] in conflicts.CODES for reason in entry["reasons"]) and waits(entry, following)


def waits(entry: Mapping[str, Any], following: str | None) -> bool:
    """Whether a module cannot be loaded before a reboot, whatever else is in its way."""
    codes = {reason["code"] for reason in entry["reasons"]}
    return "modules_disabled" in codes or ("modules_tree_missing" in codes and following is not None)


def next_kernel(facts: Facts) -> str | None:
    """Return the release that boots next where it is another than the running one."""
    following = facts["kernel"].get("next_boot") or {}
    release = following.get("release")
    return str(release) if release and release != facts["kernel"]["release"] else None


def _lacking(after: Facts, selection: Selection, waiting: list[str]) -> list[str]:
    """Return the required modules that are not there after the reboot; of those that wait for it also what nothing can be told of."""
    rows = [
        row
        for row in assess(projection.rebooted(after), selection).requirements
        if row.kind == "module" and row.level == "must"
    ]
    unsure = {name for row in rows if row.now == "unknown" for name in (row.name, *row.any_of)}
    return list(
        dict.fromkeys([row.name for row in rows if row.now == "unmet"] + [name for name in waiting if name in unsure])
    )


def _why_not(after: Facts, lacking: list[str], consent: Consent) -> str:
    """Say what these modules lack after the reboot: another kernel's file, or somebody who loads them."""
    following = next_kernel(after) or after["kernel"]["release"]
    states = {name: str((after["modules"][name].get("next_boot") or {}).get("state")) for name in lacking}
    told = []
    for state in ("missing", "blocked", "unknown"):
        if names := [name for name in lacking if states[name] == state]:
            told.append(f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} {state} with kernel {following}")
            lacking = [name for name in lacking if name not in names]
    if lacking:
        told.append(
            f"nothing is sure to load {', '.join(lacking)} then"
            + ("" if consent.persist else ", since istio_node_persist is false")
        )
    return "; ".join(told)
