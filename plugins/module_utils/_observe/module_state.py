# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide for each module name: its state now, whether the kernel would load it on demand, whether it loads at boot."""

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.proc import LoadedModule, is_dummy_program
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import (
    AUTOLOAD_AFTER,
    AUTOLOAD_REQUESTS,
    KERNEL_OPTIONS,
    MERGED_INTO,
    NEEDS_IPV6_SOCKET,
    canonicalize,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import kernel_config
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.kernel_config import ModuleOption
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node import Node
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import (
    Cause,
    Code,
    Reason,
    add_reasons,
    collect_reasons,
)

# In these states the code is in the kernel, regardless of modprobe's configuration.
_IN_KERNEL = ("builtin", "merged")
# In these states the kernel has the code, or its tree does.
_EXISTING = ("loaded", "builtin", "loadable", "blocked")
# In these states the state alone decides about autoload.
_AUTOLOAD_BY_STATE = {"builtin": "yes", "merged": "yes", "missing": "never", "unknown": "unknown"}
# An answer to a request that leads to a module, the worst one first.
_WORST_FIRST = ("denied", "unknown", "yes")
# Out of tree, forced, unsigned (Documentation/admin-guide/tainted-kernels.rst).
_REPORTED_TAINTS = frozenset("OFE")


class State(NamedTuple):
    """The state of a module name.

    :ivar name: "loaded", "builtin", "merged", "loadable", "blocked", "missing" or "unknown".
    :ivar origin: its file or kernel option, or None.
    :ivar cause: why it has this state, or None.
    :ivar provider: the module that has its code, if that has another name.
    """

    name: str
    origin: Optional[str] = None
    cause: Optional[Cause] = None
    provider: Optional[str] = None


class Answer(NamedTuple):
    """The answer on the axis autoload or boot, and its cause or None."""

    value: str
    cause: Optional[Cause] = None


class Autoload(NamedTuple):
    """The answers to the kernel's requests for a module.

    :ivar value: the worst answer.
    :ivar causes: why it is not "yes".
    :ivar requests: dict of request to its answer, for those with another answer.
    """

    value: str
    causes: Sequence[Cause] = ()
    requests: Mapping[str, str] = {}

    @property
    def cause(self) -> Optional[Cause]:
        """The first cause, or None."""
        return next(iter(self.causes), None)

    @property
    def is_possible(self) -> bool:
        """Whether the kernel loads the module for any request."""
        return "yes" in (self.value, *self.requests.values())


def describe(node: Node, name: str) -> Dict[str, Any]:
    """Return the C(modules) entry of the facts for one module and, as C(reasons), the reasons for its answers."""
    state = find_state(node, name)
    autoload = _decide_autoload(node, name, state.name)
    entry = _build_entry(node, name, state, autoload)
    conflicts = [cause.to_reason("autoload") for cause in autoload.causes]
    conflicts += _list_conflicts(node, name, entry)
    later = node.after_reboot
    if later is None:
        boot = _decide_boot(node, name, state.name)
    else:
        later_state = find_state(later, name)
        boot = _describe_next_boot(entry, node, later, name, later_state)
        if later_state.name not in _IN_KERNEL:
            conflicts += _list_conflicts_after_reboot(node, later, name)
    entry["boot"] = boot.value
    reasons = collect_reasons({"now": state.cause, "autoload": autoload.cause, "boot": boot.cause})
    entry["reasons"] = add_reasons(reasons, conflicts)
    return entry


def describe_unrecorded() -> Dict[str, Any]:
    """Return the entry of a module that the recorder did not look for: the files may lack what is about it."""
    reason = Cause(Code.NOT_IN_RECORDING, "the recorder did not look for it").to_reason("now")
    return {"state": "unknown", "autoload": "unknown", "boot": "unknown", "reasons": [reason]}


def is_present(node: Node, name: str) -> bool:
    """Return whether using this module loads nothing: it is loaded or built in, or the kernel cannot load modules."""
    return node.modules_supported is False or find_state(node, name).name in ("loaded", "builtin")


def _build_entry(node: Node, name: str, state: State, autoload: Autoload) -> Dict[str, Any]:
    entry: Dict[str, Any] = {"state": state.name}
    if state.provider:
        entry["provider"] = state.provider
    if state.origin:
        entry["origin"] = state.origin
    depends = [one for one in dict.fromkeys(node.tree.list_dependencies(name)) if one in KERNEL_OPTIONS]
    if depends:
        entry["depends"] = depends
    entry["autoload"] = autoload.value
    if autoload.requests:
        entry["requests"] = dict(autoload.requests)
    if name in AUTOLOAD_AFTER and autoload.is_possible:
        entry["autoload_after"] = AUTOLOAD_AFTER[name]
    return entry


def _decide_boot(node: Node, name: str, state: str) -> Answer:
    value, cause = node.boot_decisions.decide(node, name, state)
    flat = node.flat_tree_cause
    if flat and state in ("loaded", "unknown") and not node.container_cause:
        # No boot list loads it. Whether a script of this system does, by the path of its file, is not known.
        return Answer("unknown", flat._replace(listed_in=cause.listed_in if cause else None))
    return Answer(value, cause)


def _describe_next_boot(entry: Dict[str, Any], now: Node, later: Node, name: str, state: State) -> Answer:
    """Return the answer for boot, and add to the entry how state and autoload will differ after the reboot.

    :param later: the node after the reboot.
    :param state: the module's state there.
    """
    autoload = _decide_autoload(later, name, state.name)
    boot = _decide_boot(later, name, state.name)
    # A loaded module that is loadable after a reboot stays usable, so it counts as unchanged.
    is_same_state = state.name == entry["state"] or (entry["state"], state.name) == ("loaded", "loadable")
    if is_same_state and (autoload.value, autoload.requests) == (entry["autoload"], entry.get("requests", {})):
        return boot
    entry["next_boot"] = {"autoload": autoload.value}
    if autoload.requests:
        entry["next_boot"]["requests"] = dict(autoload.requests)
    if not is_same_state:
        entry["next_boot"]["state"] = state.name
    if boot.cause or boot.value == "yes":
        return boot
    if later.release == now.release:
        return boot._replace(cause=state.cause or autoload.cause)
    if state.name in ("missing", "blocked"):
        return boot._replace(cause=Cause(Code.MISSING_IN_NEXT_KERNEL, f"{state.name} with kernel {later.release}"))
    return boot


def _list_conflicts(node: Node, name: str, entry: Dict[str, Any]) -> List[Reason]:
    """Return the conflicts of a module now as reasons."""
    if entry["state"] in _IN_KERNEL:
        return []
    reasons = []
    for cause in node.modprobe.find_conflicts(name):
        # A loaded module can be lost only by a reboot, and the conflicts after the reboot are listed separately.
        if node.after_reboot is None or entry["state"] != "loaded" or cause.code == Code.BLACKLIST:
            reasons.append(cause.to_reason(_choose_axis(node, name, entry, cause)))
    return reasons


def _list_conflicts_after_reboot(now: Node, later: Node, name: str) -> List[Reason]:
    """Return the conflicts of a module after a reboot as reasons.

    A blacklisted dependency that is loaded now is not a conflict: what loads it now also does so after a reboot.
    """
    reasons = []
    for cause in later.modprobe.find_conflicts(name):
        if cause.code != Code.BLACKLIST or cause.dependency not in (now.loaded or ()):
            reasons.append(cause.to_reason("boot"))
    return reasons


def _choose_axis(node: Node, name: str, entry: Dict[str, Any], conflict: Cause) -> str:
    """Return the axis of a conflict.

    A blacklisted module loads only by an explicit modprobe, even if the kernel never requests it. If the kernel
    requests it by its own name, the blacklist affects only the boot list (and this role). The same holds for a module
    with a blacklisted dependency: modprobe ignores the blacklist of dependencies (libkmod-module.c:
    kmod_module_probe_insert_module()).
    """
    if conflict.code == Code.BLACKLIST and conflict.dependency:
        return "boot"
    if entry["state"] == "blocked" and conflict.code != Code.BLACKLIST:
        return "now"
    is_blacklisted_at_boot = (node.after_reboot or node).conf.find_blacklist(name)
    return "boot" if entry["autoload"] == "yes" and is_blacklisted_at_boot else "autoload"


def find_state(node: Node, name: str) -> State:
    """Return the state of one name."""
    own = _find_own_state(node, name)
    option = node.find_option(name).value
    # Of a kernel whose modules cannot be seen, the options still show that a name was merged into another module.
    is_absent = own.name == "missing" or (own.name == "unknown" and name in MERGED_INTO and option == "absent")
    # A name that the kernel still configures, or modules.dep still lists, was not merged.
    is_configured = option == "n" or bool(
        own.cause and own.cause.code in (Code.MODULE_FILE_MISSING, Code.NOT_INSTALLED, Code.TRANSIENT)
    )
    if not is_absent or is_configured:
        return own
    if name in MERGED_INTO:
        return _find_merged_state(node, MERGED_INTO[name])
    found = node.modprobe.lookup(name)
    if found.targets and found.targets[0].module != name:
        alias_of = found.targets[0].module
        return State("merged", None, Cause(Code.ALIASED, f"it is an alias of {alias_of}"), alias_of)
    if found.block and found.block.code == Code.ALIAS_OVERRIDE:
        return State("blocked", None, found.block)
    return own


def _find_merged_state(node: Node, provider: str) -> State:
    """Return the state of an absent name whose code moved into another module."""
    found = _find_own_state(node, provider)
    if found.name in _EXISTING:
        return State("merged", None, Cause(Code.MERGED, f"its code is in {provider} on this kernel"), provider)
    if found.name == "unknown":
        return State("unknown", None, found.cause)
    text = f"this kernel has neither it nor {provider}, which took over its code"
    return State("missing", None, Cause(Code.PROVIDER_MISSING, text))


def _find_own_state(node: Node, name: str) -> State:
    """Return the state of one name, without regard to merged modules and aliases."""
    if node.loaded is not None and name in node.loaded:
        return _find_live_state(node, name, node.loaded[name])
    if name in node.tree.builtin:
        return _make_builtin_state(node, name, node.tree.builtin[name])
    if name in node.tree.paths:
        return _find_file_state(node, name)
    option = node.find_option(name)
    if option.value == "y":
        return _make_builtin_state(node, name, f"CONFIG_{option.name}=y ({node.config_path})")
    if node.is_running and node.is_in_sysfs(name):
        return _make_builtin_state(node, name, "/sys/module/" + name)
    return _explain_absence(node, name, option)


def _find_live_state(node: Node, name: str, module: LoadedModule) -> State:
    """Return the state of a module that /proc/modules lists."""
    if module.state != "Live":
        text = f"its state in /proc/modules is '{module.state}' at this moment: gather the facts again"
        return State("unknown", None, Cause(Code.TRANSIENT, text))
    cause = None
    if _REPORTED_TAINTS & set(module.taint):
        cause = Cause(Code.TAINTED, f"loaded with taint {module.taint}")
    return State("loaded", node.tree.paths.get(name), cause)


def _make_builtin_state(node: Node, name: str, origin: str) -> State:
    override = node.conf.find_install_override(name)
    if override is None:
        return State("builtin", origin)
    text = f"it is built in, and {override.text} has no effect"
    return State("builtin", origin, Cause(Code.INSTALL_OVERRIDE_UNUSED, text, override.where))


def _find_file_state(node: Node, name: str) -> State:
    """Return the state of a module that modules.dep lists."""
    origin = node.tree.paths[name]
    cause = node.modprobe.find_block(name)
    if cause and cause.code == Code.MODULE_FILE_MISSING and not cause.dependency:
        return State("missing", None, cause)
    cause = _find_blocker(node) or cause or node.modprobe.resolve_request(name, name, False)[1]
    if cause:
        return State("blocked", origin, cause)
    uncertainty = node.modprobe.find_uncertainty(name)
    if uncertainty is None and not node.platform["can_load_modules"]:
        uncertainty = node.container_cause
    if uncertainty:
        return State("unknown", origin, uncertainty)
    return State("loadable", origin, node.conf.find_custom_install(name))


def _find_blocker(node: Node) -> Optional[Cause]:
    """Return the cause if the running kernel loads nothing at all until a reboot, or None."""
    if not node.is_running or not node.blockers["modules_disabled"]:
        return None
    return node.conf.find_blocker() or Cause(Code.MODULES_DISABLED, "kernel.modules_disabled is 1")


def _explain_absence(node: Node, name: str, option: ModuleOption) -> State:
    """Return whether a name that is found nowhere is missing, or only not visible."""
    tree = node.tree
    not_built = _explain_not_built(node, name, option)
    if node.modules_supported is False:
        text = "not built into this kernel, which cannot load modules"
        return State("missing", None, not_built or Cause(Code.NOT_BUILT, text))
    unindexed = tree.find_unindexed_file(name) if tree.indexed else None
    if not_built and not unindexed:
        return State("missing", None, not_built)
    if not tree.indexed:
        return _explain_unread_tree(node)
    if unindexed:
        text = "its file is not listed in modules.dep: run depmod -a"
        return State("unknown", None, Cause(Code.INDEX_MISSING, text, unindexed))
    if option.value == "m":
        text = f"CONFIG_{option.name}=m, but its file is not installed"
        return State("missing", None, Cause(Code.NOT_INSTALLED, text))
    return State("missing", None, Cause(Code.NOT_IN_TREE, f"not in {tree.path}"))


def _explain_not_built(node: Node, name: str, option: ModuleOption) -> Optional[Cause]:
    """Return the cause if the options of this kernel show that the module was not built, or None."""
    if option.value == "n":
        return Cause(Code.NOT_BUILT, f"CONFIG_{option.name} is not set", node.config_path)
    if option.value == "absent":
        return Cause(Code.NOT_BUILT, kernel_config.describe_absence(node.version, name))
    return None


def _explain_unread_tree(node: Node) -> State:
    if node.flat_tree_cause:
        return State("unknown", None, node.flat_tree_cause)
    if not node.tree.present:
        return State("unknown", None, _explain_absent_tree(node))
    return _explain_absent_index(node)


def _explain_absent_tree(node: Node) -> Cause:
    path = node.tree.path
    if node.modules_supported is None:
        return Cause(Code.UNREADABLE, "neither /proc/modules nor the kernel's options can be read")
    if node.container_cause:
        return node.container_cause
    if path in node.files.unreadable:
        return Cause(Code.UNREADABLE, "the modules of this kernel cannot be read", path)
    return Cause(Code.MODULES_TREE_MISSING, f"{path} is missing{_advise_without_tree(node)}")


def _advise_without_tree(node: Node) -> str:
    """Return the end of a sentence: what gives the running kernel its modules, or replaces it."""
    following = node.next_kernel
    if not node.other_releases or following is None:
        return ", and no other kernel is installed"
    if following.certain and following.release in node.other_releases:
        return f": reboot into {following.release}"
    if following.release == node.release:
        return f", and this kernel boots again: reinstall the modules of {node.release}"
    return (
        f", and which kernel boots next cannot be determined (perhaps {following.release}): reboot; if the modules are "
        f"still missing then, add those of {node.release}"
    )


def _explain_absent_index(node: Node) -> State:
    tree = node.tree
    index = tree.path + "/modules.dep"
    if index in node.files.unreadable:
        return State("unknown", None, Cause(Code.UNREADABLE, "the index of the modules cannot be read", index))
    if tree.empty:
        text = "this kernel has no modules: their package is not installed"
        return State("missing", None, Cause(Code.NOT_INSTALLED, text, tree.path))
    text = "the index of the modules is missing, or has no binary form: run depmod -a"
    return State("unknown", None, Cause(Code.INDEX_MISSING, text, index))


def _decide_autoload(node: Node, name: str, state: str) -> Autoload:
    """Return whether the kernel would load a module on demand, for each of its requests."""
    if state in _AUTOLOAD_BY_STATE:
        return Autoload(_AUTOLOAD_BY_STATE[state])
    requests = AUTOLOAD_REQUESTS.get(name, ())
    if not requests:
        return Autoload("never", [Cause(Code.NEVER_REQUESTED, "the kernel never requests it")])
    if node.ipv6 is False and name in NEEDS_IPV6_SOCKET:
        text = "IPv6 is disabled in this kernel, and only IPv6 sockets request it"
        return Autoload("never", [Cause(Code.IPV6_DISABLED, text)])
    answers: Dict[str, Answer] = {}
    unresolved = []
    for request in requests:
        is_resolved, denial = node.modprobe.resolve_request(canonicalize(request), name, False)
        if denial:
            answers[request] = Answer("denied", denial)
        elif is_resolved:
            answers[request] = _decide_request(node, name)
        else:
            unresolved.append(request)
    if not answers:
        return _explain_unresolved(node, requests)
    worst = min((answer.value for answer in answers.values()), key=_WORST_FIRST.index)
    causes = [answer.cause for answer in answers.values() if answer.value == worst and answer.cause]
    others = {request: answer.value for request, answer in answers.items() if answer.value != worst}
    others.update(dict.fromkeys(unresolved, "unknown" if node.container_cause else "never"))
    return Autoload(worst, list(dict.fromkeys(causes)), others)


def _explain_unresolved(node: Node, requests: Sequence[str]) -> Autoload:
    """Return the answer if modprobe knows no module for the kernel's requests."""
    unknown = node.container_cause or node.unread_tree_cause
    if unknown:
        return Autoload("unknown", [unknown])
    aliases = " or ".join(canonicalize(request) for request in requests)
    return Autoload("never", [Cause(Code.NO_ALIAS, f"no module has the alias {aliases}")])


def _find_denial_after_boot(node: Node) -> Optional[Cause]:
    denial = node.autoload_denial
    return None if denial is None or denial.code == Code.UNREADABLE else denial


def _decide_request(node: Node, name: str) -> Answer:
    """Return the answer if the kernel's request leads to the module. It is the same for all such requests."""
    denial = node.modprobe.find_block(name) or _find_blocker(node) or _find_denial_after_boot(node)
    if denial:
        return Answer("denied", denial)
    uncertainty = node.container_cause or node.modprobe.find_uncertainty(name) or node.autoload_denial
    for answer in (_check_modprobe_helper(node), _check_selinux(node)):
        if answer:
            return answer
    return Answer("unknown", uncertainty) if uncertainty else Answer("yes")


def _check_modprobe_helper(node: Node) -> Optional[Answer]:
    """Return the answer if the program that the kernel starts to load modules does not load them, or may not."""
    helper = node.blockers["modprobe_helper"]
    if helper is None:
        return None
    if node.blockers["modprobe_helper_exists"] is False:
        text = f"kernel.modprobe is '{helper}', which cannot be started"
        return Answer("denied", Cause(Code.KERNEL_MODPROBE, text))
    if is_dummy_program(node.files, helper):
        return Answer("denied", Cause(Code.KERNEL_MODPROBE, f"kernel.modprobe is '{helper}', which loads nothing"))
    if not helper.endswith("/modprobe"):
        text = f"kernel.modprobe is '{helper}', which is not modprobe"
        return Answer("unknown", Cause(Code.KERNEL_MODPROBE_UNKNOWN, text))
    return None


def _check_selinux(node: Node) -> Optional[Answer]:
    """Return the answer if SELinux does not let containers request modules, or may not."""
    selinux = node.selinux
    is_allowed = selinux.get("module_request")
    if selinux["mode"] in ("disabled", "permissive") or is_allowed:
        return None
    if is_allowed is False:
        text = f"SELinux does not let {selinux['domain']} request modules"
        return Answer("denied", Cause(Code.SELINUX, text))
    return Answer("unknown", Cause(Code.SELINUX_UNKNOWN, "the SELinux policy cannot be queried"))
