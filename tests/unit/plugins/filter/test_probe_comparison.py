# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that compares the result of a probe with an assessment."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.filter.probe_comparison import probe_comparison
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import facts, readiness


def test_the_result_of_filter_readiness_is_compared():
    assessment = readiness(facts(state="loaded", boot="yes"))
    comparison = probe_comparison(
        {"rule_sets": {"iptables-nft/ipv4/sidecar-redirect": {"status": "passed"}}}, assessment
    )
    assert comparison["predicted"] == "ready"
    assert comparison["result"] == "passed"
    assert comparison["counts"] == {"passed": 1, "failed": 0, "not_tested": 0, "not_testable": 0}
    assert comparison["findings"] == []


def test_a_malformed_result_is_an_error_of_the_filter():
    with pytest.raises(AnsibleFilterError, match=r"^nodeprep\.istio\.probe_comparison: the result of the probe: "):
        probe_comparison({"skipped": True}, readiness(facts()))
