# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of the document: what a run planned, did and tested on them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.gate import Gate
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import (
    Document,
    NoData,
    Node,
    ReportRequirement,
    count_verdicts,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.waivers import WaiverRule
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import (
    KINDS,
    build,
    make_declared,
    make_outcome,
)

PROBE = {"predicted": "ready", "result": "failed", "counts": {"failed": 1}, "causes": [{"message": "no xt_owner"}]}


@pytest.mark.parametrize(
    "kind, result, waived, contradicts",
    [
        pytest.param(0, "failed", "", True, id="a ready node whose probe failed"),
        pytest.param(0, "passed", "", False, id="a ready node whose probe passed"),
        pytest.param(0, "incomplete", "", False, id="a ready node whose probe is incomplete"),
        pytest.param(6, "failed", "", False, id="a node that is not ready"),
        pytest.param(6, "failed", "*", False, id="a node that is not ready without its waivers"),
        pytest.param(11, "failed", "", True, id="a node whose verdict is unknown"),
    ],
)
def test_a_failed_probe_contradicts_each_verdict_but_not_ready(kind, result, waived, contradicts):
    outcome = make_outcome(kind=KINDS[kind], probe={**PROBE, "result": result})
    rules = [WaiverRule(waived, ("*",), "x", "2999-12-31")] if waived else []
    document = build([("a", outcome)], waivers=rules)
    assert document.nodes[0].probe_contradicts_verdict is contradicts
    names = [node.name for node in Gate(document, ["probe_failed"]).list_failing()]
    assert names == (["a"] if contradicts else [])


def test_the_expected_verdict_is_shown_until_the_plan_is_executed():
    step = {"what": "load", "why": "it is missing", "kind": "repair"}
    planned = make_outcome(kind=KINDS[1], plan={"expected": {"verdict": "ready"}, "steps": [step]})
    execution = {"loaded": ["xt_owner"], "persisted": []}
    outcomes = {
        "audit": planned,
        "check": {**planned, "execution": {**execution, "check_mode": True}},
        "done": {**planned, "execution": execution},
        "same": make_outcome(),
    }
    document = build(outcomes.items())
    expected = {node.name: node.expected_verdict for node in document.nodes}
    assert expected == {"audit": "ready", "check": "ready", "done": "", "same": ""}
    assert dict(document.nodes[0].plan)["steps"] == ("load, because it is missing",)


@pytest.mark.parametrize(
    "id_, label",
    [
        ("iptables/module/xt_owner", "xt_owner"),
        ("nftables/module/nft_chain_nat/ipv4", "nft_chain_nat/ipv4"),
        ("odd", "xt_owner"),
    ],
)
def test_a_label_distinguishes_requirements_of_one_name(id_, label):
    name = "nft_chain_nat" if "nat" in id_ else "xt_owner"
    assert ReportRequirement(id_, name, "module").label == label


def test_a_node_without_a_verdict_of_a_profile_counts_as_no_data():
    document = Document("x", (Node(name="a", verdict="ready", effective="ready"),), {})
    assert document.count_verdicts_of("effective")["ready"] == 1
    assert document.count_verdicts_of("documented")["no_data"] == 1
    skipped = Node(name="a", verdict="skipped", no_data=NoData("other_system", "not a Linux node: Windows"))
    assert Document("x", (skipped,), {}).count_verdicts_of("documented")["skipped"] == 1


def test_declarations_are_grouped_that_of_most_nodes_first():
    nodes = {"a": make_declared("nixos"), "b": make_declared(), "c": make_outcome(), "d": make_declared()}
    shared = [(one.declaration.format, one.nodes) for one in build(nodes.items()).declarations]
    assert shared == [("talos", ("b", "d")), ("nixos", ("a",))]


def test_totals_have_every_verdict_from_the_best_to_the_worst():
    totals = count_verdicts(["unknown", "ready"])
    assert list(totals.items())[:3] == [("ready", 1), ("on_demand", 0), ("at_risk", 0)]


def test_a_report_from_recordings_has_the_age_of_the_oldest_facts():
    document = build([("new", make_outcome()), ("old", make_outcome()), ("gone", None)])
    old = replace(document.nodes[2], observed_at="2026-11-21T04:00:00Z")
    gone = replace(document.nodes[0], observed_at="2026-11-01T04:00:00Z")
    changes = {"nodes": (gone, document.nodes[1], old), "generated_at": "2026-11-24T04:00:00Z"}
    assert replace(document, **changes).oldest_age == ""
    assert replace(document, merged_from=("recordings",), **changes).oldest_age == "3 days"
    assert replace(document, merged_from=("recordings",), nodes=(gone,)).oldest_age == ""
