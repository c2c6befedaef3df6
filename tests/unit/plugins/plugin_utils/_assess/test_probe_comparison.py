# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison of a probe's result with the assessment of the same node."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.probe_comparison import (
    IPV6_REQUIREMENTS,
    compare_with_probe,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError

READY = {"verdicts": {"effective": "ready"}, "requirements": [], "forecast": None}
PASSED = {"status": "passed"}
UNTESTED = {"status": "not_tested", "message": "the kernel would load xt_CT", "would_load": ["xt_CT"]}


def failed(*missing, options=(), message="it failed"):
    return {"status": "failed", "message": message, "missing": list(missing), "missing_options": list(options)}


def row(name, kind="module", **more):
    return {"id": f"iptables/{kind}/{name}", "name": name, "kind": kind, **more}


def compare(rule_sets, predicted="ready", rows=(), loaded=(), **forecast):
    assessment = {"verdicts": {"effective": predicted}, "requirements": list(rows), "forecast": forecast or None}
    return compare_with_probe({"rule_sets": rule_sets, "loaded": list(loaded)}, assessment).as_dict()


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
def test_the_result_is_over_all_rule_sets(results, expected):
    comparison = compare({f"nft/ipv4/sidecar-{number}": result for number, result in enumerate(results)})
    assert comparison["result"] == expected
    assert sum(comparison["counts"].values()) == len(results)


def test_rule_sets_are_counted_by_status():
    comparison = compare({"nft/ipv4/sidecar-dns": PASSED, "nft/ipv6/sidecar-dns": UNTESTED})
    assert comparison["counts"] == {"passed": 1, "failed": 0, "not_tested": 1, "not_testable": 0}


def test_the_hint_says_how_to_test_the_rest():
    missing_tool = {"status": "not_testable", "message": "nft is not installed"}
    hint = compare({"nft/ipv4/sidecar-dns": UNTESTED, "nft/ipv6/sidecar-dns": missing_tool})["hint"]
    assert hint.endswith("load xt_CT: prepare the node first, or set istio_node_probe_autoload: true")


def test_there_is_no_hint_if_all_that_counts_is_tested():
    assert compare({"nft/ipv4/sidecar-dns": PASSED})["hint"] is None
    other_variant = {"iptables-nft/ipv4/sidecar-dns": PASSED, "iptables-legacy/ipv4/sidecar-dns": UNTESTED}
    assert compare(other_variant, variant="nft")["hint"] is None


UNSUPPORTED = "can't initialize ip6tables table `nat': Address family not supported by protocol"
WITHOUT_IPV6 = {
    "iptables-legacy/ipv4/sidecar-redirect": PASSED,
    "iptables-legacy/ipv6/sidecar-redirect": failed(message=UNSUPPORTED),
}


def test_the_requirements_of_ipv6_are_those_of_the_rules():
    assert sorted(IPV6_REQUIREMENTS) == ["iptables/kernel/kernel/ipv6", "nftables/kernel/kernel/ipv6"]


def test_a_failure_without_ipv6_is_traced_to_that_requirement():
    (cause,) = compare(WITHOUT_IPV6, "not_ready", [row("kernel/ipv6", "kernel", now="unmet")])["causes"]
    assert cause["message"] == "the kernel has no IPv6"
    assert cause["requirements"] == ["iptables/kernel/kernel/ipv6"]


def test_a_failure_on_a_kernel_with_ipv6_is_not_traced_to_that_requirement():
    (cause,) = compare(WITHOUT_IPV6, "not_ready", [row("kernel/ipv6", "kernel", now="present")])["causes"]
    assert UNSUPPORTED in cause["message"]
    assert cause["requirements"] == []


def test_missing_modules_explain_an_ipv6_failure_first():
    results = {"iptables-legacy/ipv6/sidecar-redirect": failed("ip6table_nat")}
    (cause,) = compare(results, "not_ready", [row("kernel/ipv6", "kernel", now="unmet")])["causes"]
    assert cause["message"] == "missing: ip6table_nat"


TWO_VARIANTS = {
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
    assert compare(TWO_VARIANTS, **forecast)["result"] == expected


def find_causes(results, rows):
    """Return the causes by the rule sets that failed."""
    return {tuple(cause["rule_sets"]): cause for cause in compare(results, rows=rows)["causes"]}


def test_failures_for_the_same_cause_are_one_and_are_traced_to_the_requirement():
    results = {"iptables-nft/ipv4/sidecar-dns": failed("xt_CT"), "iptables-nft/ipv6/sidecar-dns": failed("xt_CT")}
    cause = find_causes(results, [row("xt_owner"), row("xt_CT")])[tuple(results)]
    assert cause["message"] == "missing: xt_CT"
    assert cause["requirements"] == ["iptables/module/xt_CT"]


def test_a_missing_kernel_option_is_traced_to_its_requirement():
    results = {"iptables-nft/ipv4/ambient-dns": failed(options=["NF_CONNTRACK_ZONES"])}
    cause = find_causes(results, [row("xt_CT"), row("NF_CONNTRACK_ZONES", kind="option")])[tuple(results)]
    assert cause["message"] == "missing: CONFIG_NF_CONNTRACK_ZONES"
    assert cause["missing"] == ["CONFIG_NF_CONNTRACK_ZONES"]
    assert cause["missing_options"] == ["NF_CONNTRACK_ZONES"]
    assert cause["requirements"] == ["iptables/option/NF_CONNTRACK_ZONES"]


def test_a_missing_any_of_module_is_traced_to_its_requirement():
    results = {"iptables-nft/ipv4/detection": failed("nft_chain_nat_ipv4")}
    cause = find_causes(results, [row("nft_chain_nat", any_of=["nft_chain_nat_ipv4"])])[tuple(results)]
    assert cause["requirements"] == ["iptables/module/nft_chain_nat"]


@pytest.mark.parametrize("rule_set, tool", [("nft/ipv4/sidecar-dns", "nft"), ("iptables-nft/ipv4/a", "iptables")])
def test_a_failure_without_anything_missing_is_traced_to_the_tool(rule_set, tool):
    rows = [row("nft", kind="tool"), row("iptables", kind="tool"), row("nft_ct")]
    (cause,) = compare({rule_set: failed(message="syntax error")}, rows=rows)["causes"]
    assert cause["message"] == "every module is present, but the rules fail: syntax error"
    assert cause["requirements"] == [f"iptables/tool/{tool}"]


@pytest.mark.parametrize(
    "predicted, result, loaded, finding",
    [
        ("ready", failed("xt_CT"), (), ("prediction_contradicted", "error")),
        ("at_risk", failed("xt_CT"), (), ("prediction_contradicted", "error")),
        ("not_ready", PASSED, (), ("prediction_contradicted", "warning")),
        ("not_ready", PASSED, ("xt_CT",), ("passed_by_loading", "info")),
    ],
)
def test_a_contradiction_is_a_finding(predicted, result, loaded, finding):
    (found,) = compare({"nft/ipv4/sidecar-dns": result}, predicted, rows=[row("xt_CT")], loaded=loaded)["findings"]
    assert (found["id"], found["severity"]) == finding
    assert found["message"]
    assert found["source"]


def test_a_contradiction_names_rule_sets_and_causes():
    (found,) = compare({"nft/ipv4/sidecar-dns": failed("xt_CT")}, rows=[row("xt_CT")])["findings"]
    assert found["message"] == (
        "predicted ready, but rules like Istio's fail on this node. nft/ipv4/sidecar-dns: missing: xt_CT"
    )


@pytest.mark.parametrize(
    "unmet", [row("IPV6_MULTIPLE_TABLES", "option", now="unmet"), row("istio", "release", now="unmet")]
)
def test_rules_that_load_do_not_contradict_a_verdict_about_what_the_probe_does_not_test(unmet):
    comparison = compare({"nft/ipv4/sidecar-dns": PASSED}, "not_ready", rows=[unmet])
    assert (comparison["result"], comparison["findings"]) == ("passed", [])


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
    (found,) = compare(results, "not_ready", rows=rows)["findings"]
    assert found["id"] == "prediction_contradicted"
    assert found["severity"] == "error"
    expected = "predicted not_ready for other reasons; rules also fail because these are missing: xt_owner"
    assert found["message"] == expected


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
    assert compare({"nft/ipv4/sidecar-dns": result}, predicted, rows=[row("xt_CT")])["findings"] == []


def test_a_missing_module_that_no_requirement_names_is_a_finding():
    (found,) = compare({"nft/ipv4/sidecar-dns": failed("nft_new")}, "not_ready")["findings"]
    assert found["id"] == "requirement_not_listed"
    assert "nft_new" in found["message"]


@pytest.mark.parametrize(
    "probe, assessment, message",
    [
        (None, READY, "the result of the probe: is 'None', not a mapping; pass the registered result of "),
        ({}, READY, "the result of the probe: 'rule_sets' is missing; pass the registered result of "),
        (
            {"rule_sets": {"x": PASSED}},
            READY,
            "the result of the probe: 'rule_sets.x' does not have the form tool/family/rules; ",
        ),
        (
            {"rule_sets": {"a/b/c": {"status": "fine"}}},
            READY,
            "the result of the probe: 'rule_sets.a/b/c.status' is 'fine', not one of passed, failed, not_tested, ",
        ),
        ({"rule_sets": {}}, {"verdict": "ready"}, "the assessment: 'verdicts' is missing; pass the result of "),
        ({"rule_sets": {}}, None, "the assessment: is 'None', not a mapping; pass the result of "),
    ],
)
def test_a_malformed_input_is_an_error_with_a_remedy(probe, assessment, message):
    with pytest.raises(InvalidInputError) as raised:
        compare_with_probe(probe, assessment)
    assert str(raised.value).startswith(message)
