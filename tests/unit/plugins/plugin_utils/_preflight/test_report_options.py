# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a report, and the files that they name."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.report_options import (
    check_recordings,
    check_recordings_directory,
    find_report_errors,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats import json_document
from ansible_collections.nodeprep.istio.tests.unit.support.document_factory import make_plain_document, render_text


def errors(**options):
    return [f"{name}: {error}" for name, error in find_report_errors(options)]


def test_valid_options_have_no_errors(tmp_path):
    assert errors() == []
    assert (
        errors(
            dir=str(tmp_path / "not" / "there" / "yet"),
            formats="html,csv",
            fail_on=["probe_failed"],
            previous="",
            max_age_hours="12",
            time="2026-11-24T04:00:00Z",
            sources=None,
            nodes=["a"],
        )
        == []
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options, message",
    [
        (
            {"formats": ["pdf"]},
            "formats: invalid value \"['pdf']\"; give a list of html, json, junit, csv, markdown, prometheus",
        ),
        ({"fail_on": ""}, "fail_on: invalid value ''; give a list of ready, "),
        ({"max_age_hours": "old"}, "max_age_hours: invalid value 'old'; give a number"),
        ({"max_age_hours": "nan"}, "max_age_hours: invalid value nan; give a number from 0 to 1000000"),
        ({"max_age_hours": "inf"}, "max_age_hours: invalid value inf; "),
        ({"max_age_hours": -1}, "max_age_hours: invalid value -1; "),
        ({"max_age_hours": 1e7}, "max_age_hours: invalid value 1e+07; "),
        (
            {"sources": ["/dev", "/nowhere"]},
            "sources: /nowhere: no such file or directory; give recordings, recorded facts or a report.json",
        ),
        (
            {"sources": [{"label": "fra"}]},
            "sources: source {'label': 'fra'} is neither a path nor a mapping of path and label; give one of them",
        ),
        ({"sources": {"a": 1}}, "sources: invalid value \"{'a': 1}\"; give a list"),
        ({"time": "yesterday"}, "time: invalid time 'yesterday'; give a UTC time such as 2026-11-24T04:00:00Z"),
        ({"previous": "/nowhere/report.json"}, "previous: /nowhere/report.json: "),
        ({"dir": "/dev/null/report"}, "dir: /dev/null is not a directory; choose another path"),
        ({"dir": "/proc/report"}, "dir: /proc is not writable for the user who runs Ansible ("),
        ({"templates": "/nowhere"}, "templates: /nowhere/report.html.j2: "),
        ({"waivers": "/nowhere/waivers.yml"}, "waivers: /nowhere/waivers.yml: "),
    ],
)
def test_an_invalid_option_is_reported(options, message):
    (error,) = errors(**options)
    assert error.startswith(message)


def test_a_report_of_another_schema_cannot_be_compared_with(tmp_path):
    path = tmp_path / "report.json"
    path.write_text('{"schema": 1}')
    (error,) = errors(previous=str(path))
    assert error.startswith(f"previous: {path}: not a report of schema 2; give a report.json written by ")


def test_a_report_that_can_be_read_is_a_valid_previous_one(tmp_path):
    path = tmp_path / "report.json"
    path.write_text(render_text(json_document.render, make_plain_document()))
    assert errors(previous=str(path), sources=[str(tmp_path), {"path": str(path), "label": "fra"}]) == []


def test_invalid_waivers_are_reported_with_file_and_line(tmp_path):
    path = tmp_path / "waivers.yml"
    path.write_text("- {requirement: xt_owner, reason: x, until: 2999-12-31}\n- {requirement: xt_owner}\n")
    (error,) = errors(waivers=str(path))
    assert error.startswith(f"waivers: {path}:2: ")


def test_recordings_are_a_source_or_a_list_of_them(tmp_path):
    for value in (str(tmp_path), {"path": str(tmp_path), "label": "fra"}, [str(tmp_path), {"path": str(tmp_path)}]):
        assert check_recordings(value) == ""
    assert check_recordings([str(tmp_path), "/nowhere"]).startswith("/nowhere: no such file or directory; ")
    assert check_recordings(3).startswith("source 3 is neither a path nor ")
    assert check_recordings([]) == "is an empty list; give the path of recordings"


def test_recordings_are_saved_in_a_directory(tmp_path):
    assert check_recordings_directory(str(tmp_path / "new")) == ""
    assert check_recordings_directory("/dev/null/x") == "/dev/null is not a directory; choose another path"
    for value in ("", ["a"], 3):
        assert check_recordings_directory(value).startswith("invalid value ")
