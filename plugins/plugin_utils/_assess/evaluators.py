# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluate one requirement on one node, by its kind. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import LOADABLE_STATES
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.grades import BEST_FIRST, Grade, Grades
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.requests import find_family_option
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.requirement import Kind, Requirement
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Axis, Facts, ModuleFacts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.packaging import describe_tool_remedy, is_dropped
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.remedies import (
    NodeContext,
    Problem,
    describe_persisting,
    describe_problem,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._records import to_plain
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.releases import NEWEST, OLDEST
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.site_checks import ExtraCheck
from ansible_collections.nodeprep.istio.plugins.plugin_utils._values import is_at_least

# For modules whose facts have no reason.
REMEDIES_WITHOUT_REASON = {
    "blocked": "remove what blocks it, then load it",
    "missing": "use a kernel that includes it",
}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """State and grades of a requirement, the reason for them, and the remedy if there is one."""

    state: str
    now: Grade
    after_reboot: Grade
    reason: str = ""
    remedy: str | None = None


def evaluate(facts: Facts, requirement: Requirement, grades: Grades) -> Evaluation:
    """Return how a requirement stands on a node; ``grades`` are those of the modules that are required together."""
    if requirement.kind == "module":
        return evaluate_module(facts, requirement, grades)
    return EVALUATORS[requirement.kind](facts, requirement)


def evaluate_module(facts: Facts, requirement: Requirement, grades: Grades) -> Evaluation:
    """Evaluate a module. Each grade is the best one of all any-of modules."""
    now: dict[str, Grade] = {}
    after_reboot: dict[str, Grade] = {}
    for name in requirement.modules:
        now[name] = grades.now(name)
        after_reboot[name] = grades.after_reboot(name)

    def rank(name: str) -> tuple[int, int]:
        return BEST_FIRST.index(now[name]), BEST_FIRST.index(after_reboot[name])

    best = min(requirement.modules, key=rank)
    module = facts.modules[best]
    best_after_reboot = min(after_reboot.values(), key=BEST_FIRST.index)
    return Evaluation(
        module.state,
        now[best],
        best_after_reboot,
        _describe_grade(facts, requirement, module, now[best]),
        _find_remedy(facts, best, now[best], best_after_reboot),
    )


def _describe_grade(facts: Facts, requirement: Requirement, module: ModuleFacts, grade: Grade) -> str:
    reasons = module.describe_reasons()
    unanswered = [request for request in requirement.requests if module.requests.get(request) == "never"]
    if grade == "unmet" and unanswered:
        return "; ".join(text for text in (_describe_unanswered(facts, unanswered), reasons) if text)
    # A reason about the boot does not explain why the kernel does not autoload the module.
    if any(reason.axis != "boot" for reason in module.reasons):
        return reasons
    return "; ".join(text for text in (_describe_waiting(facts, module, grade), reasons) if text)


def _describe_unanswered(facts: Facts, requests: list[str]) -> str:
    """Return which aliases are missing, and the unset options of the kernel that explain it."""
    text = f"no module has the alias {' or '.join(requests)}"
    options = [option for option in map(find_family_option, requests) if option and facts.options.get(option) == "n"]
    causes = " and ".join(f"CONFIG_{option} is not set in this kernel" for option in options)
    return f"{text}, because {causes}" if causes else text


def _describe_waiting(facts: Facts, module: ModuleFacts, grade: Grade) -> str:
    """Return why a module is absent that the kernel autoloads once another one is present."""
    first = module.autoload_after
    if first is None or grade != "unmet":
        return ""
    reason = facts.modules[first].describe_reasons()
    cause = f" ({reason})" if reason else ""
    return f"the kernel autoloads it only after {first}, which is not present{cause}"


def _find_remedy(facts: Facts, name: str, now: Grade, after_reboot: Grade) -> str | None:
    """Return what the owner does about a module, or None if there is nothing to do or nothing is known."""
    module = facts.modules[name]
    if now == after_reboot == "present":
        return None
    if module.state in ("blocked", "missing", "unknown"):
        return _describe_reason_remedy(facts, name, "now") or REMEDIES_WITHOUT_REASON.get(module.state)
    steps = []
    # systemd does not load a blacklisted module from a list, and this collection does not load it either, nor a module
    # that needs it.
    blacklisted = module.list_blacklisted(name)
    if blacklisted:
        steps.append(f"remove the blacklist line of {' and '.join(blacklisted)}")
    if module.state == "loadable":
        steps.append("load it")
    is_listed = any(name in names for names in facts.boot_files.values())
    if module.state_at_next_boot not in LOADABLE_STATES:
        # No list loads it then.
        remedy = _describe_reason_remedy(facts, name, "boot") or _describe_reason_remedy(facts, name, "autoload")
        steps += [remedy] if remedy else []
    elif after_reboot != "present" and not is_listed:
        steps.append(describe_persisting(facts.platform))
    if not steps:
        return _describe_reason_remedy(facts, name, "boot")
    if len(steps) > 1 and blacklisted:
        return f"{steps[0]}, then {', and '.join(steps[1:])}"
    return ", and ".join(steps)


def _describe_reason_remedy(facts: Facts, name: str, axis: Axis) -> str | None:
    """Return what to do about the first reason of a module on this axis that has a remedy, or None."""
    context = NodeContext.from_facts(facts)
    for reason in facts.modules[name].reasons:
        if reason.axis == axis:
            place = (reason.where or reason.listed_in or "").partition(":")[0]
            description = describe_problem(context, Problem(reason.code, name, place))
            if description is not None:
                return description.remedy[:1].lower() + description.remedy[1:]
    return None


def evaluate_option(facts: Facts, requirement: Requirement) -> Evaluation:
    """Evaluate a kernel option: built in or a module is enough, and only another kernel changes it."""
    evaluation = _evaluate_option_now(facts, requirement)
    following = facts.kernel.next_boot
    release = following.release if following is not None and following.certain else ""
    other = facts.other_kernels.get(release)
    if other is None or requirement.name not in (other.unset_options or ()) or evaluation.after_reboot == "unmet":
        return evaluation
    option = f"CONFIG_{requirement.name}"
    reason = f"{option} is not set in kernel {release}, which boots next"
    return replace(
        evaluation, after_reboot="unmet", reason=reason, remedy=f"boot a kernel that was built with {option}"
    )


def _evaluate_option_now(facts: Facts, requirement: Requirement) -> Evaluation:
    name = requirement.name
    value = facts.options.get(name)
    if value in ("y", "m"):
        return _present(value)
    if value is None and requirement.is_usual:
        reason = f"assumed: whether this kernel was built with CONFIG_{name} is not known, and most kernels were"
        return Evaluation("assumed", "present", "present", reason)
    if value is None:
        reason = f"CONFIG_{name} cannot be determined: the configuration of this kernel cannot be read"
        return _unknown(reason)
    reason = f"CONFIG_{name} is not set in this kernel"
    return _unmet("n", reason, f"use a kernel that was built with CONFIG_{name}")


def evaluate_tool(facts: Facts, requirement: Requirement) -> Evaluation:
    """Evaluate a tool of the host: whether it is installed, and its version."""
    name = requirement.name
    tool = facts.tools.get(name)
    if tool is None:
        version = f"; version {requirement.minimum} or newer is required" if requirement.minimum else ""
        dropped = f", and {facts.os.name} has no package of it" if is_dropped(facts.os, name) else ""
        remedy = describe_tool_remedy(facts.os, facts.platform, name)
        return _unmet("missing", f"{name} is not installed{version}{dropped}", remedy)
    if requirement.minimum is None:
        return _present(tool.version or "present")
    remedy = describe_tool_remedy(facts.os, facts.platform, name, requirement.minimum)
    return _compare_version(name, tool.version, requirement.minimum, remedy)


def evaluate_kernel(facts: Facts, requirement: Requirement) -> Evaluation:
    """Evaluate the kernel's version, or whether it has IPv6."""
    if requirement.feature == "ipv6":
        return _evaluate_ipv6(
            facts,
            "Istio cannot set up its IPv6 rules, routes and addresses",
            "boot without ipv6.disable=1, use a kernel with IPv6, or restrict Istio to IPv4 (ip_family ipv4, and "
            "ambient_ipv6 false)",
        )
    if requirement.feature == "ipv6_probe":
        return _evaluate_ipv6(
            facts,
            "Istio up to 1.27.1 also tests iptables-legacy for IPv6, and that test fails",
            "use Istio 1.27.2 or newer, boot without ipv6.disable=1, or use a kernel with IPv6",
        )
    version = ".".join(str(part) for part in facts.kernel.version)
    remedy = f"use kernel {requirement.minimum} or newer"
    return _compare_version("kernel", version or None, str(requirement.minimum), remedy)


def _evaluate_ipv6(facts: Facts, consequence: str, remedy: str) -> Evaluation:
    if facts.kernel.ipv6 is None:
        return _unknown("whether this kernel has IPv6 cannot be determined")
    if facts.kernel.ipv6:
        return _present("present")
    reason = f"IPv6 is off in this kernel (ipv6.disable=1 on its command line, or no CONFIG_IPV6): {consequence}"
    return _unmet("off", reason, remedy)


# The releases of Istio that have a row of kind "release", by its feature: the grade, the reason and the remedy.
RELEASE_PROBLEMS: Mapping[str, Evaluation] = {
    "too_old": Evaluation(
        "unknown",
        "unknown",
        "unknown",
        "the rules of this Istio release are not known to this collection",
        f"select an Istio release that this collection knows ({OLDEST} to {NEWEST})",
    ),
    "ipv6_set": Evaluation(
        "1.28.0",
        "unmet",
        "unmet",
        "native nftables of Istio 1.28.0 write IPv6 rules on the host even if ambient_ipv6 is false; these rules fail, "
        "and the CNI agent does not start",
        "use Istio 1.28.1 or newer, or set values.cni.ambient.ipv6 (ambient_ipv6) to true if the kernel has IPv6",
    ),
}


def evaluate_release(_facts: Facts, requirement: Requirement) -> Evaluation:
    """Evaluate a release of Istio: a row exists only if the release has the problem."""
    return RELEASE_PROBLEMS[requirement.feature or ""]


def evaluate_check(facts: Facts, requirement: Requirement) -> Evaluation:
    """Evaluate a site's own check, an expression over the facts."""
    check = ExtraCheck(requirement.name, requirement.query, requirement.message)
    holds, reason = check.evaluate(to_plain(facts))
    if holds is None:
        return _unknown(reason)
    return _present("true") if holds else _unmet("not true", reason)


# Without the kind module, whose evaluator also needs the grades; see evaluate().
EVALUATORS: Mapping[Kind, Callable[[Facts, Requirement], Evaluation]] = {
    "option": evaluate_option,
    "tool": evaluate_tool,
    "kernel": evaluate_kernel,
    "release": evaluate_release,
    "check": evaluate_check,
}


def _compare_version(label: str, version: str | None, minimum: str, remedy: str | None) -> Evaluation:
    is_new_enough = None if version is None else is_at_least(version, minimum)
    if version is None or is_new_enough is None:
        return _unknown(f"the {label} version cannot be determined; {minimum} or newer is required")
    if is_new_enough:
        return _present(version)
    return _unmet(version, f"{label} {version} is older than {minimum}", remedy)


# A reboot changes none of these, so both grades are the same.
def _present(state: str) -> Evaluation:
    return Evaluation(state, "present", "present")


def _unmet(state: str, reason: str, remedy: str | None = None) -> Evaluation:
    return Evaluation(state, "unmet", "unmet", reason, remedy)


def _unknown(reason: str) -> Evaluation:
    return Evaluation("unknown", "unknown", "unknown", reason)
