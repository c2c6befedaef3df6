# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Whether this system is one whose files may be written one by one, and how it is begun."""

OSTREE = "/run/ostree-booted"
TRANSACTIONAL = "/usr/sbin/transactional-update"
SYSTEMD = "/run/systemd/system"  # sd_booted(3)
SYSTEMD_INSTALLED = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd")


def observe(files, boot):
    """Return C(systemd), whether it runs, or in an image is there to run; C(managed_by), what else than file by file this system is changed by, or None.

    C(managed_by) is "ostree", "transactional-update", or "image" where /etc is mounted read-only. Only where modules-load.d is not
    sure to be read at boot there are C(boot_files_read), False or None where that cannot be told, and C(boot_files_mask), what
    switches it off, a path or words of the kernel command line.

    :param boot: a :class:`_modules_load.BootList`.
    """
    systemd = any(map(files.exists, SYSTEMD_INSTALLED)) if files.root else files.is_dir(SYSTEMD)
    idle = {} if boot.heeded else {"boot_files_read": boot.heeded, "boot_files_mask": boot.mask}
    return dict({"systemd": systemd, "managed_by": _managed_by(files)}, **idle)


def _managed_by(files):
    if files.exists(OSTREE):
        return "ostree"
    if files.exists(TRANSACTIONAL):
        return "transactional-update"
    return "image" if _is_read_only(files.read("/proc/self/mounts") or "", "/etc") else None


def _is_read_only(mounts, path):
    """Whether the file system that I(path) lies on is mounted read-only (fstab(5): the fields of /proc/self/mounts)."""
    options = {}
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) >= 4:
            options[fields[1]] = fields[3].split(",")  # of mounts on one place the last one counts
    place = path
    while place != "/" and place not in options:
        place = place.rpartition("/")[0] or "/"
    return "ro" in options.get(place, ())
