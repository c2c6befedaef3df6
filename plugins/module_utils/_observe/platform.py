# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The platform: container and machine around this system, its init system, and whether its files may be written."""

import re
from typing import Any, Dict, Optional

from ansible_collections.nodeprep.istio.plugins.module_utils._boot.modules_load import BootList
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files

# systemd: src/basic/virt.c; podman and docker create the last two.
CONTAINER_MARKS = (("/run/systemd/container", None), ("/run/.containerenv", "podman"), ("/.dockerenv", "docker"))
PRODUCT = ("/sys/class/dmi/id/sys_vendor", "/sys/class/dmi/id/product_name")
# include/linux/proc_ns.h: PROC_PID_INIT_INO
INITIAL_PID_NAMESPACE = "pid:[4026531836]"
OSTREE = "/run/ostree-booted"
TRANSACTIONAL = "/usr/sbin/transactional-update"
SYSTEMD = "/run/systemd/system"  # sd_booted(3)
SYSTEMD_INSTALLED = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd")

# include/uapi/linux/capability.h
_CAP_SYS_MODULE = 16
# These bound the facts.
_MAX_MACHINE_CHARS = 80
_MAX_CONTAINER_CHARS = 40
# fstab(5): device, directory, type, options, …
_MOUNT_DIRECTORY = 1
_MOUNT_OPTIONS = 3


def observe_host(files: Files, release: str) -> Dict[str, Any]:
    """Return what is around this system.

    C(container) is the kind of container, or None; C(machine) are the vendor's names, or None; C(can_load_modules) is
    whether this process may load modules, or None if unknown.

    :param release: the running kernel's release, or an empty text.
    """
    names = [(files.read(path) or "").strip() for path in PRODUCT]
    return {
        "container": _find_container(files, release),
        "machine": " ".join(name for name in names if name)[:_MAX_MACHINE_CHARS] or None,
        "can_load_modules": _has_cap_sys_module(files),
    }


def _find_container(files: Files, release: str) -> Optional[str]:
    if "microsoft" in release.lower():
        return "wsl"
    environment = re.search(r"(?:^|\0)container=([\w-]+)", files.read("/proc/1/environ") or "")
    # Only root can read it; everyone can read the other marks.
    files.unreadable.pop("/proc/1/environ", None)
    if environment:
        return environment.group(1)
    # A machine made from a container's image has its marks, but also the first process namespace.
    has_initial_namespace = files.read_link("/proc/self/ns/pid") == INITIAL_PID_NAMESPACE
    if has_initial_namespace and files.read_link("/proc/self/ns/mnt") == files.read_link("/proc/1/ns/mnt"):
        return None
    for path, kind in CONTAINER_MARKS:
        text = files.read(path)
        if text is not None:
            return kind or text.strip()[:_MAX_CONTAINER_CHARS] or "unknown"
    return None


def _has_cap_sys_module(files: Files) -> Optional[bool]:
    effective = re.search(r"^CapEff:\s*([0-9a-f]+)$", files.read("/proc/self/status") or "", re.MULTILINE)
    return bool(int(effective.group(1), 16) >> _CAP_SYS_MODULE & 1) if effective else None


def observe_management(files: Files, boot_list: BootList) -> Dict[str, Any]:
    """Return how this system boots and how it is changed.

    C(systemd) is whether it runs or, in an image, is installed. C(managed_by) is what manages the files of this system:
    "ostree", "transactional-update", "image" if /etc is mounted read-only, or None if each file may be written.
    These are present only if modules-load.d is not certain to be read at boot: C(boot_files_read), False, or None if
    unknown, and C(boot_files_mask), what disables it, a path or words of the kernel command line.
    """
    if files.root:
        systemd = any(files.exists(path) for path in SYSTEMD_INSTALLED)
    else:
        systemd = files.is_dir(SYSTEMD)
    facts: Dict[str, Any] = {"systemd": systemd, "managed_by": _find_manager(files)}
    if not boot_list.boot_files_read:
        facts.update(boot_files_read=boot_list.boot_files_read, boot_files_mask=boot_list.boot_files_mask)
    return facts


def _find_manager(files: Files) -> Optional[str]:
    if files.exists(OSTREE):
        return "ostree"
    if files.exists(TRANSACTIONAL):
        return "transactional-update"
    return "image" if _is_mounted_read_only(files.read("/proc/self/mounts") or "", "/etc") else None


def _is_mounted_read_only(mounts: str, path: str) -> bool:
    options = {}
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) > _MOUNT_OPTIONS:
            # Of several mounts on one directory the last one counts.
            options[fields[_MOUNT_DIRECTORY]] = fields[_MOUNT_OPTIONS].split(",")
    while path != "/" and path not in options:
        path = path.rpartition("/")[0] or "/"
    return "ro" in options.get(path, [])
