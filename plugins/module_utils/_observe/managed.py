# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""What on the node is ours, told by its marks: there is no ledger that could be lost or lie."""

import re

from ansible_collections.nodeprep.istio.plugins.module_utils._boot import modules_load
from ansible_collections.nodeprep.istio.plugins.module_utils._managed import boot_block, modprobe_overrides
from ansible_collections.nodeprep.istio.plugins.module_utils._managed.selinux_policy import POLICY_MODULE, told_policy
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import canonical, is_valid

# The policy store of libsemanage: /var/lib/selinux (its default, Debian, SUSE) or below /etc/selinux (Fedora, RHEL).
STORES = ("/var/lib/selinux", "/etc/selinux")
SEMODULE = ("/usr/sbin/semodule", "/sbin/semodule")
# The facts are bounded: of more lines of others than these no more is said.
MOST_NAMES = 200
# include/linux/moduleparam.h: MODULE_NAME_LEN; limits.h: NAME_MAX of a file in one of the directories.
_MOST_OF_A_NAME = 56
MOST_OF_A_PATH = 300
# Of a module that is there with several priorities the highest counts (semodule(8)); other directories hold none, such as "disabled".
_PRIORITY = re.compile(r"[1-9][0-9]{0,2}")


def observe(files, policy_type, told=()):
    """Return what is ours.

    C(boot_file) are the names in our block, None where its marks are broken; C(masked) whether a link to /dev/null switches the
    file off; C(overrides) our files in modprobe.d; C(policy) our SELinux module or None. Only where they say something there are
    C(block), True of a block without any name; C(beside), the names that other lines of that file list, but for those that
    C(boot_files) of the facts tells; C(more), True where that file has more names than are told; C(would_hide), see :func:`boot_block.would_hide`.

    :param policy_type: the SELINUXTYPE of the node, or None.
    :param told: the module names that C(boot_files) is about.
    """
    overrides = {}
    for path, override in modprobe_overrides.existing(files).items():
        current = override.text(files) == modprobe_overrides.read(files, path)
        overrides[path] = {
            "source": override.of and override.of[:MOST_OF_A_PATH],
            "lines": override.lines,
            "current": current,
            "edited": override.edited,
        }
    text = files.read(boot_block.PATH) or ""
    try:
        ours, empty = boot_block.names_in_block(text), boot_block.has_block(text)
    except boot_block.Refused:
        ours, empty = None, False
    ours = ours if ours is None else list(dict.fromkeys(name[:_MOST_OF_A_NAME] for name in ours))
    listed = dict.fromkeys(canonical(name) for _number, name in modules_load.parse(text) if is_valid(name))
    beside = [name for name in listed if name not in (ours or ()) and name not in told]
    more = {
        "has_empty_block": empty and not ours,
        "other_modules": beside[:MOST_NAMES],
        "truncated": max(len(beside), len(ours or ())) > MOST_NAMES,
        "shadowed_file": boot_block.would_hide(files),
    }
    seen = {
        "boot_file": ours and ours[:MOST_NAMES],
        "masked": bool(files.is_masked(boot_block.PATH)),
        "overrides": overrides,
        "policy": _policy(files, policy_type) if policy_type else None,
    }
    return dict(seen, **{key: value for key, value in more.items() if value})


def _policy(files, policy_type):
    """Return C(priority) and C(cil), the text, of our policy module where it counts, all its C(priorities), and whether C(semodule) is there to remove it.

    C(disabled) is True where it is installed and switched off. None where it is not installed.
    """
    for store in STORES:
        directory = "{0}/{1}/active/modules".format(store, policy_type)
        found = {}
        for name in files.listdir(directory):
            content = (
                files.read_bytes("{0}/{1}/{2}/cil".format(directory, name, POLICY_MODULE))
                if _PRIORITY.fullmatch(name)
                else None
            )
            if content is not None:
                found[int(name)] = content
        if found:
            priorities = sorted(found)
            semodule = any(files.exists(path) for path in SEMODULE)
            policy = {
                "priority": priorities[-1],
                "cil": told_policy(_unpacked(found[priorities[-1]])),
                "priorities": priorities,
                "semodule": semodule,
            }
            # Where semodule(8) -d puts what is installed and switched off (libsemanage: semanage_module_get_path()).
            return (
                dict(policy, disabled=True)
                if files.exists("{0}/disabled/{1}".format(directory, POLICY_MODULE))
                else policy
            )
    return None


def _unpacked(content):
    """libsemanage packs modules with bzip2 unless semanage.conf says otherwise."""
    try:
        import bz2  # not in every build of Python

        return bz2.decompress(content).decode("utf-8", "replace")
    except (ImportError, OSError, ValueError):
        return content.decode("utf-8", "replace")
