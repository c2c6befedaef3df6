# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference pages and the tables of the recorder are generated from the tables in the code."""

from __future__ import annotations

import types
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
GENERATED = {
    "cost": "docs/cost.md",
    "reasons": "docs/reasons.md",
    "requirements": "docs/requirements.md",
    "stages": "docs/docsite/rst/stages.svg",
    "verdict": "docs/docsite/rst/verdict.svg",
    "recorder": "playbooks/files/record/record-node.sh",
}


@pytest.mark.parametrize("page", GENERATED)
def test_the_page_is_up_to_date(page):
    # Loaded from its file: under ansible-test the collection loader handles all paths in a collection, but no scripts.
    script = types.ModuleType(page)
    script.__file__ = str(ROOT / "docs" / f"{page}.py")
    SourceFileLoader(page, script.__file__).exec_module(script)
    assert (ROOT / GENERATED[page]).read_text(encoding="utf-8") == script.page(), "run make reference"
