# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container, machine, init system, and whether the files of a system may be written."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._boot import boot_readers
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import platform
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Code

MOUNTS = "/dev/sda1 / ext4 {} 0 0\nproc /proc proc rw 0 0\n"
UNIT = "systemd-modules-load.service"


def observe_management(node, cmdline="", is_container=False):
    files = Files(str(node.root))
    return platform.observe_management(files, boot_readers.read_boot_list(files, cmdline), is_container)


@pytest.mark.parametrize(
    "files, release, container",
    [
        ({}, "6.1.0", None),
        ({}, "5.15.90.1-microsoft-standard-WSL2", "wsl"),
        ({"/run/WSL/1_interop": ""}, "6.6.87-own", "wsl"),
        ({"/run/systemd/container": "wsl\n"}, "5.15.90.1-microsoft-standard-WSL2", "wsl"),
        ({"/.dockerenv": ""}, "5.15.90.1-microsoft-standard-WSL2", "docker"),
        ({"/proc/1/environ": "PATH=/bin\0container=lxc\0"}, "6.1.0", "lxc"),
        ({"/run/systemd/container": "systemd-nspawn\n"}, "6.1.0", "systemd-nspawn"),
        ({"/run/systemd/container": "\n"}, "6.1.0", "unknown"),
        ({"/run/.containerenv": ""}, "6.1.0", "podman"),
        ({"/.dockerenv": ""}, "6.1.0", "docker"),
        ({"/.dockerenv": "", "/kind/version": "v1.34.0"}, "6.1.0", "kind"),
        ({"/proc/self/uid_map": "0 100000 65536\n"}, "6.1.0", "user_namespace"),
        ({"/proc/self/uid_map": "0 1000 1\n1 100000 65536\n", "/run/.containerenv": "rootless=1\n"}, "6.1.0", "podman"),
        ({"/proc/self/uid_map": "         0          0 4294967295\n"}, "6.1.0", None),
    ],
    ids=[
        "none",
        "wsl",
        "wsl with an own kernel",
        "wsl with systemd",
        "docker in wsl",
        "lxc",
        "systemd-nspawn",
        "without a name",
        "podman",
        "docker",
        "kind",
        "a user namespace",
        "rootless podman",
        "the first user namespace",
    ],
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


def test_a_capability_in_a_user_namespace_loads_no_modules(node):
    node.write("/proc/self/status", "CapEff:\t000001ffffffffff\n")
    node.write("/proc/self/uid_map", "0 0 4294967295\n")
    assert platform.observe_host(node.files, "6.1.0") == {"container": None, "machine": None, "can_load_modules": True}
    node.write("/proc/self/uid_map", "0 1000 1\n")
    assert platform.observe_host(node.files, "6.1.0") == {
        "container": "user_namespace",
        "machine": None,
        "can_load_modules": False,
        "user_namespace": True,
    }


def test_the_mark_of_an_image_does_not_hide_a_user_namespace(node):
    node.write("/proc/self/uid_map", "0 1000 1\n")
    node.link("/proc/self/ns/pid", platform.INITIAL_PID_NAMESPACE)
    assert platform.observe_host(node.files, "6.1.0")["container"] == "user_namespace"


@pytest.mark.parametrize(
    "kind, code", [(None, None), ("wsl", Code.WSL), ("lxc", Code.CONTAINER)], ids=["none", "wsl", "lxc"]
)
def test_the_kernel_of_a_container_belongs_to_another_system(kind, code):
    cause = platform.find_kernel_owner(kind)
    assert (cause and cause.code) == code


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
        ("/etc/NIXOS", "", "nixos"),
        ("/etc/os-release", 'NAME="NixOS"\nID=nixos\n', "nixos"),
    ],
    ids=[
        "writable",
        "read-only",
        "writable /etc",
        "read-only /etc",
        "nonsense",
        "ostree",
        "transactional-update",
        "the mark of NixOS",
        "the name of NixOS",
    ],
)
def test_what_manages_the_files_is_found(node, path, text, managed_by):
    node.write(path, text)
    node.write("/usr/lib/systemd/systemd", "")
    etc = {"etc": "read_only"} if managed_by == "image" else {}
    assert observe_management(node) == {"systemd": True, "init": "systemd", "managed_by": managed_by, **etc}


def test_an_etc_in_memory_is_reported(node):
    node.write("/proc/self/mounts", MOUNTS.format("ro") + "tmpfs /etc tmpfs rw 0 0\n")
    seen = observe_management(node)
    assert (seen["managed_by"], seen["etc"]) == (None, "volatile")


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
    assert set(observe_management(node, "systemd.mask=other")) == {"systemd", "init", "managed_by"}


def test_without_permission_to_read_the_unit_it_is_unknown_whether_boot_files_are_read(node, forbid):
    node.write("/etc/systemd/system/" + UNIT, "")
    forbid("/etc/systemd/system/" + UNIT)
    assert observe_management(node)["boot_files_read"] is None


def test_with_an_unknown_init_system_it_is_unknown_whether_boot_files_are_read(node):
    node.remove("/usr/lib/systemd/systemd-modules-load")
    assert observe_management(node) == {
        "systemd": False,
        "init": None,
        "managed_by": None,
        "boot_files_read": None,
        "boot_files_mask": None,
    }


def test_the_root_of_a_container_is_not_reported_as_unknown(node):
    node.write("/proc/self/mounts", "overlay / overlay rw,lowerdir=/l,upperdir=/upper 0 0\n")
    assert observe_management(node)["etc"] == "unknown"
    assert "etc" not in observe_management(node, is_container=True)
