# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The error messages of failed tasks."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import describe_task_failure

UNFINISHED = "the module did not finish on the node: "


@pytest.mark.parametrize(
    "result, message",
    [
        ({"msg": "no such module"}, "no such module"),
        ({"msg": "Task failed: Module failed: no such module"}, "no such module"),
        ({}, "the task failed without a message"),
        ({"msg": "x", "module_stderr": "Shared connection to 10.0.0.1 closed.\r\n"}, "x"),
        ({"msg": "x", "module_stderr": "\n  boom\n\n"}, f"{UNFINISHED}boom"),
        (
            {"msg": "x", "module_stdout": "sudo: a password is required\r\n"},
            f"{UNFINISHED}sudo: a password is required",
        ),
        (
            {"msg": "x", "module_stderr": "Traceback (most recent call last):\n  File x\nMemoryError\n"},
            f"{UNFINISHED}MemoryError",
        ),
        (
            {"msg": "x", "rc": 127, "module_stderr": "bash: sudo: command not found\nTry apt install sudo\n"},
            f"{UNFINISHED}bash: sudo: command not found",
        ),
        (
            {
                "msg": "x",
                "rc": 127,
                "module_stderr": "/bin/sh: /usr/bin/python3: No such file or directory\nsee help\n",
            },
            f"{UNFINISHED}/bin/sh: /usr/bin/python3: No such file or directory; "
            "set ansible_python_interpreter to the path of Python on the node",
        ),
        ({"msg": "x", "rc": 127, "module_stderr": "python is broken\n"}, f"{UNFINISHED}python is broken"),
    ],
)
def test_the_message_is_the_error_of_the_node(result, message):
    assert describe_task_failure(result) == message
