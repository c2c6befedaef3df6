# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Observe a node: read what there is to read, decide each module's states, return the facts. Changes nothing."""

import re

from ansible_collections.nodeprep.istio.plugins.module_utils import _module_names, _reasons
from ansible_collections.nodeprep.istio.plugins.module_utils._boot import kernels, modules_load, sysctl
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod import modprobe_conf, modules_tree, proc
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.modprobe import Modprobe
from ansible_collections.nodeprep.istio.plugins.module_utils._managed import modprobe_overrides
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import (
    conflicts,
    kernel_config,
    managed,
    management,
    module_state,
    netfilter,
    selinux,
    size_limit,
    surroundings,
    tools,
)

SCHEMA = 3

# Kernel options that change what a rule can do and that no module's presence shows.
OPTIONS = ("MODULES", "NF_CONNTRACK_ZONES", "NF_CONNTRACK_MARK")

# The facts are bounded: of more unreadable files than these no more is said.
MOST_UNREADABLE = 20

_OS_RELEASE = re.compile(r"^(ID|VERSION_ID|PRETTY_NAME)=(.*)$", re.MULTILINE)


class NoSuchKernel(ValueError):
    """The kernel that was asked for cannot be told or is not installed; the message says what is there."""


def read_node(files, names, kernel="running", run=None):
    """Return the :class:`module_state.Node` behind I(files), ready to decide on I(names).

    :param names: module names, canonical.
    :param kernel: "running", "next", or the release of an installed kernel. An image below another root has no running
        kernel: there "running" means "next".
    :param run: see :func:`tools.observe`.

    Raises NoSuchKernel.
    """
    running = proc.release(files)
    installed = kernels.installed(files)
    following = kernels.boots_next(files, installed)
    release, live = _choose(kernel, running, following, installed)
    cmdline = files.read("/proc/cmdline") or ""
    shared = {
        "boot": modules_load.read(files, cmdline),
        "blockers": proc.blockers(files),
        "selinux": selinux.observe(files),
        "surroundings": surroundings.observe(files, running or ""),
        "loaded": proc.loaded_modules(files) if live else None,
        "in_sysfs": lambda name: (
            files.is_dir("/sys/module/" + name) and not files.exists("/sys/module/{0}/initstate".format(name))
        ),
        "ipv6": proc.has_ipv6(files),
        "installed": installed,
        "boots_next": following,
        "unreadable": files.unreadable,
        "run": run,
    }
    later = dict(
        shared, selinux=selinux.after_reboot(shared["selinux"], files, cmdline), denial=sysctl.denial(files, cmdline)
    )
    node = _read_kernel(files, names, release, live, cmdline, shared if live else later)
    if live and following and _is_to_be_followed(node, following, installed):
        node.following = _read_kernel(files, names, following[0], False, cmdline, later)
    elif live and not node.foreign:
        node.following = _rebooted(node, files, cmdline, later)
    return node


def _rebooted(node, files, cmdline, later):
    """Return the Node of the same kernel after a reboot, or None where nothing on it will be decided in another way then."""
    volatile = modprobe_conf.is_volatile(files)
    # Where loading is off already, nothing more is lost.
    denied = later["denial"] and not node.blockers["modules_disabled"]
    changed = volatile or denied or later["selinux"] is not node.selinux
    if not changed and not any(node.conf.load_refusal(name) for name in node.loaded or ()):
        return None
    conf = modprobe_conf.read(files, cmdline, node.tree.path, False, node.conf.disabled) if volatile else node.conf
    loaded = None if node.loaded is None else {}
    same = {"conf": conf, "modprobe": node.modprobe.after_reboot(conf), "loaded": loaded}
    return module_state.Node(**dict(node.__dict__, selinux=later["selinux"], denial=later["denial"], **same))


def _choose(kernel, running, following, installed):
    """Return (release, whether it is the running one)."""
    there = "installed are {0}".format(", ".join(installed)) if installed else "none is installed"
    if kernel == "running" and running:
        return running, True
    if kernel in ("running", "next"):
        if not following:
            raise NoSuchKernel("kernel: nothing tells which one boots next, and {0}; name a release".format(there))
        return following[0], False
    if kernel not in installed:
        raise NoSuchKernel("kernel: '{0}' is not installed; {1}".format(kernel, there))
    return kernel, False


def _is_to_be_followed(node, following, installed):
    """Whether the boot of another kernel decides what is there after a reboot; a mere guess does where the running one's tree is gone."""
    release, _source, certain = following
    return release != node.release and release in installed and not node.foreign and (certain or not node.tree.present)


def _read_kernel(files, names, release, live, cmdline, shared):
    requests = [request for name in names for request in _module_names.AUTOLOAD_REQUESTS.get(name, ())]
    wanted = {
        _module_names.canonical(name) for name in requests + list(names) + [line.name for line in shared["boot"].lines]
    }
    # Kernels before 5.8 do not know it: what holds now tells.
    disabled = bool(shared["blockers"]["modules_disabled"]) and sysctl.is_disabled_by_the_kernel(cmdline)
    conf = modprobe_conf.read(files, cmdline, modules_tree.directory(files, release), live, disabled)
    tree = modules_tree.read(files, release, wanted.union(*(along for _pattern, along in conf.softdeps)))
    config, config_path = kernel_config.read(files, release, live)
    blockers = shared["blockers"]
    signatures = bool(blockers["signature_enforced"]) or blockers["lockdown"] in ("integrity", "confidentiality")
    loaded = {name for name, (state, _taint) in (shared["loaded"] or {}).items() if live and state == "Live"}
    return module_state.Node(
        release=release,
        live=live,
        tree=tree,
        config=config,
        config_path=config_path,
        # An option that is set does not help where the command line says no; that is taken to stay.
        ipv6=_ipv6(shared["ipv6"], config),
        conf=conf,
        modprobe=Modprobe(files, conf, tree, release, loaded, signatures, _signed(files, shared["run"])),
        others=[other for other in shared["installed"] if other != release],
        **dict(
            {key: value for key, value in shared.items() if key != "ipv6"}, loaded=shared["loaded"] if live else None
        ),
    )


def _ipv6(told, config):
    """Return whether a kernel has IPv6, by what the running one tells, or else by its options."""
    return told if told is not None or config is None else "IPV6" in config


def _signed(files, run):
    """Return a function that has modinfo tell which of many files are signed, in one process; None where none can be started."""
    modinfo = next((path for path in ("/usr/sbin/modinfo", "/sbin/modinfo") if files.exists(path)), None)
    if run is None or modinfo is None:
        return None

    def signed(paths):
        _code, output = run([modinfo] + paths)
        blocks = re.split(r"^filename:\s+", output, flags=re.MULTILINE)[1:]
        return {
            block.split("\n", 1)[0]
            for block in blocks
            if re.search(r"^(?:sig_id|signer|sig_hashalgo):", block, re.MULTILINE)
        }

    return signed


def facts(files, names, observed_at, run, kernel="running"):
    """Return the node's facts, C(ansible_facts.istio_node).

    :param files: a :class:`_files.Files`.
    :param names: module names, canonical.
    :param observed_at: time of the observation, ISO 8601, UTC.
    :param run: see :func:`tools.observe`.
    :param kernel: see :func:`read_node`.

    Raises NoSuchKernel.
    """
    node = read_node(files, names, kernel, run)
    modules = {name: module_state.describe(node, name) for name in names}
    for provider in sorted({entry["provider"] for entry in modules.values() if "provider" in entry} - set(modules)):
        modules[provider] = module_state.describe(node, provider)
    reasons = {name: entry.pop("reasons") for name, entry in modules.items()}
    system = {
        key: value.strip(" \t\r\"'")[:80]
        for key, value in _OS_RELEASE.findall(files.read("/etc/os-release") or files.read("/usr/lib/os-release") or "")
    }
    result = {
        "schema": SCHEMA,
        "observed_at": observed_at,
        "kernel": {
            "release": node.release,
            "version": proc.version(node.release),
            "running": node.live,
            "boot_id": (files.read("/proc/sys/kernel/random/boot_id") or "").strip() or None if node.live else None,
            "modules_supported": node.modules_supported,
            "module_tree_present": node.tree.present,
            "config": node.config_path,
            "ipv6": node.ipv6,
            "next_boot": dict(zip(("release", "source", "certain"), node.boots_next)) if node.boots_next else None,
        },
        "modules": modules,
        "reasons": _reasons.grouped(reasons, modules),
        "boot_files": _listed(node.boot.files, names),
        "blockers": node.blockers,
        "selinux": node.selinux,
        "platform": dict(node.surroundings, **management.observe(files, node.boot)),
        "managed": managed.observe(files, node.selinux["policy"], names),
        "conflicts": conflicts.observe(files, reasons, run),
        "options": {option: None if node.config is None else node.config.get(option, "n") for option in OPTIONS},
        "os": {"id": system.get("ID"), "version": system.get("VERSION_ID"), "name": system.get("PRETTY_NAME")},
        "tools": tools.observe(files, run, lambda name: module_state.is_there(node, name)),
    }
    in_the_way = modprobe_overrides.in_the_way(files, result["conflicts"])
    if in_the_way:
        result["managed"]["occupied_paths"] = in_the_way
    ipset = (result["tools"]["ipset"] or {}).get("path")
    result["netfilter"] = netfilter.observe(files, run, ipset, lambda name: module_state.is_there(node, name))
    result["unreadable"] = dict(sorted(files.unreadable.items())[:MOST_UNREADABLE])
    # More was asked of the module than the catalogue's names: then there is more to tell.
    share = max(1, len(names) / len(_module_names.KNOWN_MODULES))
    return size_limit.shortened(_plain(result), int(size_limit.MOST_BYTES * share))


def _listed(boot_files, names):
    """Return dict of path to those of I(names) that the file lists, for each that lists any."""
    listed = {
        path: [name for name in dict.fromkeys(entries) if name in names] for path, entries in sorted(boot_files.items())
    }
    return {path: entries for path, entries in listed.items() if entries}


def _plain(value):
    """Return facts that can be written as UTF-8: the name of a file may be any bytes, which Python keeps as surrogates."""
    if isinstance(value, dict):
        return {_plain(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
