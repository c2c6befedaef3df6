# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a reboot keeps what is written to a directory, by the node's mount table."""

import re
from typing import List, NamedTuple, Optional, Sequence

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files

TABLE = "/proc/self/mounts"
# File systems in memory. "rootfs" is the initramfs, if no other root was mounted over it.
MEMORY_TYPES = ("tmpfs", "ramfs", "rootfs")
OVERLAY_TYPES = ("overlay", "overlayfs")
# An upper directory may lie on another overlay; more levels than these are a loop.
_MAX_LEVELS = 4
# fstab(5): device, directory, type, options, …
_FIELDS = 4
_ESCAPE = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """A line of the mount table: fields 2 to 4 of fstab(5)."""

    directory: str
    kind: str
    options: Sequence[str]

    @property
    def upper_directory(self) -> Optional[str]:
        """The directory that holds what is written to an overlay (Documentation/filesystems/overlayfs.rst), or None."""
        if self.kind not in OVERLAY_TYPES:
            return None
        prefix = "upperdir="
        return next((option[len(prefix) :] for option in self.options if option.startswith(prefix)), None)


def read_mounts(files: Files) -> List[Mount]:
    """Return the mount table, in the order in which the file systems were mounted; empty if it is unreadable."""
    mounts = []
    for line in (files.read(TABLE) or "").splitlines():
        fields = line.split()
        if len(fields) >= _FIELDS:
            _device, directory, kind, options = fields[:_FIELDS]
            mounts.append(Mount(_unescape(directory), kind, [_unescape(one) for one in options.split(",")]))
    return mounts


def _unescape(text: str) -> str:
    """Return a field without the octal escapes of blanks, as fs/proc_namespace.c: mangle() writes them."""
    return _ESCAPE.sub(lambda match: chr(int(match.group(1), 8)), text)


def find_mount(mounts: Sequence[Mount], path: str) -> Optional[Mount]:
    """Return the mount that holds a path: the longest directory above it, and of several on one directory the last."""
    found: Optional[Mount] = None
    for mount in mounts:
        prefix = mount.directory.rstrip("/") + "/"
        if (path + "/").startswith(prefix) and (found is None or len(mount.directory) >= len(found.directory)):
            found = mount
    return found


def find_persistence(files: Files, path: str) -> str:
    """Return whether a reboot keeps what is written to a directory: "kept", "read_only" or "volatile".

    It is volatile on a file system in memory, and on an overlay whose upper directory is on one. Container-Optimized OS
    does the latter with /etc. Without evidence it counts as kept.
    """
    mounts = read_mounts(files)
    mount = find_mount(mounts, path)
    if mount is None:
        return "kept"
    if "ro" in mount.options:
        return "read_only"
    return "volatile" if _is_in_memory(mounts, mount) else "kept"


def _is_in_memory(mounts: Sequence[Mount], mount: Mount) -> bool:
    for _level in range(_MAX_LEVELS):
        if mount.kind in MEMORY_TYPES:
            return True
        upper = mount.upper_directory
        holder = find_mount(mounts, upper) if upper else None
        if holder is None or holder == mount:
            return False
        mount = holder
    return False


def is_from_image(files: Files, path: str) -> bool:
    """Return whether a file on an overlay comes from a lower directory, so a reboot keeps it.

    That is certain only if the upper directory can be seen.
    """
    mount = find_mount(read_mounts(files), path)
    upper = mount.upper_directory if mount else None
    if mount is None or upper is None or not files.is_dir(upper):
        return False
    return files.exists(upper + path[len(mount.directory.rstrip("/")) :]) is False
