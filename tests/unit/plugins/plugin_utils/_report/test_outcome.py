# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of an outcome: modules, plan, execution and probe."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.from_outcome import OutcomeReader
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.outcome import make_details
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import make_outcome


def read_outcome(raw):
    return OutcomeReader().read(raw)


def test_facts_of_modules_are_read_when_they_are_needed():
    def change(found):
        found["modules"]["xt_owner"]["boot"] = "no"

    outcome = make_outcome(change)
    outcome["facts"]["modules"]["xt_mark"] = {"state": 5}
    modules = read_outcome(outcome).modules
    assert modules["xt_owner"].boot == "no"
    with pytest.raises(ValueError, match=r"'facts\.modules\.xt_mark\.state' is '5'"):
        modules["xt_mark"]
    with pytest.raises(ValueError, match=r"'facts\.modules\.nothing' is missing"):
        modules["nothing"]


def test_the_plan_is_listed_without_the_step_of_the_modules():
    plan = {
        "steps": [{"kind": "modules", "what": "load", "why": "x"}, {"kind": "reboot", "what": "reboot", "why": "y"}],
        "disruption": [{"kind": "reboot", "text": "reboot"}],
        "load": ["xt_owner"],
        "not_loadable": [{"name": "xt_CT", "cause": "missing"}],
        "persist": [],
        "text": "the plan in words",
        "alternatives": [
            {"kind": "dns_capture", "change": "switch off DNS capture", "settings": ["a=b", "c=d"], "verdict": "ready"},
            {"kind": "kernel", "change": "boot the installed kernel 6.12", "kernel": "6.12", "verdict": "ready"},
        ],
        "kernel_config": ["CONFIG_IP_SET=m", "CONFIG_IP_SET_HASH_IP=m"],
    }
    assert read_outcome(make_outcome(plan=plan)).plan == (
        ("steps", ("reboot, because y",)),
        ("disruption", ("reboot",)),
        ("load", ("xt_owner",)),
        ("not_loadable", ("xt_CT: missing",)),
        ("alternatives", ("switch off DNS capture (a=b, c=d)", "boot the installed kernel 6.12")),
        ("kernel_config", ("CONFIG_IP_SET=m", "CONFIG_IP_SET_HASH_IP=m")),
    )


def test_the_probe_is_listed_with_its_counts_and_causes():
    probe = {
        "predicted": "ready",
        "result": "failed",
        "counts": {"passed": 3, "failed": 1, "not_tested": 0},
        "causes": [{"message": "no xt_owner"}],
        "findings": [],
    }
    assert dict(read_outcome(make_outcome(probe=probe)).probe) == {
        "predicted": ("ready",),
        "result": ("failed",),
        "rule_sets": ("3 passed", "1 failed"),
        "failed": ("no xt_owner",),
    }


def test_the_execution_is_listed_without_what_is_empty():
    execution = {"check_mode": True, "loaded": ["xt_owner"], "persisted": [], "boot_file": "", "boot_ids": [None, "x"]}
    assert read_outcome(make_outcome(execution=execution)).execution == (
        ("check_mode", ("true",)),
        ("loaded", ("xt_owner",)),
        ("boot_ids", ("unknown", "x")),
    )


def test_details_without_text_are_left_out():
    assert make_details(a="", b=(), c="x", d=["y", "z"]) == (("c", ("x",)), ("d", ("y", "z")))
