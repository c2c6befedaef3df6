# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of other people's files that keep required modules from loading: what takes them back, and who may. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodeprep.istio.plugins.module_utils._overrides import BEATING, DIRECTORY
from ansible_collections.nodeprep.istio.plugins.plugin_utils._steps import Step

CODES = ("blacklist", "install_override", "module_blacklist")
COMMAND_LINE = "/proc/cmdline"
# A pattern, as install lines may have it, cannot be taken back for one module.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Conflict:
    """One line, and the modules that it keeps from loading, itself or as what they need."""

    code: str
    where: str
    line: str
    owner: str
    modules: tuple[str, ...]
    can_be_overridden: bool

    @property
    def path(self) -> str:
        return self.where.rpartition(":")[0] or self.where


def conflicts(facts: Mapping[str, Any], names: Iterable[str]) -> tuple[Conflict, ...]:
    """Return the conflicts of these modules, each line once, in order of the modules."""
    found: dict[tuple[str, str], list[str]] = {}
    for name in names:
        for reason in facts["modules"][name]["reasons"]:
            if reason["code"] in CODES and reason.get("where"):
                modules = found.setdefault((reason["code"], reason["where"]), [])
                if name not in modules:
                    modules.append(name)
    return tuple(_conflict(facts, code, where, tuple(modules)) for (code, where), modules in found.items())


def _conflict(facts: Mapping[str, Any], code: str, where: str, modules: tuple[str, ...]) -> Conflict:
    path, _colon, number = where.rpartition(":")
    seen = (facts.get("conflicts") or {}).get(path) or {}
    line = str((seen.get("lines") or {}).get(number, ""))
    owner = "the kernel command line" if where == COMMAND_LINE else _owner(path, seen)
    return Conflict(code, where, line, owner, modules, _can_be_overridden(facts, path, line))


def _owner(path: str, seen: Mapping[str, Any]) -> str:
    if seen.get("package"):
        return f"package {seen['package']}"
    written = f"its first comment says '{seen['comment']}'" if seen.get("comment") else "it has no comment that says whose it is"
    return f"no package's file; {written}"


def _can_be_overridden(facts: Mapping[str, Any], path: str, line: str) -> bool:
    """Whether a file of ours can take the line back, as nodeprep.istio.modprobe_overrides does it."""
    words = line.split()
    if len(words) < 2 or not _NAME.fullmatch(words[1]):
        return False
    if words[0] == "install":
        return path.rpartition("/")[2] >= BEATING.rpartition("/")[2]
    ours = (facts.get("ours") or {}).get("overrides") or {}
    return words[0] == "blacklist" and (path in ours or not path.startswith(DIRECTORY + "/"))


def override_step(taken: Iterable[Conflict], refreshed: Iterable[str]) -> Step | None:
    """Return the step that takes lines back and brings our copies up to date, or None where there is nothing to do."""
    taken, refreshed = tuple(taken), tuple(refreshed)
    if not taken and not refreshed:
        return None
    what = [f"take back {conflict.where} '{conflict.line}' by a file in {DIRECTORY}" for conflict in taken]
    what += [f"bring {path} up to date with the file that it stands in for" for path in refreshed]
    why = [f"it keeps {', '.join(conflict.modules)} from loading ({conflict.owner})" for conflict in taken]
    return Step(
        "overrides",
        "; ".join(what),
        "; ".join(why) or "the original changed",
        where=DIRECTORY,
        args={"lines": [{"path": conflict.path, "line": conflict.line} for conflict in taken]},
    )


def owner_step(conflict: Conflict) -> Step:
    """Return what the owner is to do about a conflict that the role leaves alone: the smallest change."""
    why = f"it keeps {', '.join(conflict.modules)} from loading ({conflict.owner})"
    if conflict.where == COMMAND_LINE:
        key = "module_blacklist=" if conflict.code == "module_blacklist" else "modprobe.blacklist="
        return Step("conflict", f"take {', '.join(conflict.modules)} out of {key} on the kernel command line", why, "owner", conflict.where, reboot=True)
    consent = ", or set istio_node_override_conflicts: true" if conflict.can_be_overridden else "; no file of ours can take it back"
    return Step("conflict", f"remove the line '{conflict.line}' of {conflict.where}{consent}", why, "owner", conflict.where)
