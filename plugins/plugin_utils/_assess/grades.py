# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The grades of a module, now and after a reboot. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.projection import provider_after_reboot

# not_needed: in this column Istio picks the other iptables variant, whose rules do without it.
Grade = Literal["present", "on_demand", "unmet", "unknown", "not_needed"]
# Of any_of the best counts.
BEST_FIRST: tuple[Grade, ...] = ("present", "on_demand", "unknown", "unmet")


class Grades:
    """Grades on one node, where ``required`` are the modules that are asked for together."""

    def __init__(self, modules: Mapping[str, Mapping[str, Any]], required: Iterable[str]) -> None:
        self._modules = modules
        self._required = tuple(required)

    def now(self, name: str) -> Grade:
        name = self.provider(name)
        return self._with_dependents(name, self._own_now(name), self._own_now)

    def after_reboot(self, name: str) -> Grade:
        name = provider_after_reboot(self._modules, name) or name
        return self._with_dependents(name, self._own_after(name), self._own_after)

    def provider(self, name: str) -> str:
        """Return the module that holds this one's code: itself, or the one into which it was merged."""
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
        # Where another kernel boots next, that one's state and autoload count.
        entry = {**self._modules[name], **self._modules[name].get("next_boot", {})}
        if entry["state"] == "builtin" or entry["boot"] == "yes":
            return "present"
        # Merged into nobody knows what: an alias of the next kernel's.
        if "unknown" in (entry["state"], entry["boot"]) or entry["state"] == "merged":
            return "unknown"
        return self._autoload(entry, self._own_after) if entry["state"] in ("loadable", "loaded") else "unmet"

    def _autoload(self, entry: Mapping[str, Any], grade: Callable[[str], Grade]) -> Grade:
        if entry["autoload"] == "unknown":
            return "unknown"
        if entry["autoload"] != "yes":
            return "unmet"
        # Code of this module makes the request: where the kernel never asks for it itself (ip_tables), or may not, none is made.
        after = entry.get("autoload_after")
        first: Grade = "present" if after is None else grade(after)
        return "on_demand" if first in ("present", "on_demand") else first

    def _with_dependents(self, name: str, own: Grade, grade: Callable[[str], Grade]) -> Grade:
        """A module that is not there itself is as good as there if a required one that needs it is."""
        if own != "unmet" or self._modules[name]["state"] not in ("loadable", "loaded"):
            return own
        dependents = [other for other in self._required if name in self._modules[other].get("depends", ())]
        return "on_demand" if any(grade(other) in ("present", "on_demand") for other in dependents) else own
