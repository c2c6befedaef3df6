# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a report, and the files that they name."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.report_options import find_report_errors


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


def test_invalid_waivers_are_reported_with_file_and_line(tmp_path):
    path = tmp_path / "waivers.yml"
    path.write_text("- {requirement: xt_owner, reason: x, until: 2999-12-31}\n- {requirement: xt_owner}\n")
    (error,) = errors(waivers=str(path))
    assert error.startswith(f"waivers: {path}:2: ")
