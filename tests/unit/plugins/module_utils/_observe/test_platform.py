# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a system may be written to file by file."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._boot import modules_load
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import management

MOUNTS = "/dev/sda1 / ext4 {} 0 0\nproc /proc proc rw 0 0\n"


@pytest.mark.parametrize(
    "path, text, managed_by",
    [
        ("/proc/self/mounts", MOUNTS.format("rw,relatime"), None),
        ("/proc/self/mounts", MOUNTS.format("ro,relatime"), "image"),
        ("/proc/self/mounts", MOUNTS.format("ro") + "overlay /etc overlay rw 0 0\n", None),
        ("/proc/self/mounts", MOUNTS.format("rw") + "/dev/sda1 /etc ext4 ro 0 0\n", "image"),
        ("/proc/self/mounts", "nonsense\n", None),
        ("/run/ostree-booted", "", "ostree"),
        ("/usr/sbin/transactional-update", "", "transactional-update"),
    ],
)
def test_what_a_system_is_managed_by(node, path, text, managed_by):
    node.write(path, text)
    node.write("/usr/lib/systemd/systemd", "")
    files = Files(str(node.root))
    assert management.observe(files, modules_load.read(files, "")) == {"systemd": True, "managed_by": managed_by}


UNIT = "systemd-modules-load.service"


@pytest.mark.parametrize(
    "cmdline, path, read, mask",
    [
        (
            "quiet systemd.mask=systemd-modules-load",
            None,
            False,
            "systemd.mask=systemd-modules-load on the kernel command line",
        ),
        ("", "/etc/systemd/system/" + UNIT, False, "/etc/systemd/system/" + UNIT),
        ("", "/usr/lib/systemd/system/" + UNIT, False, "/usr/lib/systemd/system/" + UNIT),
        ("systemd.mask=other", None, "not told", "not told"),
    ],
)
def test_whether_boot_files_are_read_is_told_though_none_lists_anything(node, cmdline, path, read, mask):
    if path:
        node.link(path, "/dev/null")
    files = Files(str(node.root))
    seen = management.observe(files, modules_load.read(files, cmdline))
    assert (seen.get("boot_files_read", "not told"), seen.get("boot_files_mask", "not told")) == (read, mask)


def test_whether_boot_files_are_read_is_unknown_without_the_service_or_its_unit(node, forbid):
    node.write("/etc/systemd/system/" + UNIT, "")
    forbid("/etc/systemd/system/" + UNIT)
    files = Files(str(node.root))
    assert management.observe(files, modules_load.read(files, ""))["boot_files_read"] is None
    node.remove("/usr/lib/systemd/systemd-modules-load")
    files = Files(str(node.root))
    assert management.observe(files, modules_load.read(files, "")) == {
        "systemd": False,
        "managed_by": None,
        "boot_files_read": None,
        "boot_files_mask": None,
    }
