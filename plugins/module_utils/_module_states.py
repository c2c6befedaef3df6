# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Decide for each module name: its state now, whether the kernel would load it on demand, whether it boots."""

from ansible_collections.nodeprep.istio.plugins.module_utils import _module_names as names
from ansible_collections.nodeprep.istio.plugins.module_utils import _reasons
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Cause


class Node:
    """All that was read of one node, for the pure decisions below.

    :ivar loaded: what :func:`_proc.loaded_modules` returned.
    :ivar tree: a :class:`_modules_tree.ModulesTree`.
    :ivar config: kernel options, or None; see :mod:`_kernel_config`.
    :ivar conf: a :class:`_modprobe_conf.ModprobeConf`.
    :ivar boot: a :class:`_modules_load.BootList`.
    :ivar blockers: what :func:`_proc.blockers` returned.
    :ivar selinux: what :func:`_proc.selinux` returned.
    :ivar file_exists: function that tells whether a path exists on the node.
    """

    def __init__(self, loaded, tree, config, config_path, conf, boot, blockers, selinux, file_exists):
        self.loaded = loaded
        self.tree = tree
        self.config = config
        self.config_path = config_path
        self.conf = conf
        self.boot = boot
        self.blockers = blockers
        self.selinux = selinux
        self.file_exists = file_exists

    @property
    def modules_supported(self):
        """Whether this kernel can load modules at all: False with CONFIG_MODULES=n, None where it cannot be told."""
        if self.loaded is not None:
            return True
        return "MODULES" in self.config if self.config is not None else None


def describe(node, name):
    """Return what is known of one module, as the C(modules) entry of the facts."""
    state, origin, cause = _state(node, name)
    provider = None
    if state == "missing" and name in names.MERGED_INTO and cause.code in ("not_in_tree", "not_built"):
        provider = names.MERGED_INTO[name]
        provider_state = _state(node, provider)[0]
        if provider_state in ("loaded", "builtin", "loadable", "blocked"):
            state, cause = "merged", Cause("merged", "its code lives in {0} on this kernel".format(provider))
    causes = {"now": cause}
    entry = {"state": state}
    if provider:
        entry["provider"] = provider
    if origin:
        entry["origin"] = origin
    depends = [dependency for dependency in node.tree.dependencies(name) if dependency in names.KERNEL_OPTIONS]
    if depends:
        entry["depends"] = depends
    for axis, decide in (("autoload", _autoload), ("boot", _boot)):
        entry[axis], causes[axis] = decide(node, name, state)
    entry["reasons"] = _reasons.listed(causes)
    if name in names.AUTOLOAD_AFTER and entry["autoload"] == "yes":
        entry["autoload_after"] = names.AUTOLOAD_AFTER[name]
    return entry


def is_there(node, name):
    """Whether using this module can load nothing: it is loaded or built in, or the kernel cannot load modules."""
    return node.modules_supported is False or _state(node, name)[0] in ("loaded", "builtin")


def _state(node, name):
    """Return (state, origin, cause) of one name, merged names not yet considered."""
    live = (node.loaded or {}).get(name)
    if live == "Live":
        return "loaded", node.tree.paths.get(name), None
    if live is not None:
        return "unknown", None, Cause("transient", "the kernel says '{0}' of it at this moment: look again".format(live))
    if name in node.tree.builtin:
        return "builtin", node.tree.builtin[name], None
    path = node.tree.file(name)
    if path is not None:
        if not node.file_exists(path):
            return "missing", None, Cause("file_gone", "modules.dep lists {0}, but the file is not there".format(path))
        refusal = _load_refusal(node, name)
        return ("blocked", node.tree.paths[name], refusal) if refusal else ("loadable", node.tree.paths[name], None)
    option = _option(node, name)
    if option is not None and node.config[option] == "y":
        return "builtin", "CONFIG_{0}=y ({1})".format(option, node.config_path), None
    return _absent(node, option)


def _absent(node, option):
    """Say of a name that is nowhere to be found whether that means missing or only that nothing can be told."""
    if node.modules_supported is False:
        return "missing", None, Cause("not_built", "not built into this kernel, which cannot load modules")
    if node.modules_supported is None:
        return "unknown", None, Cause("unreadable", "neither /proc/modules nor the kernel's configuration can be read")
    if not node.tree.present:
        return "unknown", None, Cause("tree_gone", "{0} is not there: removed by an upgrade (reboot), or not visible from here".format(node.tree.path))
    if not node.tree.indexed:
        return "unknown", None, Cause("not_indexed", "{0}/modules.dep is not there: run depmod -a".format(node.tree.path))
    if option is not None:
        return "missing", None, Cause("not_installed", "CONFIG_{0}=m, but no such file is installed".format(option))
    return "missing", None, Cause("not_in_tree", "not in {0}".format(node.tree.path))


def _option(node, name):
    """Return the kernel option that tells most of this name: one set to y, else one set to m, else None."""
    options = [option for option in names.KERNEL_OPTIONS.get(name, ()) if option in (node.config or {})]
    return next((option for option in options if node.config[option] == "y"), options[0] if options else None)


def _load_refusal(node, name):
    """Return the cause for which modprobe would not load this module or one that it needs, or None."""
    if node.blockers["modules_disabled"]:
        return Cause("modules_disabled", "kernel.modules_disabled is 1 until a reboot")
    refusal = node.conf.load_refusal(name)
    if refusal:
        return refusal
    for dependency in node.tree.dependencies(name):
        refusal = None if dependency in (node.loaded or {}) else node.conf.load_refusal(dependency)
        if refusal:
            return Cause(refusal.code, "needs {0}: {1}".format(dependency, refusal.text), refusal.where)
    return None


def _autoload(node, name, state):
    """Return (autoload, cause)."""
    if state in ("builtin", "merged"):
        return "yes", None
    if state in ("missing", "unknown"):
        return ("never" if state == "missing" else "unknown"), None
    requests = names.AUTOLOAD_REQUESTS.get(name, ())
    if not any(request == name or name in node.tree.aliases.get(request, ()) for request in requests):
        return "never", Cause("never_requested", "the kernel never asks for it")
    refusal = node.conf.autoload_refusal(name) or _load_refusal(node, name)
    if refusal:
        return "denied", refusal
    if node.blockers["modprobe_helper_exists"] is False:
        return "denied", Cause("kernel_modprobe", "kernel.modprobe is '{0}', which does not exist".format(node.blockers["modprobe_helper"]))
    if node.selinux["mode"] in ("enforcing", "unknown"):
        return "unknown", Cause("selinux", "SELinux is {0} and may let no container ask for modules".format(node.selinux["mode"]))
    return "yes", None


def _boot(node, name, state):
    """Return (boot, cause)."""
    if state == "builtin":
        return "not_applicable", None
    if state == "merged":
        return "not_applicable", _dead_line(node, name)
    if name in node.boot.entries:
        where = node.boot.entries[name][0]
        if state == "missing":
            return "ineffective", Cause("dead_line", "{0} lists it, but it is missing".format(where), where)
        refusal = node.conf.autoload_refusal(name)
        if refusal:
            return "ineffective", Cause(refusal.code, "{0} lists it, but {1}".format(where, refusal.text), refusal.where)
        if not node.boot.supported:
            return "unknown", Cause("no_service", "{0} lists it, but no systemd-modules-load is there to read it".format(where), where)
        return "yes", None
    for listed, wheres in node.boot.entries.items():
        if name in node.tree.dependencies(listed) and node.boot.supported and not node.conf.autoload_refusal(listed):
            return "yes", Cause("dependency", "comes with {0} ({1})".format(listed, wheres[0]), wheres[0])
    if name in node.boot.broken:
        where, line = node.boot.broken[name]
        return "ineffective", Cause("broken_line", "{0} names no module: '{1}'".format(where, line), where)
    return "no", None


def _dead_line(node, name):
    if name in node.boot.entries:
        where = node.boot.entries[name][0]
        return Cause("dead_line", "{0} lists a name that is gone from this kernel; remove the line".format(where), where)
    return None
