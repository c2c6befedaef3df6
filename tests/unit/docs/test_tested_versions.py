# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""README.md names the versions of ansible-core and Python that noxfile.py tests."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[3]


def read_constant(name: str) -> Any:
    """Return a constant of noxfile.py, which cannot be imported without nox."""
    for node in ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"noxfile.py has no constant {name}")


README = (ROOT / "README.md").read_text(encoding="utf-8")
CORES = read_constant("CORES")


def test_the_readme_repeats_the_table():
    section = README.partition("## Tested with")[2].partition("## ")[0]
    rows = re.findall(r"^\| (2\.\S+) \| (\S+) \| (\S+) \|$", section, re.MULTILINE)
    assert {core: pythons for core, *pythons in rows} == {core: list(pythons) for core, pythons in CORES.items()}


def test_the_readme_names_the_pythons_of_nodes():
    pythons = read_constant("NODE_PYTHONS")
    assert f"The code for nodes is tested with Python {pythons[0]} to {pythons[-1]}." in README


@pytest.mark.parametrize("core", CORES)
def test_the_requirement_allows_only_this_release(core):
    lines = (ROOT / "requirements" / f"core-{core}.txt").read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if line.startswith("ansible-core")]
    major, minor = map(int, core.split("."))
    specifier = Requirement(line).specifier
    assert specifier.contains(f"{core}.99")
    assert not specifier.contains(f"{major}.{minor - 1}.99")
    assert not specifier.contains(f"{major}.{minor + 1}.0rc1", prereleases=True)


def test_each_release_with_requirements_is_tested():
    assert {path.stem for path in ROOT.glob("requirements/core-*.txt")} == {f"core-{core}" for core in CORES}


def test_the_collection_requires_the_oldest_release():
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert runtime["requires_ansible"] == f">={min(CORES)}.0"
