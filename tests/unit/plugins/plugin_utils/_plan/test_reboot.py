# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reboots: when one is planned, who does it, and why it may not help."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.reboot import (
    find_next_kernel,
    fixed_by_reboot,
    needs_reboot,
)
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import parse_facts, preparation_plan
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import (
    MASKED_SERVICE,
    NOT_BUILT,
    OSTREE,
    VENDOR_FILE,
    find_step,
    list_kinds,
    make_conflict_file,
    make_node,
    make_reason,
    plan_nftables,
)

NEXT_KERNEL = {"release": "6.1.0-43-amd64", "source": "link", "certain": True}
TREE_MISSING = {
    "state": "unknown",
    "autoload": "unknown",
    "reasons": [make_reason("now", "modules_tree_missing")],
    "next_boot": {"state": "loadable", "autoload": "yes"},
}
DISABLED = {"state": "blocked", "autoload": "denied", "reasons": [make_reason("now", "modules_disabled")]}


def test_a_reboot_is_planned_if_only_that_helps():
    node = make_node(next_boot=NEXT_KERNEL, xt_owner=TREE_MISSING)
    plan = preparation_plan(node, reboot="if_needed", install_packages=True)
    assert list_kinds(plan) == ["modules", "reboot"]
    step = find_step(plan, "reboot")
    assert step["what"] == "reboot into 6.1.0-43-amd64"
    assert step["why"] == "only a reboot helps: why"
    assert step["command"] == ["systemctl", "reboot"]
    assert step["reboot"]
    assert "xt_owner" in plan["persist"]
    assert plan["expected"]["verdict"] == "ready"


def test_without_systemd_the_reboot_command_is_reboot():
    node = make_node(next_boot=NEXT_KERNEL, xt_owner=TREE_MISSING)
    node["platform"].update(systemd=False, init="runit")
    step = find_step(preparation_plan(node, reboot="if_needed"), "reboot")
    assert step["command"] == ["reboot"]
    assert step["args"] == {"reboot_command": "reboot"}


def test_without_consent_the_owner_reboots():
    plan = preparation_plan(make_node(next_boot=NEXT_KERNEL, xt_owner=TREE_MISSING))
    assert list_kinds(plan, "owner") == ["reboot"]
    assert find_step(plan, "reboot")["what"] == "reboot into 6.1.0-43-amd64, or set istio_node_reboot: if_needed"


@pytest.mark.parametrize(
    "next_boot, hints",
    [
        (None, []),
        (NEXT_KERNEL | {"release": "6.1.0-42-amd64"}, []),
        (NEXT_KERNEL, ["the answers after a reboot are about kernel 6.1.0-43-amd64, which boots next (link)"]),
        (
            NEXT_KERNEL | {"certain": False},
            [
                "the answers after a reboot assume that kernel 6.1.0-42-amd64 boots again; which kernel boots next is "
                "not certain, perhaps 6.1.0-43-amd64 (link)"
            ],
        ),
    ],
    ids=["unknown", "the running kernel", "certain", "a guess"],
)
def test_the_plan_names_the_kernel_of_the_answers_after_a_reboot(next_boot, hints):
    plan = preparation_plan(make_node(next_boot=next_boot, platform={"container": None}))
    assert [hint for hint in plan["hints"] if "after a reboot" in hint] == hints


@pytest.mark.parametrize("reboot", ["never", "if_needed"])
def test_the_role_never_reboots_into_a_kernel_that_is_a_guess(reboot):
    module = TREE_MISSING | {"next_boot": None}
    guess = NEXT_KERNEL | {"certain": False}
    plan = preparation_plan(make_node(next_boot=guess, xt_owner=module), reboot=reboot)
    assert "reboot" not in [step["kind"] for step in plan["steps"]]
    (step,) = [step for step in plan["steps"] if step["kind"] == "repair"]
    assert step["by"] == "owner"
    assert step["what"] == "reboot, if that boots a kernel whose modules are installed"
    assert step["why"] == "why"
    assert plan["expected"]["verdict"] == "unknown"


def test_no_reboot_is_planned_if_another_module_stays_missing():
    node = make_node(next_boot=NEXT_KERNEL, xt_owner=TREE_MISSING, xt_REDIRECT=NOT_BUILT)
    assert "reboot" not in list_kinds(preparation_plan(node, reboot="if_needed"))


@pytest.mark.parametrize(
    "axis, code, line",
    [
        ("autoload", "blacklist", "blacklist xt_owner"),
        ("now", "install_override", "install xt_owner /bin/false"),
    ],
)
def test_no_reboot_is_planned_if_a_conflict_remains(axis, code, line):
    module = DISABLED | {"reasons": [*DISABLED["reasons"], make_reason(axis, code, VENDOR_FILE + ":3")]}
    node = make_node(xt_owner=module, conflicts={VENDOR_FILE: make_conflict_file({"3": line})})
    plan = preparation_plan(node, reboot="if_needed")
    assert "reboot" not in list_kinds(plan)
    assert "conflict" in list_kinds(plan, "owner")
    assert "xt_owner" not in plan["persist"]

    overridden = preparation_plan(node, reboot="if_needed", override_conflicts=True)
    assert list_kinds(overridden) == ["overrides", "modules", "reboot"]
    assert "xt_owner" in overridden["persist"]
    assert "xt_owner" not in overridden["load"]
    assert overridden["expected"]["verdict"] == "ready"


def make_disabled_node(**more):
    """Return a node on which no module loads until a reboot."""
    return make_node(**more, **dict.fromkeys(KNOWN_MODULES, DISABLED))


def make_upgraded_node(next_boot):
    """Return a node on which the modules of the running kernel are gone; with the next kernel they have this state."""
    module = {"state": "unknown", "autoload": "denied", "reasons": TREE_MISSING["reasons"], "next_boot": next_boot}
    return make_node(next_boot=NEXT_KERNEL, **dict.fromkeys(KNOWN_MODULES, module))


USELESS = {
    "the next kernel lacks the modules": (
        make_upgraded_node({"state": "missing", "autoload": "never"}),
        {},
        "nf_tables, nft_redir, nft_chain_nat, nft_counter are missing with kernel 6.1.0-43-amd64",
    ),
    "the modules are not persisted": (
        make_disabled_node(),
        {"persist": False},
        "it is uncertain whether nf_tables, nft_redir, nft_chain_nat, nft_counter will be loaded then, "
        "because istio_node_persist is false",
    ),
    "the boot files are not read": (
        make_disabled_node(platform=MASKED_SERVICE),
        {},
        "it is uncertain whether nf_tables, nft_redir, nft_chain_nat, nft_counter will be loaded then",
    ),
    "the boot files may not be read": (
        make_disabled_node(platform={"boot_files_read": None}),
        {},
        "it is uncertain whether nf_tables, nft_redir, nft_chain_nat, nft_counter will be loaded then",
    ),
    "the boot file must not be written": (
        make_disabled_node(platform=OSTREE),
        {},
        "it is uncertain whether nf_tables, nft_redir, nft_chain_nat, nft_counter will be loaded then",
    ),
}


@pytest.mark.parametrize("reboot", ["never", "if_needed"])
@pytest.mark.parametrize("node, options, cause", USELESS.values(), ids=USELESS)
def test_the_role_does_not_reboot_if_that_is_not_expected_to_help(node, options, cause, reboot):
    plan = plan_nftables(node, reboot=reboot, **options)
    assert "reboot" not in list_kinds(plan)
    step = find_step(plan, "reboot")
    assert step["why"] == f"why. A reboot alone does not help: {cause}"
    assert "istio_node_reboot" not in step["what"]


def test_the_role_reboots_if_the_boot_file_helps():
    plan = plan_nftables(make_disabled_node(), reboot="if_needed")
    assert list_kinds(plan) == ["modules", "reboot"]
    assert plan["expected"]["verdict"] == "ready"


@pytest.mark.parametrize(
    "next_boot, release",
    [
        (None, None),
        ({"release": "6.1.0-42-amd64", "certain": True}, None),
        ({"release": "6.1.0-43-amd64", "certain": True}, "6.1.0-43-amd64"),
        ({"release": "6.1.0-43-amd64", "certain": False}, None),
    ],
)
def test_the_next_kernel_counts_if_it_is_certain_and_another_one(next_boot, release):
    assert find_next_kernel(parse_facts(make_node(next_boot=next_boot))) == release


@pytest.mark.parametrize(
    "reasons, following, is_needed, is_fixed",
    [
        (["modules_disabled"], None, True, True),
        (["modules_disabled", "blacklist"], None, True, False),
        (["modules_tree_missing"], "6.1.0-43-amd64", True, True),
        (["modules_tree_missing"], None, False, False),
        (["unsigned_module"], "6.1.0-43-amd64", False, False),
    ],
)
def test_a_reboot_fixes_disabled_modules_and_a_missing_tree(reasons, following, is_needed, is_fixed):
    module = {"state": "blocked", "autoload": "denied", "reasons": [make_reason("now", code) for code in reasons]}
    xt_owner = parse_facts(make_node(xt_owner=module)).modules["xt_owner"]
    assert needs_reboot(xt_owner, following) is is_needed
    assert fixed_by_reboot(xt_owner, following) is is_fixed
