# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide which modules to load and which to list at boot, and load them. Nothing here unloads a module."""

from typing import Callable, Collection, Container, Dict, Iterable, List, NamedTuple, Tuple

from ansible_collections.nodeprep.istio.plugins.module_utils._managed import boot_block
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import PRESENT_STATES
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import module_state
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node import Node
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import (
    describe_reasons,
    is_blacklisted,
    works_at_boot,
)

# C(name) and C(cause) of a module that cannot be loaded.
Failure = Dict[str, str]


class Loadable(NamedTuple):
    """What :func:`split_loadable` returns.

    :ivar names: the modules to load.
    :ivar failures: the modules that cannot be loaded.
    """

    names: List[str]
    failures: List[Failure]


def split_loadable(node: Node, names: Iterable[str]) -> Loadable:
    """Return which of these modules to load and which cannot be loaded; modules that are present are in neither.

    A module counts as one that cannot be loaded if it is blacklisted, or if a blacklisted module would be loaded with
    it, although modprobe loads both. The plan of the controller decides the same from the same reasons
    (_split_loadable() of _plan/modules.py).
    """
    to_load = []
    failures = []
    for name in names:
        entry = module_state.describe(node, name)
        if entry["state"] in PRESENT_STATES:
            continue
        if entry["state"] == "loadable" and not is_blacklisted(entry["reasons"]):
            to_load.append(name)
        else:
            failures.append({"name": name, "cause": describe_reasons(entry["reasons"]) or entry["state"]})
    dependencies = set()
    for name in to_load:
        dependencies.update(node.tree.list_dependencies(name))
    return Loadable(to_load, [failure for failure in failures if failure["name"] not in dependencies])


def select_persistable(node: Node, names: Iterable[str], outside_block: Collection[str]) -> List[str]:
    """Return the names for the block of the boot file: modules that load at boot and that no other line lists.

    :param outside_block: names on the lines of the boot file outside the block.
    """
    listed = set(outside_block)
    for path, names_in_file in node.boot_list.names_by_file.items():
        if path != boot_block.PATH:
            listed.update(names_in_file)
    persistable = []
    for name in names:
        entry = module_state.describe(node, name)
        if name in listed or is_blacklisted(entry["reasons"]):
            continue
        reasons = [(reason["axis"], reason["code"]) for reason in entry["reasons"]]
        if works_at_boot(entry["state"], entry.get("next_boot", {}).get("state"), reasons):
            persistable.append(name)
    return persistable


def load_modules(
    names: List[str],
    modprobe: Callable[[List[str]], Tuple[int, str, str]],
    read_loaded: Callable[[], Container[str]],
) -> List[Failure]:
    """Load the modules and return the failures: those that are not loaded afterwards. An exit code proves nothing.

    :param modprobe: function that runs modprobe with these arguments and returns (exit code, output, errors).
    :param read_loaded: function that returns the names of the modules that are loaded now.
    """
    modprobe(["--all", "--"] + names)
    loaded = read_loaded()
    failures = []
    for name in names:
        if name in loaded:
            continue
        # The first call printed the messages of all modules. This one prints the messages of this module.
        code, output, errors = modprobe(["--", name])
        if name not in read_loaded():
            message = (errors or output).strip()
            failures.append(
                {"name": name, "cause": message or f"modprobe exited with {code}, but /proc/modules does not list it"}
            )
    return failures
