# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The owner's task files are checked before any node is contacted."""

from __future__ import annotations

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.task_files import check_task_file

TASKS = "- name: Say so\n  debug:\n"


def check(directory, path):
    return check_task_file(str(path), str(directory), DataLoader().load_from_file)


def test_a_path_is_absolute_or_relative_to_the_directory_of_the_playbook(tmp_path, monkeypatch):
    (tmp_path / "drain.yml").write_text(TASKS)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert check(tmp_path, "drain.yml") == ""
    assert check("/nowhere", tmp_path / "drain.yml") == ""
    assert check("/nowhere", "~/drain.yml") == ""


def test_a_missing_file_is_named_with_the_directory_in_which_it_was_searched(tmp_path):
    error = f"{tmp_path}/drain.yml: no such file; give an absolute path, or one relative to the playbook's directory"
    assert check(tmp_path, "drain.yml") == error
    assert "no such file" in check(tmp_path, ".")


@pytest.mark.parametrize(
    "text, problem",
    [
        ("- {", "cannot be run ("),
        ("name: x\n", "is not a list of tasks; "),
        ("- x\n", "cannot be run ('x' is not a task); "),
        ("- name: x\n", "cannot be run ("),
        ("- block:\n    - debug:\n  rescue:\n    - name: x\n", "cannot be run ("),
        ("- debug:\n  whne: true\n", "cannot be run ("),
        ("- debug:\n  untli: 5\n  loop: [1]\n", "cannot be run ("),
        ("- block:\n    - debug:\n  whne: true\n", "cannot be run ("),
        ("- include_tasks: {flie: x.yml}\n", "cannot be run ("),
        ("- include_role: {tasks_from: x}\n", "cannot be run ("),
    ],
)
def test_a_file_that_would_end_the_run_is_an_error(tmp_path, text, problem):
    (tmp_path / "drain.yml").write_text(text)
    assert check(tmp_path, "drain.yml").startswith(f"{tmp_path}/drain.yml: {problem}")


def test_blocks_and_included_files_are_tasks(tmp_path):
    (tmp_path / "other.yml").write_text(TASKS)
    (tmp_path / "drain.yml").write_text(
        "- block:\n    - include_tasks: other.yml\n  always:\n    - debug:\n  when: true\n"
        "- command: {argv: [a]}\n  loop: [1]\n- include_role: {name: some.where.role}\n- import_tasks: drain.yml\n"
    )
    assert check(tmp_path, "drain.yml") == ""


@pytest.mark.parametrize(
    "include", ["include_tasks: sub/c.yml", "ansible.builtin.import_tasks: {file: sub/c.yml}", "import_tasks: e.yml"]
)
def test_files_that_a_file_includes_are_checked(tmp_path, include):
    for directory in ("hooks/sub", "playbooks"):
        (tmp_path / directory).mkdir(parents=True)
    for name in ("hooks/sub/c.yml", "playbooks/e.yml"):
        (tmp_path / name).write_text("- no.such.module:\n")
    (tmp_path / "hooks" / "drain.yml").write_text(f"- block:\n    - debug:\n  always:\n    - {include}\n")
    error = check(tmp_path / "playbooks", tmp_path / "hooks" / "drain.yml")
    assert ".yml: cannot be run (couldn't resolve module/action 'no.such.module'" in error
    assert not error.startswith(f"{tmp_path}/hooks/drain.yml")


def test_an_included_file_that_does_not_exist_is_an_error_unless_its_name_is_a_template(tmp_path):
    (tmp_path / "drain.yml").write_text("- include_tasks: '{{ system }}.yml'\n- include_tasks: absent.yml\n")
    file = f"{tmp_path}/drain.yml"
    assert check(tmp_path, "drain.yml") == (
        f"{file}: includes absent.yml, which does not exist; give an absolute path, or one relative to this file"
    )
