# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of other people's files that keep required modules from loading: what takes them back, and who may. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodeprep.istio.plugins.module_utils._managed.modprobe_overrides import (
    BEATING,
    DIRECTORY,
    SEARCH_PATH,
    copy_of,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import REFUSALS
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import has_untold
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import Step

CODES = REFUSALS
COMMAND_LINE = "/proc/cmdline"
# A pattern, as install lines may have it, cannot be taken back for one module.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Conflict:
    """One line, and the modules that it keeps from loading, itself or as what they need.

    ``named`` are the modules that the line itself is about.
    """

    code: str
    where: str
    line: str
    owner: str
    modules: tuple[str, ...]
    named: tuple[str, ...]
    can_be_overridden: bool

    @property
    def path(self) -> str:
        return self.where.rpartition(":")[0] or self.where

    @property
    def number(self) -> int:
        line = self.where.rpartition(":")[2]
        return int(line) if re.fullmatch("[0-9]{1,9}", line) else 0


def conflicts(facts: Mapping[str, Any], names: Iterable[str], on_demand: bool) -> tuple[Conflict, ...]:
    """Return the conflicts of these modules, each line once, in order of the modules.

    :param on_demand: whether it matters, too, what keeps the kernel alone from loading them when they are needed.
    """
    found: dict[tuple[str, str], dict[str, None]] = {}
    named: dict[tuple[str, str], dict[str, None]] = {}
    for name in names:
        for reason in facts["modules"][name]["reasons"]:
            if reason.get("where") and _is_in_the_way(facts["modules"][name], reason, on_demand):
                key = (reason["code"], reason["where"])
                found.setdefault(key, {})[name] = None
                named.setdefault(key, {})[str(reason.get("dependency") or name)] = None
    return tuple(_conflict(facts, *key, tuple(modules), tuple(named[key])) for key, modules in found.items())


def stuck(facts: Mapping[str, Any], found: Iterable[Conflict], names: Iterable[str]) -> set[str]:
    """Return the modules that would not load after all had been taken back that can be.

    A line of theirs cannot be, or is one too many to be told, or something else blocks them that no reboot ends.
    """
    hopeless = {name for name in names if _is_hopeless(facts["modules"][name])}
    return hopeless | {name for conflict in found if not conflict.can_be_overridden for name in conflict.modules}


def untold_step(facts: Mapping[str, Any], names: Iterable[str]) -> Step | None:
    """Return what the owner is to do about lines whose places the facts do not tell, since they are too many, or None."""
    reasons = [(name, reason) for name in names for reason in facts["modules"][name]["reasons"]]
    untold = dict.fromkeys(
        str(reason.get("dependency") or name)
        for name, reason in reasons
        if reason["code"] in CODES and not reason.get("where")
    )
    if not untold:
        return None
    what = f"remove the 'blacklist' and 'install' lines of {', '.join(untold)}"
    how = ("grep", "-rnE", f"^ *(blacklist|install) .*({'|'.join(untold)})", *SEARCH_PATH)
    return Step(
        "conflict", what, "they keep these modules from loading, and are more than the facts tell", "owner", command=how
    )


def _is_hopeless(entry: Mapping[str, Any]) -> bool:
    if has_untold(entry):
        return True
    blockers = (
        {reason["code"] for reason in entry["reasons"] if reason["axis"] == "now"}
        if entry["state"] == "blocked"
        else set()
    )
    return bool(blockers - {*CODES, "modules_disabled"})


def _is_in_the_way(entry: Mapping[str, Any], reason: Mapping[str, Any], on_demand: bool) -> bool:
    """A blacklist is heeded whoever asks; an install line of a request, or one that a reboot wipes out, keeps off the kernel alone.

    What keeps the module itself from loading is said of now, where it does so now.
    """
    blocks = reason["axis"] != "autoload" or (
        entry["state"] != "blocked" and (entry.get("next_boot") or {}).get("state") == "blocked"
    )
    return reason["code"] in CODES and (on_demand or blocks or reason["code"] == "blacklist")


def freed(facts: Mapping[str, Any], taken: Iterable[Conflict], on_demand: bool) -> set[str]:
    """Return all modules, asked for or not, that nothing keeps from loading any more once these lines are taken back."""
    lines = {(conflict.code, conflict.where) for conflict in taken}
    kept_back = {
        name: {
            (reason["code"], reason.get("where"))
            for reason in entry["reasons"]
            if _is_in_the_way(entry, reason, on_demand)
        }
        for name, entry in facts["modules"].items()
        if entry["state"] in ("loaded", "loadable", "blocked", "unknown")
    }
    return {name for name, by in kept_back.items() if by and by <= lines}


def _conflict(
    facts: Mapping[str, Any], code: str, where: str, modules: tuple[str, ...], named: tuple[str, ...]
) -> Conflict:
    path, _colon, number = where.rpartition(":")
    seen = (facts.get("conflicts") or {}).get(path) or {}
    line = str((seen.get("lines") or {}).get(number, ""))
    owner = "the kernel command line" if where == COMMAND_LINE else _owner(path, seen)
    return Conflict(code, where, line, owner, modules, named, _can_be_overridden(facts, path, line))


def _owner(path: str, seen: Mapping[str, Any]) -> str:
    if seen.get("package"):
        return f"package {seen['package']}"
    written = (
        f"its first comment says '{seen['comment']}'"
        if seen.get("comment")
        else "it has no comment that says whose it is"
    )
    return f"no package's file; {written}"


def _can_be_overridden(facts: Mapping[str, Any], path: str, line: str) -> bool:
    """Whether a file of ours can take the line back, as nodeprep.istio.modprobe_overrides does it."""
    words = line.split()
    if len(words) < 2 or not _NAME.fullmatch(words[1]):
        return False
    ours = {
        own: bool(told.get("edited")) for own, told in ((facts.get("managed") or {}).get("overrides") or {}).items()
    }
    if (BEATING if words[0] == "install" else copy_of(path)) in (
        (facts.get("managed") or {}).get("occupied_paths") or ()
    ):
        return False
    if words[0] == "install":
        return not ours.get(BEATING) and path.rpartition("/")[2] >= BEATING.rpartition("/")[2]
    return words[0] == "blacklist" and (ours[path] is False if path in ours else not path.startswith(DIRECTORY + "/"))


def override_step(taken: Iterable[Conflict], refreshed: Iterable[str]) -> Step | None:
    """Return the step that takes lines back and brings our copies up to date, or None where there is nothing to do."""
    taken, refreshed = tuple(taken), tuple(refreshed)
    if not taken and not refreshed:
        return None
    by_path: dict[str, list[Conflict]] = {}
    for conflict in sorted(taken, key=lambda conflict: (conflict.path, conflict.number)):
        by_path.setdefault(conflict.path, []).append(conflict)
    what = [f"take back {_lines(conflicts)} of {path} by a file in {DIRECTORY}" for path, conflicts in by_path.items()]
    what += [f"bring {path} up to date with the file that it stands in for" for path in refreshed]
    why = [
        f"{path} keeps {', '.join(_kept(conflicts))} from loading ({conflicts[0].owner})"
        for path, conflicts in by_path.items()
    ]
    return Step(
        "overrides",
        "; ".join(what),
        "; ".join(why) or "the original changed",
        where=DIRECTORY,
        args={"lines": [{"path": conflict.path, "line": conflict.line} for conflict in taken]},
    )


def _lines(conflicts: Iterable[Conflict]) -> str:
    return ", ".join(f"line {conflict.number} '{conflict.line}'" for conflict in conflicts)


def _kept(conflicts: Iterable[Conflict]) -> list[str]:
    return list(dict.fromkeys(name for conflict in conflicts for name in conflict.modules))


def edited(facts: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return our files that somebody else has changed, by path: they are left as they are."""
    ours = (facts.get("managed") or {}).get("overrides") or {}
    return {path: told for path, told in sorted(ours.items()) if told.get("edited")}


def edited_step(path: str) -> Step:
    """Return what the owner is to do about a file of ours that somebody else has changed."""
    what = f"move what was added to {path} to a file of its own, remove {path}, and run again"
    return Step(
        "conflict",
        what,
        "it was changed after the role wrote it: the role leaves it as it is, and does not bring it up to date",
        "owner",
        path,
    )


def left(facts: Mapping[str, Any]) -> list[str]:
    """Return what an undoing leaves of them, and what that still does."""
    told = []
    for path, ours in edited(facts).items():
        back = ", ".join(f"'{line}'" for line in ours.get("lines") or ())
        still = f"; it takes back {back}" if back else ""
        told.append(
            f"{path} stays, since it was changed after the role wrote it{still}: keep what was added, and remove it"
        )
    return told


def owner_step(conflict: Conflict, would_help: bool, asking: bool = True) -> Step:
    """Return what the owner is to do about a conflict that the role leaves alone: the smallest change.

    :param would_help: whether a module would load once the role had taken back all lines that it can.
    :param asking: whether the role might take lines back on this node.
    """
    why = f"it keeps {', '.join(conflict.modules)} from loading ({conflict.owner})"
    if conflict.where == COMMAND_LINE:
        key = "module_blacklist=" if conflict.code == "module_blacklist" else "modprobe.blacklist="
        return Step(
            "conflict",
            f"take {', '.join(conflict.named)} out of {key} on the kernel command line",
            why,
            "owner",
            conflict.where,
            reboot=True,
        )
    if not conflict.can_be_overridden:
        consent = "; no file of ours can take it back"
    elif not asking:
        consent = ""
    else:
        consent = (
            ", or set istio_node_override_conflicts: true" if would_help else "; to take it back alone would not help"
        )
    return Step(
        "conflict", f"remove the line '{conflict.line}' of {conflict.where}{consent}", why, "owner", conflict.where
    )
