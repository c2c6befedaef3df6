# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conflicts: lines of other owners in modprobe.d or on the kernel command line that keep modules from loading. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.nodeprep.istio.plugins.module_utils._managed.modprobe_overrides import (
    DIRECTORY,
    INSTALL_OVERRIDE_FILE,
    target_for,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import COMMAND_LINE, CONFLICT_CODES, Code
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import (
    ConflictFile,
    Facts,
    ManagedOverride,
    ModuleFacts,
    Reason,
)

# An install line may have a pattern instead of a name. Such a line cannot be overridden for one module.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_LINE_NUMBER = re.compile(r"[0-9]{1,9}")
# The command and the name, as in "blacklist NAME" or "install NAME COMMAND".
MIN_WORDS = 2
# In these states only conflicts can keep a module from loading.
UNBLOCKABLE_STATES = ("loaded", "loadable", "blocked", "unknown")


@dataclass(frozen=True)
class Conflict:
    """One line, and the modules that it keeps from loading: the named modules, and those that depend on them.

    ``where`` is "path:number", ``line`` the text, ``owner`` a clause that says whose file it is. ``named_modules`` are
    the modules that the line itself is about.
    """

    code: str
    where: str
    line: str
    owner: str
    modules: tuple[str, ...]
    named_modules: tuple[str, ...]
    can_be_overridden: bool

    @property
    def path(self) -> str:
        """The path of the file."""
        return self.where.rpartition(":")[0] or self.where

    @property
    def number(self) -> int:
        """The number of the line in the file; 0 if there is none."""
        number = self.where.rpartition(":")[2]
        return int(number) if _LINE_NUMBER.fullmatch(number) else 0


def find_conflicts(facts: Facts, names: Iterable[str], *, on_demand: bool) -> tuple[Conflict, ...]:
    """Return the conflicts of these modules, each line once, in the order of the modules.

    :param on_demand: whether the modules must also load on demand. If not, lines count only if they keep the role or
        the boot list from loading them.
    """
    modules: dict[tuple[str, str], dict[str, None]] = {}
    named_modules: dict[tuple[str, str], dict[str, None]] = {}
    for name in names:
        module = facts.modules[name]
        for reason in module.reasons:
            if reason.where and _is_conflict(module, reason, on_demand):
                line = (reason.code, reason.where)
                modules.setdefault(line, {})[name] = None
                named_modules.setdefault(line, {})[reason.dependency or name] = None
    conflicts = []
    for code, where in modules:
        conflicts.append(
            _make_conflict(facts, code, where, tuple(modules[code, where]), tuple(named_modules[code, where]))
        )
    return tuple(conflicts)


def find_still_blocked(facts: Facts, conflicts: Iterable[Conflict], names: Iterable[str]) -> set[str]:
    """Return the modules that do not load even after every conflict that can be overridden is overridden.

    They have a conflict that cannot be overridden, more lines than the facts list, or another reason that no reboot
    removes.
    """
    blocked = {name for name in names if _is_unrecoverable(facts.modules[name])}
    for conflict in conflicts:
        if not conflict.can_be_overridden:
            blocked.update(conflict.modules)
    return blocked


def find_unblocked(facts: Facts, overridden: Iterable[Conflict], *, on_demand: bool) -> set[str]:
    """Return all modules, required or not, that no conflict affects once these conflicts are overridden."""
    lines: set[tuple[str, str | None]] = {(conflict.code, conflict.where) for conflict in overridden}
    unblocked = set()
    for name, module in facts.modules.items():
        if module.state in UNBLOCKABLE_STATES:
            own = {(reason.code, reason.where) for reason in module.reasons if _is_conflict(module, reason, on_demand)}
            if own and own <= lines:
                unblocked.add(name)
    return unblocked


def has_conflict(module: ModuleFacts) -> bool:
    """Return whether a conflict is among the reasons of the module."""
    return any(reason.code in CONFLICT_CODES for reason in module.reasons)


def _is_unrecoverable(module: ModuleFacts) -> bool:
    if module.has_unlisted_lines:
        return True
    if module.state != "blocked":
        return False
    codes = {reason.code for reason in module.reasons if reason.axis == "now"}
    return not codes <= {*CONFLICT_CODES, Code.MODULES_DISABLED}


def _is_conflict(module: ModuleFacts, reason: Reason, on_demand: bool) -> bool:
    """Return whether the reason is a line that keeps the module from loading in the way that matters here.

    The role and the boot list respect a blacklist, as the kernel does. An install line that is about a request, or that
    a reboot removes, concerns loading on demand alone. An install line about the module itself is a reason of the axis
    "now", unless it has an effect only with the next boot.
    """
    if reason.code not in CONFLICT_CODES:
        return False
    if on_demand or reason.code == Code.BLACKLIST or reason.axis != "autoload":
        return True
    return module.state != "blocked" and module.state_at_next_boot == "blocked"


def _make_conflict(
    facts: Facts, code: str, where: str, modules: tuple[str, ...], named_modules: tuple[str, ...]
) -> Conflict:
    path, _colon, number = where.rpartition(":")
    file = facts.conflicts.get(path, ConflictFile())
    line = file.lines.get(number, "")
    owner = "the kernel command line" if where == COMMAND_LINE else _describe_owner(file)
    return Conflict(code, where, line, owner, modules, named_modules, _can_be_overridden(facts, path, line))


def _describe_owner(file: ConflictFile) -> str:
    if file.package:
        return f"package {file.package}"
    if file.comment:
        return f"not part of a package; first comment: '{file.comment}'"
    return "not part of a package; no comment at the top"


def _can_be_overridden(facts: Facts, path: str, line: str) -> bool:
    """Return whether a file of this collection can override the line; see nodeprep.istio.modprobe_overrides."""
    words = line.split()
    if len(words) < MIN_WORDS or not _NAME.fullmatch(words[1]):
        return False
    overrides = facts.managed.overrides
    if words[0] == "install":
        if INSTALL_OVERRIDE_FILE in facts.managed.occupied_paths or _is_edited(overrides.get(INSTALL_OVERRIDE_FILE)):
            return False
        # The first install line of a module counts, and files are read in the order of their names.
        return path.rpartition("/")[2] >= INSTALL_OVERRIDE_FILE.rpartition("/")[2]
    if words[0] != "blacklist" or target_for(path) in facts.managed.occupied_paths:
        return False
    if path in overrides:
        return not _is_edited(overrides[path])
    # A file in DIRECTORY cannot be replaced by a file of the same name there.
    return not path.startswith(f"{DIRECTORY}/")


def _is_edited(override: ManagedOverride | None) -> bool:
    return override is not None and override.edited
