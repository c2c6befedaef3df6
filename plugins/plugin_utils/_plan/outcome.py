# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was done on a node by its plan, and where it fell short of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInput, cause

Result = Mapping[str, Any]


@dataclass(frozen=True)
class Acted:
    """The plan that was carried out, and the results of its tasks.

    ``modules`` is the result of kernel_modules, ``overrides`` that of modprobe_overrides, skipped ones included; ``boot_id`` is
    the node's before (/proc/sys/kernel/random/boot_id).
    """

    plan: Mapping[str, Any]
    modules: Result
    overrides: Result
    boot_id: str | None
    check_mode: bool

    @classmethod
    def from_options(cls, options: Mapping[str, Any], check_mode: bool) -> Acted:
        """Build it from the action's option. Raises InvalidInput where something is missing."""
        missing = [name for name in ("plan", "modules", "overrides", "boot_id") if name not in options]
        if missing:
            raise InvalidInput(f"execution: {', '.join(missing)} must be given")
        return cls(options["plan"], options["modules"], options["overrides"], options["boot_id"] or None, check_mode)

    @property
    def steps(self) -> dict[str, Mapping[str, Any]]:
        """The arguments of the role's own steps, by kind."""
        return {step["kind"]: step["args"] for step in self.plan["steps"] if step["by"] == "role"}

    def lost(self) -> str | None:
        """Return how the node was lost while it was acted on, or None."""
        return next(
            (f"unreachable: {cause(result)}" for result in (self.overrides, self.modules) if result.get("unreachable")),
            None,
        )

    def as_dict(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was done, or in check mode would be; ``facts`` are those of afterwards."""
        plan, steps = self.plan, self.steps
        unsaid = self.modules.get(
            "failed"
        )  # A task that failed before it could say what it did is taken to have done nothing.
        return {
            "check_mode": self.check_mode,
            "loaded": self.modules.get("loaded", [] if unsaid else plan["load"]),
            "persisted": self.modules.get("persisted", [] if unsaid else plan["persist"]),
            "boot_file": self.modules.get("boot_file", ""),
            "packages": steps.get("packages", {}).get("names", []),
            "files": self.overrides.get("files", []),
            "policy": steps.get("policy", {}).get("state", "unchanged"),
            "boot_ids": [self.boot_id, facts["kernel"].get("boot_id")] if "reboot" in steps else [],
            "not_removed": plan.get("not_removed", []),
        }

    def shortfall(self, facts: Mapping[str, Any], assessment: Mapping[str, Any]) -> str | None:
        """Return where the node did not become what the plan foresaw, or None."""
        return self._modules_failed() or self._forecast_flipped(assessment) or self._reboot_unproved(facts)

    def _modules_failed(self) -> str | None:
        if "reboot" in self.steps:
            return None  # They waited for it: the verdict tells.
        planned = {failure["name"]: failure["cause"] for failure in self.plan["not_loadable"]}
        if self.modules.get("failed"):
            # What only should be there fails no node; without any name it was something else that failed.
            names = {failure["name"] for failure in self.modules.get("failed_modules", [])}
            return cause(self.modules) if not names or names - set(self.plan["optional"]) else None
        if self.modules.get("skipped") and planned:
            return "; ".join(f"{name}: {cause}" for name, cause in planned.items())
        return None

    def _forecast_flipped(self, assessment: Mapping[str, Any]) -> str | None:
        foreseen, now = self.plan.get("forecast"), assessment["forecast"]
        if self.check_mode or not foreseen or not now:
            return None
        if now["modes"] != foreseen["modes"]:
            return f"Istio would now pick iptables {now['variant']}: {now['reason']}"
        later = now.get("after_reboot")
        if later and later["modes"] != (foreseen.get("after_reboot") or foreseen)["modes"]:
            return f"after a reboot Istio would pick iptables {later['variant']}: {later['reason']}"
        return None

    def _reboot_unproved(self, facts: Mapping[str, Any]) -> str | None:
        if self.check_mode or "reboot" not in self.steps or self.boot_id != facts["kernel"].get("boot_id"):
            return None
        return f"the node was to be rebooted, and its boot id is still {self.boot_id}"
