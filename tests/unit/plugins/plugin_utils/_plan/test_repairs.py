# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repairs: what only the owner can fix."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import preparation_plan
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import make_node, make_reason

EVERY_CONSENT = {"install_packages": True, "override_conflicts": True, "reboot": "if_needed"}
MODULE_FILE = "/lib/modules/6.1.0-42-amd64/kernel/net/netfilter/xt_owner.ko"
INDEX = "/lib/modules/6.1.0-42-amd64/modules.dep"


def list_repairs(node, **options):
    return [step for step in preparation_plan(node, **options)["steps"] if step["kind"] == "repair"]


@pytest.mark.parametrize("options", [{}, EVERY_CONSENT], ids=["without consent", "with every consent"])
@pytest.mark.parametrize(
    "state, code, where, words",
    [
        ("blocked", "alias_override", "/etc/modprobe.d/a.conf:3", "the alias lines from /etc/modprobe.d/a.conf"),
        ("blocked", "invalid_module_file", MODULE_FILE, "reinstall linux-image-6.1.0-42-amd64"),
        ("missing", "module_file_missing", MODULE_FILE, "reinstall linux-image-6.1.0-42-amd64"),
        ("unknown", "index_missing", INDEX, "run depmod -a as root"),
        ("missing", "not_in_tree", None, "boot a kernel that includes what is missing"),
        ("unknown", "container", None, "audit and prepare the host"),
    ],
)
def test_a_problem_of_several_modules_is_one_step_of_the_owner(state, code, where, words, options):
    broken = {"state": state, "autoload": "never", "reasons": [make_reason("now", code, where, "it is broken")]}
    (step,) = list_repairs(make_node(xt_owner=broken, xt_REDIRECT=broken), **options)
    assert step["by"] == "owner"
    assert words in step["what"]
    assert step["what"][0].islower()
    place = f" ({where})" if where else ""
    assert step["why"] == f"xt_REDIRECT, xt_owner: it is broken{place}"
    assert step.get("where") == where


def test_alias_lines_of_two_files_are_two_steps():
    def break_by(path):
        reason = make_reason("now", "alias_override", f"{path}:1")
        return {"state": "blocked", "autoload": "never", "reasons": [reason]}

    node = make_node(xt_owner=break_by("/etc/modprobe.d/a.conf"), xt_REDIRECT=break_by("/etc/modprobe.d/b.conf"))
    assert sorted(step["where"] for step in list_repairs(node)) == [
        "/etc/modprobe.d/a.conf:1",
        "/etc/modprobe.d/b.conf:1",
    ]


def test_a_merged_module_is_repaired_as_its_provider():
    provider = {"state": "missing", "autoload": "never", "reasons": [make_reason("now", "not_built")]}
    node = make_node(nf_nat=provider, nf_nat_ipv4={"state": "merged", "provider": "nf_nat"})
    (step,) = list_repairs(node, profile="documented")
    assert step["why"] == "nf_nat: why"


def test_a_step_for_modules_with_several_reasons_gives_one_as_an_example():
    def lack(option):
        reason = make_reason("now", "not_built", "/boot/config", f"{option} is not set")
        return {"state": "missing", "autoload": "never", "reasons": [reason]}

    (step,) = list_repairs(make_node(xt_owner=lack("CONFIG_A"), xt_REDIRECT=lack("CONFIG_B")))
    assert step["why"] == "xt_REDIRECT, xt_owner: for example, CONFIG_B is not set (/boot/config)"


def test_a_clean_node_needs_no_repair():
    assert list_repairs(make_node()) == []


FIXED_OTHERWISE = {
    "an override": {
        "state": "blocked",
        "autoload": "denied",
        "reasons": [make_reason("now", "install_override", "/etc/modprobe.d/a.conf:1")],
    },
    "a package": {"state": "missing", "autoload": "never", "reasons": [make_reason("now", "not_installed")]},
    "loading by name": {
        "state": "loadable",
        "autoload": "denied",
        "reasons": [make_reason("autoload", "alias_override", "/etc/modprobe.d/a.conf:3")],
    },
}


@pytest.mark.parametrize("module", FIXED_OTHERWISE.values(), ids=FIXED_OTHERWISE)
def test_a_module_that_another_step_fixes_needs_no_repair(module):
    assert list_repairs(make_node(xt_owner=module)) == []


def test_a_module_that_no_rule_needs_is_not_repaired():
    missing = {"state": "missing", "autoload": "never", "reasons": [make_reason("now", "not_in_tree")]}
    assert list_repairs(make_node(br_netfilter=missing)) == []


def test_the_host_of_a_container_is_named_if_only_the_answer_after_a_reboot_is_open():
    loaded = {
        "state": "loaded",
        "autoload": "unknown",
        "boot": "unknown",
        "reasons": [make_reason("boot", "container")],
    }
    steps = list_repairs(make_node(platform={"container": "podman"}, xt_owner=loaded))
    assert [step["what"] for step in steps] == ["audit and prepare the host"]
    assert steps[0]["why"].startswith("xt_owner: ")
