# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a report: complete, readable, and only those of the selected formats."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.write import FORMATS, write_document
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import SELECTION, build, fleet

TEMPLATES = Path(__file__).parents[6] / "roles" / "istio_report" / "templates"


def test_each_format_has_its_files(tmp_path):
    written = write_document(build(fleet(10, SELECTION)), str(tmp_path / "new"), ["html", *FORMATS], str(TEMPLATES))
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert names == sorted(Path(path).name for paths in written.values() for path in paths)
    for path in (tmp_path / "new").iterdir():
        assert path.stat().st_mode & 0o777 == 0o644


def test_json_is_always_written(tmp_path):
    assert list(write_document(build([]), str(tmp_path), ["csv"], str(TEMPLATES))) == ["json", "csv"]


def test_a_directory_that_cannot_be_created_gets_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match="cannot be written"):
        write_document(build([]), str(tmp_path / "file"), [], str(TEMPLATES))


def test_an_unknown_format_gets_one_clear_error(tmp_path):
    with pytest.raises(ReportError, match="formats: unknown format pdf; valid formats: csv, html, json"):
        write_document(build([]), str(tmp_path), ["pdf"], str(TEMPLATES))


def test_a_failure_leaves_no_partial_file(tmp_path):
    with pytest.raises(ReportError, match="cannot be built from these templates"):
        write_document(build([]), str(tmp_path), ["html"], str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
