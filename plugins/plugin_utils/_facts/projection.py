# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply planned changes, or a reboot, to a copy of the facts. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from ansible_collections.nodeprep.istio.plugins.module_utils._managed.boot_block import PATH as BOOT_FILE
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import (
    AUTOLOAD_AFTER,
    AUTOLOAD_REQUESTS,
    MERGED_INTO,
    PRESENT_STATES,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import CONFLICT_CODES, Code
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.legacy_tables import with_legacy_tables
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import (
    Autoload,
    Boot,
    Facts,
    Kernel,
    ModuleFacts,
    NextBootState,
    OtherKernel,
    Reason,
    State,
    Tool,
)

Modules = Mapping[str, ModuleFacts]
Change = Callable[[str, ModuleFacts], ModuleFacts]


def after_packages(facts: Facts, modules: Collection[str], tools: Iterable[str], codes: Collection[str] = ()) -> Facts:
    """Return the facts after packages installed these modules and tools; the version of the tools is not known yet.

    :param codes: those of the reasons that still keep a module from loading when its package is installed.
    """

    def install(name: str, module: ModuleFacts) -> ModuleFacts:
        return _install_module(facts, name, module, codes)

    tools_after = {**facts.tools, **{name: Tool(path=name) for name in tools}}
    return replace(facts, modules=_change_modules(facts, modules, install), tools=tools_after)


def _install_module(facts: Facts, name: str, module: ModuleFacts, codes: Collection[str]) -> ModuleFacts:
    """Return the facts of a module once its file is there; the reasons with these codes still apply to it."""
    installed = _make_loadable(facts, name)
    kept = tuple(reason for reason in module.reasons if reason.code in codes)
    if not kept:
        return installed
    if _are_ignored_by_kernel(kept):
        return replace(installed, reasons=kept)
    is_only_blacklisted = all(reason.code == Code.BLACKLIST for reason in kept)
    return replace(
        installed,
        state="loadable" if is_only_blacklisted else "blocked",
        autoload="denied" if installed.autoload == "yes" else installed.autoload,
        boot="ineffective" if installed.boot == "yes" else installed.boot,
        reasons=kept,
    )


def _are_ignored_by_kernel(reasons: Iterable[Reason]) -> bool:
    """Return whether the reasons are blacklists of dependencies: these only keep the role from loading a module."""
    return all(reason.code == Code.BLACKLIST and reason.dependency for reason in reasons)


def after_overrides(facts: Facts, modules: Collection[str], codes: Collection[str]) -> Facts:
    """Return the facts after the lines that keep these modules from loading were overridden.

    :param codes: those of the reasons that are such lines.
    """

    def override(name: str, module: ModuleFacts) -> ModuleFacts:
        reasons = tuple(reason for reason in module.reasons if reason.code not in codes)
        if module.state == "blocked" and any(reason.axis == "now" for reason in reasons):
            return replace(module, reasons=reasons)  # Another reason blocks it too.
        removed = [reason for reason in module.reasons if reason.code in codes]
        if _are_ignored_by_kernel(removed):
            return replace(module, reasons=reasons)
        loadable = _make_loadable(facts, name)
        now = replace(
            module,
            state="loadable" if module.state == "blocked" else module.state,
            boot=loadable.boot,
            reasons=reasons,
        )
        if not any(reason.code == Code.ALIAS_OVERRIDE for reason in reasons):
            # Otherwise a line that no file overrides still leads a request elsewhere.
            now = replace(
                now,
                autoload=loadable.autoload,
                autoload_after=loadable.autoload_after or module.autoload_after,
                requests=_keep_unresolved(module.requests),
            )
        if module.next_boot is not None and module.next_boot.state == "blocked":
            return _with_next_boot(now, NextBootState("loadable", now.autoload, now.requests))
        return now

    return replace(facts, modules=_change_modules(facts, modules, override))


def after_policy(facts: Facts) -> Facts:
    """Return the facts after SELinux allows containers to request modules."""

    def allow(name: str, module: ModuleFacts) -> ModuleFacts:
        # The reason is on the axis "boot" if the node is permissive until it reboots.
        reasons = tuple(reason for reason in module.reasons if reason.code not in (Code.SELINUX, Code.SELINUX_UNKNOWN))
        if len(reasons) == len(module.reasons):
            return module
        after = AUTOLOAD_AFTER.get(name, module.autoload_after)
        requests = _keep_unresolved(module.requests)
        now = replace(module, autoload="yes", autoload_after=after, requests=requests, reasons=reasons)
        following = module.next_boot
        if following is not None and following.autoload in ("denied", "unknown"):
            return _with_next_boot(now, NextBootState(following.state, "yes", _keep_unresolved(following.requests)))
        return now

    modules = _change_modules(facts, facts.modules, allow)
    return replace(facts, modules=modules, selinux=replace(facts.selinux, module_request=True))


def after_preparing(facts: Facts, load: Collection[str], persist: Collection[str], writes_boot_file: bool) -> Facts:
    """Return the facts after modules were loaded and listed in our block of the boot file, with their dependencies.

    :param writes_boot_file: whether the boot file was written at all.
    """
    loaded = with_dependencies(facts.modules, load)
    persisted = with_dependencies(facts.modules, persist)

    def prepare(name: str, module: ModuleFacts) -> ModuleFacts:
        state, boot = module.state, module.boot
        if name in loaded and state not in PRESENT_STATES:
            state = "loaded"
        if name in persisted:
            boot = _boot_if_listed(facts, module)
        return replace(module, state=state, boot=boot)

    after = with_legacy_tables(facts, _change_modules(facts, loaded | persisted, prepare))
    if not writes_boot_file:
        return after
    return replace(after, boot_files={**facts.boot_files, BOOT_FILE: tuple(persist)})


def _boot_if_listed(facts: Facts, module: ModuleFacts) -> Boot:
    """Return whether a module that a boot file lists is present after a reboot."""
    if module.boot == "not_applicable":
        return module.boot
    # A kernel that lacks the module, or a node that does not read the file, makes the line useless.
    with_next_kernel: dict[State | None, Boot] = {
        "missing": "ineffective",
        "blocked": "ineffective",
        "unknown": "unknown",
    }
    state = None if module.next_boot is None else module.next_boot.state
    # A reboot removes the boot file of this collection if /etc is not kept.
    after_removal: dict[str, Boot] = {"volatile": "ineffective", "unknown": "unknown"}
    by_file = after_removal.get(facts.platform.etc, "yes")
    answers = (with_next_kernel.get(state, "yes"), by_file, _boot_by_line(facts))
    if "ineffective" in answers:
        return "ineffective"
    return "unknown" if "unknown" in answers else "yes"


def _boot_by_line(facts: Facts) -> Boot:
    """Return what a line in modules-load.d achieves on this node."""
    answers: dict[bool | None, Boot] = {True: "yes", False: "ineffective", None: "unknown"}
    return answers[facts.platform.boot_files_read]


def after_reboot(facts: Facts) -> Facts:
    """Return the facts after a reboot: the modules, the kernel and the legacy tables, which decide the grades then."""
    modules = {}
    for name, module in facts.modules.items():
        modules[name] = _reboot_module(module, provider_after_reboot(facts.modules, name))
    return with_legacy_tables(facts, modules, _reboot_kernel(facts.kernel))


def _reboot_kernel(kernel: Kernel) -> Kernel:
    following = kernel.next_boot
    # A guess decides nothing, as in the facts (_observe/node.py).
    if following is None or not following.certain or following.release == kernel.release:
        return kernel
    return replace(kernel, release=following.release, version=_parse_release(following.release))


def _parse_release(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", release)[:3])


def after_kernel(facts: Facts, release: str, other: OtherKernel) -> Facts:
    """Return the facts after a reboot into another installed kernel, of which only the missing parts are known.

    Each module that this kernel has counts as a module file, even if it is built in: the verdict after preparing the
    node is the same. Lines of modprobe.d and what denies autoloading apply to it as they do now.
    """
    modules = {}
    for name, module in facts.modules.items():
        modules[name] = _move_module(facts, name, module, release, other)
    options: dict[str, str | None] = dict.fromkeys(facts.options)
    if other.unset_options is not None:
        # The facts omit an option for which the running kernel gives no evidence.
        options = dict.fromkeys(options, "y")
        options.update(dict.fromkeys(other.unset_options, "n"))
    kernel = replace(
        facts.kernel,
        release=release,
        version=_parse_release(release),
        modules_supported=True,
        module_tree_present=True,
        config=None,
        next_boot=None,
    )
    after = with_legacy_tables(facts, modules, kernel)
    return replace(after, options=options, other_kernels={})


def _move_module(facts: Facts, name: str, module: ModuleFacts, release: str, other: OtherKernel) -> ModuleFacts:
    """Return the facts of a module after a reboot into another installed kernel."""
    if name in other.lacks:
        reason = Reason("now", Code.NOT_IN_TREE, f"kernel {release} does not have it")
        return ModuleFacts("missing", "never", "no", reasons=(reason,))
    is_file = module.state in ("loaded", "loadable", "blocked")
    provider = MERGED_INTO.get(name, module.provider)
    if provider is not None and not is_file:
        if provider in other.lacks:
            return ModuleFacts("unknown", "unknown", "unknown")
        return ModuleFacts("merged", "yes", "not_applicable", provider=provider)
    moved = _install_module(facts, name, module, CONFLICT_CODES)
    if is_file and not moved.reasons:
        state: State = "blocked" if module.state == "blocked" else "loadable"
        boot: Boot = "yes" if module.boot == "yes" else moved.boot
        moved = replace(module, state=state, boot=boot, next_boot=None)
    return replace(moved, state="loaded") if (moved.state, moved.boot) == ("loadable", "yes") else moved


def _reboot_module(module: ModuleFacts, provider: str | None) -> ModuleFacts:
    state = module.state_at_next_boot
    if state == "merged":
        if provider is None:
            state = "unknown"
            provider = module.provider
    else:
        provider = module.provider
        state = _state_after_reboot(state, module.boot)
    if (state, provider, module.next_boot) == (module.state, module.provider, None):
        return module
    return replace(
        module,
        state=state,
        autoload=module.autoload_at_next_boot,
        requests=module.requests_at_next_boot,
        provider=provider,
        next_boot=None,
    )


def _state_after_reboot(state: State, boot: Boot) -> State:
    """Return the state after a reboot of a module that has this state with the next kernel."""
    if state == "builtin":
        return state
    if boot == "yes":
        return "loaded"
    if state in ("loaded", "loadable"):
        return "unknown" if boot == "unknown" else "loadable"
    return state


def _make_loadable(facts: Facts, name: str) -> ModuleFacts:
    """Return the facts of a module that only has to be loaded."""
    autoload: Autoload = "yes"
    if name not in AUTOLOAD_REQUESTS:
        autoload = "never"
    elif facts.selinux.module_request is False and facts.selinux.mode == "enforcing":
        autoload = "denied"
    is_listed = any(name in names for names in facts.boot_files.values())
    return ModuleFacts(
        state="loadable",
        autoload=autoload,
        boot=_boot_by_line(facts) if is_listed else "no",
        autoload_after=AUTOLOAD_AFTER.get(name) if autoload == "yes" else None,
    )


def _keep_unresolved(requests: Mapping[str, Autoload]) -> dict[str, Autoload]:
    """Return the requests that lead to no module, whatever lets the others load it."""
    return {request: answer for request, answer in requests.items() if answer == "never"}


def _with_next_boot(module: ModuleFacts, following: NextBootState) -> ModuleFacts:
    """Return the module with these answers for its next boot, if they differ from now (as in the facts of a node)."""
    if following.state == module.state or (following.state == "loadable" and module.state == "loaded"):
        following = replace(following, state=None)
    is_same_answer = (following.autoload, following.requests) == (module.autoload, module.requests)
    if following.state is None and is_same_answer:
        return replace(module, next_boot=None)
    return replace(module, next_boot=following)


def with_dependencies(modules: Modules, names: Iterable[str]) -> set[str]:
    """Return these modules, as far as the facts know them, and all modules that they need."""
    found: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name in modules and name not in found:
            found.add(name)
            pending += modules[name].depends
    return found


def _change_modules(facts: Facts, names: Collection[str], change: Change) -> Modules:
    modules = dict(facts.modules)
    for name in facts.modules:
        if name in names:
            modules[name] = change(name, modules[name])
    return modules


def provider_after_reboot(modules: Modules, name: str) -> str | None:
    """Return the module that holds the code of this one after a reboot.

    That is the module itself, or the one that it is merged into then; None if the latter is not known.
    """
    module = modules[name]
    if module.state_at_next_boot != "merged":
        return name
    # The facts name the provider for the running kernel only. For the next kernel it is one of the known merges.
    provider = module.provider or MERGED_INTO.get(name)
    return provider if provider in modules else None
