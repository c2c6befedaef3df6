# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Decide what to load and what to list at boot, and load it. Nothing here unloads a module."""

from ansible_collections.nodeprep.istio.plugins.module_utils import _reasons
from ansible_collections.nodeprep.istio.plugins.module_utils._managed import boot_block
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import module_state

THERE = ("loaded", "builtin", "merged")


def sort_out(node, names):
    """Return (names to load, failures): what is not there yet, and C(name) and C(cause) of what cannot be loaded.

    A blacklist counts as a no, though modprobe would pass over it when it is given the module's own name. What comes along
    with a module that needs it is no failure: there a blacklist does not count.
    """
    to_load = []
    failures = []
    for name in names:
        entry = module_state.describe(node, name)
        if entry["state"] in THERE:
            continue
        refusal = node.conf.autoload_refusal(name)
        if entry["state"] == "loadable" and refusal is None:
            to_load.append(name)
        else:
            cause = refusal.sentence() if refusal else _reasons.texts(entry["reasons"])
            failures.append({"name": name, "cause": cause or entry["state"]})
    along = {needed for name in to_load for needed in node.tree.dependencies(name)}
    return to_load, [failure for failure in failures if failure["name"] not in along]


def persistable(node, names, outside_block):
    """Return the names that belong into our block: modules that work here, or will after a reboot, and that no other line loads.

    :param outside_block: names on the lines of our boot file that are not ours.
    """
    elsewhere = {name for path, listed in node.boot.files.items() if path != boot_block.PATH for name in listed} | set(
        outside_block
    )
    return [
        name
        for name in names
        if name not in elsewhere and _works(module_state.describe(node, name)) and not node.conf.blacklisting(name)
    ]


def _works(entry):
    """Whether a line for it at boot makes sense: it loads here, or will with the kernel that boots next, or after a reboot."""
    waits = {reason["code"] for reason in entry["reasons"] if reason["axis"] == "now"} == {
        "modules_disabled"
    } and not any(reason["code"] == "install_override" for reason in entry["reasons"])
    return (
        entry["state"] in ("loaded", "loadable") or waits or (entry.get("next_boot") or {}).get("state") == "loadable"
    )


def load(names, modprobe, loaded):
    """Load the modules and return the failures, judged by what is loaded afterwards: an exit code proves nothing.

    :param modprobe: function that runs modprobe with a list of arguments and returns (exit code, output, errors).
    :param loaded: function that returns the names of the modules that are loaded now.
    """
    modprobe(["--all", "--"] + names)
    there = loaded()
    failures = []
    for name in names:
        if name in there:
            continue
        # Together they gave one list of messages; asked alone, the module gives its own.
        code, out, err = modprobe(["--", name])
        if name not in loaded():
            message = (err or out).strip() or "modprobe ended with {0}, and the module is not in /proc/modules".format(
                code
            )
            failures.append({"name": name, "cause": message})
    return failures
