# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page about versions names what is public as the code has it."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.nodeprep.istio.plugins.module_utils._recording.recording import FORMAT
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts import schema
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report import model
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "docsite" / "rst" / "guide_versions.rst").read_text(encoding="utf-8")


def test_the_versions_of_all_formats_are_those_of_the_code():
    assert f"``ansible_facts.istio_node`` with schema {schema.SCHEMA}." in PAGE
    assert f":file:`report.json` with schema {model.SCHEMA} " in PAGE
    assert f" Format {FORMAT}." in PAGE


def test_the_files_of_a_report_are_those_of_the_role():
    table = (ROOT / "roles" / "istio_report" / "README.md").read_text(encoding="utf-8").partition("## Files")[2]
    rows = [line for line in table.partition("\n\nThe same input")[0].splitlines() if line.startswith("| `")]
    names = re.findall(r"`([^`]+)`", " ".join(row.split("|")[2] for row in rows))
    assert len(names) == 8
    assert [name for name in names if f"``{name}``" not in PAGE] == []


def test_the_licences_of_all_required_packages_are_listed():
    lines = (ROOT / "meta" / "ee-requirements.txt").read_text(encoding="utf-8").splitlines()
    names = {Requirement(line).name for line in lines if not line.startswith("#")}
    listed = re.findall(r"^(\S+) +controller ", PAGE, re.MULTILINE)
    assert set(listed) == {"ansible-core", *names}
