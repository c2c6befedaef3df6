# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand in for a node's Python: within.py SURROUNDINGS PYTHON ARGUMENT…, with what surrounds the module changed for it alone."""

import ctypes
import os
import platform
import struct
import subprocess
import sys

libc = ctypes.CDLL(None, use_errno=True)
UNSHARE, PROGRAMS = {"x86_64": 272, "aarch64": 97}, ("ip", "unshare", "ipset", "nsenter")
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, FILTER = 38, 22, 2
CLONE_NEWNS, REC_PRIVATE, CAPBSET_DROP, SYS_ADMIN = 0x20000, 0x44000, 24, 21


def check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def own_mounts():
    check(libc.unshare(CLONE_NEWNS))
    check(libc.mount(b"none", b"/", None, ctypes.c_ulong(REC_PRIVATE), None))


def plain():
    """Change nothing."""


def no_root():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


def no_capability():
    """As root in a container has it: no CAP_SYS_ADMIN, also not for a program that root starts."""
    check(libc.prctl(CAPBSET_DROP, SYS_ADMIN, 0, 0, 0))


def seccomp():
    """The kernel's answer to unshare(2) is EPERM, as under the default filter of container engines (linux/seccomp.h, linux/filter.h)."""
    number = UNSHARE[platform.machine()]
    program = b"".join(
        struct.pack("=HBBI", *one)
        for one in (
            (0x20, 0, 0, 0),
            (0x15, 0, 1, number),
            (0x06, 0, 0, 0x00050000 | 1),
            (0x06, 0, 0, 0x7FFF0000),
        )  # load the call; is it?; EPERM; allow
    )
    memory = ctypes.create_string_buffer(program, len(program))
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    check(
        libc.prctl(
            PR_SET_SECCOMP,
            FILTER,
            ctypes.byref(ctypes.create_string_buffer(struct.pack("HL", 4, ctypes.addressof(memory)))),
            0,
            0,
        )
    )


def hidepid():
    """Other users' processes are hidden, and so is all of /proc that is not of processes."""
    own_mounts()
    check(libc.mount(b"proc", b"/proc", b"proc", ctypes.c_ulong(0), b"hidepid=2"))


def subset_pid():
    own_mounts()
    check(libc.mount(b"proc", b"/proc", b"proc", ctypes.c_ulong(0), b"hidepid=2,subset=pid"))


def covered(*names):
    own_mounts()
    for name in names:
        for directory in ("/usr/sbin", "/usr/bin", "/sbin", "/bin"):
            path = f"{directory}/{name}"
            if os.path.exists(path):
                check(libc.mount(b"/dev/null", path.encode(), None, ctypes.c_ulong(0x1000), None))


def no_programs():
    covered(*PROGRAMS)


def no_tools():
    real = {
        os.path.basename(os.path.realpath("/usr/sbin/" + name))
        for name in ("nft", "iptables-nft-restore", "iptables-legacy-restore")
    }
    covered(*real)


SURROUNDINGS = {
    function.__name__: function
    for function in (plain, no_root, no_capability, seccomp, hidepid, subset_pid, no_programs, no_tools)
}
SURROUNDINGS[sys.argv[1]]()
# Not every user may start every Python.
python = next(path for path in (sys.argv[2], "/usr/bin/python3", "/usr/local/bin/python3") if os.access(path, os.X_OK))
sys.exit(subprocess.call([python] + sys.argv[3:]))
