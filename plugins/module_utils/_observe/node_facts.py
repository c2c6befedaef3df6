# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather the facts of a node: read it, decide the states of its modules, describe the rest. Changes nothing."""

import re
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod import proc
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import (
    conflicts,
    kernel_options,
    module_state,
    netfilter,
    other_kernels,
    tools,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.kubelet import find_unusual_kubelet
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.managed import (
    find_occupied_targets,
    observe_managed,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node import Node, read_node
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.platform import observe_management
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.size_limit import MAX_FACTS_BYTES, limit_size
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.tools import CommandRunner
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Reason, group_reasons

SCHEMA = 3

# Kernel options that change what a rule can do and that no module's presence shows.
OPTIONS = (
    "MODULES",
    "NF_CONNTRACK_ZONES",
    "NF_CONNTRACK_MARK",
    "IP_MULTIPLE_TABLES",
    "IPV6_MULTIPLE_TABLES",
    "NF_TABLES_INET",
    "NF_TABLES_IPV4",
    "NF_TABLES_IPV6",
)

# These bound the facts.
MAX_UNREADABLE = 20
_MAX_OS_CHARS = 80

_OS_RELEASE = re.compile(r"^(ID|VERSION_ID|PRETTY_NAME)=(.*)$", re.MULTILINE)


def gather_facts(
    files: Files, names: Sequence[str], observed_at: str, run: Optional[CommandRunner], kernel: str = "running"
) -> Dict[str, Any]:
    """Return the facts of the node behind I(files), C(ansible_facts.istio_node).

    :param names: canonical module names.
    :param observed_at: time of the observation, ISO 8601, UTC.
    :param run: see :func:`tools.observe`.
    :param kernel: see :func:`node.read_node`.

    Raises UnknownKernelError.
    """
    node = read_node(files, names, kernel, run)
    modules = _describe_modules(node, names)
    reasons: Dict[str, List[Reason]] = {name: entry.pop("reasons") for name, entry in modules.items()}

    def is_present(name: str) -> bool:
        return module_state.is_present(node, name)

    management = observe_management(files, node.boot_list, node.container_cause is not None)
    found_tools = tools.observe(files, run, is_present)
    found_conflicts = conflicts.observe(files, reasons, run)
    facts: Dict[str, Any] = {
        "schema": SCHEMA,
        "observed_at": observed_at,
        "kernel": _describe_kernel(node),
        "modules": modules,
        "reasons": group_reasons(reasons, modules),
        "boot_files": _list_boot_files(node.boot_list.names_by_file, names),
        "blockers": node.blockers,
        "selinux": node.selinux,
        "platform": dict(node.platform, **management),
        "managed": observe_managed(files, node.selinux["policy"], names),
        "conflicts": found_conflicts,
        "options": _describe_options(node),
        "os": _observe_os(files),
        "tools": found_tools,
        "netfilter": netfilter.observe(files, run, found_tools, is_present),
    }
    kubelet = find_unusual_kubelet(files)
    if kubelet:
        facts["platform"]["kubelet"] = kubelet
    kernels = other_kernels.observe(node, OPTIONS)
    if kernels:
        facts["other_kernels"] = kernels
    occupied = find_occupied_targets(files, found_conflicts)
    if occupied:
        facts["managed"]["occupied_paths"] = occupied
    facts["unreadable"] = dict(sorted(files.unreadable.items())[:MAX_UNREADABLE])
    # More modules than those of the catalogue need more bytes.
    scale = max(1, len(names) / len(KNOWN_MODULES))
    return limit_size(_replace_surrogates(facts), int(MAX_FACTS_BYTES * scale))


def _describe_modules(node: Node, names: Sequence[str]) -> Dict[str, Dict[str, Any]]:
    """Return the entries of these modules and of their providers."""
    modules = {}
    for name in names:
        is_covered = node.files.covers([name])
        modules[name] = module_state.describe(node, name) if is_covered else module_state.describe_unrecorded()
    providers = {entry["provider"] for entry in modules.values() if "provider" in entry}
    for provider in sorted(providers - set(modules)):
        modules[provider] = module_state.describe(node, provider)
    return modules


def _describe_kernel(node: Node) -> Dict[str, Any]:
    boot_id = None
    if node.is_running:
        boot_id = (node.files.read("/proc/sys/kernel/random/boot_id") or "").strip() or None
    return {
        "release": node.release,
        "version": proc.parse_version(node.release),
        "running": node.is_running,
        "boot_id": boot_id,
        "modules_supported": node.modules_supported,
        "module_tree_present": node.tree.present,
        "config": node.config_path,
        "ipv6": node.ipv6,
        "next_boot": dict(node.next_kernel._asdict()) if node.next_kernel else None,
    }


def _describe_options(node: Node) -> Dict[str, Optional[str]]:
    options = {option: kernel_options.find_in_config(node.config, option) for option in OPTIONS}
    if node.config is None and node.is_running:
        options.update(kernel_options.find_by_symbols(node.files))
    # Only evidence counts: without it the facts omit such an option.
    return {name: value for name, value in options.items() if value or name not in kernel_options.DEPENDENCIES}


def _list_boot_files(names_by_file: Mapping[str, Sequence[str]], names: Sequence[str]) -> Dict[str, List[str]]:
    """Return dict of path to those of I(names) that the file lists, for each file that lists any."""
    boot_files = {}
    for path, listed in sorted(names_by_file.items()):
        known = [name for name in dict.fromkeys(listed) if name in names]
        if known:
            boot_files[path] = known
    return boot_files


def _observe_os(files: Files) -> Dict[str, Optional[str]]:
    text = files.read("/etc/os-release") or files.read("/usr/lib/os-release") or ""
    fields = {key: value.strip(" \t\r\"'")[:_MAX_OS_CHARS] for key, value in _OS_RELEASE.findall(text)}
    return {"id": fields.get("ID"), "version": fields.get("VERSION_ID"), "name": fields.get("PRETTY_NAME")}


def _replace_surrogates(value: Any) -> Any:
    """Return the facts without surrogates: Python reads file names of any bytes as these, but UTF-8 has none."""
    if isinstance(value, dict):
        return {_replace_surrogates(key): _replace_surrogates(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_replace_surrogates(entry) for entry in value]
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
