# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a probe proves beside what was predicted."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.filter.probe_comparison import probe_comparison

READY = {"verdicts": {"effective": "ready"}, "requirements": [], "forecast": None}
PASSED = {"status": "passed"}
UNTESTED = {"status": "not_tested", "message": "the kernel would load xt_CT", "would_load": ["xt_CT"]}


def failed(*lacking, options=(), message="it failed"):
    return {"status": "failed", "message": message, "missing": list(lacking), "missing_options": list(options)}


def row(name, kind="module", **more):
    return {"id": f"iptables/{kind}/{name}", "name": name, "kind": kind, **more}


def conclude(rule_sets, predicted="ready", rows=(), loaded=(), **forecast):
    assessment = {"verdicts": {"effective": predicted}, "requirements": list(rows), "forecast": forecast or None}
    return probe_comparison({"rule_sets": rule_sets, "loaded": list(loaded)}, assessment)


@pytest.mark.parametrize(
    "results, expected",
    [
        ([PASSED, PASSED], "passed"),
        ([PASSED, UNTESTED], "incomplete"),
        ([UNTESTED, {"status": "not_testable"}], "not_tested"),
        ([PASSED, UNTESTED, failed("xt_CT")], "failed"),
        ([], "not_tested"),
    ],
)
def test_what_is_proved(results, expected):
    conclusion = conclude({f"nft/ipv4/sidecar-{number}": result for number, result in enumerate(results)})
    assert conclusion["result"] == expected
    assert sum(conclusion["counts"].values()) == len(results)


def test_what_was_not_tested_for_want_of_a_module_says_what_would_help():
    conclusion = conclude(
        {
            "nft/ipv4/sidecar-dns": UNTESTED,
            "nft/ipv6/sidecar-dns": {"status": "not_testable", "message": "nft is not installed"},
        }
    )
    assert "load xt_CT for: prepare the node first, or set istio_node_probe_autoload: true" in conclusion["hint"]
    assert conclude({"nft/ipv4/sidecar-dns": PASSED})["hint"] is None
    other = {"iptables-nft/ipv4/sidecar-dns": PASSED, "iptables-legacy/ipv4/sidecar-dns": UNTESTED}
    assert conclude(other, variant="nft")["hint"] is None


def test_a_kernel_without_ipv6_is_led_back_to_that_requirement():
    said = "can't initialize ip6tables table `nat': Address family not supported by protocol"
    results = {
        "iptables-legacy/ipv4/sidecar-redirect": PASSED,
        "iptables-legacy/ipv6/sidecar-redirect": failed(message=said),
    }
    (cause,) = conclude(results, "not_ready", [row("kernel/ipv6", "kernel", now="unmet")])["causes"]
    assert (cause["message"], cause["requirements"]) == ("the kernel has no IPv6", ["iptables/kernel/kernel/ipv6"])
    (cause,) = conclude(results, "not_ready", [row("kernel/ipv6", "kernel", now="present")])["causes"]
    assert said in cause["message"] and cause["requirements"] == []


BOTH = {
    "iptables-nft/ipv4/sidecar-dns": PASSED,
    "iptables-legacy/ipv4/sidecar-dns": failed("ip_tables"),
    "iptables-legacy/ipv4/ambient-dns": PASSED,
}


@pytest.mark.parametrize(
    "forecast, expected",
    [
        ({"variant": "nft"}, "passed"),
        ({"variant": "legacy"}, "failed"),
        ({"variant": "unknown"}, "incomplete"),
        ({"variant": "mixed", "modes": {"sidecar": "nft", "ambient": "legacy"}}, "passed"),
        ({"variant": "mixed", "modes": {"sidecar": "legacy", "ambient": "legacy"}}, "failed"),
    ],
)
def test_only_the_variant_that_istio_picks_counts(forecast, expected):
    assert conclude(BOTH, **forecast)["result"] == expected


def test_a_failure_is_led_back_to_its_requirement():
    rows = [
        row("xt_owner"),
        row("xt_CT"),
        row("NF_CONNTRACK_ZONES", kind="option"),
        row("nft_chain_nat", any_of=["nft_chain_nat_ipv4"]),
    ]
    results = {
        "iptables-nft/ipv4/sidecar-dns": failed("xt_CT"),
        "iptables-nft/ipv6/sidecar-dns": failed("xt_CT"),
        "iptables-nft/ipv4/ambient-dns": failed(options=["NF_CONNTRACK_ZONES"]),
        "iptables-nft/ipv4/detection": failed("nft_chain_nat_ipv4"),
    }
    causes = {tuple(cause["rule_sets"]): cause for cause in conclude(results, rows=rows)["causes"]}
    both = causes["iptables-nft/ipv4/sidecar-dns", "iptables-nft/ipv6/sidecar-dns"]
    assert both["message"] == "for want of xt_CT" and both["requirements"] == ["iptables/module/xt_CT"]
    zones = causes[("iptables-nft/ipv4/ambient-dns",)]
    assert zones["message"] == "for want of CONFIG_NF_CONNTRACK_ZONES" and zones["requirements"] == [
        "iptables/option/NF_CONNTRACK_ZONES"
    ]
    assert causes[("iptables-nft/ipv4/detection",)]["requirements"] == ["iptables/module/nft_chain_nat"]


def test_where_nothing_is_lacking_the_tool_is_to_blame():
    conclusion = conclude(
        {"nft/ipv4/sidecar-dns": failed(message="syntax error")}, rows=[row("nft", kind="tool"), row("nft_ct")]
    )
    assert conclusion["causes"][0]["message"] == "every module is there, and the rules fail: syntax error"
    assert conclusion["causes"][0]["requirements"] == ["iptables/tool/nft"]


@pytest.mark.parametrize(
    "predicted, result, loaded, finding",
    [
        ("ready", failed("xt_CT"), (), ("prediction_contradicted", "error")),
        ("at_risk", failed("xt_CT"), (), ("prediction_contradicted", "error")),
        ("not_ready", PASSED, (), ("prediction_contradicted", "warning")),
        ("not_ready", PASSED, ("xt_CT",), ("passed_by_loading", "info")),
    ],
)
def test_a_disagreement_is_a_finding(predicted, result, loaded, finding):
    findings = conclude({"nft/ipv4/sidecar-dns": result}, predicted, rows=[row("xt_CT")], loaded=loaded)["findings"]
    assert [(one["id"], one["severity"]) for one in findings] == [finding]
    assert all(one["message"] and one["source"] for one in findings)


def test_a_right_verdict_for_wrong_reasons_is_a_finding():
    rows = [
        row("xt_CT", now="unmet"),
        row("xt_owner", now="present"),
        row("nft_chain_nat", now="present", any_of=["nft_chain_nat_ipv4"]),
    ]
    results = {
        "iptables-nft/ipv4/sidecar-dns": failed("xt_CT", "xt_owner"),
        "iptables-nft/ipv6/sidecar-dns": failed("nft_chain_nat"),
    }
    (finding,) = conclude(results, "not_ready", rows=rows)["findings"]
    assert (finding["id"], finding["severity"]) == ("prediction_contradicted", "error")
    assert finding["message"] == "predicted not_ready, but not for xt_owner, for want of which rules fail too"


@pytest.mark.parametrize(
    "predicted, result",
    [
        ("ready", PASSED),
        ("ready", UNTESTED),
        ("not_ready", failed("xt_CT")),
        ("unknown", failed("xt_CT")),
        ("unknown", PASSED),
    ],
)
def test_agreement_is_no_finding(predicted, result):
    assert conclude({"nft/ipv4/sidecar-dns": result}, predicted, rows=[row("xt_CT")])["findings"] == []


def test_a_failure_for_want_of_what_no_requirement_names_is_a_finding():
    findings = conclude({"nft/ipv4/sidecar-dns": failed("nft_new")}, "not_ready")["findings"]
    assert [one["id"] for one in findings] == ["requirement_not_listed"] and "nft_new" in findings[0]["message"]


@pytest.mark.parametrize(
    "probe, assessment, error",
    [
        (None, READY, "the result of the probe has no mapping 'rule_sets'"),
        ({"rule_sets": {"x": {"status": "passed"}}}, READY, "rule set 'x'"),
        ({"rule_sets": {"a/b/c": {"status": "fine"}}}, READY, "has none of the statuses"),
        ({"rule_sets": {}}, {"verdict": "ready"}, "the assessment has no verdicts, requirements and forecast"),
    ],
)
def test_what_is_no_result_is_refused(probe, assessment, error):
    with pytest.raises(AnsibleFilterError, match=error):
        probe_comparison(probe, assessment)
