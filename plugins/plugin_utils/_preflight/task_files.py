# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The owner's task files that run before and after a disruption. Reads them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from ansible.errors import AnsibleError
from ansible.parsing.mod_args import ModuleArgsParser
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import to_one_line

MAX_PROBLEM_CHARS = 300
BLOCK_PARTS = ("block", "rescue", "always")

Load = Callable[[str], Any]


def check_task_file(path: str, playbook_dir: str, load: Load) -> str:
    """Return why the role cannot run the tasks of a file, or an empty string.

    :param path: absolute, or relative to ``playbook_dir``; tasks/disrupt.yml resolves it in the same way.
    :param load: reads a YAML file, and raises AnsibleError if it cannot.
    """
    file = os.path.join(playbook_dir, os.path.expanduser(path))
    if not os.path.isfile(file):
        return f"{file}: no such file; give an absolute path, or one relative to the playbook's directory"
    try:
        tasks = load(file)
        if not isinstance(tasks, list):
            return f"{file}: is not a list of tasks; write one task per item, as in a tasks file of a role"
        _parse_tasks(tasks)
    except AnsibleError as exc:
        return f"{file}: cannot be run ({to_one_line(exc, MAX_PROBLEM_CHARS)}); correct it, or install what it needs"
    return ""


def _parse_tasks(tasks: Iterable[Any]) -> None:
    """Raise AnsibleError if a task has no action, or one that is not installed.

    Ansible would end the whole run when it includes the file, and leave nodes drained.
    """
    for task in tasks:
        if not isinstance(task, dict):
            raise AnsibleError(f"'{to_one_line(task, MAX_PROBLEM_CHARS)}' is not a task")
        if "block" in task:
            for part in BLOCK_PARTS:
                _parse_tasks(task.get(part) or ())
        else:
            ModuleArgsParser(task).parse()
