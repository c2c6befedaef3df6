# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary that a play prints."""

from __future__ import annotations

import re

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.builder import NOT_SELECTED, Builder
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.summary import describe_no_data, summarize
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import (
    KINDS,
    NOW,
    SELECTION,
    build,
    fleet,
    make_alternatives,
    make_declared,
    make_outcome,
    make_target,
)


def find_line(lines, start):
    return next(line for line in lines if line.startswith(start))


def test_the_summary_shows_reason_and_remedy():
    lines = summarize(build(fleet(14, SELECTION)), "iptables")
    assert lines[1].split()[:3] == ["NODE", "SYSTEM", "VERDICT"]
    assert lines[1].endswith("REASON AND REMEDY")
    line = find_line(lines, "node-06")
    assert "RHEL 10.1, 6.12.0-124" in line
    assert "kernel-modules-extra is not installed -> install kernel-modules-extra for the running kernel" in line
    assert "more on demand" in find_line(lines, "node-02")


def test_the_summary_shows_what_else_would_make_a_node_ready():
    lines = summarize(build([("a", make_outcome(kind=KINDS[5], plan=make_alternatives("use A", "use B")))]), "")
    line = find_line(lines, "a ")
    assert "for the running kernel; alternatives: use A, or use B" in line
    assert lines[-1].endswith("Alternative: use A: helps on 1 of 1 node.")


def test_the_summary_counts_the_nodes_that_a_declaration_helps():
    nodes = {"a": make_declared("talos"), "b": make_declared("talos", "xt_mark"), "c": make_declared("nixos")}
    line = find_line(summarize(build(nodes.items()), ""), "Declarations: ")
    assert line.startswith("Declarations: Talos for 2 nodes, NixOS for 1 node; ")
    assert not any(line.startswith("Declarations") for line in summarize(build([("a", make_outcome())]), ""))


def test_a_node_without_data_has_its_reason():
    line = find_line(summarize(build(fleet(14, SELECTION)), ""), "node-14")
    assert "no_data" in line
    assert "Connection timed out" in line


def test_the_last_line_has_the_totals_and_the_main_cause():
    last = summarize(build(fleet(14, SELECTION)), "")[-1]
    assert last.startswith("6 ready, 1 on_demand, 1 at_risk, 4 not_ready, 1 unknown, 1 no_data. One cause explains ")


def test_the_reason_of_the_first_node_without_data_is_described():
    builder = Builder()
    builder.add("a", make_outcome())
    builder.add_missing("b", "not_selected", NOT_SELECTED)
    assert describe_no_data(builder.document(NOW)) == []
    builder.add_missing("c", "unusable", "c.json: the facts: schema is 2, not 3")
    reason = "No data of c: c.json: the facts: schema is 2, not 3"
    assert describe_no_data(builder.document(NOW)) == [reason]
    builder.add_missing("d", "unreachable", "timed out")
    assert describe_no_data(builder.document(NOW)) == [reason, "No data of 1 more node; the report shows why."]


def test_the_title_is_the_selection_of_the_nodes_or_the_default():
    title = "Istio node readiness: iptables, sidecar and ambient, dual, Istio 1.32, profile combined"
    assert summarize(build(fleet(3, SELECTION)), "default")[0] == title
    assert summarize(build([]), "default") == [
        "Istio node readiness: default",
        "NODE  SYSTEM  VERDICT  REASON AND REMEDY",
        "no nodes.",
    ]


def test_the_verdict_after_the_plan_has_a_column_until_the_plan_is_executed():
    planned = make_outcome(kind=KINDS[1], plan={"expected": {"verdict": "ready"}})
    execution = {"loaded": ["xt_owner"], "check_mode": True}
    document = build({"audit": planned, "check": {**planned, "execution": execution}}.items())
    lines = summarize(document, "")
    assert lines[1].split()[2:6] == ["VERDICT", "EXPECTED", "DOCUMENTED", "EFFECTIVE"]
    assert re.search(r"^check +.* on_demand +ready +not_ready +on_demand ", lines[3])


def test_the_summary_of_a_large_fleet_shows_the_most_urgent_nodes():
    lines = summarize(build(fleet(400, SELECTION)), "iptables")
    assert len(lines) == 200 + 4
    assert "not_ready" in lines[2]
    assert lines[-2] == "... and 200 more"


def test_one_line_summarizes_the_nodes_that_were_not_selected():
    builder = Builder()
    builder.add("a", make_outcome())
    builder.add_missing("b", "not_selected", NOT_SELECTED)
    lines = summarize(builder.document(NOW), "")
    assert lines[3].split()[:2] == ["b", "no_data"]
    assert lines[3].endswith(NOT_SELECTED)
    assert lines[-1] == "1 ready, 1 no_data."
    for number in range(300):
        builder.add_missing(f"c-{number:03}", "not_selected", NOT_SELECTED)
    *_others, line, totals = summarize(builder.document(NOW), "")
    assert line.startswith("301 more nodes ")
    assert line.endswith(f"{NOT_SELECTED}: b, c-000, c-001 and 298 more")
    assert totals == "1 ready, 301 no_data."


def test_the_summary_shows_the_execution():
    execution = {
        "loaded": ["xt_owner"],
        "persisted": ["xt_owner", "xt_mark"],
        "boot_file": "/etc/modules-load.d/istio.conf",
    }
    line = summarize(build([("a", make_outcome(execution=execution))]), "")[2]
    assert "loaded xt_owner; persisted 2 modules in /etc/modules-load.d/istio.conf" in line
    line = summarize(build([("a", make_outcome(execution={**execution, "check_mode": True}))]), "")[2]
    assert "would load xt_owner" in line


def test_the_summary_shows_which_nodes_the_change_to_the_target_would_lose():
    lost = make_target("not_ready", "xt_set: not in the tree")
    nodes = {"a": make_outcome(target=lost), "b": make_outcome(target=make_target("ready")), "c": make_outcome()}
    lines = summarize(build(nodes.items()), "")
    assert lines[1].split()[2:4] == ["VERDICT", "TARGET"]
    assert re.search(r"^a +.* ready +not_ready .*after the change not_ready: xt_set: not in the tree$", lines[2])
    assert re.search(r"^b +.* ready +ready ", lines[3])
    assert lines[-2] == "After the change to ambient: 1 of 2 nodes that are ready or on_demand now would not be: a."


def test_a_node_that_does_not_work_now_is_not_lost_by_the_change():
    document = build([("a", make_outcome(kind=KINDS[5], target=make_target("not_ready", "x")))])
    assert "after the change" not in find_line(summarize(document, ""), "a ")
    assert summarize(document, "")[-2] == "After the change to ambient: no node is ready or on_demand now."


def test_the_age_of_recorded_facts_has_a_column():
    builder = Builder()
    builder.add("a", make_outcome())
    assert "AGE" not in "\n".join(summarize(builder.document(NOW), ""))
    builder.add_missing("b", "unusable", "damaged")
    builder.add_missing("c", "not_selected", NOT_SELECTED)
    builder.add_source("recordings")
    lines = summarize(builder.document("2026-11-27T04:00:00Z"), "")
    assert lines[1].split()[:4] == ["NODE", "SYSTEM", "AGE", "VERDICT"]
    assert re.search(r" 3 days +ready ", find_line(lines, "a "))
    assert re.search(r"^b +no_data +damaged$", find_line(lines, "b "))
    assert find_line(lines, "c ").split()[1] == "no_data"
