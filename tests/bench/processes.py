# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure a command: its processor time, its time and its memory."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

COLLECTIONS = Path(__file__).parents[2] / ".cache"
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Cost:
    """What a command used.

    ``cpu``: seconds of user and system time of the command and of all processes that it waited for. ``connections``:
    the same of the processes that outlived it, which are ssh's shared connections. ``wall``: seconds. ``peak_mib``: the
    largest resident set of one of its processes.
    """

    cpu: float
    connections: float
    wall: float
    peak_mib: float


def find_ansible_playbook() -> str:
    """Return ansible-playbook of the environment that runs the benchmark."""
    return str(Path(sys.executable).with_name("ansible-playbook"))


def build_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of Ansible: this checkout of the collection, and further settings."""
    own = {"ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "ANSIBLE_NOCOLOR": "1"}
    return {**os.environ, **own, **settings}


def adopt_orphans() -> None:
    """Make this process the parent of processes whose own parent ended, so that it can stop and measure them."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl: orphans cannot be adopted")


def list_children() -> set[int]:
    """Return the children of this process (proc(5): /proc/pid/task/tid/children)."""
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()}


def run_measured(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> tuple[int, Cost]:
    """Run a command, and return its exit code and cost. Its output goes to a file. Needs adopt_orphans()."""
    older = list_children()
    start = time.monotonic()
    with log.open("w", encoding="utf-8") as output:
        child = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        _pid, status, used = os.wait4(child.pid, 0)
    wall = time.monotonic() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    connections = sum(stop(pid) for pid in list_children() - older)
    return child.returncode, Cost(used.ru_utime + used.ru_stime, connections, wall, used.ru_maxrss / 1024)


def stop(pid: int) -> float:
    """Stop a child, and return its processor seconds."""
    os.kill(pid, signal.SIGTERM)
    _pid, _status, used = os.wait4(pid, 0)
    return used.ru_utime + used.ru_stime
