# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The targets in tests/integration run each module, filter, role and playbook of the collection."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"nodeprep\.istio\.(\w+)")
PARTS = [
    *(path.stem for folder in ("modules", "action", "filter") for path in ROOT.glob(f"plugins/{folder}/[!_]*.py")),
    *(path.name for path in ROOT.glob("roles/*") if path.is_dir()),
    *(path.stem for path in ROOT.glob("playbooks/*_istio_nodes.yml")),
    "audit_recordings",
    "report_from_facts",
]


def read_names(path: Path) -> set[str]:
    """Return the names of this collection in a file, or in the tasks of a role."""
    files = path.glob("tasks/*.yml") if path.is_dir() else [path] if path.exists() else []
    return {name for file in files for name in NAME.findall(file.read_text(encoding="utf-8"))}


def list_tested() -> set[str]:
    """Return what the targets name, and what the playbooks and roles that they name run."""
    targets = [*ROOT.glob("tests/integration/targets/*/tasks/*.yml"), *ROOT.glob("tests/integration/targets/*/*.sh")]
    found = set().union(*map(read_names, targets))
    for name in sorted(found):
        found |= read_names(ROOT / "playbooks" / f"{name}.yml") | read_names(ROOT / "roles" / name)
    return found


TESTED = list_tested()


@pytest.mark.parametrize("part", sorted(set(PARTS)))
def test_a_target_runs_it(part):
    assert part in TESTED
