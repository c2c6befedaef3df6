# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One line of a catalogue, and the condition under which it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

Kind = Literal["module", "tool", "kernel", "option", "check"]
Level = Literal["must", "should"]
Case = TypeVar("Case")


@dataclass(frozen=True)
class Requirement:
    """What is asked of a node.

    ``name`` is the name of a module, a tool, a kernel option (without CONFIG_) or a check, or "kernel"; ``any_of``
    all modules of which any one will do, ``name`` among them; ``minimum`` the lowest version of a tool or of the kernel;
    ``feature`` what a tool must have been built with, or what tells two rows of one name apart. ``wording`` is the catalogue's own: to the page modules are
    "required", "should" be loaded, or must be "available"; to the rules they are "used". A check has a ``query`` and a
    ``message``.
    """

    backend: str
    name: str
    wording: str
    source: str
    kind: Kind = "module"
    any_of: tuple[str, ...] = ()
    minimum: str | None = None
    feature: str | None = None
    query: str = ""
    message: str = ""

    @property
    def id(self) -> str:
        """Name of this row in reports, for example "iptables/module/xt_owner"."""
        return "/".join([self.backend, self.kind, self.name] + ([self.feature] if self.feature else []))

    @property
    def modules(self) -> tuple[str, ...]:
        """Names of the modules of which one has to be there; none for other kinds."""
        return (self.any_of or (self.name,)) if self.kind == "module" else ()


@dataclass(frozen=True)
class Condition(Generic[Case]):
    """When a row holds: in words for people, and as a test. ``&`` and ``|`` combine two."""

    remark: str
    holds: Callable[[Case], bool]
    many: bool = False

    def __and__(self, other: Condition[Case]) -> Condition[Case]:
        remark = ", ".join(text for text in (self._enclosed(), other._enclosed()) if text)
        return Condition(remark, lambda case: self.holds(case) and other.holds(case))

    def __or__(self, other: Condition[Case]) -> Condition[Case]:
        return Condition(
            f"{self.remark} or {other.remark}", lambda case: self.holds(case) or other.holds(case), many=True
        )

    def _enclosed(self) -> str:
        return f"({self.remark})" if self.many else self.remark


@dataclass(frozen=True)
class Row(Generic[Case]):
    """A requirement with its condition, and its level in the profile of its catalogue."""

    requirement: Requirement
    condition: Condition[Case]
    level: Level = "must"
