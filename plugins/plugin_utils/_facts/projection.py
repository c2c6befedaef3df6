# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts as they will be after something was done: what is done is thought through on copies of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from ansible_collections.nodeprep.istio.plugins.module_utils._managed.boot_block import PATH as BOOT_FILE
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import (
    AUTOLOAD_AFTER,
    AUTOLOAD_REQUESTS,
    MERGED_INTO,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts import legacy_tables

Facts = Mapping[str, Any]
Entry = Mapping[str, Any]
THERE = ("loaded", "builtin", "merged")


def with_packages(facts: Facts, modules: Collection[str], tools: Iterable[str], codes: Collection[str] = ()) -> Facts:
    """Return the facts after packages brought these modules, and these tools in a version that only time will tell.

    :param codes: those of the reasons that keep a module from loading though its package is installed.
    """

    def brought(name: str, entry: Entry) -> Entry:
        now = _loadable(facts, name)
        kept = [reason for reason in entry["reasons"] if reason["code"] in codes]
        if not kept:
            return now
        state = "loadable" if all(reason["code"] == "blacklist" for reason in kept) else "blocked"
        denied = {
            "autoload": "denied" if now["autoload"] == "yes" else now["autoload"],
            "boot": "ineffective" if now["boot"] == "yes" else now["boot"],
        }
        return {**now, **denied, "state": state, "reasons": kept}

    tools_after = {**facts["tools"], **{tool: {"path": tool, "version": None} for tool in tools}}
    return {**_changed(facts, modules, brought), "tools": tools_after}


def without_conflicts(facts: Facts, modules: Collection[str], codes: Collection[str]) -> Facts:
    """Return the facts after the lines were taken back that keep these modules from loading."""

    def freed(name: str, entry: Entry) -> Entry:
        reasons = [reason for reason in entry["reasons"] if reason["code"] not in codes]
        if entry["state"] == "blocked" and any(reason["axis"] == "now" for reason in reasons):
            return {**entry, "reasons": reasons}  # Something else is in its way too.
        state = "loadable" if entry["state"] == "blocked" else entry["state"]
        now = {**entry, **_loadable(facts, name), "state": state, "reasons": reasons}
        return (
            _with_next(now, {"state": "loadable", "autoload": now["autoload"]})
            if _next(entry, "state") == "blocked"
            else now
        )

    return _changed(facts, modules, freed)


def with_requests_allowed(facts: Facts) -> Facts:
    """Return the facts after SELinux lets containers ask for modules."""

    def allowed(name: str, entry: Entry) -> Entry:
        # On the axis "boot" where the node is permissive until it reboots.
        if not any(reason["code"] == "selinux" for reason in entry["reasons"]):
            return entry
        after = {"autoload_after": AUTOLOAD_AFTER[name]} if name in AUTOLOAD_AFTER else {}
        now = {
            **entry,
            "autoload": "yes",
            **after,
            "reasons": [reason for reason in entry["reasons"] if reason["code"] != "selinux"],
        }
        return _with_next(now, {"autoload": "yes"}) if _next(entry, "autoload") in ("denied", "unknown") else now

    return {
        **_changed(facts, list(facts["modules"]), allowed),
        "selinux": {**(facts.get("selinux") or {}), "module_request": True},
    }


def prepared(facts: Facts, load: Collection[str], persist: Collection[str], listed: bool) -> Facts:
    """Return the facts after modules were loaded and listed in our block of the boot file, with what comes along with them.

    :param listed: whether the boot file was written at all.
    """
    modules = facts["modules"]
    loaded, boots = closure(modules, load), closure(modules, persist)

    def there(name: str, entry: Entry) -> Entry:
        state = "loaded" if name in loaded and entry["state"] not in THERE else entry["state"]
        return {**entry, "state": state, "boot": _listed(facts, entry) if name in boots else entry["boot"]}

    after = legacy_tables.remade(facts, _changed(facts, loaded | boots, there)["modules"])
    return {**after, "boot_files": {**facts["boot_files"], BOOT_FILE: list(persist)}} if listed else after


def _listed(facts: Facts, entry: Entry) -> str:
    """Return whether a module that a boot file lists is there after a reboot: with a kernel that does not have it no line helps."""
    of_next = {"missing": "ineffective", "blocked": "ineffective", "unknown": "unknown"}.get(
        str(_next(entry, "state")), "yes"
    )
    heeded = _heeded(facts)
    listed = (
        "ineffective" if "ineffective" in (of_next, heeded) else "unknown" if "unknown" in (of_next, heeded) else "yes"
    )
    return str(entry["boot"]) if entry["boot"] == "not_applicable" else listed


def _heeded(facts: Facts) -> str:
    """Return what a line in modules-load.d is worth on this node; older facts do not tell whether anything reads it, and are taken to say yes."""
    read = (facts.get("platform") or {}).get("boot_files_read", True)
    return {True: "yes", False: "ineffective", None: "unknown"}[read]


def rebooted(facts: Facts) -> Facts:
    """Return the facts after a reboot, as far as they decide what is there then: the states of modules, the kernel and the legacy tables."""
    kernel = facts["kernel"]
    told = kernel.get("next_boot") or {}
    following = told.get("release")
    # A mere guess counts where the running kernel's modules are gone, as in the modules' own facts (_observe.py).
    guessed = not told.get("certain") and kernel.get("module_tree_present") is not False
    if following and following != kernel.get("release") and not guessed:
        kernel = {**kernel, "release": following, "version": [int(part) for part in re.findall(r"\d+", following)[:3]]}
    modules = facts["modules"]
    return legacy_tables.remade(
        facts, {name: _rebooted(entry, provider_after_reboot(modules, name)) for name, entry in modules.items()}, kernel
    )


def _rebooted(entry: Entry, holder: str | None) -> Entry:
    after = {**entry, **entry.get("next_boot", {})}
    after.pop("next_boot", None)
    if after["state"] == "merged":
        return {**after, "provider": holder} if holder else {**after, "state": "unknown"}
    if after["state"] == "builtin":
        return after
    if after["boot"] == "yes":
        return {**after, "state": "loaded"}
    if after["state"] in ("loaded", "loadable"):
        return {**after, "state": "unknown" if after["boot"] == "unknown" else "loadable"}
    return after


def _loadable(facts: Facts, name: str) -> dict[str, Any]:
    """Return the entry of a module that nothing but loading it is lacking."""
    denied = (facts.get("selinux") or {}).get("module_request") is False and (facts.get("selinux") or {}).get(
        "mode"
    ) == "enforcing"
    autoload = "never" if name not in AUTOLOAD_REQUESTS else "denied" if denied else "yes"
    listed = any(name in names for names in facts["boot_files"].values())
    entry: dict[str, Any] = {
        "state": "loadable",
        "autoload": autoload,
        "boot": _heeded(facts) if listed else "no",
        "reasons": [],
    }
    return {**entry, "autoload_after": AUTOLOAD_AFTER[name]} if autoload == "yes" and name in AUTOLOAD_AFTER else entry


def _next(entry: Entry, key: str) -> str | None:
    """Return the state or autoload of a module after the next boot where the node's facts say that something of it differs then."""
    value = (entry.get("next_boot") or {}).get(key)
    return None if value is None else str(value)


def _with_next(entry: Entry, changed: Mapping[str, str]) -> Entry:
    """Return the entry with what changed of its next boot. As in gathered facts a state is only there where it differs, nothing where all is alike."""
    following = {**entry["next_boot"], **changed}
    if following.get("state") in (entry["state"], "loadable" if entry["state"] == "loaded" else None):
        following.pop("state", None)
    rest = {key: value for key, value in entry.items() if key != "next_boot"}
    return rest if following == {"autoload": entry["autoload"]} else {**rest, "next_boot": following}


def closure(modules: Mapping[str, Entry], names: Iterable[str]) -> set[str]:
    """Return these modules and all that they need."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name in modules and name not in found:
            found.add(name)
            left += modules[name].get("depends", ())
    return found


def _changed(facts: Facts, names: Collection[str], change: Callable[[str, Entry], Entry]) -> dict[str, Any]:
    modules = facts["modules"]
    return {
        **facts,
        "modules": {name: change(name, entry) if name in names else entry for name, entry in modules.items()},
    }


def provider_after_reboot(modules: Mapping[str, Mapping[str, Any]], name: str) -> str | None:
    """Return the module that holds this one's code after a reboot: itself, or the one into which it is merged then, or None where that is not known."""
    entry = modules[name]
    if {**entry, **entry.get("next_boot", {})}["state"] != "merged":
        return name
    # The facts name it for the kernel that was asked about alone; a merge of the next kernel's is one of those that are known.
    holder = entry.get("provider") or MERGED_INTO.get(name)
    return holder if holder in modules else None
