# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps work from a scratch is told in one line. What it leaves is seen by the integration target, which may make one."""

import ctypes
import errno

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import sandbox


def test_no_process_can_be_started(monkeypatch):
    def fork():
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(sandbox.os, "fork", fork)
    with pytest.raises(sandbox.Refused, match="no process can be started .fork: Resource temporarily unavailable"):
        sandbox.collect(lambda emit: None, 1)


class Kernel:
    """Refuses every system call with one error."""

    def __init__(self, number):
        self.number = number

    def unshare(self, *_arguments):
        ctypes.set_errno(self.number)
        return -1

    mount = unshare


@pytest.mark.parametrize(
    "number, words",
    [
        (errno.EPERM, "Run the probe on the host itself"),
        (errno.ENOSPC, "user.max_net_namespaces"),
        (errno.EINVAL, "has no network or PID namespaces"),
        (errno.ENOSYS, "a seccomp filter hides them"),
        (errno.ENOMEM, "see the kernel's log"),
    ],
)
def test_no_namespace_can_be_made(monkeypatch, number, words):
    monkeypatch.setattr(sandbox, "_libc", Kernel(number))
    with pytest.raises(sandbox.Refused, match=words):
        sandbox.new_network()


@pytest.mark.parametrize(
    "number, words", [(errno.EACCES, "Run the probe on the host itself"), (errno.EINVAL, "see the kernel's log")]
)
def test_nothing_can_be_mounted(monkeypatch, number, words):
    monkeypatch.setattr(sandbox, "_libc", Kernel(number))
    with pytest.raises(sandbox.Refused, match="^/run cannot be mounted over.*" + words):
        sandbox._mount("tmpfs", "/run", "tmpfs", 0, None)
