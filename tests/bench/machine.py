# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Describe the machine on which something was measured."""

from __future__ import annotations

import os
import platform
import re
import time
from pathlib import Path

from ansible.release import __version__ as ansible_version


def read_load() -> list[float]:
    """Return the load of the last 1, 5 and 15 minutes."""
    return [round(value, 2) for value in os.getloadavg()]


def describe_machine(load: list[float]) -> dict[str, object]:
    """Return what the figures depend on.

    :param load: that before the measurement, since the measurement itself is load.
    """
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cpu": model.group(1) if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory / (1 << 30), 1),
        "kernel": platform.release(),
        "ansible_core": ansible_version,
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "load": load,
    }
