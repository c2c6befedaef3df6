# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The other installed kernels: which modules and options they lack. An owner may boot one of them instead."""

from typing import Any, Dict, List, Sequence

from ansible_collections.nodeprep.istio.plugins.module_utils._boot.kernels import sort_by_likelihood
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod import proc
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.modules_tree import ModulesTree
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES, MERGED_INTO
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.kernel_config import (
    KernelConfig,
    find_module_option,
    read_kernel_config,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.kernel_options import find_in_config
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node import Node

# This bounds the facts and the time: the index of a kernel has thousands of lines.
MAX_KERNELS = 3


def observe(node: Node, options: Sequence[str]) -> Dict[str, Dict[str, Any]]:
    """Return the C(other_kernels) of the facts: by release, those of the running kernel's flavour first.

    It is empty for a kernel that does not run here, in a container, and in a recording that does not cover all modules.
    A kernel whose modules have no index is left out.

    :param options: the kernel options that C(unset_options) is about.
    """
    found: Dict[str, Dict[str, Any]] = {}
    if not node.is_running or node.container_cause or not node.files.covers(KNOWN_MODULES):
        return found
    for release in sort_by_likelihood(node.other_releases, node.release):
        tree = ModulesTree(node.files, release)
        tree.read_builtin()
        tree.read_index()
        if tree.indexed:
            found[release] = _describe(node.files, tree, options)
        if len(found) == MAX_KERNELS:
            break
    return found


def _describe(files: Files, tree: ModulesTree, options: Sequence[str]) -> Dict[str, Any]:
    """Return C(lacks) and C(unset_options) of one kernel; the latter is None if its options cannot be read."""
    config = read_kernel_config(files, tree.release, False)
    unset = None
    if config.options is not None:
        unset = [option for option in options if find_in_config(config.options, option) == "n"]
    return {"lacks": _list_absent(tree, config), "unset_options": unset}


def _list_absent(tree: ModulesTree, config: KernelConfig) -> List[str]:
    version = proc.parse_version(tree.release)
    return [name for name in KNOWN_MODULES if not _has_module(tree, config, version, name)]


def _has_module(tree: ModulesTree, config: KernelConfig, version: Sequence[int], name: str) -> bool:
    """Return whether the kernel has a module, or the module into which it was merged."""
    if name in tree.paths or name in tree.builtin:
        return True
    option = find_module_option(config.options, version, name, True)
    if option.value == "y":
        return True
    # A name that the kernel still configures was not merged.
    if name not in MERGED_INTO or option.value in ("m", "n"):
        return False
    return _has_module(tree, config, version, MERGED_INTO[name])
