# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How work in a scratch begins and ends. The kernel's part is replaced; the real one is in the integration tests."""

import ctypes
import errno
import os
import time

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils import _scratch


class Kernel:
    """Stands for libc: every call succeeds, but for one that fails with an errno."""

    def __init__(self, failing=None, number=0):
        self.failing = failing
        self.number = number

    def __getattr__(self, name):
        def call(*_arguments):
            if name != self.failing:
                return 0
            ctypes.set_errno(self.number)
            return -1

        return call


@pytest.fixture(autouse=True)
def kernel(monkeypatch, tmp_path):
    monkeypatch.setattr(_scratch, "_libc", Kernel())
    monkeypatch.setattr(_scratch, "SPACE", str(tmp_path))


def test_what_is_emitted_comes_back_in_order():
    assert _scratch.collect(lambda emit: [emit({"n": n}) for n in range(500)], 10) == [{"n": n} for n in range(500)]


@pytest.mark.parametrize(
    "call, number, text",
    [
        ("unshare", errno.EPERM, "in a container, or under its seccomp filter"),
        ("unshare", errno.ENOSPC, "user.max_net_namespaces"),
        ("unshare", errno.EINVAL, "no network or PID namespaces"),
        ("mount", errno.EACCES, "cannot be mounted over"),
        ("prctl", errno.EPERM, "a capability cannot be given up"),
    ],
)
def test_a_refusal_of_the_kernel_is_one_clear_answer(monkeypatch, call, number, text):
    monkeypatch.setattr(_scratch, "_libc", Kernel(call, number))
    with pytest.raises(_scratch.Refused) as caught:
        _scratch.collect(lambda emit: emit("never"), 10)
    assert text in str(caught.value) and os.strerror(number) in str(caught.value)


def test_what_was_done_before_the_time_out_is_kept():
    def work(emit):
        emit("first")
        time.sleep(60)

    started = time.time()
    with pytest.raises(_scratch.Ended) as caught:
        _scratch.collect(work, 1)
    assert caught.value.results == ["first"] and "1 seconds" in str(caught.value)
    assert time.time() - started < 10


def test_an_error_and_a_kill_in_the_work_are_told():
    def broken(emit):
        emit("first")
        raise ValueError("broken")

    with pytest.raises(_scratch.Ended, match="ValueError: broken") as caught:
        _scratch.collect(broken, 10)
    assert caught.value.results == ["first"]
    with pytest.raises(_scratch.Ended, match="killed"):
        _scratch.collect(lambda emit: os.kill(os.getpid(), 9), 10)


def test_a_program_gets_its_input_and_its_words_come_back(monkeypatch):
    assert _scratch.run(["/bin/sh", "-c", "cat; echo said >&2; exit 3"], "given\n") == (3, "given\nsaid")
    assert _scratch.run(["/bin/sh", "-c", "kill -9 $$"])[0] == -9
    monkeypatch.setattr(_scratch, "PATIENCE", 0.2)
    assert _scratch.run(["/bin/sleep", "60"]) == (124, "no answer in 0.2 seconds")


def test_a_program_that_is_not_there_is_an_error():
    with pytest.raises(OSError):
        _scratch.run(["/nonexistent/tool"])
    with pytest.raises(_scratch.Refused, match="container_t"):
        _scratch.run(["/nonexistent/tool"], context="system_u:system_r:container_t:s0")
