# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Assess a node: a grade for each requirement now and after a reboot, and the verdict. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue import Requirement, requirements
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts import REMEDY, reason_text
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection import InvalidInput, Selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._versions import at_least

Grade = Literal["present", "on_demand", "unmet", "unknown"]


@dataclass(frozen=True)
class Assessed:
    """One requirement as it stands on one node."""

    id: str
    name: str
    kind: str
    wording: str
    level: Literal["must", "should"]
    state: str
    now: Grade
    after_reboot: Grade
    reason: str
    source: str


@dataclass(frozen=True)
class Assessment:
    """A node's verdict under one selection, and what it rests on."""

    verdict: str
    requirements: tuple[Assessed, ...]

    def as_dict(self) -> dict[str, Any]:
        return {"verdict": self.verdict, "requirements": [asdict(row) for row in self.requirements]}


def assess(facts: Mapping[str, Any], selection: Selection) -> Assessment:
    """Judge checked facts. Raises InvalidInput where they lack a module that the selection asks for."""
    rows = requirements(selection)
    modules = facts["modules"]
    names = [row.name for row in rows if row.kind == "module"]
    for name in names:
        if name not in modules:
            raise InvalidInput(f"the facts say nothing of module '{name}': {REMEDY}")
    grades = _Grades(modules, names)
    assessed = tuple(_assess_module(row, modules, grades) if row.kind == "module" else _assess_version(row, facts) for row in rows)
    return Assessment(verdict(assessed), assessed)


def verdict(rows: tuple[Assessed, ...]) -> str:
    """Return the first verdict that holds over the rows of level must."""
    now = {row.now for row in rows if row.level == "must"}
    after = {row.after_reboot for row in rows if row.level == "must"}
    ladder = (
        ("not_ready", "unmet" in now),
        ("unknown", "unknown" in now),
        ("at_risk", "unmet" in after),
        ("unknown", "unknown" in after),
        ("on_demand", "on_demand" in now | after),
    )
    return next((name for name, holds in ladder if holds), "ready")


class _Grades:
    """The two grades of each module, a module that comes along with a required one included."""

    def __init__(self, modules: Mapping[str, Mapping[str, Any]], required: list[str]) -> None:
        self._modules = modules
        self._required = required

    def now(self, name: str) -> Grade:
        name = self._provider(name)
        return self._with_dependents(name, self._own_now(name), self._own_now)

    def after_reboot(self, name: str) -> Grade:
        name = self._provider(name)
        return self._with_dependents(name, self._own_after(name), self._own_after)

    def _provider(self, name: str) -> str:
        entry = self._modules[name]
        return str(entry["provider"]) if entry["state"] == "merged" else name

    def _own_now(self, name: str) -> Grade:
        entry = self._modules[name]
        if entry["state"] in ("loaded", "builtin"):
            return "present"
        if entry["state"] == "unknown":
            return "unknown"
        return self._autoload(entry, self._own_now) if entry["state"] == "loadable" else "unmet"

    def _own_after(self, name: str) -> Grade:
        entry = self._modules[name]
        if entry["state"] == "builtin" or entry["boot"] == "yes":
            return "present"
        if "unknown" in (entry["state"], entry["boot"]):
            return "unknown"
        return self._autoload(entry, self._own_after) if entry["state"] in ("loadable", "loaded") else "unmet"

    def _autoload(self, entry: Mapping[str, Any], grade: Any) -> Grade:
        if entry["autoload"] == "unknown":
            return "unknown"
        if entry["autoload"] != "yes":
            return "unmet"
        # Code of this module makes the request: where the kernel never asks for it itself (ip_tables), or may not, none is made.
        after = entry.get("autoload_after")
        first: Grade = "present" if after is None else grade(after)
        return "on_demand" if first in ("present", "on_demand") else first

    def _with_dependents(self, name: str, own: Grade, grade: Any) -> Grade:
        """A module that is not there itself is as good as there if a required one that needs it is."""
        if own != "unmet" or self._modules[name]["state"] not in ("loadable", "loaded"):
            return own
        dependents = [other for other in self._required if name in self._modules[other].get("depends", ())]
        return "on_demand" if any(grade(other) in ("present", "on_demand") for other in dependents) else own


def _assess_module(row: Requirement, modules: Mapping[str, Mapping[str, Any]], grades: _Grades) -> Assessed:
    entry = modules[row.name]
    return _assessed(row, str(entry["state"]), grades.now(row.name), grades.after_reboot(row.name), reason_text(entry))


def _assess_version(row: Requirement, facts: Mapping[str, Any]) -> Assessed:
    """Tools and the kernel have one grade: a reboot changes nothing about their version."""
    if row.kind == "kernel":
        found = ".".join(str(part) for part in facts["kernel"].get("version", ())) or None
        missing = False
    else:
        tool = facts["tools"].get(row.name)
        missing = tool is None
        found = tool.get("version") if tool else None
    label = "kernel" if row.kind == "kernel" else row.name
    if missing:
        grade, reason = "unmet", f"{label} is not installed; at least {row.minimum} is needed"
    elif found is None or (comparison := at_least(found, str(row.minimum))) is None:
        grade, reason = "unknown", f"the version of {label} cannot be told; at least {row.minimum} is needed"
    else:
        grade, reason = ("present", "") if comparison else ("unmet", f"{label} {found} is older than {row.minimum}")
    return _assessed(row, found or ("missing" if missing else "unknown"), grade, grade, reason)  # type: ignore[arg-type]


def _assessed(row: Requirement, state: str, now: Grade, after: Grade, reason: str) -> Assessed:
    return Assessed(row.id, row.name, row.kind, row.wording, "must", state, now, after, reason, row.source)
