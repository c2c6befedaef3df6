# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document: every node is in it, it fits its schema, it reads back, and the same input makes the same bytes."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.builder import NOT_ASKED, Builder, selection_text
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats import json_document
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.summary import short_kernel, summary
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import one_line, short_system
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.waivers import WaiverRule
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import listed_tables
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import (
    KINDS,
    NOW,
    SELECTION,
    build,
    facts,
    fleet,
    loaded_only,
    outcome,
)

ROLE = Path(__file__).parents[5] / "roles" / "istio_report"
SCHEMA = json.loads((ROLE / "files" / "report.schema.json").read_text())


def text(document):
    return "".join(json_document.render(document))


def test_a_fleet_fits_the_schema_and_reads_back():
    document = build(fleet(300, SELECTION))
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads(text(document)), SCHEMA, cls=jsonschema.Draft202012Validator)
    assert json_document.read(text(document), "x") == document
    assert sum(document.totals.values()) == len(document.nodes) == 300
    assert all(document.totals[verdict] for verdict in ("ready", "at_risk", "not_ready", "unknown", "no_data"))


def test_the_same_input_makes_the_same_bytes_whatever_its_order():
    nodes = list(fleet(60, SELECTION))
    assert text(build(nodes)) == text(build(reversed(nodes)))


def test_no_node_is_left_out_and_none_without_data_is_green():
    builder = Builder()
    for name, given in (
        ("a", None),
        ("b", {}),
        ("c", {"failure": "unreachable: timed out"}),
        ("d", {"failure": "boom", "facts": {}}),
        ("e", "junk"),
    ):
        builder.add(name, given)
    builder.add_missing("f", "not_selected", NOT_ASKED)
    document = builder.document(NOW)
    assert [node.name for node in document.nodes] == list("abcdef")
    assert [node.no_data.code for node in document.nodes] == [
        "no_answer",
        "no_answer",
        "unreachable",
        "failed",
        "no_answer",
        "not_selected",
    ]
    assert document.totals == {"ready": 0, "on_demand": 0, "at_risk": 0, "not_ready": 0, "unknown": 0, "no_data": 6}
    jsonschema.validate(json.loads(text(document)), SCHEMA, cls=jsonschema.Draft202012Validator)


def test_what_is_needed_after_a_reboot_only_is_in_the_document():
    ambient = Selection.from_options({"mode": "ambient", "profile": "effective"})
    document = build([("node-1", outcome(listed_tables(), ambient))])
    jsonschema.validate(json.loads(text(document)), SCHEMA, cls=jsonschema.Draft202012Validator)
    assert json_document.read(text(document), "x") == document
    (node,) = document.nodes
    assert ("not_needed", "unmet") in [(row.now, row.after_reboot) for row in node.rows]
    assert (
        node.verdict == "at_risk" and node.forecast.startswith("nft: ") and "; after a reboot legacy: " in node.forecast
    )


def test_a_failure_on_a_node_with_data_is_shown_beside_its_verdict():
    given = {**outcome(facts(KINDS[0]), SELECTION), "failure": "modprobe: No space left on device"}
    (node,) = build([("a", given)]).nodes
    assert node.verdict == "ready" and node.failure.startswith("modprobe")


def test_what_a_probe_proved_is_beside_what_was_predicted():
    proof = {
        "predicted": "ready",
        "result": "failed",
        "counts": {"passed": 3, "failed": 1, "skipped": 0},
        "causes": [{"message": "no xt_owner"}],
        "findings": [],
    }
    document = build(
        [("a", {**outcome(facts(KINDS[0]), SELECTION), "probe": proof}), ("b", outcome(facts(KINDS[0]), SELECTION))]
    )
    assert [node.probe_result for node in document.nodes] == ["failed", ""]
    assert dict(document.nodes[0].probe) == {
        "predicted": ("ready",),
        "result": ("failed",),
        "rule_sets": ("3 passed", "1 failed"),
        "failed": ("no xt_owner",),
    }
    jsonschema.validate(json.loads(text(document)), SCHEMA, cls=jsonschema.Draft202012Validator)
    assert json_document.read(text(document), "x") == document


PROOF = {
    "predicted": "ready",
    "result": "failed",
    "counts": {"failed": 1},
    "causes": [{"message": "for want of xt_owner"}],
    "findings": [],
}


@pytest.mark.parametrize(
    "kind, result, waived, contradicts",
    [
        (0, "failed", "", True),
        (0, "passed", "", False),
        (0, "incomplete", "", False),
        (6, "failed", "", False),
        (6, "failed", "*", False),
        (11, "failed", "", True),
    ],
)
def test_a_failed_probe_contradicts_the_verdict(kind, result, waived, contradicts):
    """Not where something is known to be lacking, waived or not: the proof only says it again."""
    given = {**outcome(facts(KINDS[kind]), SELECTION), "probe": {**PROOF, "result": result}}
    document = build([("a", given)], waivers=[WaiverRule(waived, ("*",), "x", "2999-12-31")] if waived else [])
    assert document.nodes[0].probe_contradicts_verdict is contradicts
    assert [node.name for node in document.failing(["probe_failed"])] == (["a"] if contradicts else [])


def test_what_preparing_would_make_of_a_node_is_told_until_it_is_done():
    given = outcome(facts(KINDS[1]), SELECTION)
    planned = {
        **given,
        "plan": {
            **given["plan"],
            "expected": {"verdict": "ready"},
            "steps": [{"what": "load", "why": "it is not there"}],
        },
    }
    acted = {"loaded": ["xt_owner"], "persisted": []}
    cases = {
        "audit": planned,
        "check": {**planned, "execution": {**acted, "check_mode": True}},
        "done": {**planned, "execution": acted},
        "same": outcome(facts(KINDS[0]), SELECTION),
    }
    document = build(cases.items())
    assert {node.name: node.foreseen for node in document.nodes} == {
        "audit": "ready",
        "check": "ready",
        "done": "",
        "same": "",
    }
    assert dict(document.nodes[0].plan)["steps"] == ("load, because it is not there",)
    lines = summary(document, "")
    assert lines[1].split()[2:4] == ["VERDICT", "WOULD"] and re.search(
        r"^check +.* on_demand +ready +not_ready +on_demand ", lines[3]
    )
    jsonschema.validate(json.loads(text(document)), SCHEMA, cls=jsonschema.Draft202012Validator)


def test_why_page_or_rules_judge_a_node_worse_is_told():
    lines = summary(build(fleet(14, SELECTION)), "")
    told = next(line for line in lines if line.startswith("node-02"))
    assert (
        "the kernel loads " in told
        and "; the page asks for br_netfilter, " in told
        and told.endswith("more: not there now, and no rule uses it")
    )


def test_what_only_the_rules_use_is_told_where_the_page_is_the_profile():
    """The page's list is loaded and nothing else, on a node that loads nothing on demand: ready by the page, and no rule set loads."""

    def the_page_alone(modules):
        loaded_only(modules)
        for name in ("nft_compat", "nft_chain_nat", "xt_CT"):
            modules[name].update(state="loadable")

    selection = Selection.from_options({"mode": "ambient", "profile": "documented"})
    document = build([("a", outcome(facts(replace(KINDS[0], change=the_page_alone)), selection))])
    (node,) = document.nodes
    assert node.effective == "not_ready" != node.verdict
    line = summary(document, "")[2]
    assert "the rules use " in line and "nft_compat" in line and line.endswith("the page does not name it")


def test_text_from_nodes_is_one_plain_line_and_bounded():
    assert one_line("a\n\tb\x1b[31m\u202e\x00c") == "a b\ufffd[31m\ufffd\ufffdc"
    assert one_line("x" * (1 << 20)) == "x" * 1978 + "… (1048576 characters)"
    assert one_line(None) == "" and one_line(["a"]) == "['a']"
    tagged = type("Tagged", (str,), {})("plain")
    assert one_line(tagged).__class__ is str


def test_two_answers_of_one_node():
    builder = Builder()
    newer = {**facts(KINDS[0]), "observed_at": "2026-11-24T05:00:00Z"}
    builder.add("a", outcome(newer, SELECTION))
    builder.add("a", outcome(facts(KINDS[1]), SELECTION))
    builder.add("a", {"failure": "unreachable: later"})
    assert [(node.verdict, node.observed_at) for node in builder.document(NOW).nodes] == [
        ("ready", "2026-11-24T05:00:00Z")
    ]


def test_of_two_reports_the_newer_answer_wins_and_one_left_out_gives_none():
    ready = build([("a", outcome(facts(KINDS[0]), SELECTION))])  # observed before NOW, the time of this report
    later = "2026-11-25T04:00:00Z"
    gone = build([("a", {"failure": "unreachable: timed out"})], now=later)
    left_out = Builder()
    left_out.add_missing("a", "not_selected", NOT_ASKED)
    left_out = left_out.document("2026-11-26T04:00:00Z")
    assert gone.nodes[0].no_data.at == later

    def merged(*documents):
        builder = Builder()
        for document in documents:
            builder.add_document(document)
        return builder.document("2026-11-27T04:00:00Z")

    for documents in (
        (ready, gone),
        (gone, ready),
        (left_out, gone, ready),
        (json_document.read(text(merged(gone, left_out)), "x"), ready),
    ):
        (node,) = merged(*documents).nodes
        assert (node.verdict, node.no_data.code, node.no_data.at) == ("no_data", "unreachable", later)
    for documents in ((ready, left_out), (left_out, ready)):
        assert merged(*documents).nodes[0].verdict == "ready"
    back = build(
        [("a", outcome({**facts(KINDS[0]), "observed_at": "2026-11-25T09:00:00Z"}, SELECTION))],
        now="2026-11-25T09:01:00Z",
    )
    assert merged(back, gone).nodes[0].verdict == "ready"
    jsonschema.validate(json.loads(text(gone)), SCHEMA, cls=jsonschema.Draft202012Validator)


def test_several_reports_become_one():
    first, second = build(fleet(5, SELECTION)), build(list(fleet(14, SELECTION))[5:])
    builder = Builder()
    builder.add_document(first)
    builder.add_document(second)
    merged = builder.document(NOW)
    together = build(list(fleet(5, SELECTION)) + list(fleet(14, SELECTION))[5:])
    assert merged.totals == together.totals and merged.causes == together.causes and len(merged.merged_from) == 2

    sites = Builder()
    for site in ("fra", "ams"):
        sites.add_document(first, site)
    document = sites.document(NOW)
    assert [node.name for node in document.nodes][:2] == ["ams/node-01", "ams/node-02"] and len(document.nodes) == 10


def test_old_facts_are_no_answer():
    document = build([("a", outcome(facts(KINDS[0]), SELECTION))], max_age_hours=0.5)
    assert document.nodes[0].no_data.code == "stale" and document.totals["ready"] == 0
    assert build([("a", outcome(facts(KINDS[0]), SELECTION))], max_age_hours=2).totals["ready"] == 1


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda raw: "{", "r.json: this is no JSON"),
        (lambda raw: "[" * 100000, "r.json: this is no JSON"),
        (lambda raw: "{}", "r.json: this is no report of schema 2"),
        (lambda raw: json.dumps({**raw, "schema": 1}), "r.json: this is no report of schema 2"),
        (lambda raw: json.dumps({**raw, "nodes": [{}]}), "r.json: this report is damaged"),
        (lambda raw: json.dumps({**raw, "causes": []}), "names no known cause"),
        (lambda raw: json.dumps({**raw, "requirements": []}), "r.json: this report is damaged"),
        (
            lambda raw: json.dumps(raw).replace('"not_ready", "unwaived_verdict"', '"fine", "unwaived_verdict"'),
            "has no known verdict",
        ),
        (lambda raw: json.dumps(raw).replace('"now": "unmet"', '"now": "well"'), "has no known grade"),
    ],
)
def test_a_damaged_report_gets_one_clear_error(damage, message):
    raw = json.loads(text(build(fleet(8, SELECTION))))
    with pytest.raises(ReportError, match=message):
        json_document.read(damage(raw), "r.json")


def _changed(path, value):
    def damage(raw):
        holder = raw
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = value
        return json.dumps(raw)

    return damage


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
        (("nodes", 0, "junk"), 1),
        (("nodes", 0, "no_data"), {"code": "failed", "text": "x"}),
        (("nodes", 0, "requirements", 0, "waiver"), 7),
        (("nodes", 0, "requirements", 0, "level"), 1),
        (("nodes", 0, "requirements", 0, "profiles"), None),
        (("nodes", 0, "requirements", 0, "junk"), "x"),
        (("nodes", 0, "requirements", 0), {"after_reboot": "present"}),
        (("nodes", 0), []),
        (("waivers", 0, "until"), None),
        (("waivers", 0, "until"), "soon"),
        (("waivers", 0, "nodes"), "*"),
        (("selections", 0), {}),
        (("selections", 0, "text"), 5),
        (("selections", 0, "x"), float("nan")),
        (("causes", 0, "gaps"), "many"),
        (("requirements", 0, "name"), None),
        (("drift",), {"since": NOW}),
        (("drift",), {"since": NOW, "changes": [{"node": "a", "what": "verdict", "before": 1, "after": "ready"}]}),
        (("merged_from",), None),
        (("nodes",), None),
    ],
)
def test_a_report_with_a_damaged_value_gets_one_clear_error(path, value):
    rule = WaiverRule("no_such_module", ("*",), "to have one", "2999-12-31", "w.yml:1")
    raw = json.loads(text(build(fleet(8, SELECTION), waivers=[rule])))
    with pytest.raises(ReportError, match="r.json: this report is damaged"):
        json_document.read(_changed(path, value)(raw), "r.json")


def test_a_bad_time_gets_one_clear_error():
    with pytest.raises(ReportError, match="'yesterday' is no time"):
        Builder().document("yesterday")


@pytest.mark.parametrize(
    "asked, told",
    [
        ("1.99", "Istio 1.99 (judged as 1.31)"),
        ("1.9.3", "Istio 1.9.3 (judged as 1.25)"),
        ("1.30", "Istio 1.30"),
        ("?", "Istio ?"),
    ],
)
def test_a_release_that_is_not_known_is_named_with_the_one_that_is_used(asked, told):
    assert told in selection_text({"backend": "iptables", "istio_version": asked}).split(", ")


def test_the_selection_in_words():
    asked = {
        "backend": "iptables",
        "mode": ["ambient"],
        "ip_family": "dual",
        "interception": ["redirect"],
        "dns_capture": True,
        "istio_version": "1.30",
    }
    assert (
        selection_text({**asked, "profile": "combined"})
        == "iptables, ambient, dual, DNS capture on, Istio 1.30, profile combined"
    )
    assert selection_text(
        {"backend": "iptables", "mode": ["sidecar", "ambient"], "interception": ["redirect", "tproxy"]}
    ) == ("iptables, sidecar and ambient, redirect and tproxy")


def test_the_summary_says_why_and_what_to_do():
    lines = summary(build(fleet(14, SELECTION)), "iptables")
    assert lines[1].split()[:3] == ["NODE", "SYSTEM", "VERDICT"] and lines[1].endswith("WHY, AND WHAT TO DO")
    extra = next(line for line in lines if "node-06" in line)
    assert (
        "RHEL 10.1, 6.12.0-124" in extra
        and "kernel-modules-extra is not installed -> install kernel-modules-extra for the running kernel" in extra
    )
    assert "more when needed" in next(line for line in lines if "on_demand" in line)
    assert lines[15].startswith("node-14") and "no_data" in lines[15] and "Connection timed out" in lines[15]
    assert lines[-1].startswith(
        "6 ready, 1 on_demand, 1 at_risk, 4 not_ready, 1 unknown, 1 no_data. One cause explains "
    )


def test_the_summary_of_a_large_fleet_shows_the_most_urgent():
    lines = summary(build(fleet(400, SELECTION)), "iptables")
    assert len(lines) == 200 + 4 and "not_ready" in lines[2] and lines[-2] == "... and 200 more"


def test_the_summary_tells_of_the_nodes_that_were_not_asked():
    builder = Builder()
    builder.add("a", outcome(facts(KINDS[0]), SELECTION))
    builder.add_missing("b", "not_selected", NOT_ASKED)
    lines = summary(builder.document(NOW), "")
    assert (
        lines[3].split()[:2] == ["b", "no_data"] and lines[3].endswith(NOT_ASKED) and lines[-1] == "1 ready, 1 no_data."
    )
    for number in range(300):
        builder.add_missing(f"c-{number:03}", "not_selected", NOT_ASKED)
    *_others, last, totals = summary(builder.document(NOW), "")
    assert (
        last.startswith("301 more nodes ")
        and last.endswith(f"{NOT_ASKED}: b, c-000, c-001 and 298 more")
        and totals == "1 ready, 301 no_data."
    )


def test_the_summary_says_what_was_done():
    act = {"loaded": ["xt_owner"], "persisted": ["xt_owner", "xt_mark"], "boot_file": "/etc/modules-load.d/istio.conf"}
    given = outcome(facts(KINDS[0]), SELECTION)
    assert (
        "loaded xt_owner; persisted 2 in /etc/modules-load.d/istio.conf"
        in summary(build([("a", {**given, "execution": act})]), "")[2]
    )
    assert "would load xt_owner" in summary(build([("a", {**given, "execution": {**act, "check_mode": True}})]), "")[2]


def test_short_names():
    assert short_system("Red Hat Enterprise Linux 10.1 (Coughlan)") == "RHEL 10.1"
    assert short_system("Debian GNU/Linux 12 (bookworm)") == "Debian 12"
    assert (
        short_kernel("6.12.107+deb13-amd64") == "6.12.107"
        and short_kernel("5.14.0-570.58.1.el9_6.x86_64") == "5.14.0-570"
        and short_kernel("odd") == "odd"
    )


def test_a_large_fleet_costs_seconds():
    selection = Selection.from_options({"mode": ["sidecar", "ambient"], "ip_family": "dual"})
    nodes = list(fleet(1000, selection))
    start = time.process_time()
    written = text(build(nodes))
    assert time.process_time() - start < 3 and written.count("\n") > 1000
