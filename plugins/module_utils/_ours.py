# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""What on the node is ours, told by its marks: there is no ledger that could be lost or lie."""

from ansible_collections.nodeprep.istio.plugins.module_utils import _boot_file, _overrides

# The policy store of libsemanage: /var/lib/selinux (its default, Debian, SUSE) or below /etc/selinux (Fedora, RHEL).
STORES = ("/var/lib/selinux", "/etc/selinux")
POLICY_MODULE = "istio_node_prep"


def observe(files, policy_type):
    """Return C(boot_file), the names in our block, None where its marks are broken; C(masked), whether a link to
    /dev/null switches the file off; C(overrides), our files in modprobe.d; C(policy), our SELinux module or None.

    :param policy_type: the SELINUXTYPE of the node, or None.
    """
    overrides = {}
    for path, override in _overrides.existing(files).items():
        current = override.text(files) == _overrides.read(files, path)
        overrides[path] = {"of": override.of, "lines": override.lines, "current": current}
    try:
        block = _boot_file.names_in_block(files.read(_boot_file.PATH) or "")
    except _boot_file.Refused:
        block = None
    return {
        "boot_file": block,
        "masked": bool(files.is_masked(_boot_file.PATH)),
        "overrides": overrides,
        "policy": _policy(files, policy_type) if policy_type else None,
    }


def _policy(files, policy_type):
    """Return C(priority) and C(cil), its text, of our policy module; None where it is not installed."""
    for store in STORES:
        directory = "{0}/{1}/active/modules".format(store, policy_type)
        for priority in files.listdir(directory):
            content = files.read_bytes("{0}/{1}/{2}/cil".format(directory, priority, POLICY_MODULE))
            if content is not None:
                return {"priority": int(priority), "cil": _unpacked(content)}
    return None


def _unpacked(content):
    """libsemanage packs modules with bzip2 unless semanage.conf says otherwise."""
    try:
        import bz2  # not in every build of Python

        return bz2.decompress(content).decode("utf-8", "replace")
    except (ImportError, OSError, ValueError):
        return content.decode("utf-8", "replace")
