# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Which kernels are installed, and which of them boots next."""

import re

from ansible_collections.nodeprep.istio.plugins.module_utils._kmod import modules_tree

ENTRIES = "/boot/loader/entries"
GRUB_ENVIRONMENTS = ("/boot/grub2/grubenv", "/boot/grub/grubenv")
LINKS = ("/vmlinuz", "/boot/vmlinuz")

_SAVED = re.compile(r"^saved_entry=(\S+)$", re.MULTILINE)
_VERSION = re.compile(r"^version\s+(\S+)\s*$", re.MULTILINE)
_IMAGE = re.compile(r"(?:^|/)vmlinu[xz]-([^/]+)$")


def installed(files):
    """Return the releases of the kernels that have a modules tree, the lowest first."""
    releases = set()
    for parent in modules_tree.PARENTS:
        for release in files.listdir(parent):
            tree = "{0}/{1}/".format(parent, release)
            if any(files.exists(tree + name) for name in ("modules.dep", "modules.order", "modules.builtin", "kernel")):
                releases.add(release)
    return sorted(releases, key=version_key)


def boots_next(files, releases):
    """Return (release, source, whether that is certain) of the kernel that boots next, or None where it cannot be told.

    The boot loader's own records come first: the entry that GRUB saved as the default (Fedora, RHEL), then the link
    that the distribution keeps for the kernel that it boots (Debian, Ubuntu, SUSE). Where neither is there only a
    guess is left, the highest version: I(how) then begins with "guess".
    """
    for path in GRUB_ENVIRONMENTS:
        saved = _SAVED.search(files.read(path) or "")
        entry = "{0}/{1}.conf".format(ENTRIES, saved.group(1)) if saved and "/" not in saved.group(1) else None
        version = _VERSION.search(files.read(entry) or "") if entry else None
        if version:
            return version.group(1), "saved_entry in {0}".format(path), True
    for path in LINKS:
        image = _IMAGE.search(files.link(path) or "")
        if image:
            return image.group(1), "link {0}".format(path), True
    entries = [
        _VERSION.search(files.read("{0}/{1}".format(ENTRIES, name)) or "")
        for name in files.listdir(ENTRIES)
        if name.endswith(".conf")
    ]
    versions = sorted((entry.group(1) for entry in entries if entry), key=version_key)
    if versions:
        return versions[-1], "highest version in {0}".format(ENTRIES), False
    return (releases[-1], "highest version of the modules trees", False) if releases else None


def version_key(release):
    """Return a sort key: numbers as numbers, so that 6.1.0-9 comes before 6.1.0-10."""
    return [
        (1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.findall(r"[0-9]{1,18}|[A-Za-z]+", release)
    ]
