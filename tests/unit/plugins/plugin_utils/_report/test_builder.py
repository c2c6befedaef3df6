# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document contains every node, and does not depend on the order of the nodes."""

from __future__ import annotations

import math
import time

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError, ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.builder import NOT_SELECTED, Builder
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats import json_document
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.json_reader import read_report
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import listed_tables
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import (
    KINDS,
    NOW,
    SELECTION,
    build,
    facts,
    fleet,
    make_outcome,
    outcome,
)

UNREACHABLE = {"unreachable": True, "msg": "timed out"}


def to_text(document):
    return "".join(json_document.render(document))


def merge(*documents, label=""):
    builder = Builder()
    for document in documents:
        builder.add_document(document, label)
    return builder.document("2026-11-27T04:00:00Z")


def test_the_order_of_the_nodes_does_not_change_the_document():
    nodes = list(fleet(60, SELECTION))
    assert to_text(build(nodes)) == to_text(build(reversed(nodes)))


def test_no_node_is_left_out_and_none_without_data_is_green():
    builder = Builder()
    for name, given in (
        ("a", None),
        ("b", {}),
        ("c", UNREACHABLE),
        ("d", {"failure": "boom", "facts": {}}),
        ("e", "junk"),
    ):
        builder.add(name, given)
    builder.add_missing("f", "not_selected", NOT_SELECTED)
    builder.add("g", {"skipped": True, "other_system": "Windows", "msg": "not a Linux node: Windows"})
    document = builder.document(NOW)
    assert {node.name: node.no_data.code for node in document.nodes} == {
        "a": "no_answer",
        "b": "no_answer",
        "c": "unreachable",
        "d": "failed",
        "e": "no_answer",
        "f": "not_selected",
        "g": "other_system",
    }
    totals = {verdict: number for verdict, number in document.totals.items() if number}
    assert totals == {"no_data": 6, "skipped": 1}


def test_a_malformed_outcome_is_an_error():
    with pytest.raises(InvalidInputError, match=r"'assessment\.requirements' is not a list"):
        Builder().add("a", make_outcome(assessment={}))


def test_malformed_facts_of_the_module_of_a_gap_are_an_error_with_the_remedy():
    outcome_ = make_outcome(kind=KINDS[5])
    for entry in outcome_["facts"]["modules"].values():
        entry["state"] = 5
    message = r"'facts\.modules\.\w+\.state' is '5', .*; run role nodeprep\.istio\.istio_node from this version"
    with pytest.raises(InvalidInputError, match=message):
        Builder().add("a", outcome_)


def test_an_option_of_another_version_is_an_error_with_the_remedy():
    outcome_ = make_outcome()
    outcome_["assessment"]["selection"]["old_option"] = True
    message = r"'assessment\.selection' is invalid \(unknown option 'old_option'; .*\); run role .*istio_node from this"
    with pytest.raises(InvalidInputError, match=message):
        Builder().add("a", outcome_)


def test_a_requirement_that_is_only_needed_after_a_reboot_is_in_the_document():
    ambient = Selection.from_options({"mode": "ambient", "profile": "effective", "istio_version": "1.30.4"})
    (node,) = build([("node-1", outcome(listed_tables(), ambient))]).nodes
    assert ("not_needed", "unmet") in [(row.now, row.after_reboot) for row in node.rows]
    assert node.verdict == "at_risk"
    assert node.forecast.startswith("nft: ")
    assert "; after a reboot legacy: " in node.forecast


def test_a_failure_on_a_node_with_data_does_not_change_its_verdict():
    (node,) = build([("a", make_outcome(failure="modprobe: No space left on device"))]).nodes
    assert node.verdict == "ready"
    assert node.failure.startswith("modprobe")


def test_of_two_answers_of_a_node_the_newer_one_counts():
    builder = Builder()
    builder.add("a", outcome({**facts(KINDS[0]), "observed_at": "2026-11-24T05:00:00Z"}, SELECTION))
    builder.add("a", make_outcome(kind=KINDS[1]))
    builder.add("a", UNREACHABLE)
    (node,) = builder.document(NOW).nodes
    assert (node.verdict, node.observed_at) == ("ready", "2026-11-24T05:00:00Z")


class TestMergedReports:
    # The facts of ready are older than NOW, the time of its report.
    ready = build([("a", make_outcome())])
    gone = build([("a", UNREACHABLE)], now="2026-11-25T04:00:00Z")

    @property
    def not_selected(self):
        builder = Builder()
        builder.add_missing("a", "not_selected", NOT_SELECTED)
        return builder.document("2026-11-26T04:00:00Z")

    def test_a_node_without_data_has_the_time_of_its_report(self):
        assert self.gone.nodes[0].no_data.at == "2026-11-25T04:00:00Z"

    def test_the_newest_answer_counts_in_any_order(self):
        read_again = read_report(to_text(merge(self.gone, self.not_selected)), "x")
        for documents in (
            (self.ready, self.gone),
            (self.gone, self.ready),
            (self.not_selected, self.gone, self.ready),
            (read_again, self.ready),
        ):
            (node,) = merge(*documents).nodes
            assert (node.verdict, node.no_data.code) == ("no_data", "unreachable")
            assert node.no_data.at == "2026-11-25T04:00:00Z"

    def test_a_report_that_did_not_select_a_node_has_no_answer(self):
        for documents in ((self.ready, self.not_selected), (self.not_selected, self.ready)):
            assert merge(*documents).nodes[0].verdict == "ready"

    def test_a_node_that_answers_again_has_data(self):
        observed = {**facts(KINDS[0]), "observed_at": "2026-11-25T09:00:00Z"}
        back = build([("a", outcome(observed, SELECTION))], now="2026-11-25T09:01:00Z")
        assert merge(back, self.gone).nodes[0].verdict == "ready"

    def test_parts_of_a_fleet_become_the_report_of_the_fleet(self):
        nodes = list(fleet(14, SELECTION))
        merged = merge(build(nodes[:5]), build(nodes[5:]))
        whole = build(nodes)
        assert merged.totals == whole.totals
        assert merged.causes == whole.causes
        assert len(merged.merged_from) == 2
        assert len(merged.selections) == 1

    def test_a_label_distinguishes_sites_with_the_same_names(self):
        sites = Builder()
        for site in ("fra", "ams"):
            sites.add_document(build(fleet(5, SELECTION)), site)
        document = sites.document(NOW)
        assert [node.name for node in document.nodes][:2] == ["ams/node-01", "ams/node-02"]
        assert len(document.nodes) == 10


def test_old_facts_are_no_data():
    document = build([("a", make_outcome())], max_age_hours=0.5)
    assert document.nodes[0].no_data.code == "stale"
    assert document.nodes[0].no_data.text.endswith("; record the node or gather its facts again")
    assert document.totals["ready"] == 0
    assert build([("a", make_outcome())], max_age_hours=2).totals["ready"] == 1


def test_a_maximum_age_longer_than_the_calendar_is_valid():
    assert build([("a", make_outcome())], max_age_hours=1_000_000, now="0001-01-01T00:00:00Z").totals["ready"] == 1


@pytest.mark.parametrize("hours", [math.nan, math.inf, -1, 1e7, 1e300])
def test_an_invalid_maximum_age_gets_one_clear_error(hours):
    with pytest.raises(ReportError, match=r"max_age_hours: invalid value .*; give a number from 0 to 1000000"):
        Builder().document(NOW, max_age_hours=hours)


def test_an_invalid_time_gets_one_clear_error():
    with pytest.raises(ReportError, match="generated_at: invalid time 'yesterday'; give a UTC time such as"):
        Builder().document("yesterday")


def test_a_large_fleet_costs_seconds():
    nodes = list(fleet(1000, SELECTION))
    start = time.process_time()
    written = to_text(build(nodes))
    assert time.process_time() - start < 3
    assert written.count("\n") > 1000
