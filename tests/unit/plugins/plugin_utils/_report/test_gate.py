# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate: which nodes fail it, and on which host of the run that is reported."""

from __future__ import annotations

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.gate import Gate
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import KINDS, build, make_outcome

PROBE = {"predicted": "ready", "result": "failed", "counts": {"failed": 1}, "causes": [{"message": "no xt_owner"}]}
UNREACHABLE = {"unreachable": True, "msg": "timed out"}


def fleet():
    return build(
        {
            "a": make_outcome(probe=PROBE),
            "b": make_outcome(kind=KINDS[5]),
            "c": make_outcome(),
            "d": UNREACHABLE,
        }.items()
    )


def test_a_gate_without_values_accepts_every_node():
    assert Gate(fleet(), []).describe() == ""
    assert Gate(fleet(), []).collect_failures({}, "abcd", "a") == {}


def test_a_probe_that_contradicts_the_verdict_fails_the_gate():
    assert Gate(fleet(), ["probe_failed"]).describe() == "1 probe_failed: a (ready, probe_failed)"


def test_the_most_urgent_nodes_come_first():
    sentence = Gate(fleet(), ["not_ready", "probe_failed"]).describe()
    assert sentence == "1 probe_failed, 1 not_ready: b (not_ready), a (ready, probe_failed)"


def test_only_ten_nodes_are_named():
    document = build((f"node-{number:02}", UNREACHABLE) for number in range(12))
    sentence = Gate(document, ["no_data"]).describe()
    assert sentence.startswith("12 no_data: node-00 (no_data), ")
    assert sentence.endswith("node-09 (no_data) and 2 more")


def test_each_host_gets_the_reason_of_its_node():
    failures = Gate(fleet(), ["not_ready"]).collect_failures({}, "abcd", "a")
    cause = "kernel-modules-extra is not installed"
    alternative = "alternative: use the backend nftables (values.global.nativeNftables=true)"
    assert failures == {"b": f"istio_report_fail_on matched not_ready: {cause}; {alternative}"}


def test_a_host_that_failed_keeps_its_error_alone():
    failures = Gate(fleet(), ["no_data"]).collect_failures({"d": "unreachable: timed out"}, "abcd", "a")
    assert failures == {"d": "unreachable: timed out"}


def test_nodes_outside_the_run_are_named_on_a_host_that_failed():
    failures = Gate(fleet(), ["no_data"]).collect_failures({"c": "boom"}, "abc", "a")
    text = "boom; istio_report_fail_on also matched nodes outside this run: 1 no_data: d (no_data)"
    assert failures == {"c": text}


def test_nodes_outside_the_run_are_named_on_the_fallback_host_if_no_host_failed():
    failures = Gate(fleet(), ["no_data"]).collect_failures({}, "abc", "a")
    assert failures == {"a": "istio_report_fail_on also matched nodes outside this run: 1 no_data: d (no_data)"}
