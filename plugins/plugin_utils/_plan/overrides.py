# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of other people's lines the plan takes back, and what it says of those that it leaves. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import Assessment
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts import projection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import is_blacklisted
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan import conflicts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations import formats
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import Consent, Step

Facts = Mapping[str, Any]


def override(facts: Facts, assessment: Assessment, consent: Consent, steps: list[Step]) -> Facts:
    """Add the steps for lines that keep required modules from loading; return the facts as they will leave them."""
    names = _lacking(facts, assessment)
    on_demand = _on_demand(consent)
    found = conflicts.conflicts(facts, names, on_demand)
    stuck = conflicts.stuck(facts, found, names)
    taken = [
        conflict
        for conflict in found
        if consent.override_conflicts and conflict.can_be_overridden and set(conflict.modules) - stuck
    ]
    ours = (facts.get("managed") or {}).get("overrides") or {}
    step = conflicts.override_step(taken, [path for path, ours_now in sorted(ours.items()) if not ours_now["current"]])
    steps += [step] if step else []
    # Where nothing is to be written no consent is asked for.
    asking = not formats.managed(facts)
    steps += [
        conflicts.owner_step(conflict, bool(set(conflict.modules) - stuck), asking)
        for conflict in found
        if conflict not in taken
    ]
    untold = conflicts.untold_step(facts, names)
    steps += [untold] if untold else []
    steps += [conflicts.edited_step(path) for path in conflicts.edited(facts)]
    freed = conflicts.freed(facts, taken, on_demand)
    return projection.without_conflicts(facts, freed, conflicts.CODES) if freed else facts


def _lacking(facts: Facts, assessment: Assessment) -> list[str]:
    """Return the required modules that nothing brings as long as somebody's lines keep them from loading."""
    required = [row for row in assessment.requirements if row.kind == "module" and row.level == "must"]
    lacking = dict.fromkeys(row.name for row in required if row.now != "present" or row.after_reboot != "present")
    modules = facts["modules"]
    free = [
        name
        for name in lacking
        if modules[name]["state"] in ("loaded", "loadable") and not is_blacklisted(modules[name])
    ]
    # What comes along with those needs no line taken back; what is not there at all would be helped by none.
    along = projection.closure(modules, free) - set(free)
    return [name for name in lacking if name not in along and modules[name]["state"] != "missing"]


def _on_demand(consent: Consent) -> bool:
    """What the role loads now and lists for every boot need not be loaded on demand."""
    return not (consent.load and consent.persist)


def hints(facts: Facts, assessment: Assessment, consent: Consent) -> Iterator[str]:
    """Yield what the owner should know of lines that are not taken back now: ours of earlier, and those in nobody's way."""
    yield from _of_ours(facts, consent)
    yield from _of_others(facts, assessment, consent)


def _of_ours(facts: Facts, consent: Consent) -> list[str]:
    ours = ((facts.get("managed") or {}).get("overrides")) or {}
    if not ours or consent.override_conflicts:
        return []
    return [f"{', '.join(sorted(ours))}: taken back earlier with consent; stays until istio_node_state: absent"]


def _of_others(facts: Facts, assessment: Assessment, consent: Consent) -> list[str]:
    """Say what no rule on this node needs, and somebody's lines keep from loading: it is neither loaded nor a step."""
    modules = facts["modules"]
    rows = [
        row
        for row in assessment.requirements
        if row.kind == "module" and row.level == "should" and row.now != "present"
    ]
    names = [row.name for row in rows if modules[row.name]["state"] in ("loadable", "blocked")]
    needed = {
        conflict.where
        for conflict in conflicts.conflicts(facts, _lacking(facts, assessment), on_demand=_on_demand(consent))
    }
    by_path: dict[str, dict[str, None]] = {}
    for conflict in conflicts.conflicts(facts, names, on_demand=False):
        if conflict.where not in needed:
            by_path.setdefault(conflict.path, {}).update(dict.fromkeys(conflict.named))
    return [
        f"{path} keeps {', '.join(named)} from loading; no rule of this node needs that, so that it is left as it is"
        for path, named in by_path.items()
    ]
