# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waivers, and the errors in their file."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.summary import summarize
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.waivers import (
    WaiverRule,
    describe_useless_waivers,
    read_waivers,
)
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import build, make_gap, make_outcome

RULE = {"requirement": "xt_owner", "nodes": ("*",), "reason": "old nodes", "until": "2026-11-24", "where": "w.yml:1"}


def make_rule(**given):
    return WaiverRule(**{**RULE, **given})


def build_waived(*rules, now="2026-11-24T04:00:00Z"):
    nodes = [("edge-1", make_outcome(make_gap(state="missing"))), ("node-1", make_outcome(make_gap(state="missing")))]
    return build(nodes, now=now, waivers=rules)


def list_verdicts(document):
    return [node.verdict for node in document.nodes]


def test_a_waiver_is_in_force_to_the_end_of_its_day():
    document = build_waived(make_rule(), now="2026-11-24T23:59:59Z")
    assert list_verdicts(document) == ["ready", "ready"]
    assert [node.unwaived_verdict for node in document.nodes] == ["not_ready", "not_ready"]
    assert document.causes == ()
    assert document.waivers[0].matches == 2
    assert not document.waivers[0].expired


def test_an_expired_waiver_does_not_count():
    document = build_waived(make_rule(), now="2026-11-25T00:00:00Z")
    assert list_verdicts(document) == ["not_ready", "not_ready"]
    assert document.waivers[0].expired
    assert document.waivers[0].matches == 2


def test_a_waiver_covers_only_its_nodes():
    assert list_verdicts(build_waived(make_rule(nodes=("edge-*",)))) == ["ready", "not_ready"]


def test_a_waiver_covers_only_its_requirements():
    assert list_verdicts(build_waived(make_rule(requirement="iptables/module/xt_*"))) == ["ready", "ready"]
    other = build_waived(make_rule(requirement="xt_mark"))
    assert other.totals["not_ready"] == 2
    assert other.waivers[0].matches == 0


@pytest.mark.parametrize(
    "given, problem",
    [
        pytest.param({}, "", id="it covers a gap"),
        pytest.param({"nodes": ("nothing", "edge-*")}, "", id="one of its patterns matches"),
        pytest.param({"requirement": "xt_mark"}, "", id="the requirement is met"),
        pytest.param({"requirement": "xt_ownr"}, "no requirement is called xt_ownr", id="requirement misspelled"),
        pytest.param({"nodes": ("egde-*", "nothing")}, "no node is called egde-* or nothing", id="nodes misspelled"),
        pytest.param(
            {"nodes": ("egde-*",), "requirement": "xt_ownr"},
            "no node is called egde-* and no requirement is called xt_ownr",
            id="both misspelled",
        ),
    ],
)
def test_a_misspelled_waiver_is_reported(given, problem):
    document = build_waived(make_rule(**given))
    expected = [f"Waiver {document.waivers[0].where} has no effect: {problem}."] if problem else []
    assert describe_useless_waivers(document) == expected
    assert summarize(document, "")[-1 - len(expected) : -1] == expected


def test_of_two_waivers_the_one_in_force_counts():
    document = build_waived(make_rule(until="2020-01-01"), make_rule(until="2030-01-01"))
    (row,) = (row for row in document.nodes[0].rows if row.waiver is not None)
    assert row.waiver == 1
    assert document.totals["ready"] == 2


GOOD = "- {requirement: xt_owner, reason: why, until: 2026-12-31}\n"
WITH_COMMENT = """---
waivers:
  # a comment
  - requirement: xt_owner
    nodes: [a, 'b*']
    reason: why
    until: '2026-12-31'
"""


def test_waivers_are_read_with_their_lines():
    assert read_waivers(WITH_COMMENT, "w.yml") == [WaiverRule("xt_owner", ("a", "b*"), "why", "2026-12-31", "w.yml:4")]


def test_a_waiver_covers_all_nodes_by_default():
    assert read_waivers(GOOD, "w.yml")[0].nodes == ("*",)


def test_an_empty_file_has_no_waivers():
    assert read_waivers("", "w.yml") == []
    assert read_waivers("waivers:\n", "w.yml") == []


@pytest.mark.parametrize(
    "text, message",
    [
        ("a: [", "w.yml:1: not valid YAML"),
        ("hello", "w.yml:1: not a list of waivers"),
        ("[" * 5000, "w.yml:1: nested too deeply; each waiver is a mapping of "),
        (GOOD + "- requirement: x\n  reason: why\n  reason: other\n", "w.yml:4: duplicate key 'reason'; each waiver"),
        ("waivers: []\nwaivers: []\n", "w.yml:2: duplicate key 'waivers'; each waiver is "),
        (GOOD + "- xt_mark\n", "w.yml:2: not a waiver"),
        (GOOD + "\n- {requirement: x, reason: why}\n", "w.yml:3: until is missing; "),
        ("- {requirement: x, reason: why, until: 2026-12-31, node: a}", "w.yml:1: unknown key 'node'; "),
        ("- {requirement: x, reason: '', until: 2026-12-31}", "w.yml:1: the reason is empty"),
        ("- {requirement: x, reason: why, until: soon}", "w.yml:1: until: invalid date 'soon'"),
        ("- {requirement: x, reason: why, until: [2026-12-31]}", "w.yml:1: until: invalid date "),
        ("- {requirement: x, reason: why, until: 2026-12-31, nodes: []}", "w.yml:1: requirement and nodes must be"),
        ("- {requirement: x, reason: why, until: 2026-12-31, nodes: {a: b}}", "w.yml:1: requirement and nodes must be"),
        ("- {requirement: [], reason: why, until: 2026-12-31}", "w.yml:1: requirement and nodes must be"),
        ("\n- {requirement: x, reason: why, until: 2027-02-31}", "w.yml:2: until: invalid date '2027-02-31'"),
    ],
)
def test_a_malformed_waiver_gets_one_clear_error(text, message):
    with pytest.raises(ReportError, match=message):
        read_waivers(text, "w.yml")
