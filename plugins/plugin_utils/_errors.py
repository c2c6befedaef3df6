# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors that this code raises, and the error message of a failed task. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# ssh always prints this line last, even if the command succeeded.
SSH_CLOSED = re.compile(r"(Shared c|C)onnection to \S+ closed\.?")
# A shell, or a wrapper in place of a program, prints this if the program does not exist. Lines of advice may follow.
PROGRAM_NOT_FOUND = re.compile(r"not found|[Nn]o such file or directory")
EXIT_CODE_NOT_FOUND = 127
# ansible-core 2.19 and newer put these before the message of the module.
ANSIBLE_PREFIXES = ("Task failed: ", "Module failed: ", "Action failed: ")


class InvalidInputError(ValueError):
    """An option value or a set of facts cannot be used. The message names it and the remedy."""


class ReportError(ValueError):
    """A report cannot be made from this input. The message says where the mistake is and what to do."""


def describe_task_failure(result: Mapping[str, Any]) -> str:
    """Return the error message of a failed task.

    If sudo or Python is missing on a node, or sudo requires a password, the module never runs. Ansible then reports
    only that the output is not JSON ("MODULE FAILURE", since ansible-core 2.19 "deserialization failed"). The real
    error is in module_stderr or, with a terminal, in module_stdout: its last line, as in a Python traceback. If a
    program was not found, the error is the line that says so.

    :param result: the result of the task, as Ansible returns it.
    """
    for stream in ("module_stderr", "module_stdout"):
        lines = _read_error_lines(result.get(stream))
        if lines:
            return f"the module did not finish on the node: {_pick_error(lines, result.get('rc'))}"
    message = str(result.get("msg") or "the task failed without a message")
    for prefix in ANSIBLE_PREFIXES:
        message = message.removeprefix(prefix)
    return message


def _read_error_lines(output: Any) -> list[str]:
    lines = [line.strip() for line in str(output or "").splitlines()]
    return [line for line in lines if line and not SSH_CLOSED.fullmatch(line)]


def _pick_error(lines: list[str], exit_code: Any) -> str:
    """Return the line that holds the error, with a remedy if Python is missing."""
    if exit_code != EXIT_CODE_NOT_FOUND:
        return lines[-1]
    for line in lines:
        if PROGRAM_NOT_FOUND.search(line):
            if "python" in line:
                return f"{line}; set ansible_python_interpreter to the path of Python on the node"
            return line
    return lines[-1]
