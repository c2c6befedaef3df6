# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A damaged report gets one clear error that names the file and the problem."""

from __future__ import annotations

import json

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats import json_document
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.json_reader import read_report
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.waivers import WaiverRule
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import NOW, SELECTION, build, fleet


def make_raw():
    rule = WaiverRule("no_such_module", ("*",), "to have one", "2999-12-31", "w.yml:1")
    return json.loads("".join(json_document.render(build(fleet(8, SELECTION), waivers=[rule]))))


@pytest.mark.parametrize(
    "text, message",
    [
        pytest.param("{", "r.json: not valid JSON", id="cut off"),
        pytest.param("[" * 100000, "r.json: not valid JSON", id="too deep"),
        pytest.param("{}", "r.json: not a report of schema 2", id="empty"),
        pytest.param("[]", "r.json: not a report of schema 2", id="a list"),
        pytest.param('{"schema": 1}', "r.json: not a report of schema 2; give a report.json", id="another schema"),
        pytest.param('{"schema": 2}', "r.json: the report is damaged: 'generated_at' is missing", id="nothing else"),
    ],
)
def test_a_file_that_is_not_a_report(text, message):
    with pytest.raises(ReportError, match=message):
        read_report(text, "r.json")


@pytest.mark.parametrize(
    "before, after, message",
    [
        pytest.param(
            '"not_ready", "unwaived_verdict"',
            '"fine", "unwaived_verdict"',
            r"'nodes\.\d\.verdict' is 'fine', not one of ready, ",
            id="an unknown verdict",
        ),
        pytest.param(
            '"now": "unmet"',
            '"now": "well"',
            r"'requirements\.iptables/module/\w+\.now' is 'well', not one of present, ",
            id="an unknown grade",
        ),
    ],
)
def test_an_unknown_word(before, after, message):
    text = json.dumps(make_raw())
    assert before in text
    with pytest.raises(ReportError, match=f"r.json: the report is damaged: {message}"):
        read_report(text.replace(before, after), "r.json")


@pytest.mark.parametrize(
    "path, value",
    [
        (("nodes", 0, "selection"), 5),
        (("nodes", 0, "selection"), -1),
        (("nodes", 0, "selection"), "0"),
        (("nodes", 0, "name"), 5),
        (("nodes", 0, "name"), None),
        (("nodes", 0, "documented"), "fine"),
        (("nodes", 0, "tools"), ["nft"]),
        (("nodes", 0, "tools"), {"nft": None}),
        (("nodes", 0, "plan"), {"load": [1]}),
        (("nodes", 0, "findings"), ["x"]),
        (("nodes", 0, "disagreements"), ["x"]),
        (("nodes", 0, "junk"), 1),
        (("nodes", 0, "no_data"), {"code": "failed", "text": "x"}),
        (("nodes", 0, "requirements", 0, "waiver"), 7),
        (("nodes", 0, "requirements", 0, "level"), 1),
        (("nodes", 0, "requirements", 0, "profiles"), None),
        (("nodes", 0, "requirements", 0, "junk"), "x"),
        (("nodes", 0, "requirements", 0), {"after_reboot": "present"}),
        (("nodes", 0), []),
        (("nodes", 0), {}),
        (("waivers", 0, "until"), None),
        (("waivers", 0, "until"), "soon"),
        (("waivers", 0, "nodes"), "*"),
        (("selections", 0), {}),
        (("selections", 0, "text"), 5),
        (("selections", 0, "x"), float("nan")),
        (("selections", 0, "x"), float("inf")),
        (("selections", 0, "x"), [[[[]]]]),
        (("causes",), []),
        (("causes", 0, "gaps"), "many"),
        (("requirements",), []),
        (("requirements", 0, "name"), None),
        (("drift",), {"since": NOW}),
        (("drift",), {"since": NOW, "changes": [{"node": "a", "what": "verdict", "before": 1, "after": "ready"}]}),
        (("merged_from",), None),
        (("nodes",), None),
    ],
    ids=str,
)
def test_a_damaged_value(path, value):
    raw = make_raw()
    holder = raw
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    with pytest.raises(ReportError, match=r"r.json: the report is damaged: .*; give a report\.json written by role"):
        read_report(json.dumps(raw), "r.json")


def test_a_number_that_is_too_large():
    text = json.dumps(make_raw()).replace('"text": ', '"x": 1e999, "text": ', 1)
    with pytest.raises(ReportError, match=r"r.json: the report is damaged: contains 1e999, which is too large"):
        read_report(text, "r.json")


def test_a_row_inside_a_selection():
    raw = make_raw()
    raw["selections"][0]["extra_checks"] = [raw["nodes"][0]["requirements"][0]]
    message = r"the report is damaged: 'selections\.0' contains something that is not an option; give a report\.json"
    with pytest.raises(ReportError, match=message):
        read_report(json.dumps(raw), "r.json")


def test_a_row_with_an_unknown_cause():
    raw = make_raw()
    raw["causes"] = []
    with pytest.raises(ReportError, match="has the unknown cause"):
        read_report(json.dumps(raw), "r.json")


def test_a_node_without_data_needs_a_reason():
    raw = make_raw()
    del raw["nodes"][7]["no_data"]
    with pytest.raises(ReportError, match=r"'nodes\.7\.no_data' is missing"):
        read_report(json.dumps(raw), "r.json")


def test_text_is_cleaned():
    raw = make_raw()
    raw["nodes"][0]["system"] = "Debian\n\x1b12"
    assert read_report(json.dumps(raw), "r.json").nodes[0].system == "Debian \ufffd12"
