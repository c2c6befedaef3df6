# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter readiness: an assessment as a dict, and errors with the filter's name."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import facts, readiness


def test_the_assessment_is_a_dict():
    assessment = readiness(facts(), mode="ambient")
    assert assessment["selection"]["mode"] == ["ambient"]
    assert assessment["verdict"] == "on_demand"
    assert set(assessment) == {
        "selection",
        "profile",
        "verdict",
        "verdicts",
        "requirements",
        "findings",
        "disagreements",
        "forecast",
        "catalogue",
    }


@pytest.mark.parametrize(
    "options, message",
    [
        ({"backend": "ebpf"}, "backend: unknown value 'ebpf'; valid values: iptables, nftables"),
        ({"mode": ["sidecar", "x"]}, "mode: unknown value 'x'; valid values: "),
        ({"mode": []}, "the list is empty"),
        ({"dns_capture": "perhaps"}, "dns_capture: unknown value 'perhaps'; valid values: true, false"),
        ({"color": "red"}, "unknown option 'color'"),
    ],
)
def test_a_bad_option_gets_one_clear_error(options, message):
    with pytest.raises(AnsibleFilterError) as raised:
        readiness(facts(), **options)
    assert str(raised.value).startswith("nodeprep.istio.readiness: ")
    assert message in str(raised.value)


def test_malformed_facts_get_one_clear_error():
    with pytest.raises(AnsibleFilterError) as raised:
        readiness({"schema": 2})
    assert str(raised.value).startswith(
        "nodeprep.istio.readiness: the facts: schema is 2, not 3; gather the facts with "
    )
