# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node's facts as the controller receives them: untrusted until looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import (
    AXES,
    PLACES,
    REFUSALS,
    sentence,
    ungrouped,
    usual_line,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInput

SCHEMA = 3
VALUES = {
    "state": ("loaded", "builtin", "merged", "loadable", "blocked", "missing", "unknown"),
    "autoload": ("yes", "never", "denied", "unknown"),
    "boot": ("yes", "no", "ineffective", "not_applicable", "unknown"),
}
REMEDY = "gather them with nodeprep.istio.node_facts of this collection's version"


# What else the collection reads of the facts, where it is there: a null says that it cannot be told, but not of those below. "*" is every name.
SHAPES: dict[str, tuple[Any, str]] = {
    "observed_at": (str, "text"),
    "kernel.release": (str, "text"),
    "kernel.version": ([int], "list of numbers"),
    "kernel.ipv6": (bool, "truth value"),
    "kernel.next_boot": (Mapping, "mapping"),
    "kernel.next_boot.release": (str, "text"),
    "kernel.next_boot.certain": (bool, "truth value"),
    "os.*": (str, "text"),
    "tools.*": (Mapping, "mapping"),
    "tools.*.version": (str, "text"),
    "tools.*.path": (str, "text"),
    "tools.*.variant": (str, "text"),
    "boot_files.*": ([str], "list of names"),
    "modules.*.depends": ([str], "list of names"),
    "modules.*.provider": (str, "text"),
    "modules.*.autoload_after": (str, "text"),
    "options": (Mapping, "mapping"),
    "options.*": (str, "text"),
    "netfilter": (Mapping, "mapping"),
    "netfilter.legacy_tables": (Mapping, "mapping"),
    "netfilter.legacy_tables.*": ([str], "list of names"),
    "netfilter.nft_compat_uses": (int, "number"),
    "netfilter.ipsets": ([str], "list of names"),
    "selinux": (Mapping, "mapping"),
    "selinux.mode": (str, "text"),
    "selinux.module_request": (bool, "truth value"),
    "selinux.denied": (Mapping, "mapping"),
    "selinux.denied.modules": ([str], "list of names"),
    "selinux.denied.domains": ([str], "list of names"),
    "selinux.denied.at": (str, "text"),
    "blockers": (Mapping, "mapping"),
    "platform": (Mapping, "mapping"),
    "unreadable": (Mapping, "mapping"),
    "managed": (Mapping, "mapping"),
    "managed.boot_file": ([str], "list of names"),
    "managed.has_empty_block": (bool, "truth value"),
    "managed.other_modules": ([str], "list of names"),
    "managed.shadowed_file": (str, "text"),
    "managed.occupied_paths": ([str], "list of paths"),
    "managed.truncated": (bool, "truth value"),
    "managed.overrides": (Mapping, "mapping"),
    "managed.overrides.*": (Mapping, "mapping"),
    "managed.overrides.*.current": (bool, "truth value"),
    "managed.overrides.*.edited": (bool, "truth value"),
    "managed.overrides.*.lines": ([str], "list of lines"),
    "platform.managed_by": (str, "text"),
    "platform.boot_files_read": (bool, "truth value"),
    "platform.boot_files_mask": (str, "text"),
    "managed.policy": (Mapping, "mapping"),
    "managed.policy.priorities": ([int], "list of numbers"),
    "managed.policy.semodule": (bool, "truth value"),
    "managed.policy.disabled": (bool, "truth value"),
    "truncated": ([str], "list of names"),
    "conflicts": (Mapping, "mapping"),
    "conflicts.*": (Mapping, "mapping"),
    "conflicts.*.lines": (Mapping, "mapping"),
    "conflicts.*.lines.*": (str, "text"),
}
NEVER_NULL = (
    "kernel.release",
    "boot_files.*",
    "modules.*.depends",
    "managed.overrides.*",
    "managed.overrides.*.current",
)


def checked(facts: Any) -> Mapping[str, Any]:
    """Return the facts if they have the structure that node_facts gives them, each module's entry with its own ``reasons``.

    Each has ``axis``, ``code``, ``text``, the whole sentence, and where they apply ``where``, a path with its line, ``listed`` and ``needs``.

    Raises InvalidInput that says what is wrong with them.
    """
    if not isinstance(facts, Mapping):
        raise InvalidInput(f"the facts are {type(facts).__name__}, not a mapping: {REMEDY}")
    if not _is(facts.get("schema"), int) or facts["schema"] != SCHEMA:
        raise InvalidInput(f"the facts have schema {facts.get('schema')!r}, not {SCHEMA}: {REMEDY}")
    for key in ("kernel", "modules", "tools", "boot_files", "os"):
        if not isinstance(facts.get(key), Mapping):
            raise InvalidInput(f"the facts have no mapping '{key}': {REMEDY}")
    if "release" not in facts["kernel"]:
        raise InvalidInput(f"the facts have no 'kernel.release': {REMEDY}")
    for path, (kind, told) in SHAPES.items():
        for where, value in _at(facts, path.split("."), ""):
            if (value is not None or path in NEVER_NULL) and not (
                _is_list_of(value, kind[0]) if isinstance(kind, list) else _is(value, kind)
            ):
                raise InvalidInput(f"the facts have '{where}' {str(value)[:100]!r}, which is no {told}: {REMEDY}")
    for where, override in _at(facts, ["managed", "overrides", "*"], ""):
        if "current" not in override:
            raise InvalidInput(f"the facts have '{where}' without 'current': {REMEDY}")
    for name, entry in facts["modules"].items():
        if not isinstance(entry, Mapping):
            raise InvalidInput(f"the facts of module '{name}' are no mapping: {REMEDY}")
    for name, entry in facts["modules"].items():
        for axis, values in VALUES.items():
            if entry.get(axis) not in values:
                raise InvalidInput(
                    f"the facts of module '{name}' have {axis} {entry.get(axis)!r}, not one of {', '.join(values)}: {REMEDY}"
                )
        following = entry.get("next_boot", {})
        if not isinstance(following, Mapping) or any(
            value not in VALUES.get(axis, ()) for axis, value in following.items()
        ):
            raise InvalidInput(f"the facts of module '{name}' are malformed for the next kernel: {REMEDY}")
        if entry["state"] == "merged" and entry.get("provider") not in facts["modules"]:
            raise InvalidInput(f"the facts of module '{name}' name no known provider: {REMEDY}")
        # What it waits for waits for nothing itself: ip_tables for its tables, nothing longer (AUTOLOAD_AFTER).
        after = entry.get("autoload_after")
        if after is not None and (
            after not in facts["modules"] or (facts["modules"][after] or {}).get("autoload_after") is not None
        ):
            raise InvalidInput(
                f"the facts of module '{name}' have autoload_after '{after}', which is no module that is there on its own: {REMEDY}"
            )
    return _with_reasons(facts)


def _with_reasons(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the facts with the reasons of each module in its own entry as well, and with all lines of the conflicts."""
    groups = facts.get("reasons")
    if not isinstance(groups, list) or not all(_is_group(group, facts["modules"]) for group in groups):
        raise InvalidInput(f"the facts have malformed reasons: {REMEDY}")
    reasons: Mapping[str, list[Mapping[str, str]]] = ungrouped(groups, facts["modules"])
    modules = {
        name: {**entry, "reasons": [_told(reason) for reason in reasons[name]]}
        for name, entry in facts["modules"].items()
    }
    return {**facts, "modules": modules, "conflicts": _with_lines(facts.get("conflicts") or {}, reasons)}


def _told(reason: Mapping[str, str]) -> dict[str, str]:
    """Return a reason with its whole sentence, and the place to look at."""
    where = reason.get("where") or reason.get("listed_in")
    return {**reason, "text": sentence(reason), **({"where": where} if where else {})}


def _with_lines(conflicts: Mapping[str, Any], reasons: Mapping[str, list[Mapping[str, str]]]) -> dict[str, Any]:
    """Return the conflicts with those lines, too, that reasons tell already."""
    usual: dict[str, dict[str, str]] = {}
    for name, about in reasons.items():
        for reason in about:
            path, _colon, number = reason.get("where", "").rpartition(":")
            if path in conflicts and (line := usual_line(reason, name)):
                usual.setdefault(path, {})[number] = line
    return {
        path: {**(told or {}), "lines": {**usual.get(path, {}), **((told or {}).get("lines") or {})}}
        for path, told in conflicts.items()
    }


def _at(value: Any, path: list[str], where: str) -> Iterator[tuple[str, Any]]:
    """Yield each value at a path with the path's names; what lies in something else than a mapping is not there."""
    if not path:
        yield where, value
    elif isinstance(value, Mapping):
        for name in value if path[0] == "*" else [path[0]] if path[0] in value else []:
            yield from _at(value.get(name), path[1:], f"{where}.{name}" if where else str(name))


def _is(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _is_list_of(value: Any, kind: type) -> bool:
    return isinstance(value, (list, tuple)) and all(_is(item, kind) for item in value)


def reason_text(entry: Mapping[str, Any]) -> str:
    """Return why a module's entry says what it says, on one line; each text with its axis unless that is "now"."""
    return "; ".join(
        reason["text"] if reason["axis"] == "now" else f"{reason['axis']}: {reason['text']}"
        for reason in entry["reasons"]
    )


def has_untold(entry: Mapping[str, Any]) -> bool:
    """Whether a line that keeps this module from loading is one of too many to be told."""
    return any(reason["code"] in REFUSALS and not reason.get("where") for reason in entry["reasons"])


def is_blacklisted(entry: Mapping[str, Any]) -> bool:
    """Whether the node's configuration says that this module is not to be loaded unasked."""
    return any(reason["code"] == "blacklist" for reason in entry["reasons"])


def _is_reason(reason: Any) -> bool:
    return (
        isinstance(reason, Mapping)
        and reason.get("axis") in AXES
        and all(isinstance(reason.get(key), str) for key in ("code", "text"))
        and all(
            isinstance(reason.get(key, "-"), str) and reason.get(key, "-")
            for key in ("where", "listed_in", "dependency")
        )
    )


def _is_group(group: Any, modules: Mapping[str, Any]) -> bool:
    """Whether a group of reasons is one that node_facts makes."""
    if (
        not _is_reason(group)
        or not isinstance(group.get("modules"), Mapping)
        or not isinstance(group.get("includes_dependents", False), bool)
    ):
        return False
    places = sum(key in group for key in PLACES)
    return all(
        name in modules and isinstance(rest, (list, tuple)) and len(rest) == places and all(map(_is_rest, rest))
        for name, rest in group["modules"].items()
    )


def _is_rest(own: Any) -> bool:
    """Whether this is the number of a line, a file's name, or nothing."""
    return (
        own is None or (_is(own, int) and 0 < own < 1_000_000_000) or (_is(own, str) and bool(own) and "/" not in own)
    )
