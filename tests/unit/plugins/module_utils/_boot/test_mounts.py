# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a reboot keeps what is written to a directory."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._boot import mounts

DISK = "/dev/vda1 / ext4 rw,relatime 0 0\n"
READ_ONLY = "/dev/dm-0 / ext4 ro 0 0\n"
OVERLAY = "overlay /etc overlay rw,lowerdir=/etc,upperdir={},workdir=/w 0 0\n"
HIDDEN = "overlay / overlay rw,lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work 0 0\n"
MICROOS = "/dev/vda3 / btrfs ro,subvol=/@/.snapshots/2/snapshot 0 0\n/dev/vda3 /var btrfs rw,subvol=/@/var 0 0\n"

CASES = {
    "no table": ("", "kept"),
    "a disk": (DISK, "kept"),
    "a read-only disk": (READ_ONLY, "read_only"),
    "a tmpfs on a read-only disk (Bottlerocket)": (READ_ONLY + "tmpfs /etc tmpfs rw 0 0\n", "volatile"),
    "a later disk on a tmpfs": (DISK + "tmpfs /etc tmpfs rw 0 0\n/dev/vdb /etc ext4 rw 0 0\n", "kept"),
    "an overlay in memory (Container-Optimized OS)": (
        READ_ONLY + "tmpfs /tmp tmpfs rw 0 0\n" + OVERLAY.format("/tmp/etc_overlay/etc"),
        "volatile",
    ),
    "an overlay in /var (MicroOS)": (MICROOS + OVERLAY.format("/var/lib/overlay/2/etc"), "kept"),
    "an overlay seen from the initramfs (MicroOS)": (
        MICROOS + OVERLAY.format("/sysroot/var/lib/overlay/2/etc"),
        "kept",
    ),
    "a subvolume (SUSE Linux Micro)": (MICROOS + "/dev/vda3 /etc btrfs rw,subvol=/@/etc 0 0\n", "kept"),
    "a read-only overlay": (DISK + "overlay /etc overlay ro,lowerdir=/a:/b 0 0\n", "read_only"),
    "an overlay on an overlay in memory": (
        "tmpfs /run tmpfs rw 0 0\noverlay / overlay rw,lowerdir=/l,upperdir=/run/rw 0 0\n" + OVERLAY.format("/rw/etc"),
        "volatile",
    ),
    "a root in memory": ("rootfs / rootfs rw 0 0\n", "volatile"),
    "a disk over the initramfs": ("rootfs / rootfs rw 0 0\n" + DISK, "kept"),
    "an upper directory that is not visible": (HIDDEN, "unknown"),
    "an overlay of /etc on such a root": (HIDDEN + OVERLAY.format("/var/etc"), "unknown"),
    "a compressed disk in memory": ("/dev/zram0 / ext4 rw 0 0\n", "volatile"),
    "an overlay that refers to itself": (DISK + OVERLAY.format("/etc/upper"), "kept"),
    "the boot directory alone": (READ_ONLY + "/dev/vdb /etc/modules-load.d ext4 rw 0 0\n", "kept"),
    "a directory with a similar name": (DISK + "tmpfs /etc/mod tmpfs rw 0 0\n", "kept"),
    "a blank in a name": (DISK + "tmpfs /etc/modules-load.d\\040x tmpfs rw 0 0\n", "kept"),
    "nonsense": ("x\n\n", "kept"),
}


@pytest.mark.parametrize("table, expected", CASES.values(), ids=CASES)
def test_the_mount_table_decides_whether_a_reboot_keeps_files(node, table, expected):
    node.write(mounts.TABLE, table)
    assert mounts.find_persistence(node.files, "/etc/modules-load.d") == expected


@pytest.mark.parametrize(
    "cmdline, expected",
    [
        ("console=tty1 boot=overlay root=PARTUUID=1-02", "volatile"),
        ("overlayroot=tmpfs:swap=1,recurse=0", "volatile"),
        ("overlayroot=/dev/sdb1", "unknown"),
        ("boot=local", "unknown"),
    ],
)
def test_the_command_line_shows_that_an_initramfs_made_an_overlay_in_memory(node, cmdline, expected):
    node.write(mounts.TABLE, HIDDEN)
    node.write("/proc/cmdline", cmdline)
    assert mounts.find_persistence(node.files, "/etc/modules-load.d") == expected


def test_octal_escapes_are_blanks(node):
    node.write(mounts.TABLE, "tmpfs /a\\040b tmpfs rw 0 0\n")
    assert [mount.directory for mount in mounts.read_mounts(node.files)] == ["/a b"]


def test_a_file_that_only_a_lower_directory_has_is_from_the_image(node):
    node.write(mounts.TABLE, DISK + "tmpfs /tmp tmpfs rw 0 0\n" + OVERLAY.format("/tmp/upper"))
    assert not mounts.is_from_image(node.files, "/etc/a.conf")
    node.write("/tmp/upper/b.conf", "")
    assert mounts.is_from_image(node.files, "/etc/a.conf")
    assert not mounts.is_from_image(node.files, "/etc/b.conf")
    assert not mounts.is_from_image(node.files, "/usr/a.conf")
