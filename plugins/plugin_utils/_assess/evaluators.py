# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How one requirement stands on one node, by its kind. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.grades import BEST_FIRST, Grade, Grades
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.requirement import Requirement
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import is_blacklisted, reason_text
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.site_checks import ExtraCheck
from ansible_collections.nodeprep.istio.plugins.plugin_utils._values import at_least


@dataclass(frozen=True)
class Judgement:
    """State, the two grades, why, and what to do about it."""

    state: str
    now: Grade
    after_reboot: Grade
    reason: str = ""
    remedy: str | None = None


def module(facts: Mapping[str, Any], requirement: Requirement, grades: Grades) -> Judgement:
    """Judge a module; of any_of the best counts, for each grade by itself."""
    now = {name: grades.now(name) for name in requirement.modules}
    after = {name: grades.after_reboot(name) for name in requirement.modules}
    best = min(requirement.modules, key=lambda name: (BEST_FIRST.index(now[name]), BEST_FIRST.index(after[name])))
    entry = facts["modules"][best]
    grade, later = now[best], min(after.values(), key=BEST_FIRST.index)
    return Judgement(
        str(entry["state"]),
        grade,
        later,
        reason_text(entry) or _waits(facts, entry, grade),
        _module_remedy(entry, grade, later),
    )


def _waits(facts: Mapping[str, Any], entry: Mapping[str, Any], grade: Grade) -> str:
    """Return why a module is not there that the kernel would load on demand, once another one is there."""
    first = entry.get("autoload_after")
    if first is None or grade != "unmet":
        return ""
    why = reason_text(facts["modules"][first])
    return f"the kernel asks for it once {first} is there, which it is not{f' ({why})' if why else ''}"


def _module_remedy(entry: Mapping[str, Any], now: Grade, after: Grade) -> str | None:
    if now == after == "present":
        return None
    # What is blacklisted is loaded by nobody who goes by it: not by systemd from a list, and not by this collection.
    first = "take it off the blacklist, then " if is_blacklisted(entry) else ""
    return {
        "loadable": f"{first}load it, and list it in /etc/modules-load.d",
        "loaded": f"{first}list it in /etc/modules-load.d",
        "blocked": "remove what blocks it, then load it",
        "missing": "install the package of this kernel that has it, or use a kernel that has it",
    }.get(entry["state"])


def option(facts: Mapping[str, Any], requirement: Requirement, grades: Grades) -> Judgement:
    """Judge a kernel option: it is built into the kernel or a module, and nothing but another kernel changes it."""
    value = (facts.get("options") or {}).get(requirement.name)
    if value in ("y", "m"):
        return _once(str(value), "present")
    if value is None:
        return _once(
            "unknown",
            "unknown",
            f"the configuration of this kernel cannot be read, so CONFIG_{requirement.name} cannot be told",
        )
    return _once(
        "n", "unmet", f"this kernel was built without CONFIG_{requirement.name}", "use a kernel that was built with it"
    )


def tool(facts: Mapping[str, Any], requirement: Requirement, grades: Grades) -> Judgement:
    """Judge a tool of the host: that it is there, its version, or what it was built with."""
    found = facts["tools"].get(requirement.name)
    if found is None:
        needed = f"; at least {requirement.minimum} is needed" if requirement.minimum else ""
        return _once("missing", "unmet", f"{requirement.name} is not installed{needed}", f"install {requirement.name}")
    if requirement.feature:
        has = found.get(requirement.feature)
        if has is None:
            return _once(
                "unknown", "unknown", f"whether {requirement.name} was built with {requirement.feature} cannot be told"
            )
        return (
            _once("present", "present")
            if has
            else _once("missing", "unmet", f"{requirement.name} was built without {requirement.feature}")
        )
    if requirement.minimum is None:
        return _once(str(found.get("version") or "present"), "present")
    return _version(
        requirement.name,
        found.get("version"),
        requirement.minimum,
        f"install {requirement.name} {requirement.minimum} or newer",
    )


def kernel(facts: Mapping[str, Any], requirement: Requirement, grades: Grades) -> Judgement:
    """Judge the kernel's version, or that it has IPv6."""
    if requirement.feature == "ipv6":
        return _ipv6(
            facts,
            "what loads IPv6 rules, or routes and addresses for them, fails",
            "boot without ipv6.disable=1, use a kernel with IPv6, or have Istio use IPv4 alone (ip_family ipv4, and ambient_ipv6 false)",
        )
    if requirement.feature == "ipv6_probe":
        return _ipv6(
            facts,
            "up to 1.27.1 Istio tries iptables-legacy for IPv6 too, and fails",
            "use Istio 1.27.2 or newer, boot without ipv6.disable=1, or use a kernel with IPv6",
        )
    found = ".".join(str(part) for part in facts["kernel"].get("version") or ()) or None
    return _version("kernel", found, str(requirement.minimum), f"use a kernel {requirement.minimum} or newer")


def _ipv6(facts: Mapping[str, Any], follows: str, remedy: str) -> Judgement:
    # Facts of earlier releases do not say: they were gathered for verdicts that took it for granted.
    there = facts["kernel"].get("ipv6", True)
    if there is None:
        return _once("unknown", "unknown", "whether this kernel has IPv6 cannot be told")
    if there:
        return _once("present", "present")
    return _once(
        "off",
        "unmet",
        f"IPv6 is off in this kernel (ipv6.disable=1 on its command line, or no CONFIG_IPV6): {follows}",
        remedy,
    )


def check(facts: Mapping[str, Any], requirement: Requirement, grades: Grades) -> Judgement:
    """Judge a site's own check."""
    holds, reason = ExtraCheck(requirement.name, requirement.query, requirement.message).outcome(facts)
    if holds is None:
        return _once("unknown", "unknown", reason)
    return _once("true", "present") if holds else _once("not true", "unmet", reason)


JUDGES: dict[str, Callable[[Mapping[str, Any], Requirement, Grades], Judgement]] = {
    "module": module,
    "option": option,
    "tool": tool,
    "kernel": kernel,
    "check": check,
}


def _version(label: str, found: str | None, minimum: str, remedy: str) -> Judgement:
    newer = None if found is None else at_least(found, minimum)
    if newer is None:
        return _once("unknown", "unknown", f"the version of {label} cannot be told; at least {minimum} is needed")
    return (
        _once(str(found), "present")
        if newer
        else _once(str(found), "unmet", f"{label} {found} is older than {minimum}", remedy)
    )


def _once(state: str, grade: Grade, reason: str = "", remedy: str | None = None) -> Judgement:
    """What a reboot does not change has one grade."""
    return Judgement(state, grade, grade, reason, remedy)
