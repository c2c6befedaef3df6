# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container, machine, init system, and whether the files of a system may be written."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._boot import modules_load
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import platform

MOUNTS = "/dev/sda1 / ext4 {} 0 0\nproc /proc proc rw 0 0\n"
UNIT = "systemd-modules-load.service"


def observe_management(node, cmdline=""):
    files = Files(str(node.root))
    return platform.observe_management(files, modules_load.read_boot_list(files, cmdline))


@pytest.mark.parametrize(
    "files, release, container",
    [
        ({}, "6.1.0", None),
        ({}, "5.15.90.1-microsoft-standard-WSL2", "wsl"),
        ({"/proc/1/environ": "PATH=/bin\0container=lxc\0"}, "6.1.0", "lxc"),
        ({"/run/systemd/container": "systemd-nspawn\n"}, "6.1.0", "systemd-nspawn"),
        ({"/run/systemd/container": "\n"}, "6.1.0", "unknown"),
        ({"/run/.containerenv": ""}, "6.1.0", "podman"),
        ({"/.dockerenv": ""}, "6.1.0", "docker"),
    ],
    ids=["none", "wsl", "lxc", "systemd-nspawn", "without a name", "podman", "docker"],
)
def test_a_container_is_found_by_its_marks(node, files, release, container):
    for path, text in files.items():
        node.write(path, text)
    assert platform.observe_host(node.files, release)["container"] == container


def test_a_machine_made_from_an_image_of_a_container_is_none(node):
    node.write("/.dockerenv", "")
    node.link("/proc/self/ns/pid", platform.INITIAL_PID_NAMESPACE)
    node.link("/proc/self/ns/mnt", "mnt:[1]")
    node.link("/proc/1/ns/mnt", "mnt:[1]")
    assert platform.observe_host(node.files, "6.1.0")["container"] is None


def test_the_machine_has_the_names_of_its_vendor(node):
    assert platform.observe_host(node.files, "6.1.0")["machine"] is None
    node.write("/sys/class/dmi/id/sys_vendor", "Amazon EC2\n")
    node.write("/sys/class/dmi/id/product_name", "m5.large\n")
    assert platform.observe_host(node.files, "6.1.0")["machine"] == "Amazon EC2 m5.large"


@pytest.mark.parametrize(
    "status, can_load",
    [
        ("CapEff:\t000001ffffffffff\n", True),
        ("CapEff:\t00000000a80425fb\n", False),
        ("Name:\tx\n", None),
    ],
    ids=["all capabilities", "those of a container", "no line"],
)
def test_a_process_with_the_capability_may_load_modules(node, status, can_load):
    node.write("/proc/self/status", status)
    assert platform.observe_host(node.files, "6.1.0")["can_load_modules"] is can_load


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
    ids=["writable", "read-only", "writable /etc", "read-only /etc", "nonsense", "ostree", "transactional-update"],
)
def test_what_manages_the_files_is_found(node, path, text, managed_by):
    node.write(path, text)
    node.write("/usr/lib/systemd/systemd", "")
    assert observe_management(node) == {"systemd": True, "managed_by": managed_by}


@pytest.mark.parametrize(
    "cmdline, path, mask",
    [
        (
            "quiet systemd.mask=systemd-modules-load",
            None,
            "systemd.mask=systemd-modules-load on the kernel command line",
        ),
        ("", "/etc/systemd/system/" + UNIT, "/etc/systemd/system/" + UNIT),
        ("", "/usr/lib/systemd/system/" + UNIT, "/usr/lib/systemd/system/" + UNIT),
    ],
    ids=["command line", "/etc", "/usr/lib"],
)
def test_masked_boot_files_are_not_read(node, cmdline, path, mask):
    if path:
        node.link(path, "/dev/null")
    seen = observe_management(node, cmdline)
    assert seen["boot_files_read"] is False
    assert seen["boot_files_mask"] == mask


def test_boot_files_that_are_read_are_not_mentioned(node):
    assert set(observe_management(node, "systemd.mask=other")) == {"systemd", "managed_by"}


def test_without_permission_to_read_the_unit_it_is_unknown_whether_boot_files_are_read(node, forbid):
    node.write("/etc/systemd/system/" + UNIT, "")
    forbid("/etc/systemd/system/" + UNIT)
    assert observe_management(node)["boot_files_read"] is None


def test_without_systemd_it_is_unknown_whether_boot_files_are_read(node):
    node.remove("/usr/lib/systemd/systemd-modules-load")
    assert observe_management(node) == {
        "systemd": False,
        "managed_by": None,
        "boot_files_read": None,
        "boot_files_mask": None,
    }
