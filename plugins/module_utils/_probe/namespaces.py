# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The system calls that make a sandbox: namespaces, mounts, capabilities, and the signal at the parent's death."""

import ctypes
import errno
import os
import signal
from typing import Optional

# linux/sched.h, linux/mount.h, linux/prctl.h, linux/capability.h
CLONE_NEWNS = 0x00020000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_REC_PRIVATE = 0x4000 | 0x40000
MS_NOSUID_NODEV = 0x2 | 0x4
PR_SET_PDEATHSIG = 1
PR_CAPBSET_DROP = 24
CAP_NET_ADMIN = 12
CAP_NET_RAW = 13
# The kernel knows fewer. If /proc is restricted (subset=pid), it does not show how many.
MAX_CAPABILITIES = 64

_NO_RIGHT = (
    "CAP_SYS_ADMIN is required, which containers and their seccomp filters do not give; "
    "run the probe on the host itself"
)
_SEE_LOG = "see the kernel's log"
_EXPLANATIONS = {
    errno.EPERM: _NO_RIGHT,
    errno.ENOSPC: (
        "the limit user.max_net_namespaces, user.max_pid_namespaces or user.max_mnt_namespaces is reached; raise it"
    ),
    errno.EINVAL: "this kernel has no network or PID namespaces, so the probe cannot run on it",
    errno.ENOSYS: "this kernel has no namespaces, or a seccomp filter hides them; run the probe on the host itself",
}

_libc = ctypes.CDLL(None, use_errno=True)


class SandboxError(Exception):
    """The node does not let this process make the sandbox. The message has the reason and the remedy."""


def unshare(flags: int) -> None:
    """Move this process into new namespaces, see unshare(2). Raises SandboxError."""
    if _libc.unshare(flags) != 0:
        number = ctypes.get_errno()
        explanation = _EXPLANATIONS.get(number, _SEE_LOG)
        raise SandboxError(f"no namespace can be created (unshare: {os.strerror(number)}): {explanation}")


def mount(source: str, target: str, kind: Optional[str], flags: int, data: Optional[str]) -> None:
    """Mount a file system in this mount namespace, see mount(2). Raises SandboxError."""
    if _libc.mount(_encode(source), _encode(target), _encode(kind), ctypes.c_ulong(flags), _encode(data)) != 0:
        number = ctypes.get_errno()
        explanation = _NO_RIGHT if number in (errno.EPERM, errno.EACCES) else _SEE_LOG
        raise SandboxError(
            f"{target} cannot be covered in a mount namespace (mount: {os.strerror(number)}): {explanation}"
        )


def _encode(text: Optional[str]) -> Optional[bytes]:
    return None if text is None else text.encode("utf-8")


def limit_programs() -> None:
    """Limit the programs that this process starts from now on to two capabilities, those of istio-init.

    So a program can load no module itself (CAP_SYS_MODULE). The kernel can still load one on demand for it.
    Raises SandboxError.
    """
    for capability in range(MAX_CAPABILITIES):
        if capability in (CAP_NET_ADMIN, CAP_NET_RAW):
            continue
        if _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            number = ctypes.get_errno()
            if number == errno.EINVAL:
                return
            raise SandboxError(
                f"capability {capability} cannot be dropped (prctl: {os.strerror(number)}); run the probe as root"
            )


def die_with_parent() -> None:
    """Let the kernel kill this process when its parent ends (PR_SET_PDEATHSIG)."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
