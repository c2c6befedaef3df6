# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a reboot keeps what is written to a directory, by the node's mount table."""

import re
from typing import List, NamedTuple, Optional, Sequence

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.proc import list_cmdline_values
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import COMMAND_LINE

TABLE = "/proc/self/mounts"
# File systems in memory. "rootfs" is the initramfs, if no other root was mounted over it.
MEMORY_TYPES = ("tmpfs", "ramfs", "rootfs")
# Block devices in memory: Documentation/admin-guide/blockdev/{zram,ramdisk}.rst.
MEMORY_DEVICES = ("/dev/zram", "/dev/ram")
# With these an initramfs puts an overlay over the root, in a tmpfs that the booted system does not see: the overlay of
# raspi-config (its do_overlayfs), and the package overlayroot of cloud-initramfs-tools.
MEMORY_OVERLAYS = (("boot", "overlay"), ("overlayroot", "tmpfs"))
OVERLAY_TYPES = ("overlay", "overlayfs")
# An upper directory may lie on another overlay; more levels than these are a loop.
_MAX_LEVELS = 4
# fstab(5): device, directory, type, options, …
_FIELDS = 4
_ESCAPE = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """A line of the mount table: fields 1 to 4 of fstab(5)."""

    device: str
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
            device, directory, kind, options = fields[:_FIELDS]
            mounts.append(Mount(device, _unescape(directory), kind, [_unescape(one) for one in options.split(",")]))
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
    """Return whether a reboot keeps what is written to a directory: "kept", "read_only", "volatile" or "unknown".

    It is volatile on a file system in memory, and on an overlay whose upper directory is on one. Container-Optimized OS
    does the latter with /etc. It is unknown if the root is an overlay whose upper directory cannot be seen. Without a
    mount table it counts as kept.
    """
    mounts = read_mounts(files)
    mount = find_mount(mounts, path)
    if mount is None:
        return "kept"
    if "ro" in mount.options:
        return "read_only"
    in_memory = _is_in_memory(mounts, mount)
    if in_memory is None:
        return "volatile" if _boots_into_memory(files.read(COMMAND_LINE) or "") else "unknown"
    return "volatile" if in_memory else "kept"


def _is_in_memory(mounts: Sequence[Mount], mount: Mount) -> Optional[bool]:
    """Return whether what is written to a mount is in memory; None if the upper directory of the root is not seen."""
    for _level in range(_MAX_LEVELS):
        if mount.kind in MEMORY_TYPES or mount.device.startswith(MEMORY_DEVICES):
            return True
        upper = mount.upper_directory
        holder = find_mount(mounts, upper) if upper else None
        if holder == mount and mount.directory == "/":
            return None
        if holder is None or holder == mount:
            return False
        mount = holder
    return False


def _boots_into_memory(cmdline: str) -> bool:
    for key, value in MEMORY_OVERLAYS:
        # The value of overlayroot may have options: tmpfs:swap=1,recurse=0
        if any(found.split(":")[0] == value for found in list_cmdline_values(cmdline, key)):
            return True
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
