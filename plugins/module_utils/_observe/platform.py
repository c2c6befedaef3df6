# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The platform: container and machine around this system, its init system, and whether its files may be written."""

import re
from typing import Any, Dict, Optional

from ansible_collections.nodeprep.istio.plugins.module_utils._boot.boot_list import BootList
from ansible_collections.nodeprep.istio.plugins.module_utils._boot.init_system import find_init
from ansible_collections.nodeprep.istio.plugins.module_utils._boot.mounts import find_persistence
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Cause, Code

# systemd: src/basic/virt.c; podman and docker create the last two.
CONTAINER_MARKS = (("/run/systemd/container", None), ("/run/.containerenv", "podman"), ("/.dockerenv", "docker"))
PRODUCT = ("/sys/class/dmi/id/sys_vendor", "/sys/class/dmi/id/product_name")
# include/linux/proc_ns.h: PROC_PID_INIT_INO
INITIAL_PID_NAMESPACE = "pid:[4026531836]"
# user_namespaces(7): the map of the first user namespace; its size is the last user ID.
INITIAL_UID_MAP = ["0", "0", "4294967295"]
KIND = "/kind/version"  # kubernetes-sigs/kind: pkg/build/nodeimage
# microsoft/WSL: src/linux/init creates both, also with a kernel that the user built. Its entry in binfmt_misc is not
# used, since looking for it would mount binfmt_misc, and so load a module.
WSL_MARKS = ("/run/WSL", "/usr/lib/wsl/lib")
WSL = "wsl"
BOOT_DIRECTORY = "/etc/modules-load.d"
# What manages the files of a system; the first that exists counts.
MANAGERS = (
    ("/run/ostree-booted", "ostree"),
    ("/usr/sbin/transactional-update", "transactional-update"),
    ("/etc/NIXOS", "nixos"),
    ("/run/current-system/nixos-version", "nixos"),
)
_NIXOS = re.compile(r"^ID=[\"']?nixos\b", re.MULTILINE)

# include/uapi/linux/capability.h
_CAP_SYS_MODULE = 16
# These bound the facts.
_MAX_MACHINE_CHARS = 80
_MAX_CONTAINER_CHARS = 40


def observe_host(files: Files, release: str) -> Dict[str, Any]:
    """Return what is around this system.

    C(container) is the kind of container, or None; C(machine) are the vendor's names, or None; C(can_load_modules) is
    whether this process may load modules, or None if unknown. C(user_namespace) is True if this system runs in a user
    namespace other than the first, and absent otherwise: capabilities there are not those of the host.

    :param release: the running kernel's release, or an empty text.
    """
    names = [(files.read(path) or "").strip() for path in PRODUCT]
    in_user_namespace = _is_in_user_namespace(files)
    facts: Dict[str, Any] = {
        "container": _find_container(files, release, in_user_namespace),
        "machine": " ".join(name for name in names if name)[:_MAX_MACHINE_CHARS] or None,
        # kernel/module/main.c: may_init_module() requires the capability in the first user namespace.
        "can_load_modules": False if in_user_namespace else _has_cap_sys_module(files),
    }
    if in_user_namespace:
        facts["user_namespace"] = True
    return facts


def find_kernel_owner(kind: Optional[str]) -> Optional[Cause]:
    """Return the cause for which the kernel cannot be inspected or changed as that of a machine, or None.

    :param kind: the kind of container.
    """
    if kind == WSL:
        return Cause(
            Code.WSL,
            "Windows provides the kernel of this WSL machine, and not all that it has and loads can be seen from here",
        )
    return Cause(Code.CONTAINER, f"the kernel belongs to the host of this container ({kind})") if kind else None


def _is_in_user_namespace(files: Files) -> bool:
    fields = (files.read("/proc/self/uid_map") or "").split()
    return bool(fields) and fields != INITIAL_UID_MAP


def _find_container(files: Files, release: str, in_user_namespace: bool) -> Optional[str]:
    kind = _find_container_mark(files, in_user_namespace)
    if kind:
        return "kind" if files.exists(KIND) else kind
    if "microsoft" in release.lower() or any(files.exists(path) for path in WSL_MARKS):
        return WSL
    return "user_namespace" if in_user_namespace else None


def _find_container_mark(files: Files, in_user_namespace: bool) -> Optional[str]:
    environment = re.search(r"(?:^|\0)container=([\w-]+)", files.read("/proc/1/environ") or "")
    # Only root can read it; everyone can read the other marks.
    files.unreadable.pop("/proc/1/environ", None)
    # systemd: src/basic/virt.c sets "wsl", too.
    if environment and environment.group(1) != WSL:
        return environment.group(1)
    # A machine made from a container's image has its marks, but also the first process namespace.
    has_initial_namespace = files.read_link("/proc/self/ns/pid") == INITIAL_PID_NAMESPACE
    is_machine = has_initial_namespace and files.read_link("/proc/self/ns/mnt") == files.read_link("/proc/1/ns/mnt")
    if is_machine and not in_user_namespace:
        return None
    for path, kind in CONTAINER_MARKS:
        text = files.read(path)
        if text is not None and text.strip() != WSL:
            return kind or text.strip()[:_MAX_CONTAINER_CHARS] or "unknown"
    return None


def _has_cap_sys_module(files: Files) -> Optional[bool]:
    effective = re.search(r"^CapEff:\s*([0-9a-f]+)$", files.read("/proc/self/status") or "", re.MULTILINE)
    return bool(int(effective.group(1), 16) >> _CAP_SYS_MODULE & 1) if effective else None


def observe_management(files: Files, boot_list: BootList, is_container: bool) -> Dict[str, Any]:
    """Return how this system boots and how it is changed.

    C(init) is the init system that runs or, in an image, is installed, see :func:`init_system.find_init`; C(systemd) is
    whether that is systemd. C(managed_by) is what manages the files of this system: "ostree", "transactional-update",
    "nixos", "image" if /etc is mounted read-only, or None if each file may be written. C(etc) is present if a reboot
    does not keep what is written to /etc/modules-load.d, or may not: "read_only", "volatile" or "unknown". In a
    container "unknown" is omitted: its root is often such an overlay, and its boot files are not read in any case.
    These are present only if it is not certain that /etc/modules-load.d is read at boot: C(boot_files_read), False, or
    None if unknown, and C(boot_files_mask), see :class:`BootList`.
    """
    init = find_init(files)
    persistence = find_persistence(files, BOOT_DIRECTORY)
    facts: Dict[str, Any] = {"systemd": init == "systemd", "init": init, "managed_by": _find_manager(files)}
    if persistence != "kept" and not (persistence == "unknown" and is_container):
        facts["etc"] = persistence
    if not boot_list.boot_files_read:
        facts.update(boot_files_read=boot_list.boot_files_read, boot_files_mask=boot_list.boot_files_mask)
    return facts


def _find_manager(files: Files) -> Optional[str]:
    for path, manager in MANAGERS:
        if files.exists(path):
            return manager
    if _NIXOS.search(files.read("/etc/os-release") or ""):
        return "nixos"
    return "image" if find_persistence(files, "/etc") == "read_only" else None
