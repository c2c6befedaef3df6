# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole plan for a node: what the role does, what the owner is to do, and the verdict afterwards. Pure.

Each part is planned on the facts as the parts before it will leave them. So one plan, made once, is what check mode shows
and what a run does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess import iptables_forecast
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import Assessment, assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts import projection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import is_blacklisted, reason_text
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan import (
    boot_file,
    conflicts,
    overrides,
    repairs,
    selinux,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan import packages as _packages
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan import reboot as _remediation_reboot
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations import formats
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.modules import (
    BOOT_FILE,
    Plan,
    our_block,
    persistable,
    plan,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import Consent, Step
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection

Facts = Mapping[str, Any]


def preparation(facts: Facts, selection: Selection, consent: Consent) -> dict[str, Any]:
    """Return the plan for checked facts, as dict."""
    if consent.state == "absent":
        return _undoing(facts)
    managed = formats.managed(facts)
    if managed and (withheld := consent.writing()):
        # What the role may not write is the owner's, as if nothing had been consented to.
        careful = preparation(facts, selection, consent.without_writing())
        told = (
            [f"on this node {', '.join(withheld)} count for nothing: {managed}"]
            if careful["steps"] or careful["refused"]
            else []
        )
        return {**careful, "hints": [*told, *careful["hints"]]}
    steps: list[Step] = []
    assessment = assess(facts, selection)
    repaired = _repair(facts, assessment, consent, steps)
    modules = plan(
        repaired,
        assessment if repaired is facts else assess(repaired, selection),
        load=consent.load,
        persist=consent.persist,
    )
    entries = repaired["modules"]
    always = selinux.always(consent, modules.modules)
    lacking = modules.load or tuple(name for name in always if entries[name]["state"] not in projection.THERE)
    load = tuple(name for name in lacking if entries[name]["state"] == "loadable" and not is_blacklisted(entries[name]))
    # What comes along with a module that needs it, whatever a blacklist says, is no failure (_act.py: sort_out()).
    unloaded = [name for name in lacking if name not in load and name not in projection.closure(entries, load)]
    fails = [{"name": name, "cause": reason_text(entries[name]) or str(entries[name]["state"])} for name in unloaded]
    writes_boot_file = consent.persist or bool(always)
    persist = persistable(repaired, modules.modules if consent.persist else always)
    if load or fails or (writes_boot_file and list(persist) != our_block(facts)):
        steps.append(_modules_step(facts, consent, modules, always, load, persist))
    unmask = boot_file.unmask_step(facts, modules.modules, persist) if writes_boot_file else None
    steps += [unmask] if unmask else []

    kinds: set[str] = {step.kind for step in steps if step.by == "role"}
    obstacle = boot_file.obstacle(facts, kinds, consent, persist if writes_boot_file else None)
    no_type = selinux.obstacle(facts, consent) if "policy" in kinds else None
    refused = [*modules.refused, *(told for told in (obstacle, no_type) if told)]
    if refused:
        steps = [step for step in steps if step.by == "owner"]
    after = facts if refused else projection.prepared(repaired, load, persist, writes_boot_file)
    reboot = _remediation_reboot.reboot_step(
        after, selection, consent, [failure["name"] for failure in fails], bool(refused)
    )
    steps += [reboot] if reboot else []
    if reboot and reboot.by == "role":
        after = projection.rebooted(after)
    foreseen = assess(after, selection)
    return {
        "state": "prepared",
        "steps": [step.as_dict() for step in steps],
        "modules": list(modules.modules),
        "optional": list(modules.optional),
        "boot_only": list(modules.boot_only),
        "load": [] if refused else list(load),
        "persist": [] if refused else list(persist),
        "not_loadable": [] if refused else fails,
        "change": any(step.by == "role" for step in steps),
        "refused": refused,
        "forecast": iptables_forecast.summed_up(foreseen.forecasts, foreseen.forecasts_after_reboot),
        "hints": [
            *selinux.hints(facts, selection, consent),
            *overrides.hints(facts, assessment, consent),
            *([] if refused else _bridge_hint(load)),
            *_again_hint(steps),
        ],
        "declaration": formats.artifact(facts, persist) if obstacle and persist else None,
        "expected": {
            "verdict": foreseen.verdict,
            "verdicts": dict(foreseen.verdicts),
            "unmet": [row.name for row in foreseen.requirements if row.level == "must" and row.now == "unmet"],
        },
    }


def _repair(facts: Facts, assessment: Assessment, consent: Consent, steps: list[Step]) -> Facts:
    """Add the steps that come before the modules themselves; return the facts as they will leave them."""
    facts = _install(facts, assessment, consent, steps)
    facts = overrides.override(facts, assessment, consent, steps)
    steps += repairs.steps(facts, assessment)
    policy = selinux.policy_step(facts, consent)
    boolean = selinux.boolean_step(facts, consent)
    steps += [step for step in (policy, boolean) if step]
    in_domain = (facts.get("selinux") or {}).get("domain") in consent.selinux_domains
    installs = policy is not None and policy.by == "role"
    return (
        projection.with_requests_allowed(facts)
        if (installs and in_domain) or (boolean and consent.selinux_boolean)
        else facts
    )


def _install(facts: Facts, assessment: Assessment, consent: Consent, steps: list[Step]) -> Facts:
    modules = facts["modules"]
    next_kernel = _remediation_reboot.next_kernel(facts)
    lacking = [row for row in assessment.requirements if row.now != "present" and row.kind in ("module", "tool")]
    wanted = [
        row.name
        for row in lacking
        if row.kind == "module"
        and _packages.is_curable(modules[row.name])
        and not _remediation_reboot.waits(modules[row.name], next_kernel)
    ]
    tools = [
        row.name
        for row in lacking
        if row.kind == "tool" and row.level == "must" and facts["tools"].get(row.name) is None
    ]
    manager = _packages.manager(facts)
    brought: set[str] = set()
    for by, packages in _by_whom(
        _packages.needed(facts, dict.fromkeys(wanted), dict.fromkeys(tools)), consent, manager
    ):
        names = [package.name for package in packages]
        provides = [name for package in packages for name in package.provides]
        reboot = any(package.reboot for package in packages)
        consented = (
            ""
            if by == "role" or manager not in _packages.RUN_BY_ROLE or formats.managed(facts)
            else ", or set istio_node_install_packages: true"
        )
        how = (*_packages.INSTALLS.get(str(manager), (f"{manager}", "install")), *names)
        args = (
            {"manager": manager, "names": names, "release": _packages.packaged(facts["kernel"]["release"])}
            if by == "role"
            else {}
        )
        what = f"install {', '.join(names)}{consented}"
        steps.append(
            Step(
                "packages",
                what,
                f"{len(provides)} needed and not installed: {', '.join(provides)}",
                by,
                None,
                how,
                reboot,
                args,
            )
        )
        if by == "role":
            brought.update(provides)
    if not brought:
        return facts
    return projection.with_packages(
        facts,
        [name for name in wanted if name in brought],
        [name for name in tools if name in brought],
        conflicts.CODES,
    )


def _by_whom(
    packages: Iterable[_packages.Package], consent: Consent, manager: str | None
) -> Iterable[tuple[Any, list[_packages.Package]]]:
    """Yield the packages that the role installs, then those that the owner is to install; none that needs a reboot is the role's."""
    packages = list(packages)
    mine = [
        package
        for package in packages
        if consent.install_packages and manager in _packages.RUN_BY_ROLE and not package.reboot
    ]
    for by, some in (("role", mine), ("owner", [package for package in packages if package not in mine])):
        if some:
            yield by, some


def _modules_step(
    facts: Facts,
    consent: Consent,
    modules: Plan,
    always: tuple[str, ...],
    load: tuple[str, ...],
    persist: tuple[str, ...],
) -> Step:
    what = [f"load {', '.join(load)}"] if load else []
    what += [f"list {', '.join(persist)} in our block"] if persist else []
    return Step(
        "modules",
        "; ".join(what)
        or (
            "bring our block up to date"
            if list(persist) != our_block(facts)
            else "nothing: what is lacking cannot be loaded"
        ),
        f"{len(modules.modules)} modules are asked for",
        where=BOOT_FILE,
        args={
            "modules": list(modules.modules),
            "always": list(always),
            "boot_only": list(modules.boot_only),
            "load": consent.load,
            "persist": consent.persist,
        },
    )


def _bridge_hint(load: Iterable[str]) -> list[str]:
    """Loading it sets net.bridge.bridge-nf-call-iptables to 1 (net/bridge/br_netfilter_hooks.c)."""
    if "br_netfilter" not in load:
        return []
    return [
        "br_netfilter makes bridged traffic pass iptables on this node (net.bridge.bridge-nf-call-iptables becomes 1), for libvirt and other bridges too"
    ]


def _again_hint(steps: Iterable[Step]) -> list[str]:
    """Say that one run is not all, where what modules lack is the owner's to mend."""
    if not any(step.by == "owner" and step.kind in ("packages", "conflict", "repair") for step in steps):
        return []
    return ["run again once the owner's steps are done: what they free is loaded and listed only then"]


def _undoing(facts: Facts) -> dict[str, Any]:
    """Return the plan that takes back what is ours, and says what it leaves and why."""
    ours = facts.get("managed") or {}
    block = our_block(facts)
    steps = []
    if block or ours.get("has_empty_block"):
        steps.append(Step("modules", "take our block out", "it is ours", where=BOOT_FILE, args={"state": "absent"}))
    files = sorted(set(ours.get("overrides") or {}) - set(conflicts.edited(facts)))
    if files:
        steps.append(
            Step(
                "overrides",
                f"remove {', '.join(files)}",
                "they are ours",
                where=", ".join(files),
                args={"state": "absent"},
            )
        )
    steps += [step for step in (selinux.removal_step(facts),) if step]
    broken = "boot_file" in ours and ours["boot_file"] is None
    managed = formats.managed(facts)
    refused = []
    if broken:
        refused = [f"{BOOT_FILE}: the marks of the nodeprep.istio block are not one pair; remove them by hand"]
    elif managed and steps:
        undone = "; ".join(step.what for step in steps)
        refused = [
            f"{managed}. Nothing is taken back: where you declare this node's files, leave out what is ours ({undone})"
        ]
    return {
        "state": "absent",
        "steps": [] if refused else [step.as_dict() for step in steps],
        "change": bool(steps) and not refused,
        "refused": refused,
        "not_removed": []
        if refused
        else [
            *_left(facts, block),
            *(["packages stay installed, since nothing tells who else wants them"] if steps else []),
        ],
        **{key: [] for key in ("modules", "optional", "boot_only", "load", "persist", "not_loadable", "hints")},
    }


def _left(facts: Facts, block: list[str]) -> list[str]:
    """Return what stays on the node after the undoing though it may be of our making."""
    loaded = [name for name in block if facts["modules"].get(name, {}).get("state") == "loaded"]
    modules = (
        [f"loaded modules stay loaded until a reboot, since others may use them: {', '.join(loaded)}"] if loaded else []
    )
    return [*modules, *conflicts.left(facts), *selinux.left(facts)]
