# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes each result of a task, with the name of its host and of its task."""

from __future__ import annotations

import os
from pathlib import Path

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: counted
type: aggregate
short_description: Notes each result of a task
description: Appends a line to the file in NODEPREP_COUNTED for each result.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "counted"

    def v2_runner_on_ok(self, result):
        self._note(result, "ran")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        del ignore_errors
        self._note(result, "ran")

    def v2_runner_on_skipped(self, result):
        self._note(result, "skipped")

    def _note(self, result, what):
        # ansible-core 2.19 and newer pass an object with public attributes.
        host = getattr(result, "host", None) or result._host
        task = getattr(result, "task", None) or result._task
        with Path(os.environ["NODEPREP_COUNTED"]).open("a", encoding="utf-8") as file:
            file.write(f"{host.get_name()}\t{what}\t{task.action}\t{task.get_name()}\n")
