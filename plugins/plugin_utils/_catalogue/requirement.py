# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A row of a catalogue: a requirement, the condition under which it holds, and its level. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

Kind = Literal["module", "tool", "kernel", "option", "release", "check"]
Level = Literal["must", "should"]
Case = TypeVar("Case")


@dataclass(frozen=True)
class Requirement:
    """Something that a node must have.

    ``name`` is the name of a module, a tool, a kernel option (without CONFIG_) or a check, or "kernel", or "istio" for
    a release of Istio that does not work with this selection, or that is not known well enough.
    ``any_of`` are interchangeable modules, ``name`` among them; empty if only ``name`` satisfies the requirement.
    ``requests`` are the kernel's requests for the module that the rules trigger; empty means all of them.
    ``minimum`` is the lowest version of a tool or of the kernel. ``feature`` distinguishes two rows of one name.
    ``is_usual`` is whether an option is set in the kernels of distributions; it then counts as present unless the
    evidence shows the contrary. ``wording`` is the catalogue's: for the page, modules are "required", "should" be
    loaded, or must be "available"; for the rules, they are "used". A check has a ``query`` and a ``message``.
    """

    backend: str
    name: str
    wording: str
    source: str
    kind: Kind = "module"
    any_of: tuple[str, ...] = ()
    requests: tuple[str, ...] = ()
    minimum: str | None = None
    feature: str | None = None
    is_usual: bool = False
    query: str = ""
    message: str = ""

    @property
    def id(self) -> str:
        """Name of this row in reports, for example "iptables/module/xt_owner"."""
        parts = [self.backend, self.kind, self.name]
        if self.feature:
            parts.append(self.feature)
        return "/".join(parts)

    @property
    def modules(self) -> tuple[str, ...]:
        """Names of the modules of which one must be present. Empty for other kinds."""
        if self.kind != "module":
            return ()
        return self.any_of or (self.name,)


def join_requests(requirements: Iterable[Requirement]) -> dict[str, tuple[str, ...]]:
    """Return the modules of the requirements with the kernel's requests that count for each; empty for all."""
    joined: dict[str, tuple[str, ...]] = {}
    for requirement in requirements:
        for name in requirement.modules:
            known = joined.get(name, requirement.requests)
            joined[name] = (
                tuple(dict.fromkeys((*known, *requirement.requests))) if known and requirement.requests else ()
            )
    return joined


@dataclass(frozen=True)
class Condition(Generic[Case]):
    """When a row holds: a remark for the documentation, and a test. ``&`` and ``|`` combine two conditions.

    ``is_alternative`` is whether the remark needs parentheses as part of another one.
    """

    remark: str
    holds: Callable[[Case], bool]
    is_alternative: bool = False

    def __and__(self, other: Condition[Case]) -> Condition[Case]:
        remarks = [remark for remark in (self._in_parentheses(), other._in_parentheses()) if remark]
        return Condition(", ".join(remarks), lambda case: self.holds(case) and other.holds(case))

    def __or__(self, other: Condition[Case]) -> Condition[Case]:
        return Condition(
            f"{self.remark} or {other.remark}",
            lambda case: self.holds(case) or other.holds(case),
            is_alternative=True,
        )

    def _in_parentheses(self) -> str:
        return f"({self.remark})" if self.is_alternative else self.remark


@dataclass(frozen=True)
class Row(Generic[Case]):
    """A requirement with its condition, and its level in the profile of its catalogue."""

    requirement: Requirement
    condition: Condition[Case]
    level: Level = "must"
