# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The owner's task files that run before and after a disruption. Reads them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ansible.errors import AnsibleError
from ansible.parsing.mod_args import ModuleArgsParser
from ansible.playbook.block import Block
from ansible.playbook.role_include import IncludeRole
from ansible.playbook.task import Task
from ansible.playbook.task_include import TaskInclude
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import to_one_line

MAX_PROBLEM_CHARS = 300
BLOCK_PARTS = ("block", "rescue", "always")
# The actions that Ansible does not load as ansible.playbook.task.Task, without their collection.
INCLUDES = {
    "include_tasks": TaskInclude,
    "import_tasks": TaskInclude,
    "include_role": IncludeRole,
    "import_role": IncludeRole,
}
BUILTIN_COLLECTIONS = ("ansible.builtin.", "ansible.legacy.")

Load = Callable[[str], Any]


def check_task_file(path: str, playbook_dir: str, load: Load) -> str:
    """Return why the role cannot run the tasks of a file, or of a file that it includes, or an empty string.

    :param path: absolute, or relative to ``playbook_dir``; tasks/disrupt.yml resolves it in the same way.
    :param load: reads a YAML file, and raises AnsibleError if it cannot.
    """
    file = os.path.join(playbook_dir, os.path.expanduser(path))
    if not os.path.isfile(file):
        return f"{file}: no such file; give an absolute path, or one relative to the playbook's directory"
    return _check_file(file, playbook_dir, load, set())


def _check_file(file: str, playbook_dir: str, load: Load, checked: set[str]) -> str:
    """Return what is wrong with the tasks of a file, or of a file that it includes and that is not checked yet."""
    checked.add(file)
    try:
        tasks = load(file)
        if not isinstance(tasks, list):
            return f"{file}: is not a list of tasks; write one task per item, as in a tasks file of a role"
        included = list(_load_tasks(tasks))
    except AnsibleError as exc:
        return f"{file}: cannot be run ({to_one_line(exc, MAX_PROBLEM_CHARS)}); correct it, or install what it needs"
    for name in included:
        candidates = [os.path.join(directory, name) for directory in (os.path.dirname(file), playbook_dir)]
        found = next(filter(os.path.isfile, candidates), None)
        if found is None:
            return f"{file}: includes {name}, which does not exist; give an absolute path, or one relative to this file"
        error = "" if found in checked else _check_file(found, playbook_dir, load, checked)
        if error:
            return error
    return ""


def _load_tasks(tasks: Iterable[Any]) -> Iterator[str]:
    """Load tasks as Ansible does when it includes them. Yield the files that they include, unless that is a template.

    Raises AnsibleError, for which Ansible would end the whole run and leave nodes drained: a task has no action, one
    that is not installed, or an unknown keyword.
    """
    for task in tasks:
        if not isinstance(task, dict):
            raise AnsibleError(f"'{to_one_line(task, MAX_PROBLEM_CHARS)}' is not a task")
        if "block" in task:
            parts = {part: task[part] or () for part in BLOCK_PARTS if part in task}
            Block.load({**task, **{part: [] for part in parts}})
            for part in parts.values():
                yield from _load_tasks(part)
        else:
            yield from _load_task(task)


def _load_task(task: dict[str, Any]) -> Iterator[str]:
    action = str(ModuleArgsParser(task).parse(skip_action_validation=True)[0])
    for collection in BUILTIN_COLLECTIONS:
        action = action.removeprefix(collection)
    loaded = INCLUDES.get(action, Task).load(task)
    if isinstance(loaded, TaskInclude) and not isinstance(loaded, IncludeRole):
        name = str(loaded.args["_raw_params"])
        if "{{" not in name:
            yield name
