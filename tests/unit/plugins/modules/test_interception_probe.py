# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options and return values of the probe."""

import os

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.runner import (
    NOT_TESTED,
    PASSED,
    ProbeResult,
    Result,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.selection import NEWEST_RULES
from ansible_collections.nodeprep.istio.plugins.modules import interception_probe

VALID = {"timeout": 60, "mode": ["sidecar"], "interception": ["redirect"]}
SKIPPED = Result(NOT_TESTED, "the kernel would load xt_owner", would_load=["xt_owner", "nf_nat"])


@pytest.fixture
def as_root(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.mark.parametrize(
    "options, problem",
    [
        ({}, None),
        ({"timeout": 0}, "timeout: 0 is out of range; valid values: 1 to 86400 seconds"),
        ({"timeout": 86401}, "timeout: 86401 is out of range; valid values: 1 to 86400 seconds"),
        ({"mode": []}, "mode: the list is empty; valid values: sidecar, ambient"),
        ({"interception": []}, "interception: the list is empty; valid values: redirect, tproxy"),
    ],
)
@pytest.mark.usefixtures("as_root")
def test_an_invalid_option_is_a_problem(options, problem):
    assert interception_probe.find_problem({**VALID, **options}) == problem


def test_another_user_than_root_is_a_problem(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert interception_probe.find_problem(VALID) == "become: the probe needs root; set become: true"


def test_loaded_modules_are_a_change():
    probe = ProbeResult({"nft/ipv4/x": Result(PASSED)}, ["nft_ct"], "0000000000003000")
    assert interception_probe.build_return_values(probe, announce=False) == {
        "changed": True,
        "rule_sets": {"nft/ipv4/x": {"status": "passed"}},
        "loaded": ["nft_ct"],
        "capabilities": "0000000000003000",
    }


def test_check_mode_lists_the_modules_that_the_kernel_would_load():
    probe = ProbeResult({"nft/ipv4/x": SKIPPED, "nft/ipv6/x": Result(PASSED)}, [], None)
    values = interception_probe.build_return_values(probe, announce=True)
    assert values["changed"] is True
    assert values["loaded"] == ["nf_nat", "xt_owner"]


def test_the_rules_of_the_newest_release_are_the_default():
    defaults = {name: option["default"] for name, option in interception_probe.RELEASE_OPTIONS.items()}
    assert defaults == NEWEST_RULES
