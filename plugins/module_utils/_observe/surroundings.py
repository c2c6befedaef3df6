# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""What is around this system: whether the kernel is its own, and on what it runs."""

import re

# systemd: src/basic/virt.c; podman and docker leave the last two.
MARKS = (("/run/systemd/container", None), ("/run/.containerenv", "podman"), ("/.dockerenv", "docker"))
PRODUCT = ("/sys/class/dmi/id/sys_vendor", "/sys/class/dmi/id/product_name")
# include/linux/proc_ns.h: PROC_PID_INIT_INO
INITIAL_PID_NAMESPACE = "pid:[4026531836]"
# include/uapi/linux/capability.h
_CAP_SYS_MODULE = 16


def observe(files, release):
    """Return the facts: C(container), its kind or None; C(machine), the vendor's names; C(may_load), or None."""
    names = [(files.read(path) or "").strip() for path in PRODUCT]
    return {
        "container": _container(files, release),
        "machine": " ".join(name for name in names if name)[:80] or None,
        "can_load_modules": _may_load(files),
    }


def _container(files, release):
    if "microsoft" in release.lower():
        return "wsl"
    environment = re.search(r"(?:^|\0)container=([\w-]+)", files.read("/proc/1/environ") or "")
    files.unreadable.pop("/proc/1/environ", None)  # root's alone; the other marks are everybody's
    if environment:
        return environment.group(1)
    # A machine made from a container's image keeps its marks, but has the first process namespace for its own.
    if files.link("/proc/self/ns/pid") == INITIAL_PID_NAMESPACE and files.link("/proc/self/ns/mnt") == files.link(
        "/proc/1/ns/mnt"
    ):
        return None
    for path, kind in MARKS:
        text = files.read(path)
        if text is not None:
            return kind or text.strip()[:40] or "unknown"
    return None


def _may_load(files):
    """Whether this process has CAP_SYS_MODULE."""
    effective = re.search(r"^CapEff:\s*([0-9a-f]+)$", files.read("/proc/self/status") or "", re.MULTILINE)
    return bool(int(effective.group(1), 16) >> _CAP_SYS_MODULE & 1) if effective else None
