# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A replacement for a node's Python, which restricts the process before it starts the real Python.

restricted_python.py RESTRICTION PYTHON ARGUMENT…
"""

import ctypes
import os
import platform
import struct
import subprocess
import sys

libc = ctypes.CDLL(None, use_errno=True)
UNSHARE_NUMBERS = {"x86_64": 272, "aarch64": 97}
HIDDEN_PROGRAMS = ("ip", "unshare", "ipset", "nsenter")
NETFILTER_PROGRAMS = ("nft", "iptables-nft-restore", "iptables-legacy-restore")
PROGRAM_DIRECTORIES = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
NOBODY = 65534
# linux/prctl.h, linux/seccomp.h, linux/sched.h, linux/mount.h, linux/capability.h
PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 22, 24, 38
SECCOMP_MODE_FILTER = 2
CLONE_NEWNS, MS_BIND, MS_REC_PRIVATE = 0x20000, 0x1000, 0x44000
CAP_SYS_ADMIN = 21


def check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def enter_mount_namespace():
    check(libc.unshare(CLONE_NEWNS))
    check(libc.mount(b"none", b"/", None, ctypes.c_ulong(MS_REC_PRIVATE), None))


def plain():
    """Change nothing."""


def no_root():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def no_capability():
    """Like root in a container: no CAP_SYS_ADMIN, and none for a program that root starts."""
    check(libc.prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0))


def seccomp():
    """Let the kernel answer unshare(2) with EPERM, like the default filter of container engines.

    linux/seccomp.h, linux/filter.h
    """
    instructions = (
        (0x20, 0, 0, 0),  # load the number of the system call
        (0x15, 0, 1, UNSHARE_NUMBERS[platform.machine()]),  # if it is not unshare, skip one instruction
        (0x06, 0, 0, 0x00050000 | 1),  # return EPERM
        (0x06, 0, 0, 0x7FFF0000),  # allow
    )
    program = b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)
    memory = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(struct.pack("HL", len(instructions), ctypes.addressof(memory)))
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    check(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(header), 0, 0))


def hidepid():
    """Hide the processes of other users."""
    enter_mount_namespace()
    check(libc.mount(b"proc", b"/proc", b"proc", ctypes.c_ulong(0), b"hidepid=2"))


def subset_pid():
    """Hide also everything in /proc that is not a process."""
    enter_mount_namespace()
    check(libc.mount(b"proc", b"/proc", b"proc", ctypes.c_ulong(0), b"hidepid=2,subset=pid"))


def hide_programs(names):
    enter_mount_namespace()
    for name in names:
        for directory in PROGRAM_DIRECTORIES:
            path = f"{directory}/{name}"
            if os.path.exists(path):
                check(libc.mount(b"/dev/null", path.encode(), None, ctypes.c_ulong(MS_BIND), None))


def no_programs():
    hide_programs(HIDDEN_PROGRAMS)


def no_tools():
    hide_programs({os.path.basename(os.path.realpath("/usr/sbin/" + name)) for name in NETFILTER_PROGRAMS})


RESTRICTIONS = {
    function.__name__: function
    for function in (plain, no_root, no_capability, seccomp, hidepid, subset_pid, no_programs, no_tools)
}
RESTRICTIONS[sys.argv[1]]()
# Not every user may start every Python.
python = next(path for path in (sys.argv[2], "/usr/bin/python3", "/usr/local/bin/python3") if os.access(path, os.X_OK))
sys.exit(subprocess.call([python, *sys.argv[3:]]))
