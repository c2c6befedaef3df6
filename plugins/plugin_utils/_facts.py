# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node's facts as the controller receives them: untrusted until looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection import InvalidInput

SCHEMA = 1
VALUES = {
    "state": ("loaded", "builtin", "merged", "loadable", "blocked", "missing", "unknown"),
    "autoload": ("yes", "never", "denied", "unknown"),
    "boot": ("yes", "no", "ineffective", "not_applicable", "unknown"),
}
AXES = ("now", "autoload", "boot")
REMEDY = "gather them with nodeprep.istio.node_facts of this collection's version"


def checked(facts: Any) -> Mapping[str, Any]:
    """Return the facts if they have the structure that node_facts gives them.

    Raises InvalidInput that says what is wrong with them.
    """
    if not isinstance(facts, Mapping):
        raise InvalidInput(f"the facts are {type(facts).__name__}, not a mapping: {REMEDY}")
    if facts.get("schema") != SCHEMA:
        raise InvalidInput(f"the facts have schema {facts.get('schema')!r}, not {SCHEMA}: {REMEDY}")
    for key in ("kernel", "modules", "tools", "boot_files"):
        if not isinstance(facts.get(key), Mapping):
            raise InvalidInput(f"the facts have no mapping '{key}': {REMEDY}")
    for name, entry in facts["modules"].items():
        if not isinstance(entry, Mapping):
            raise InvalidInput(f"the facts of module '{name}' are no mapping: {REMEDY}")
        for axis, values in VALUES.items():
            if entry.get(axis) not in values:
                raise InvalidInput(f"the facts of module '{name}' have {axis} {entry.get(axis)!r}, not one of {', '.join(values)}: {REMEDY}")
        following = entry.get("next", {})
        if not isinstance(following, Mapping) or any(value not in VALUES.get(axis, ()) for axis, value in following.items()):
            raise InvalidInput(f"the facts of module '{name}' are malformed for the next kernel: {REMEDY}")
        if not _are_reasons(entry.get("reasons")):
            raise InvalidInput(f"the facts of module '{name}' have malformed reasons: {REMEDY}")
        if entry["state"] == "merged" and entry.get("provider") not in facts["modules"]:
            raise InvalidInput(f"the facts of module '{name}' name no known provider: {REMEDY}")
    return facts


def reason_text(entry: Mapping[str, Any]) -> str:
    """Return why a module's entry says what it says, on one line; each text with its axis unless that is "now"."""
    return "; ".join(reason["text"] if reason["axis"] == "now" else f"{reason['axis']}: {reason['text']}" for reason in entry["reasons"])


def is_blacklisted(entry: Mapping[str, Any]) -> bool:
    """Whether the node's configuration says that this module is not to be loaded unasked."""
    return any(reason["code"] == "blacklist" for reason in entry["reasons"])


def _are_reasons(reasons: Any) -> bool:
    return isinstance(reasons, list) and all(
        isinstance(reason, Mapping) and reason.get("axis") in AXES and isinstance(reason.get("code"), str) and isinstance(reason.get("text"), str)
        for reason in reasons
    )
