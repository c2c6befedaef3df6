# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SELinux: the policy module, the boolean, and the hints."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._managed.selinux_policy import abbreviate_policy
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import (
    find_step,
    list_kinds,
    make_enforcing_node,
    make_node,
    make_reason,
    plan_legacy,
    plan_nftables,
)

CIL = "(allow container_t kernel_t (system (module_request)))\n"
INSTALLED = {"priority": 300, "cil": CIL, "priorities": [300], "semodule": True}


def make_node_with_policy(**differences):
    return make_enforcing_node(managed={"policy": INSTALLED | differences})


def test_loading_in_advance_needs_no_policy_and_the_boolean_is_only_reported():
    plan = plan_legacy(make_enforcing_node())
    assert list_kinds(plan) == ["modules"]
    assert plan["expected"]["verdict"] == "ready"
    assert plan["hints"] == ["the SELinux boolean domain_kernel_load_modules is off"]


@pytest.mark.parametrize("consent", [{"load": False}, {"persist": False}])
def test_a_hint_says_that_denied_modules_must_be_loaded_in_advance(consent):
    hints = plan_legacy(make_enforcing_node(), **consent)["hints"]
    assert any("keep istio_node_load and istio_node_persist true" in hint for hint in hints)


@pytest.mark.parametrize("options", [{"mode": "ambient"}, {"cni_plugin": True}])
def test_a_hint_says_that_selinux_confines_the_agents_of_istio(options):
    assert any("type=spc_t" in hint for hint in plan_legacy(make_enforcing_node(), **options)["hints"])


def test_the_policy_comes_with_the_modules_that_the_kernel_never_requests():
    plan = plan_legacy(make_enforcing_node(), selinux="policy", load=False, persist=False)
    assert list_kinds(plan) == ["policy", "modules"]
    assert plan["load"] == ["ip_tables"]
    assert plan["persist"] == ["ip_tables"]
    assert find_step(plan, "modules")["args"]["always"] == ["ip_tables"]
    assert plan["expected"]["verdict"] == "on_demand"


def test_the_step_has_the_whole_policy_and_the_command():
    step = find_step(plan_legacy(make_enforcing_node(), selinux="policy"), "policy")
    assert step["what"] == "install the SELinux module istio_node_prep with priority 300"
    assert step["why"] == "it lets container_t request kernel modules"
    assert step["command"] == ["semodule", "-X", "300", "-i", "istio_node_prep.cil"]
    assert step["args"] == {"state": "present", "name": "istio_node_prep", "stale": [], "priority": 300, "cil": CIL}


def test_a_policy_that_is_installed_is_not_installed_again():
    assert "policy" not in list_kinds(plan_legacy(make_node_with_policy(), selinux="policy"))
    assert "policy" not in list_kinds(plan_legacy(make_node(), selinux="policy"))


@pytest.mark.parametrize(
    "policy, stale",
    [({"priority": 200, "priorities": [200]}, [200]), ({"priorities": [200, 300]}, [200]), ({"cil": "x"}, [])],
    ids=["another priority", "a second priority", "another text"],
)
def test_a_policy_that_differs_is_replaced(policy, stale):
    plan = plan_legacy(make_node_with_policy(**policy), selinux="policy")
    assert find_step(plan, "policy")["args"]["stale"] == stale


def test_a_long_policy_is_compared_by_its_digest():
    domains = [f"domain_{number}_t" for number in range(40)]
    options = {"selinux": "policy", "selinux_domains": domains}
    cil = find_step(plan_legacy(make_enforcing_node(), **options), "policy")["args"]["cil"]
    assert abbreviate_policy(cil) != cil
    assert "policy" not in list_kinds(plan_legacy(make_node_with_policy(cil=abbreviate_policy(cil)), **options))


def test_a_disabled_policy_is_enabled_by_the_owner():
    node = make_node_with_policy(disabled=True)
    plan = plan_legacy(node, selinux="policy")
    assert "policy" not in list_kinds(plan)
    step = find_step(plan, "policy")
    assert step["what"] == "enable the SELinux module istio_node_prep"
    assert step["why"] == "it is installed but disabled"
    assert step["command"] == ["semodule", "-e", "istio_node_prep"]
    assert plan["expected"] == plan_legacy(node)["expected"]


def test_a_hint_says_that_a_policy_of_an_earlier_run_stays():
    words = "istio_node_prep with priority 300 still lets containers request kernel modules"
    assert any(words in hint for hint in plan_legacy(make_node_with_policy())["hints"])
    assert not any(words in hint for hint in plan_legacy(make_node_with_policy(), selinux="policy")["hints"])
    assert not any(words in hint for hint in plan_legacy(make_enforcing_node())["hints"])


def test_a_policy_changes_the_verdict_of_a_node_that_is_permissive_until_it_reboots():
    later = {
        "autoload": "yes",
        "boot": "no",
        "reasons": [make_reason("boot", "selinux")],
        "next_boot": {"autoload": "denied"},
    }
    selinux = {"mode": "permissive", "module_request": False, "domain": "container_t"}
    node = make_node(selinux=selinux, **dict.fromkeys(KNOWN_MODULES, later))
    options = {"load": False, "persist": False}
    assert plan_nftables(node, selinux="policy", **options)["expected"]["verdict"] == "on_demand"
    assert plan_nftables(node, **options)["expected"]["verdict"] == "at_risk"


def test_a_policy_for_another_domain_does_not_let_containers_request_modules():
    options = {"selinux": "policy", "load": False, "persist": False}
    node = make_enforcing_node()
    assert plan_nftables(node, **options)["expected"]["verdict"] == "on_demand"
    assert plan_nftables(node, selinux_domains=["my_t"], **options)["expected"]["verdict"] == "not_ready"


def test_the_boolean_is_set_to_the_value_of_its_variable():
    step = find_step(plan_legacy(make_enforcing_node(), selinux_boolean=True), "boolean")
    assert step["command"] == ["setsebool", "-P", "domain_kernel_load_modules", "on"]
    assert step["args"] == {"name": "domain_kernel_load_modules", "value": "on"}
    assert step["why"] == "istio_node_selinux_boolean is true"
    assert "boolean" not in list_kinds(plan_legacy(make_enforcing_node(), selinux_boolean=False))
    assert "boolean" not in list_kinds(plan_legacy(make_enforcing_node()))


def test_a_hint_says_that_a_policy_without_the_boolean_ignores_the_variable():
    node = make_node(selinux={"mode": "permissive"})
    (hint,) = plan_nftables(node, selinux_boolean=True)["hints"]
    assert hint.startswith("istio_node_selinux_boolean has no effect")
    assert plan_nftables(node)["hints"] == []


def test_a_type_that_the_node_lacks_refuses_the_policy():
    node = make_node(selinux={"mode": "enforcing", "module_request": None, "domain": None})
    plan = plan_nftables(node, selinux="policy")
    assert plan["steps"] == []
    assert plan["refused"] == [
        "SELinux: container_t was not found in the policy of this node; "
        "install container-selinux, or set istio_node_selinux: preload"
    ]


def test_a_type_that_the_facts_do_not_know_refuses_nothing():
    node = make_node(selinux={"mode": "enforcing", "module_request": None, "domain": None})
    assert plan_nftables(node, selinux="policy", selinux_domains=["my_container_t"])["refused"] == []
    assert plan_nftables(node)["refused"] == []
    assert plan_nftables(make_enforcing_node(), selinux="policy")["refused"] == []
