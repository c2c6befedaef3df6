# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The grades of a module, now and after a reboot, and the verdict over the grades of all requirements. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Autoload, ModuleFacts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.projection import provider_after_reboot

# not_needed: in this column Istio picks the other iptables variant, whose rules do not use the requirement.
Grade = Literal["present", "on_demand", "unmet", "unknown", "not_needed"]
# Of the any-of modules of a requirement the best counts.
BEST_FIRST: tuple[Grade, ...] = ("present", "on_demand", "unknown", "unmet")
AVAILABLE_GRADES: tuple[Grade, ...] = ("present", "on_demand")

Verdict = Literal["ready", "on_demand", "at_risk", "not_ready", "unknown"]

# The two columns of an assessment: each requirement has a grade in each.
Column = Literal["now", "after_reboot"]
COLUMNS: tuple[Column, ...] = ("now", "after_reboot")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PerColumn(Generic[T]):
    """Two values of one kind: for the node as it is now, and as it is after a reboot."""

    now: T
    after_reboot: T

    def get(self, column: Column) -> T:
        """Return the value of one column."""
        return self.now if column == "now" else self.after_reboot


class Grades:
    """The grades of the modules of one node.

    :param required: the modules that are required together, with the kernel's requests that count for each; empty for
        all. A required module brings its dependencies.
    """

    def __init__(self, modules: Mapping[str, ModuleFacts], required: Mapping[str, Collection[str]]) -> None:
        self._modules = modules
        self._requests = required
        self._dependents: dict[str, list[str]] = {}
        for name in required:
            for dependency in modules[name].depends:
                self._dependents.setdefault(dependency, []).append(name)

    def now(self, name: str) -> Grade:
        """Return the grade of a module on the node as it is."""
        module = self._modules[name]
        if module.state == "merged" and module.provider is not None:
            name = module.provider
        return self._grade_with_dependents(name, self._grade_now)

    def after_reboot(self, name: str) -> Grade:
        """Return the grade of a module after a reboot, with the kernel and the settings of the next boot."""
        name = provider_after_reboot(self._modules, name) or name
        return self._grade_with_dependents(name, self._grade_after_reboot)

    def _grade_now(self, name: str) -> Grade:
        module = self._modules[name]
        if module.state in ("loaded", "builtin"):
            return "present"
        if module.state == "unknown":
            return "unknown"
        if module.state == "loadable":
            answer = module.answer_requests(self._requests.get(name, ()))
            return self._grade_autoload(answer, module.autoload_after, self._grade_now)
        return "unmet"

    def _grade_after_reboot(self, name: str) -> Grade:
        module = self._modules[name]
        state = module.state_at_next_boot
        if state == "builtin" or module.boot == "yes":
            return "present"
        # The provider of a merged module is unknown here only if the name is an alias that only the next kernel has.
        if state in ("unknown", "merged"):
            return "unknown"
        grade: Grade = "unmet"
        if state in ("loadable", "loaded"):
            answer = module.answer_requests_at_next_boot(self._requests.get(name, ()))
            grade = self._grade_autoload(answer, module.autoload_after, self._grade_after_reboot)
        # Whether or not a list loads the module at boot, the kernel loads it on demand.
        return "unknown" if module.boot == "unknown" and grade != "on_demand" else grade

    def _grade_autoload(self, autoload: Autoload, after: str | None, grade: Callable[[str], Grade]) -> Grade:
        if autoload == "unknown":
            return "unknown"
        if autoload != "yes":
            return "unmet"
        if after is None:
            return "on_demand"
        # The code of that module requests this one, so it has to be present first. The kernel never requests ip_tables,
        # and a request for another module may be denied.
        first = grade(after)
        return "on_demand" if first in AVAILABLE_GRADES else first

    def _grade_with_dependents(self, name: str, grade: Callable[[str], Grade]) -> Grade:
        """Return the grade of a module; a required module that depends on it loads it, too."""
        own = grade(name)
        if own != "unmet" or self._modules[name].state not in ("loadable", "loaded"):
            return own
        dependents = self._dependents.get(name, ())
        return "on_demand" if any(grade(other) in AVAILABLE_GRADES for other in dependents) else own


class Graded(Protocol):
    """Anything with a level and two grades: what a verdict is based on."""

    @property
    def level(self) -> str:
        """Either must or should."""

    @property
    def now(self) -> str:
        """The grade now."""

    @property
    def after_reboot(self) -> str:
        """The grade after a reboot."""


def decide_verdict(rows: Iterable[Graded]) -> Verdict:
    """Return the first verdict that holds over the rows of level must."""
    now = set()
    after = set()
    for row in rows:
        if row.level == "must":
            now.add(row.now)
            after.add(row.after_reboot)
    ladder: tuple[tuple[Verdict, bool], ...] = (
        ("not_ready", "unmet" in now),
        ("unknown", "unknown" in now),
        ("at_risk", "unmet" in after),
        ("unknown", "unknown" in after),
        ("on_demand", "on_demand" in now | after),
    )
    for verdict, holds in ladder:
        if holds:
            return verdict
    return "ready"
