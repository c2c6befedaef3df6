# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Decide for each module name: its state now, whether the kernel would load it on demand, whether it boots."""

from ansible_collections.nodeprep.istio.plugins.module_utils import _module_names as names
from ansible_collections.nodeprep.istio.plugins.module_utils import _reasons
from ansible_collections.nodeprep.istio.plugins.module_utils._boot import boot_state
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Cause


class Node:
    """All that was read of one node about one kernel, for the pure decisions below.

    :ivar release: the kernel's release.
    :ivar live: whether that kernel is running; what it has loaded then counts.
    :ivar loaded: what :func:`_proc.loaded_modules` returned; None where it could not be read.
    :ivar in_sysfs: function that tells whether the running kernel shows a name in /sys/module as part of itself.
    :ivar tree: a :class:`_modules_tree.ModulesTree`.
    :ivar modprobe: a :class:`_modprobe.Modprobe` on that tree.
    :ivar config: kernel options, or None; see :mod:`_kernel_config`.
    :ivar conf: a :class:`_modprobe_conf.ModprobeConf`.
    :ivar boot: a :class:`_modules_load.BootList`.
    :ivar blockers: what :func:`_proc.blockers` returned.
    :ivar selinux: what :func:`_selinux.observe` returned.
    :ivar surroundings: what :func:`_surroundings.observe` returned.
    :ivar ipv6: whether the kernel has IPv6; None where it cannot be told.
    :ivar others: releases of the other installed kernels.
    :ivar unreadable: paths of the files that may not be read.
    :ivar denial: the Cause for which nothing is loaded on demand once this kernel has booted, whatever holds now, or None; see :func:`_sysctl.denial`.
    :ivar following: the Node after a reboot, of another kernel or of the same one; None where the reboot changes nothing.
    :ivar outcome: the :class:`boot_state.Outcome`, made when it is first asked for.
    """

    denial = None
    following = None
    outcome = None

    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    @property
    def modules_supported(self):
        """Whether this kernel can load modules at all: False with CONFIG_MODULES=n, None where it cannot be told."""
        if self.loaded is not None or (not self.live and self.tree.indexed):
            return True
        return "MODULES" in self.config if self.config is not None else None

    @property
    def foreign(self):
        """The cause for which the kernel's affairs are settled outside this system, or None."""
        kind = self.surroundings["container"]
        return Cause("container", "the kernel is that of the container's host ({0})".format(kind)) if kind else None

    def tree_unread(self):
        """Return code, text and place of the cause for which the tree tells nothing."""
        return (
            "index_missing" if self.tree.present else "modules_tree_missing",
            "this kernel's modules cannot be read",
            self.tree.path,
        )


def describe(node, name):
    """Return what is known of one module: its C(modules) entry of the facts and, as C(reasons), why."""
    state, origin, cause, provider = state_of(node, name)
    entry = {"state": state}
    if provider:
        entry["provider"] = provider
    if origin:
        entry["origin"] = origin
    depends = [
        dependency for dependency in dict.fromkeys(node.tree.dependencies(name)) if dependency in names.KERNEL_OPTIONS
    ]
    if depends:
        entry["depends"] = depends
    causes = {"now": cause}
    entry["autoload"], causes["autoload"] = _autoload(node, name, state)
    if names.AUTOLOAD_AFTER.get(name) and entry["autoload"] == "yes":
        entry["autoload_after"] = names.AUTOLOAD_AFTER[name]
    following = node.following
    if following:
        after = state_of(following, name)
        autoload, denial = _autoload(following, name, after[0])
        entry["boot"], causes["boot"] = boot_state.decide(following, name, after[0])
        alike = state == after[0] or (state, after[0]) == ("loaded", "loadable")
        if not alike or autoload != entry["autoload"]:
            entry["next_boot"] = {"autoload": autoload} if alike else {"state": after[0], "autoload": autoload}
            if following.release == node.release and entry["boot"] != "yes":
                causes["boot"] = causes["boot"] or after[2] or denial
            elif following.release != node.release and after[0] in ("missing", "blocked") and not causes["boot"]:
                causes["boot"] = Cause(
                    "missing_in_next_kernel", "{0} with kernel {1}".format(after[0], following.release)
                )
    else:
        entry["boot"], causes["boot"] = boot_state.decide(node, name, state)
    obstacles = [] if state in ("builtin", "merged") else node.modprobe.obstacles(name)
    if following and state == "loaded":
        # What is loaded now only a reboot can lose.
        obstacles = [cause for cause in obstacles if cause.code == "blacklist"]
    reasons = _reasons.with_reasons(
        _reasons.of_axes(causes), [cause.reason(_axis(node, name, entry, cause)) for cause in obstacles]
    )
    if following and after[0] not in ("builtin", "merged"):
        reasons = _reasons.with_reasons(reasons, [cause.reason("boot") for cause in following.modprobe.obstacles(name)])
    entry["reasons"] = reasons
    return entry


def _axis(node, name, entry, cause):
    """Return the axis of what else is in the module's way: by a blacklist it is not loaded unasked, even where the kernel never asks for it.

    Where the kernel asks for it by its own name, the blacklist matters to the boot list alone (and to this role).
    """
    if entry["state"] == "blocked" and cause.code != "blacklist":
        return "now"
    lasting = (node.following or node).conf.blacklisting(name)
    return "boot" if entry["autoload"] == "yes" and lasting else "autoload"


def is_there(node, name):
    """Whether using this module can load nothing: it is loaded or built in, or the kernel cannot load modules."""
    return node.modules_supported is False or state_of(node, name)[0] in ("loaded", "builtin")


def state_of(node, name):
    """Return (state, origin, cause, provider) of one name."""
    state, origin, cause = _own_state(node, name)
    # A name that the kernel still configures, or still lists, has not gone into another module.
    if state != "missing" or cause.code in ("module_file_missing", "not_installed"):
        return state, origin, cause, None
    provider = names.MERGED_INTO.get(name)
    if provider:
        found = _own_state(node, provider)[0]
        if found in ("loaded", "builtin", "loadable", "blocked"):
            return "merged", None, Cause("merged", "its code lives in {0} on this kernel".format(provider)), provider
        if found == "unknown":
            return "unknown", None, _own_state(node, provider)[2], None
        return (
            state,
            None,
            Cause("provider_missing", "neither it nor {0}, which took its code over".format(provider)),
            None,
        )
    targets, refusal = node.modprobe.lookup(name)
    if targets and targets[0][0] != name:
        return "merged", None, Cause("aliased", "it is an alias of {0}".format(targets[0][0])), targets[0][0]
    return (
        ("blocked", None, refusal, None) if refusal and refusal.code == "alias_override" else (state, None, cause, None)
    )


def _own_state(node, name):
    """Return (state, origin, cause) of one name, merged names and aliases not yet considered."""
    live, taint = (node.loaded or {}).get(name, (None, ""))
    if live == "Live":
        cause = Cause("tainted", "loaded with taint {0}".format(taint)) if set(taint) & set("OFE") else None
        return "loaded", node.tree.paths.get(name), cause
    if live is not None:
        return (
            "unknown",
            None,
            Cause("transient", "the kernel says '{0}' of it at this moment: look again".format(live)),
        )
    override = node.conf.override(name)
    harmless = (
        Cause("install_override_unused", "built in, so that {0} changes nothing".format(override.text), override.where)
        if override
        else None
    )
    if name in node.tree.builtin:
        return "builtin", node.tree.builtin[name], harmless
    if name in node.tree.paths:
        return _file_state(node, name)
    option = _option(node, name)
    if option is not None and node.config[option] == "y":
        return "builtin", "CONFIG_{0}=y ({1})".format(option, node.config_path), harmless
    if node.live and node.in_sysfs(name):
        return "builtin", "/sys/module/" + name, harmless
    return _absent(node, name, option)


def _file_state(node, name):
    """Return (state, origin, cause) of a module that modules.dep lists."""
    origin = node.tree.paths[name]
    cause = node.modprobe.refusal(name)
    if cause and cause.code == "module_file_missing" and not cause.needs:
        return "missing", None, cause
    cause = _disabled(node) or cause or node.modprobe.reaches(name, name, False)[1]
    if cause:
        return "blocked", origin, cause
    doubt = node.modprobe.doubt(name) or (node.foreign if not node.surroundings["can_load_modules"] else None)
    return ("unknown" if doubt else "loadable"), origin, doubt or node.conf.wrapper(name)


def _absent(node, name, option):
    """Say of a name that is nowhere to be found whether that means missing or only that nothing can be told."""
    tree = node.tree
    if node.modules_supported is False:
        return "missing", None, Cause("not_built", "not built into this kernel, which cannot load modules")
    if node.modules_supported is None and not tree.present:
        return "unknown", None, Cause("unreadable", "neither /proc/modules nor the kernel's options can be read")
    if not tree.present:
        if node.foreign:
            return "unknown", None, node.foreign
        if tree.path in node.unreadable:
            return "unknown", None, Cause("unreadable", "this kernel's modules cannot be read", tree.path)
        if node.others:
            return (
                "unknown",
                None,
                Cause("modules_tree_missing", "{0} is gone: reboot into {1}".format(tree.path, node.others[-1])),
            )
        return (
            "unknown",
            None,
            Cause("modules_tree_missing", "{0} is not there, nor another kernel's".format(tree.path)),
        )
    index = tree.path + "/modules.dep"
    if index in node.unreadable:
        return "unknown", None, Cause("unreadable", "the index of the modules cannot be read", index)
    if not tree.indexed and tree.empty:
        return (
            "missing",
            None,
            Cause("not_installed", "this kernel has no modules: their package is not installed", tree.path),
        )
    if not tree.indexed:
        return (
            "unknown",
            None,
            Cause(
                "index_missing",
                "the index of the modules is not there, or not in its binary form: run depmod -a",
                index,
            ),
        )
    unindexed = tree.unindexed(name)
    if unindexed:
        return "unknown", None, Cause("index_missing", "its file is not in modules.dep: run depmod -a", unindexed)
    if option is not None:
        return "missing", None, Cause("not_installed", "CONFIG_{0}=m, but no such file is installed".format(option))
    return "missing", None, Cause("not_in_tree", "not in {0}".format(tree.path))


def _option(node, name):
    """Return the kernel option that tells most of this name: one set to y, else one set to m, else None."""
    options = [option for option in names.KERNEL_OPTIONS.get(name, ()) if option in (node.config or {})]
    return next((option for option in options if node.config[option] == "y"), options[0] if options else None)


def _disabled(node):
    """Return the cause for which the running kernel loads nothing at all until a reboot, or None."""
    if node.live and node.blockers["modules_disabled"]:
        return node.conf.switched_off() or Cause("modules_disabled", "kernel.modules_disabled is 1")
    return None


def _autoload(node, name, state):
    """Return (autoload, cause)."""
    if state in ("builtin", "merged"):
        return "yes", None
    if state in ("missing", "unknown"):
        return ("never" if state == "missing" else "unknown"), None
    requests = [names.canonical(request) for request in names.AUTOLOAD_REQUESTS.get(name, ())]
    if not requests:
        return "never", Cause("never_requested", "the kernel never asks for it")
    if node.ipv6 is False and name in names.IPV6_SOCKET:
        return "never", Cause("ipv6_disabled", "IPv6 is off in this kernel, and only its sockets ask for it")
    answers = [node.modprobe.reaches(request, name, False) for request in requests]
    refusal = next((cause for _reached, cause in answers if cause), None)
    if refusal is None and not any(reached for reached, _cause in answers):
        if node.foreign or not node.tree.indexed:
            return "unknown", node.foreign or Cause(*node.tree_unread())
        return "never", Cause("no_alias", "nothing answers to {0}".format(" or ".join(requests)))
    denial = node.denial if node.denial and node.denial.code != "unreadable" else None
    refusal = refusal or node.modprobe.refusal(name) or _disabled(node) or denial
    if refusal:
        return "denied", refusal
    doubt = node.foreign or node.modprobe.doubt(name) or node.denial
    return _helper(node) or _selinux(node) or (("unknown", doubt) if doubt else ("yes", None))


def _helper(node):
    """Return (autoload, cause) where the program that the kernel starts to load a module does not, or may not, else None."""
    helper = node.blockers["modprobe_helper"]
    if helper is None:
        return None
    words = "kernel.modprobe is '{0}'".format(helper)
    if node.blockers["modprobe_helper_exists"] is False:
        return "denied", Cause("kernel_modprobe", words + ": it cannot be started")
    if not helper.endswith("/modprobe"):
        return "unknown", Cause("kernel_modprobe", words + ", not modprobe")
    return None


def _selinux(node):
    """Return (autoload, cause) where SELinux lets no container ask for a module, or may not, else None."""
    selinux = node.selinux
    if selinux["mode"] in ("disabled", "permissive") or selinux.get("module_request"):
        return None
    if selinux.get("module_request") is False:
        return "denied", Cause("selinux", "SELinux lets no {0} ask for modules".format(selinux["domain"]))
    return "unknown", Cause("selinux", "SELinux cannot be asked")
