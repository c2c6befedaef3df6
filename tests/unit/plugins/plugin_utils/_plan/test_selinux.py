# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan where SELinux keeps containers from having modules loaded."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._managed.selinux_policy import told_policy
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts import projection
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import (
    MINE,
    enforcing,
    legacy,
    nft,
    node,
    reason,
    step,
    steps,
)


def test_preload_needs_no_policy_and_the_boolean_is_only_reported():
    plan = legacy(enforcing())
    assert steps(plan) == ["modules"] and plan["expected"]["verdict"] == "ready"
    assert "the SELinux boolean domain_kernel_load_modules is off" in plan["hints"]
    assert any("istio_node_load and istio_node_persist" in hint for hint in legacy(enforcing(), load=False)["hints"])
    assert any("type=spc_t" in hint for hint in legacy(enforcing(), mode="ambient")["hints"])


def test_the_policy_comes_with_what_the_kernel_never_asks_for():
    plan = legacy(enforcing(), selinux="policy", load=False, persist=False)
    assert (
        steps(plan) == ["policy", "modules"]
        and plan["load"] == plan["persist"] == ["ip_tables"]
        and plan["expected"]["verdict"] == "on_demand"
    )
    args = step(plan, "policy")["args"]
    assert args["cil"] == "(allow container_t kernel_t (system (module_request)))\n" and args["priority"] == 300
    installed = {"policy": {"priority": 300, "cil": args["cil"]}}
    assert "policy" not in steps(legacy(enforcing(ours=installed), selinux="policy"))
    assert step(legacy(enforcing(ours={"policy": {"priority": 200, "cil": args["cil"]}}), selinux="policy"), "policy")[
        "args"
    ]["stale"] == [200]
    assert "policy" not in steps(legacy(node(), selinux="policy"))


SELINUX_NOW = reason("autoload", "selinux")
SELINUX_LATER = reason("boot", "selinux")


@pytest.mark.parametrize(
    "entry, following",
    [
        # Denied now, and with the kernel that boots next, where it is no longer built in.
        (
            {
                "state": "loadable",
                "autoload": "denied",
                "reasons": [SELINUX_NOW],
                "next_boot": {"state": "blocked", "autoload": "denied"},
            },
            "blocked",
        ),
        # Permissive until the reboot: denied only then.
        (
            {"state": "loadable", "autoload": "yes", "reasons": [SELINUX_LATER], "next_boot": {"autoload": "denied"}},
            None,
        ),
        ({"state": "loaded", "autoload": "yes", "reasons": [SELINUX_LATER], "next_boot": {"autoload": "denied"}}, None),
        (
            {
                "state": "loadable",
                "autoload": "denied",
                "reasons": [SELINUX_NOW],
                "next_boot": {"state": "builtin", "autoload": "yes"},
            },
            "builtin",
        ),
    ],
)
def test_what_containers_may_request_they_may_after_the_reboot_too(entry, following):
    after = projection.with_requests_allowed(node(xt_owner={"boot": "no", **entry}))["modules"]["xt_owner"]
    assert (after["autoload"], after["reasons"]) == ("yes", [])
    assert after.get("next_boot") == (following and {"state": following, "autoload": "yes"})


def test_what_somebody_else_denies_stays_denied():
    entry = {"state": "loadable", "autoload": "denied", "boot": "no", "reasons": [reason("autoload", "blacklist")]}
    entry["next_boot"] = {"state": "missing", "autoload": "never"}
    assert projection.with_requests_allowed(node(xt_owner=entry))["modules"]["xt_owner"] == entry


def test_a_policy_foresees_the_verdict_of_a_node_that_is_permissive_until_it_reboots():
    later = {"autoload": "yes", "boot": "no", "reasons": [SELINUX_LATER], "next_boot": {"autoload": "denied"}}
    made = node(
        selinux={"mode": "permissive", "module_request": False, "domain": "container_t"},
        **dict.fromkeys(KNOWN_MODULES, later),
    )
    options = {"load": False, "persist": False}
    assert nft(made, selinux="policy", **options)["expected"]["verdict"] == "on_demand"
    assert nft(made, **options)["expected"]["verdict"] == "at_risk"


def test_a_loaded_module_will_load_again_once_what_blocks_it_is_taken_back():
    blocked = {
        "state": "loaded",
        "autoload": "denied",
        "boot": "ineffective",
        "reasons": [reason("autoload", "install_override", f"{MINE}:1")],
    }
    made = node(xt_owner={**blocked, "next_boot": {"state": "blocked", "autoload": "denied"}})
    after = projection.without_conflicts(made, ["xt_owner"], ["install_override"])["modules"]["xt_owner"]
    assert (after["state"], after["autoload"], after.get("next_boot")) == ("loaded", "yes", None)


def test_the_boolean_is_set_only_where_its_variable_says_so():
    assert step(legacy(enforcing(), selinux_boolean=True), "boolean")["command"] == [
        "setsebool",
        "-P",
        "domain_kernel_load_modules",
        "on",
    ]
    assert "boolean" not in steps(legacy(enforcing(), selinux_boolean=False))


def test_a_policy_of_another_priority_beside_the_right_one_goes():
    cil = "(allow container_t kernel_t (system (module_request)))\n"
    made = enforcing(ours={"policy": {"priority": 300, "cil": cil, "priorities": [200, 300], "semodule": True}})
    assert step(legacy(made, selinux="policy"), "policy")["args"]["stale"] == [200]
    made["managed"]["policy"]["priorities"] = [300]
    assert "policy" not in steps(legacy(made, selinux="policy"))


def test_a_policy_that_somebody_switched_off_is_the_owners():
    cil = "(allow container_t kernel_t (system (module_request)))\n"
    made = enforcing(
        ours={"policy": {"priority": 300, "cil": cil, "priorities": [300], "semodule": True, "disabled": True}}
    )
    plan = legacy(made, selinux="policy")
    assert "policy" not in steps(plan) and step(plan, "policy")["command"] == ["semodule", "-e", "istio_node_prep"]
    assert plan["expected"] == legacy(made)["expected"]


def test_a_long_policy_is_told_by_its_digest():
    domains = [f"domain_{number}_t" for number in range(40)]
    policy = step(legacy(enforcing(), selinux="policy", selinux_domains=domains), "policy")["args"]["cil"]
    made = enforcing(ours={"policy": {"priority": 300, "cil": told_policy(policy), "priorities": [300]}})
    assert told_policy(policy) != policy and "policy" not in steps(
        legacy(made, selinux="policy", selinux_domains=domains)
    )


def test_a_policy_that_is_no_longer_asked_for_is_told_to_stay():
    made = enforcing(ours={"policy": {"priority": 300, "cil": "x", "priorities": [300], "semodule": True}})
    assert any("istio_node_prep of priority 300 still lets containers" in hint for hint in legacy(made)["hints"])
    assert not any(
        "still lets containers" in hint
        for hint in [*legacy(made, selinux="policy")["hints"], *legacy(enforcing())["hints"]]
    )


def test_no_policy_for_a_type_that_the_node_does_not_have():
    made = node(selinux={"mode": "enforcing", "module_request": None, "domain": None})
    plan = nft(made, selinux="policy")
    assert plan["steps"] == [] and len(plan["refused"]) == 1 and "install container-selinux" in plan["refused"][0]
    assert nft(made, selinux="policy", selinux_domains=["my_container_t"])["refused"] == []
    assert nft(made)["refused"] == nft(enforcing(), selinux="policy")["refused"] == []
