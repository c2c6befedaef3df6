# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole plan: the order of its stages, consent that is ignored, hints, and the verdict that it predicts."""

from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.builder import STAGES, build_plan
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import parse_facts, preparation_plan
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import (
    BLACKLISTED,
    BOOT_FILE,
    ENFORCING,
    FEDORA_COREOS,
    NOT_INSTALLED,
    VENDOR_CONFLICT,
    VENDOR_FILE,
    find_step,
    list_kinds,
    list_not_loadable,
    make_node,
    plan_nftables,
)

RERUN_HINT = "run again after the owner's steps"


def test_a_clean_node_has_no_step():
    plan = preparation_plan(make_node(state="builtin", boot="not_applicable"))
    assert plan["steps"] == []
    assert not plan["change"]
    assert plan["expected"]["verdict"] == "ready"


def test_a_node_without_modules_gets_one_step_and_is_expected_to_be_ready():
    plan = plan_nftables(make_node())
    assert list_kinds(plan) == ["modules"]
    assert plan["change"]
    assert plan["expected"]["verdict"] == "ready"


@pytest.mark.parametrize("consent", [{"load": False}, {"persist": False}])
def test_without_consent_to_load_or_persist_the_kernel_must_load_on_demand(consent):
    assert plan_nftables(make_node(), **consent)["expected"]["verdict"] == "on_demand"


def test_a_node_that_is_as_the_plan_says_gets_an_empty_plan():
    persist = plan_nftables(make_node())["persist"]
    node = make_node(state="loaded", boot="yes", boot_files={BOOT_FILE: persist}, managed={"boot_file": persist})
    assert plan_nftables(node)["steps"] == []


def test_the_order_of_the_facts_does_not_change_the_plan():
    node = make_node(xt_owner=NOT_INSTALLED)
    reversed_node = node | {"modules": dict(reversed(node["modules"].items()))}
    assert json.dumps(preparation_plan(node)) == json.dumps(preparation_plan(reversed_node))


def test_the_stages_run_in_the_order_in_which_the_steps_are_done():
    assert [stage.__name__ for stage in STAGES] == [
        "install_packages",
        "override_conflicts",
        "plan_repairs",
        "change_selinux",
        "load_modules",
        "unmask_boot_files",
        "declare_modules",
        "check_refusals",
        "reboot",
    ]


def test_a_plan_is_built_without_changing_the_facts():
    facts = parse_facts(make_node(xt_owner=BLACKLISTED, conflicts=VENDOR_CONFLICT))
    before = parse_facts(make_node(xt_owner=BLACKLISTED, conflicts=VENDOR_CONFLICT))
    plan = build_plan(facts, Selection(), Consent(override_conflicts=True))
    assert facts == before
    assert plan == build_plan(facts, Selection(), Consent(override_conflicts=True))
    assert plan.load


def test_the_steps_of_all_stages_come_in_order():
    managed = {"overrides": {"/etc/modprobe.d/old.conf": {"current": False}}}
    node = make_node(
        "rocky",
        "6.12.0-124.el10_1.x86_64",
        selinux=ENFORCING,
        managed=managed,
        conflicts=VENDOR_CONFLICT,
        xt_owner=BLACKLISTED,
        xt_REDIRECT=NOT_INSTALLED,
        platform={"boot_files_read": False},
    )
    consent = {"install_packages": True, "override_conflicts": True, "selinux": "policy", "selinux_boolean": True}
    plan = preparation_plan(node, **consent)
    kinds = [step["kind"] for step in plan["steps"]]
    assert kinds == ["packages", "overrides", "policy", "boolean", "modules", "conflict"]
    assert plan["not_loadable"] == []


def test_a_refusal_leaves_only_the_steps_of_the_owner():
    node = make_node(nft=None, nft_redir={"state": "missing", "autoload": "never"})
    node["modules"]["nft_redir"]["reasons"] = [{"axis": "now", "code": "not_in_tree", "text": "not in the tree"}]
    plan = plan_nftables(node, cni_plugin=True)
    assert plan["refused"] == ["nft is not installed; version 1.0.1 or newer is required"]
    assert list_kinds(plan) == []
    assert list_kinds(plan, "owner") == ["packages", "repair"]
    assert (plan["load"], plan["persist"], plan["not_loadable"]) == ([], [], [])
    assert plan["expected"]["verdict"] == "not_ready"


@pytest.mark.parametrize("state, has_hint", [("loadable", True), ("loaded", False)])
def test_a_hint_says_what_loading_br_netfilter_changes_for_other_software(state, has_hint):
    plan = preparation_plan(make_node(br_netfilter={"state": state, "autoload": "never"}))
    hints = [hint for hint in plan["hints"] if "bridge-nf-call-iptables becomes 1" in hint]
    assert bool(hints) is has_hint


def test_a_hint_says_that_another_run_is_needed_after_the_steps_of_the_owner():
    node = make_node(xt_owner=BLACKLISTED, conflicts=VENDOR_CONFLICT)
    assert RERUN_HINT in preparation_plan(node)["hints"][-1]
    assert RERUN_HINT not in str(preparation_plan(node, override_conflicts=True)["hints"])


@pytest.mark.parametrize(
    "consent, done",
    [({"load": False}, "persists"), ({"persist": False}, "loads"), ({"load": False, "persist": False}, "")],
)
def test_that_hint_names_only_what_consent_allows(consent, done):
    hints = preparation_plan(make_node(xt_owner=BLACKLISTED, conflicts=VENDOR_CONFLICT), **consent)["hints"]
    found = [hint for hint in hints if RERUN_HINT in hint]
    assert found == ([f"{RERUN_HINT}; the role then {done} the modules that they unblock"] if done else [])


def test_another_run_in_a_container_changes_nothing():
    reason = {"axis": "now", "code": "container", "text": "the kernel belongs to the host of this container (podman)"}
    unknown = {"state": "unknown", "autoload": "unknown", "boot": "unknown", "reasons": [reason]}
    plan = preparation_plan(make_node(xt_owner=unknown, platform={"container": "podman"}))
    assert list_kinds(plan, "owner") == ["repair"]
    assert RERUN_HINT not in str(plan["hints"])


ALL_WRITE_CONSENTS = {"install_packages": True, "selinux": "policy", "selinux_boolean": True}


@pytest.mark.parametrize("consent", [{}, {"override_conflicts": True}, ALL_WRITE_CONSENTS])
def test_on_a_node_that_must_not_be_written_to_the_owner_does_what_consent_allows_elsewhere(consent):
    node = make_node(**FEDORA_COREOS, xt_owner=BLACKLISTED, conflicts=VENDOR_CONFLICT, selinux=ENFORCING)
    plan = preparation_plan(node, **consent)
    assert list_kinds(plan) == []
    assert list_kinds(plan, "owner") == ["conflict"]
    assert plan["refused"]
    assert "xt_owner" not in plan["declaration"]["modules"]
    assert plan["declaration"]["text"].startswith(f"# {VENDOR_FILE}:3 (blacklist xt_owner) keeps xt_owner from loading")
    assert "istio_node_override_conflicts: true" not in find_step(plan, "conflict")["what"]
    assert RERUN_HINT in plan["hints"][-1]


@pytest.mark.parametrize("consent", [{"override_conflicts": True}, ALL_WRITE_CONSENTS])
@pytest.mark.parametrize("persist", [True, False])
def test_the_first_hint_names_the_consent_that_is_ignored(consent, persist):
    node = make_node(**FEDORA_COREOS, xt_owner=BLACKLISTED, conflicts=VENDOR_CONFLICT, selinux=ENFORCING)
    plan = preparation_plan(node, persist=persist, **consent)
    verb = "is" if len(consent) == 1 else "are"
    assert f"{verb} ignored: rpm-ostree manages this node" in plan["hints"][0]
    for name in consent:
        assert f"istio_node_{name}" in plan["hints"][0]
    assert "ignored" not in str(preparation_plan(node)["hints"])


def test_consent_is_not_mentioned_if_nothing_is_to_be_done():
    node = make_node(**FEDORA_COREOS, state="builtin", boot="not_applicable")
    assert preparation_plan(node, install_packages=True)["hints"] == []


def test_a_node_that_must_not_be_written_to_can_load_modules():
    node = make_node(**FEDORA_COREOS, xt_owner=BLACKLISTED, conflicts=VENDOR_CONFLICT)
    plan = preparation_plan(node, persist=False, override_conflicts=True)
    assert plan["refused"] == []
    assert list_kinds(plan) == ["modules"]
    assert plan["load"]
    assert list_not_loadable(plan) == ["xt_owner"]


def test_facts_without_a_required_module_are_an_error():
    node = make_node()
    del node["modules"]["xt_owner"]
    with pytest.raises(AnsibleFilterError, match="module 'xt_owner' is missing"):
        preparation_plan(node)


def test_with_a_known_assessment_the_plan_is_the_same():
    parsed = parse_facts(make_node(xt_owner={"state": "missing", "autoload": "never"}))
    assessment = assess(parsed, Selection())
    plan = build_plan(parsed, Selection(), Consent(), assessment=assessment)
    assert plan.verdict == assessment.verdict
    assert plan == build_plan(parsed, Selection(), Consent())
