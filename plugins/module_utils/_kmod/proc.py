# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""What the running kernel tells in /proc and /sys."""

import os
import re

from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import canonical


def release(files):
    """Return the running kernel's release, or None below a root where no kernel runs; a recorded tree has its own /proc."""
    text = (files.read("/proc/sys/kernel/osrelease") or "").strip()
    return text or (None if files.root else os.uname()[2])


def version(kernel_release):
    """Return the numbers at the head of a release: "6.12.0-124.el10" is [6, 12, 0]; empty where it has none."""
    match = re.match(r"(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?", kernel_release)
    return [int(part) for part in match.groups() if part] if match else []


def loaded_modules(files):
    """Return dict of module name to (state, taint), "Live", "Loading" or "Unloading"; None where /proc/modules is absent.

    Taint is "OE" of a module that is out of tree and unsigned, and so on, else "". The columns are those of m_show() in
    the kernel's kernel/module/procfs.c. A line without them is passed over.
    """
    text = files.read("/proc/modules")
    if text is None:
        return None
    modules = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 5:
            modules[canonical(words[0])] = (words[4], words[6].strip("()") if len(words) > 6 else "")
    return modules


def blockers(files):
    """Return what keeps this kernel from loading any module at all, or from loading one on demand."""
    helper = files.read("/proc/sys/kernel/modprobe")
    helper = helper.strip() if helper is not None else None
    lockdown = re.search(r"\[(\w+)\]", files.read("/sys/kernel/security/lockdown") or "")
    enforce = files.read("/sys/module/module/parameters/sig_enforce")
    return {
        "modules_disabled": flag(files.read("/proc/sys/kernel/modules_disabled")),
        "modprobe_helper": helper,
        "modprobe_helper_exists": None if helper is None else is_program(files, helper),
        "lockdown": lockdown.group(1) if lockdown else None,
        "signature_enforced": None if enforce is None else enforce.strip() == "Y",
    }


def has_ipv6(files):
    """Whether this kernel speaks IPv6, which ipv6.disable=1 on its command line switches off; None where its module is not there to tell.

    Source: net/ipv6/af_inet6.c, inet6_init(). Loading anything is not refused then, but no socket, address, route or routing rule is had.
    """
    disabled = flag(files.read("/sys/module/ipv6/parameters/disable"))
    return None if disabled is None else not disabled


def is_program(files, path):
    """Whether the kernel can start what I(path) names; None where that may not be looked at."""
    mode = files.mode(path) if path else None
    return None if path in files.unreadable else bool(mode and mode & 0o111)


def cmdline_values(cmdline, key):
    """Return the values that the kernel command line gives for a key; a dash and an underscore in the key are one.

    A value, or the whole word, may stand in double quotes (lib/cmdline.c: next_arg()).
    """
    values = []
    for word in re.findall(r'(?:[^\s"]|"[^"]*"?)+', cmdline):
        name, equals, value = word.strip('"').partition("=")
        if equals and canonical(name) == canonical(key):
            values.append(value.strip('"'))
    return values


def flag(text):
    """Return whether a kernel file says 1 or 0, or None where it says neither."""
    return None if text is None or text.strip() not in ("0", "1") else text.strip() == "1"
