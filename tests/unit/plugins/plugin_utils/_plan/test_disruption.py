# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What disrupts a node, and where the owner's tasks run."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import preparation_plan
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import (
    BLACKLISTED,
    ENFORCING,
    VENDOR_CONFLICT,
    make_enforcing_node,
    make_node,
    make_reason,
    plan_legacy,
)

HOOKS = {"before_disruption_tasks": "drain.yml", "after_disruption_tasks": "uncordon.yml"}
WAITS = {"state": "blocked", "autoload": "never", "reasons": [make_reason("now", "modules_disabled")]}
NO_BRIDGES = {"netfilter": {"bridges": []}}


def list_kinds(plan):
    return [disruption["kind"] for disruption in plan["disruption"]]


def make_waiting_node(**more):
    """Return the facts of a node whose modules load only after a reboot, where the boot file is complete."""
    return make_node(xt_owner={**WAITS, "boot": "yes"}, **more)


@pytest.mark.parametrize(
    "bridges, text",
    [
        (["br0", "cni0"], "load br_netfilter on a node with bridges (br0, cni0)"),
        (None, "load br_netfilter; whether the node has bridges is unknown"),
        ([], None),
    ],
)
def test_loading_br_netfilter_disrupts_a_node_that_may_have_bridges(bridges, text):
    plan = preparation_plan(make_node(netfilter={"bridges": bridges}))
    assert plan["disruption"] == ([{"kind": "br_netfilter", "text": text}] if text else [])


@pytest.mark.parametrize("options", [{"load": False}, {"state": "absent"}, {"profile": "effective"}])
def test_a_plan_that_does_not_load_br_netfilter_disrupts_nothing(options):
    node = make_node(netfilter={"bridges": ["br0"]}, managed={"boot_file": ["xt_owner"]})
    plan = preparation_plan(node, **options)
    assert plan["change"]
    assert plan["disruption"] == []


@pytest.mark.parametrize(
    "options, text",
    [
        ({"selinux": "policy"}, "install the SELinux module istio_node_prep with priority 300"),
        ({"selinux_boolean": True}, "set the SELinux boolean domain_kernel_load_modules to on"),
    ],
)
def test_a_change_of_selinux_disrupts_a_node(options, text):
    plan = plan_legacy(make_enforcing_node(**NO_BRIDGES), **options)
    assert plan["disruption"] == [{"kind": "selinux", "text": text}]


def test_the_removal_of_the_policy_disrupts_a_node():
    policy = {"priority": 300, "priorities": [300], "semodule": True}
    node = make_node(selinux=ENFORCING, managed={"policy": policy}, **NO_BRIDGES)
    assert list_kinds(preparation_plan(node, state="absent")) == ["selinux"]


def test_only_a_reboot_by_the_role_disrupts_a_node():
    node = make_waiting_node(**NO_BRIDGES)
    plan = plan_legacy(node, reboot="if_needed")
    assert plan["disruption"] == [{"kind": "reboot", "text": "reboot"}]
    assert plan_legacy(node, reboot="never", **HOOKS)["disruption"] == []


def test_the_plan_names_the_owners_tasks_at_the_point_at_which_they_run():
    plan = plan_legacy(make_waiting_node(**NO_BRIDGES), reboot="if_needed", **HOOKS)
    lines = plan["text"]
    before = lines.index("run the tasks of drain.yml, because these steps disrupt the node: reboot")
    after = lines.index("run the tasks of uncordon.yml, also if a step before them fails")
    first, last = (step["what"] for step in (plan["steps"][0], plan["steps"][-1]))
    assert lines[before + 1].startswith(first)
    assert lines[after - 1].startswith(last)
    assert [step["kind"] for step in plan["steps"]] == ["modules", "reboot"]


def test_steps_of_the_owner_are_outside_of_the_owners_tasks():
    node = make_node(netfilter={"bridges": ["br0"]}, xt_owner=BLACKLISTED, conflicts=VENDOR_CONFLICT)
    plan = preparation_plan(node, **HOOKS)
    assert [step["by"] for step in plan["steps"]] == ["owner", "role"]
    lines = plan["text"]
    start = next(index for index, line in enumerate(lines) if line.startswith(plan["steps"][0]["what"]))
    assert lines[start + 1].startswith("run the tasks of drain.yml, ")
    assert lines[start + 2].startswith(plan["steps"][1]["what"])
    assert lines[start + 3].startswith("run the tasks of uncordon.yml, ")


def test_a_plan_that_disrupts_nothing_names_no_tasks():
    plan = preparation_plan(make_node(**NO_BRIDGES), **HOOKS)
    assert plan["change"]
    assert not [line for line in plan["text"] if "the tasks of" in line]


def test_a_refused_node_is_not_disrupted():
    node = make_node(netfilter={"bridges": ["br0"]}, platform={"managed_by": "ostree", "etc": "read_only"})
    plan = preparation_plan(node, **HOOKS)
    assert plan["refused"]
    assert plan["disruption"] == []
