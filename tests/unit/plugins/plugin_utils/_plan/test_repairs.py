# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan where something is broken that only the owner can mend."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import preparation_plan
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import node, reason

CONSENTS = {"install_packages": True, "override_conflicts": True, "reboot": "if_needed"}
FILE = "/lib/modules/6.1.0-42-amd64/kernel/net/netfilter/xt_owner.ko"


def repairs(made, **options):
    return [one for one in preparation_plan(made, **options)["steps"] if one["kind"] == "repair"]


@pytest.mark.parametrize(
    "state, code, where, what",
    [
        ("blocked", "alias_override", "/etc/modprobe.d/a.conf:3", "take the alias lines out of /etc/modprobe.d/a.conf"),
        ("blocked", "invalid_module_file", FILE, "install the kernel's packages again"),
        ("missing", "module_file_missing", FILE, "install the kernel's packages again"),
        ("unknown", "index_missing", "/lib/modules/6.1.0-42-amd64/modules.dep", "run depmod -a"),
        ("missing", "not_in_tree", None, "boot a kernel that has them, or choose the backend that this one supports"),
        ("unknown", "container", None, "audit and prepare the host"),
    ],
)
@pytest.mark.parametrize("options", [{}, CONSENTS], ids=["without consent", "with every consent"])
def test_what_is_broken_is_the_owners_to_mend(state, code, where, what, options):
    broken = {"state": state, "autoload": "never", "reasons": [reason("now", code, where, "it is broken")]}
    (step,) = repairs(node(xt_owner=broken, xt_REDIRECT=broken), **options)
    assert (step["by"], step["what"], step["why"], step.get("where")) == (
        "owner",
        what,
        f"xt_REDIRECT, xt_owner: it is broken{f' ({where})' if where else ''}",
        where,
    )


def test_what_something_else_mends_is_no_repair():
    assert repairs(node()) == []
    lines = {
        "state": "blocked",
        "autoload": "denied",
        "reasons": [reason("now", "install_override", "/etc/modprobe.d/a.conf:1")],
    }
    packages = {"state": "missing", "autoload": "never", "reasons": [reason("now", "not_installed")]}
    # The role loads by its own name what an alias keeps from the kernel.
    alias = {
        "state": "loadable",
        "autoload": "denied",
        "reasons": [reason("autoload", "alias_override", "/etc/modprobe.d/a.conf:3")],
    }
    assert repairs(node(xt_owner=lines, xt_REDIRECT=packages, nft_compat=alias)) == []
    # Nor what no rule needs.
    assert (
        repairs(node(br_netfilter={"state": "missing", "autoload": "never", "reasons": [reason("now", "not_in_tree")]}))
        == []
    )
