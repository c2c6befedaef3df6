# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan as lines of text."""

from __future__ import annotations

from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.plan_text import describe_plan

STEPS = [
    {"kind": "modules", "what": "load nft_nat", "why": "1 module is required", "by": "role"},
    {
        "kind": "conflict",
        "what": "remove line 3 from /etc/modprobe.d/a.conf",
        "why": "it blocks xt_owner",
        "by": "owner",
    },
]


def test_a_plan_has_the_verdicts_the_steps_and_the_hints():
    plan = {"steps": STEPS, "hints": ["run the role again afterwards"], "expected": {"verdict": "ready"}}
    assert describe_plan(plan, "not_ready") == [
        "verdict now: not_ready, expected after this plan: ready",
        "load nft_nat, because 1 module is required",
        "remove line 3 from /etc/modprobe.d/a.conf, because it blocks xt_owner",
        "run the role again afterwards",
    ]


def test_a_removal_has_what_it_leaves_and_no_verdicts():
    plan = {"steps": STEPS[:1], "hints": [], "not_removed": ["packages stay installed"]}
    assert describe_plan(plan, "not_ready") == [
        "load nft_nat, because 1 module is required",
        "packages stay installed",
    ]


def test_a_plan_without_anything_to_do_is_empty():
    assert describe_plan({"steps": [], "hints": []}) == []
