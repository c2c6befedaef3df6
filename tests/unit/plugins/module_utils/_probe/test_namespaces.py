# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of a node that does not allow namespaces."""

import ctypes
import errno

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import namespaces


class FakeKernel:
    """Answers every system call with one error."""

    def __init__(self, number):
        self.number = number

    def unshare(self, *_arguments):
        ctypes.set_errno(self.number)
        return -1

    mount = prctl = unshare


@pytest.mark.parametrize(
    "number, text",
    [
        (errno.EPERM, "run the probe on the host itself"),
        (errno.ENOSPC, "user.max_net_namespaces"),
        (errno.EINVAL, "has no network or PID namespaces"),
        (errno.ENOSYS, "a seccomp filter hides them"),
        (errno.ENOMEM, "see the kernel's log"),
    ],
)
def test_a_namespace_that_cannot_be_created_is_an_error_with_a_remedy(monkeypatch, number, text):
    monkeypatch.setattr(namespaces, "_libc", FakeKernel(number))
    with pytest.raises(namespaces.SandboxError, match="^no namespace can be created.*" + text):
        namespaces.unshare(namespaces.CLONE_NEWNET)


@pytest.mark.parametrize(
    "number, text", [(errno.EACCES, "run the probe on the host itself"), (errno.EINVAL, "see the kernel's log")]
)
def test_a_failed_mount_is_an_error_with_a_remedy(monkeypatch, number, text):
    monkeypatch.setattr(namespaces, "_libc", FakeKernel(number))
    with pytest.raises(namespaces.SandboxError, match="^/run cannot be covered.*" + text):
        namespaces.mount("tmpfs", "/run", "tmpfs", 0, None)


def test_a_capability_that_cannot_be_dropped_is_an_error(monkeypatch):
    monkeypatch.setattr(namespaces, "_libc", FakeKernel(errno.EPERM))
    with pytest.raises(namespaces.SandboxError, match="^capability 0 cannot be dropped"):
        namespaces.limit_programs()


def test_capabilities_that_the_kernel_does_not_know_are_ignored(monkeypatch):
    monkeypatch.setattr(namespaces, "_libc", FakeKernel(errno.EINVAL))
    namespaces.limit_programs()
