# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the running kernel reports in /proc and /sys."""

import os
import re
from typing import Dict, List, NamedTuple, Optional

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import canonicalize

_VERSION = re.compile(r"(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?")
_CMDLINE_WORD = re.compile(r'(?:[^\s"]|"[^"]*"?)+')
# The columns of /proc/modules up to the state, and the one of the taint (kernel/module/procfs.c: m_show()).
_MIN_COLUMNS = 5
_STATE_COLUMN = 4
_TAINT_COLUMN = 6
_DUMMY_PROGRAMS = ("false", "true")


class LoadedModule(NamedTuple):
    """A line of /proc/modules.

    :ivar state: "Live", "Loading" or "Unloading".
    :ivar taint: for example "OE" for an unsigned module from outside the kernel's tree, or "".
    """

    state: str
    taint: str


def read_release(files: Files) -> Optional[str]:
    """Return the running kernel's release, or None below a root in which no kernel runs.

    A recorded tree has its own /proc.
    """
    text = (files.read("/proc/sys/kernel/osrelease") or "").strip()
    if text or files.is_live:
        return text or os.uname()[2]
    return None


def parse_version(release: str) -> List[int]:
    """Return the numbers at the start of a release: "6.12.0-124.el10" is [6, 12, 0]; empty if there are none."""
    match = _VERSION.match(release)
    return [int(part) for part in match.groups() if part] if match else []


def read_loaded_modules(files: Files) -> Optional[Dict[str, LoadedModule]]:
    """Return dict of module name to its line of /proc/modules; None if that file is absent.

    The columns are those of m_show() in the kernel's kernel/module/procfs.c. A line without them is skipped.
    """
    text = files.read("/proc/modules")
    if text is None:
        return None
    modules = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) >= _MIN_COLUMNS:
            taint = words[_TAINT_COLUMN].strip("()") if len(words) > _TAINT_COLUMN else ""
            modules[canonicalize(words[0])] = LoadedModule(words[_STATE_COLUMN], taint)
    return modules


def has_ipv6(files: Files) -> Optional[bool]:
    """Return whether IPv6 is enabled in this kernel; None if its module is not loaded, so this cannot be determined.

    With ipv6.disable=1 on the kernel command line (net/ipv6/af_inet6.c: inet6_init()) modules still load, but there are
    no sockets, addresses, routes or routing rules of IPv6.
    """
    disabled = parse_flag(files.read("/sys/module/ipv6/parameters/disable"))
    return None if disabled is None else not disabled


def is_program(files: Files, path: str) -> Optional[bool]:
    """Return whether the kernel can start the file at I(path); None if that cannot be determined."""
    mode = files.get_mode(path) if path else None
    return None if path in files.unreadable else bool(mode and mode & 0o111)


def is_dummy_program(files: Files, path: str) -> bool:
    """Return whether a program does nothing by its name. Hardening guides switch autoload off with /bin/true.

    One file of busybox or uutils is many programs, so the name counts, or that of the file to which a link leads.
    """
    names = (path, files.read_link(path) or "")
    return any(name.rpartition("/")[2] in _DUMMY_PROGRAMS for name in names)


def list_cmdline_values(cmdline: str, key: str) -> List[str]:
    """Return the values of a key on the kernel command line. In the key a dash and an underscore are the same.

    The value, or the whole word, may be in double quotes (lib/cmdline.c: next_arg()).
    """
    values = []
    for word in _CMDLINE_WORD.findall(cmdline):
        name, equals, value = word.strip('"').partition("=")
        if equals and canonicalize(name) == canonicalize(key):
            values.append(value.strip('"'))
    return values


def parse_flag(text: Optional[str]) -> Optional[bool]:
    """Return whether the text of a kernel file is 1 or 0; None if it is neither."""
    return {"1": True, "0": False}.get((text or "").strip())
