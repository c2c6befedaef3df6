# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan where modules wait for a reboot, or for lists that nothing reads."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import checked, preparation_plan
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import (
    NOT_BUILT,
    NOT_INSTALLED,
    VENDOR,
    nft,
    node,
    reason,
    step,
    steps,
)

TREE_GONE = {
    "state": "unknown",
    "autoload": "unknown",
    "reasons": [reason("now", "modules_tree_missing")],
    "next_boot": {"state": "loadable", "autoload": "yes"},
}


def test_a_reboot_is_planned_only_where_nothing_else_helps():
    made = node(following={"release": "6.1.0-43-amd64", "source": "link", "certain": True}, xt_owner=TREE_GONE)
    plan = preparation_plan(made, reboot="if_needed", install_packages=True)
    assert (
        steps(plan) == ["modules", "reboot"]
        and step(plan, "reboot")["what"] == "reboot into 6.1.0-43-amd64"
        and "xt_owner" in plan["persist"]
    )
    assert plan["expected"]["verdict"] == "ready"
    assert steps(preparation_plan(made), "owner") == ["reboot"]
    made["modules"]["xt_REDIRECT"] |= NOT_BUILT
    assert "reboot" not in steps(preparation_plan(made, reboot="if_needed"))


@pytest.mark.parametrize(
    "code, line", [("blacklist", "blacklist xt_owner"), ("install_override", "install xt_owner /bin/false")]
)
def test_no_reboot_where_a_line_stays_that_keeps_the_module_from_loading(code, line):
    waiting = {
        "state": "blocked",
        "autoload": "denied",
        "reasons": [
            reason("now", "modules_disabled"),
            reason("autoload" if code == "blacklist" else "now", code, VENDOR + ":3"),
        ],
    }
    made = node(xt_owner=waiting, conflicts={VENDOR: {"package": None, "comment": None, "lines": {"3": line}}})
    plan = preparation_plan(made, reboot="if_needed")
    assert "reboot" not in steps(plan) and "conflict" in steps(plan, "owner") and "xt_owner" not in plan["persist"]
    plan = preparation_plan(made, reboot="if_needed", override_conflicts=True)
    assert (
        steps(plan) == ["overrides", "modules", "reboot"]
        and "xt_owner" in plan["persist"]
        and "xt_owner" not in plan["load"]
    )
    assert plan["expected"]["verdict"] == "ready"


def waiting(code="modules_disabled", following=None, **more):
    """Return a node on which nothing loads until it reboots."""
    entry = {
        "state": "blocked" if code == "modules_disabled" else "unknown",
        "autoload": "denied",
        "reasons": [reason("now", code)],
    }
    return node(
        following={"release": "6.1.0-43-amd64", "source": "link", "certain": True}
        if code == "modules_tree_missing"
        else None,
        **more,
        **_with(entry, following),
    )


def _with(entry, following):
    return dict.fromkeys(KNOWN_MODULES, entry | ({"next_boot": following} if following else {}))


UNREAD = {"boot_files_read": False, "boot_files_mask": "/etc/systemd/system/systemd-modules-load.service"}


@pytest.mark.parametrize(
    "made, options, words",
    [
        (
            waiting("modules_tree_missing", {"state": "missing", "autoload": "never"}),
            {},
            "are missing with kernel 6.1.0-43-amd64",
        ),
        (waiting(), {"persist": False}, "then, since istio_node_persist is false"),
        (waiting(management=UNREAD), {}, "nothing is sure to load nf_tables"),
        (waiting(management={"boot_files_read": None}), {}, "nothing is sure to load nf_tables"),
        (waiting(management={"managed_by": "ostree"}), {}, "nothing is sure to load nf_tables"),
    ],
)
def test_the_role_reboots_only_where_that_is_foreseen_to_help(made, options, words):
    plan = nft(made, reboot="if_needed", **options)
    told = step(plan, "reboot")
    assert (
        "reboot" not in steps(plan)
        and words in told["why"]
        and "A reboot alone does not help" in told["why"]
        and "istio_node_reboot" not in told["what"]
    )
    assert "istio_node_reboot" not in step(nft(made, **options), "reboot")["what"]


def test_the_role_reboots_where_the_boot_lists_help():
    plan = nft(waiting(), reboot="if_needed")
    assert steps(plan) == ["modules", "reboot"] and plan["expected"]["verdict"] == "ready"
    assert "or set istio_node_reboot: if_needed" in step(nft(waiting()), "reboot")["what"]


@pytest.mark.parametrize(
    "read, mask, verdict, how, where",
    [
        (
            False,
            UNREAD["boot_files_mask"],
            "at_risk",
            ["systemctl", "unmask", "systemd-modules-load.service"],
            UNREAD["boot_files_mask"],
        ),
        (
            False,
            "/usr/lib/systemd/system/systemd-modules-load.service",
            "at_risk",
            None,
            "/usr/lib/systemd/system/systemd-modules-load.service",
        ),
        (False, "systemd.mask=systemd-modules-load on the kernel command line", "at_risk", None, "/proc/cmdline"),
        (None, None, "unknown", None, None),
        (True, None, "ready", None, None),
    ],
)
def test_lists_that_nothing_reads_are_not_counted_upon(read, mask, verdict, how, where):
    made = node(autoload="denied", management={"boot_files_read": read, "boot_files_mask": mask})
    plan = nft(checked(made))
    assert (
        plan["expected"]["verdict"] == verdict
        and steps(plan) == ["modules"]
        and steps(plan, "owner") == (["conflict"] if where else [])
    )
    if where:
        told = step(plan, "conflict")
        assert (told.get("command"), told["where"], told["reboot"]) == (
            how,
            where,
            where == "/proc/cmdline",
        ) and mask in told["why"]
    assert steps(nft(made, persist=False), "owner") == []
    assert steps(nft(node(state="builtin", boot="not_applicable", management=UNREAD)), "owner") == []


def test_what_packages_bring_and_others_list_is_not_counted_upon_where_nothing_reads_it():
    made = node(
        "rocky",
        "6.12.0-124.el10_1.x86_64",
        autoload="denied",
        boot_files={"/etc/modules-load.d/v.conf": ["xt_owner"]},
        xt_owner=NOT_INSTALLED,
    )
    assert preparation_plan(made, install_packages=True)["expected"]["verdict"] == "ready"
    made["platform"] |= UNREAD
    assert preparation_plan(made, install_packages=True)["expected"]["verdict"] == "at_risk"
