# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors that this code raises, and the error message of a failed task. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# What ssh itself adds at the end, whatever happened.
_FAREWELL = re.compile(r"(Shared c|C)onnection to \S+ closed\.?")
# What a shell, or what stands in for a program, says where there is no such program. Advice may follow.
_NO_PROGRAM = re.compile(r"not found|[Nn]o such file or directory")


class InvalidInput(ValueError):
    """An option value or a set of facts that cannot be used; the message names it and the remedy."""


class ReportError(ValueError):
    """Something that no report can be made of; the message says what, where and what to do."""


def cause(result: Mapping[str, Any]) -> str:
    """Return why the module of this result failed.

    Where sudo or Python is missing on a node, or sudo asks for a password, the module never ran: Ansible then only says that there
    was no JSON to read ("MODULE FAILURE", since ansible-core 2.19 "deserialization failed"). What the node said is in module_stderr, or
    with a terminal in module_stdout; its last line is the error, that of a Python traceback too, except where a program was not found.
    """
    for output in ("module_stderr", "module_stdout"):
        lines = [line.strip() for line in str(result.get(output) or "").splitlines()]
        said = [line for line in lines if line and not _FAREWELL.fullmatch(line)]
        if said:
            gone = next((line for line in said if _NO_PROGRAM.search(line)), "") if result.get("rc") == 127 else ""
            remedy = "; set ansible_python_interpreter to a Python of the node" if "python" in gone else ""
            return f"the module did not run to its end; the node said: {gone or said[-1]}{remedy}"
    # ansible-core 2.19 and newer begin with what everybody knows by then.
    return (
        str(result.get("msg") or "failed, and nothing says why")
        .removeprefix("Task failed: ")
        .removeprefix("Module failed: ")
        .removeprefix("Action failed: ")
    )
