# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps and plans as data: what they contain as dicts."""

from __future__ import annotations

import json

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.iptables_forecast import ForecastSummary
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration import Declaration
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import (
    KERNEL_CONFIG_HEADING,
    Alternative,
    Expected,
    NodePlan,
    NotLoadable,
    Step,
)

LOAD = Step("modules", "load xt_owner", "the selection needs it", where="/f", args={"load": True})
REMOVE_LINE = Step("conflict", "remove a line", "it keeps xt_owner from loading", "owner", command=("grep", "x"))
LISTS = ("modules", "optional", "boot_only", "load", "persist", "not_loadable", "disruption", "hints")


def test_a_step_of_the_role_has_the_arguments_of_its_task():
    assert LOAD.as_dict() == {
        "kind": "modules",
        "what": "load xt_owner",
        "why": "the selection needs it",
        "by": "role",
        "where": "/f",
        "reboot": False,
        "args": {"load": True},
    }
    assert Step("reboot", "reboot", "x").as_dict()["args"] == {}


def test_a_step_of_the_owner_has_a_command_and_no_arguments():
    assert REMOVE_LINE.as_dict() == {
        "kind": "conflict",
        "what": "remove a line",
        "why": "it keeps xt_owner from loading",
        "by": "owner",
        "command": ["grep", "x"],
        "reboot": False,
    }


@pytest.mark.parametrize("steps, change", [((), False), ((REMOVE_LINE,), False), ((REMOVE_LINE, LOAD), True)])
def test_only_the_steps_of_the_role_change_the_node(steps, change):
    plan = NodePlan(state="prepared", steps=steps, refused=())
    assert plan.change is change
    assert plan.as_dict()["change"] is change


def test_a_plan_is_plain_data_with_all_keys():
    plan = NodePlan(
        state="prepared",
        steps=(LOAD,),
        refused=(),
        modules=("xt_owner", "xt_mark"),
        optional=("xt_mark",),
        load=("xt_owner",),
        persist=("xt_owner",),
        not_loadable=(NotLoadable("xt_set", "blacklisted"),),
        hints=("a hint",),
        forecast=ForecastSummary("nft", "a reason", {"sidecar": "nft"}),
        declaration=Declaration("nixos", ("xt_owner",)),
        expected=Expected("at_risk", {"combined": "at_risk"}, ("xt_set",)),
        verdict="not_ready",
    ).as_dict()
    assert json.loads(json.dumps(plan)) == plan
    assert plan["not_loadable"] == [{"name": "xt_set", "cause": "blacklisted"}]
    assert plan["forecast"] == {
        "variant": "nft",
        "reason": "a reason",
        "modes": {"sidecar": "nft"},
        "after_reboot": None,
    }
    assert plan["declaration"] == Declaration("nixos", ("xt_owner",)).as_dict()
    assert plan["expected"] == {"verdict": "at_risk", "verdicts": {"combined": "at_risk"}, "unmet": ["xt_set"]}
    assert plan["text"] == [
        "verdict now: not_ready, expected after this plan: at_risk",
        "load xt_owner, because the selection needs it",
        "a hint",
        "declaration (NixOS):",
        *("{", "  boot.kernelModules = [", '    "xt_owner"', "  ];", "}"),
        "to load these modules now: nixos-rebuild switch",
    ]
    assert "not_removed" not in plan


def test_an_alternative_has_only_the_keys_that_say_something():
    kernel = Alternative("kernel", "boot the installed kernel 6.12", "ready", kernel="6.12")
    assert kernel.as_dict() == {
        "kind": "kernel",
        "change": "boot the installed kernel 6.12",
        "verdict": "ready",
        "kernel": "6.12",
    }
    dns = Alternative("dns_capture", "switch off DNS capture", "on_demand", ("a=false",), {"dns_capture": False})
    assert json.loads(json.dumps(dns.as_dict())) == {
        "kind": "dns_capture",
        "change": "switch off DNS capture",
        "verdict": "on_demand",
        "settings": ["a=false"],
        "selection": {"dns_capture": False},
    }
    assert (kernel.describe(), dns.describe()) == (
        "boot the installed kernel 6.12",
        "switch off DNS capture (a=false)",
    )


def test_the_text_of_a_plan_ends_with_what_else_helps():
    plan = NodePlan(
        state="prepared",
        steps=(),
        refused=(),
        hints=("a hint",),
        alternatives=(Alternative("kernel", "boot the installed kernel 6.12", "ready", kernel="6.12"),),
        kernel_config=("CONFIG_NFT_COMPAT=m",),
    )
    assert plan.describe() == [
        "a hint",
        "alternative: boot the installed kernel 6.12; the expected verdict is then ready",
        KERNEL_CONFIG_HEADING,
        "CONFIG_NFT_COMPAT=m",
    ]
    assert plan.as_dict()["kernel_config"] == ["CONFIG_NFT_COMPAT=m"]


def test_a_removal_has_what_stays_and_neither_forecast_nor_expected_verdict():
    plan = NodePlan(state="absent", steps=(), refused=(), not_removed=("packages stay",)).as_dict()
    assert set(plan) == {"state", "steps", "change", "refused", "not_removed", "text", *LISTS}
    assert all(plan[key] == [] for key in LISTS)
    assert plan["text"] == plan["not_removed"] == ["packages stay"]


def test_the_text_of_a_plan_has_the_verdicts_the_steps_and_the_hints():
    plan = NodePlan(
        state="prepared",
        steps=(LOAD, REMOVE_LINE),
        refused=(),
        hints=("run the role again afterwards",),
        expected=Expected("ready", {"combined": "ready"}, ()),
        verdict="not_ready",
    )
    assert plan.describe() == [
        "verdict now: not_ready, expected after this plan: ready",
        "load xt_owner, because the selection needs it",
        "remove a line, because it keeps xt_owner from loading",
        "run the role again afterwards",
    ]


def test_the_text_of_a_removal_has_what_it_leaves_and_no_verdicts():
    plan = NodePlan(state="absent", steps=(LOAD,), refused=(), not_removed=("packages stay",), verdict="not_ready")
    assert plan.describe() == ["load xt_owner, because the selection needs it", "packages stay"]


def test_the_text_of_a_plan_without_anything_to_do_is_empty():
    assert NodePlan(state="prepared", steps=(), refused=()).describe() == []
