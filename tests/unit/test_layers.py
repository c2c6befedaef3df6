# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The import direction: each package imports only packages above it, and each side only what the two sides share."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[2] / "plugins"
PREFIX = "ansible_collections.nodeprep.istio.plugins."

# In the order of the data flow: a package may import itself and those before it.
ORDER = {
    "module_utils": (
        "_files",
        "_module_names",
        "_recording",
        "_reasons",
        "_kmod",
        "_boot",
        "_managed",
        "_observe",
        "_act",
        "_probe",
    ),
    "plugin_utils": (
        "_errors",
        "_values",
        "_records",
        "_selection",
        "_facts",
        "_catalogue",
        "_assess",
        "_plan",
        "_report",
        "_preflight",
    ),
}
# What the controller imports of the node's side: the vocabulary of the facts and the formats of managed files.
SHARED = ("_module_names", "_reasons", "_managed")
# Recordings are observed on the controller, by the code that runs on nodes.
OBSERVES_RECORDINGS = Path("_report/sources.py")


def imported(path: Path) -> list[str]:
    """Return the modules of this collection that a file imports, for example "module_utils._kmod.proc"."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the direction"
            for alias in node.names:
                found.append(f"{node.module}.{alias.name}")
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
    return [name[len(PREFIX) :] for name in found if name.startswith(PREFIX)]


def violations(side: str) -> list[str]:
    order = ORDER[side]
    found = []
    for path in sorted((PLUGINS / side).rglob("*.py")):
        inside = path.relative_to(PLUGINS / side)
        package = inside.parts[0].removesuffix(".py")
        for name in imported(path):
            other_side, other = name.split(".")[:2]
            if other_side == side:
                allowed = other in order[: order.index(package) + 1]
            else:
                allowed = side == "plugin_utils" and (
                    other in SHARED or (inside == OBSERVES_RECORDINGS and other in ("_recording", "_observe"))
                )
            if not allowed:
                found.append(f"{inside} imports {name}")
    return found


@pytest.mark.parametrize("side", ORDER)
def test_each_package_imports_only_packages_above_it(side: str) -> None:
    assert violations(side) == []


@pytest.mark.parametrize("side", ORDER)
def test_every_package_has_its_place_in_the_order(side: str) -> None:
    found = {path.name.removesuffix(".py") for path in (PLUGINS / side).iterdir() if path.name != "__pycache__"}
    assert found == set(ORDER[side])


def test_no_package_has_the_name_of_a_module_beside_it() -> None:
    for folder in PLUGINS.rglob("*"):
        if folder.is_dir():
            assert not folder.with_suffix(".py").exists(), folder


def test_plugins_import_no_test() -> None:
    for path in PLUGINS.rglob("*.py"):
        assert "nodeprep.istio.tests" not in path.read_text(encoding="utf-8"), path
