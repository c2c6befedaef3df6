# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Observe a node: read what there is to read, decide each module's states, return the facts. Changes nothing."""

import re

from ansible_collections.nodeprep.istio.plugins.module_utils import (
    _kernel_config,
    _modprobe_conf,
    _module_names,
    _module_states,
    _modules_load,
    _modules_tree,
    _netfilter_state,
    _proc,
    _tools,
)

SCHEMA = 1

# Kernel options that change what a rule can do and that no module's presence shows.
OPTIONS = ("MODULES", "NF_CONNTRACK_ZONES", "NF_CONNTRACK_MARK")

_OS_RELEASE = re.compile(r"^(ID|VERSION_ID|PRETTY_NAME)=[\"']?(.*?)[\"']?\s*$", re.MULTILINE)


def read_node(files, names):
    """Return the :class:`_module_states.Node` behind I(files), ready to decide on I(names)."""
    release = _proc.release(files)
    cmdline = files.read("/proc/cmdline") or ""
    requests = {request for name in names for request in _module_names.AUTOLOAD_REQUESTS.get(name, ())}
    config, config_path = _kernel_config.read(files, release)
    return _module_states.Node(
        loaded=_proc.loaded_modules(files),
        tree=_modules_tree.read(files, release, requests),
        config=config,
        config_path=config_path,
        conf=_modprobe_conf.read(files, cmdline),
        boot=_modules_load.read(files, cmdline),
        blockers=_proc.blockers(files),
        selinux=_proc.selinux(files),
        file_exists=files.exists,
    )


def facts(files, names, observed_at, run):
    """Return the node's facts, C(ansible_facts.istio_node).

    :param files: a :class:`_files.Files`.
    :param names: module names, canonical.
    :param observed_at: time of the observation, ISO 8601, UTC.
    :param run: see :func:`_tools.observe`.
    """
    release = _proc.release(files)
    node = read_node(files, names)
    system = dict(_OS_RELEASE.findall(files.read("/etc/os-release") or files.read("/usr/lib/os-release") or ""))
    result = {
        "schema": SCHEMA,
        "observed_at": observed_at,
        "kernel": {
            "release": release,
            "version": _proc.version(release),
            "modules_supported": node.modules_supported,
            "tree_present": node.tree.present,
            "config": node.config_path,
        },
        "modules": {name: _module_states.describe(node, name) for name in names},
        "boot_files": {path: listed for path, listed in sorted(node.boot.files.items()) if set(listed) & set(names)},
        "blockers": node.blockers,
        "selinux": node.selinux,
        "options": {option: None if node.config is None else node.config.get(option, "n") for option in OPTIONS},
        "os": {"id": system.get("ID"), "version": system.get("VERSION_ID"), "name": system.get("PRETTY_NAME")},
        "tools": _tools.observe(files, run, lambda name: _module_states.is_there(node, name)),
    }
    ipset = (result["tools"]["ipset"] or {}).get("path")
    result["netfilter"] = _netfilter_state.observe(files, run, ipset, lambda name: _module_states.is_there(node, name))
    result["unreadable"] = dict(files.unreadable)
    return result
