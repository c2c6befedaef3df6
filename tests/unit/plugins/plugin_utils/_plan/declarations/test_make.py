# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarations in a chosen format: of the facts of any node, and of a selection alone."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import MERGED_INTO
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.formats import FORMATS_BY_KEY
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.make import (
    declare_for_node,
    declare_for_selection,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import CHOICES, Selection
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import (
    parse_facts,
    preparation_plan,
    readiness,
)
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import (
    BLACKLISTED,
    BOOT_FILE,
    VENDOR_CONFLICT,
    make_node,
)

NFTABLES = Selection.from_options({"backend": "nftables", "profile": "effective"})


def declare(node, key="cloud_init", selection=NFTABLES):
    return declare_for_node(parse_facts(node), selection, key)


@pytest.mark.parametrize("key", sorted(FORMATS_BY_KEY))
def test_every_format_can_be_chosen_for_every_node(key):
    declaration = declare(make_node(), key)
    assert declaration.format == key
    assert declaration.exact
    assert declaration.modules == ("nf_tables", "nft_redir", "nft_chain_nat", "nft_counter")


def test_the_modules_are_those_of_the_plan():
    plan = preparation_plan(make_node())
    assert list(declare(make_node(), selection=Selection.from_options({})).modules) == plan["persist"]


def test_what_lists_the_modules_now_does_not_matter():
    listed = make_node(boot_files={"/etc/modules-load.d/site.conf": ["nf_tables"], BOOT_FILE: ["nft_redir"]})
    assert declare(listed, "talos").modules == declare(make_node(), "talos").modules
    prepared = make_node(managed={"boot_file": ["nf_tables"]}, boot_files={BOOT_FILE: ["nf_tables"]})
    assert declare(prepared, "talos").modules == declare(make_node(), "talos").modules


def test_a_module_that_is_built_in_or_blacklisted_is_not_declared():
    options = {"backend": "iptables", "profile": "effective"}
    node = make_node(xt_owner=BLACKLISTED, xt_REDIRECT={"state": "builtin"}, conflicts=VENDOR_CONFLICT)
    declaration = declare(node, selection=Selection.from_options(options))
    assert not {"xt_owner", "xt_REDIRECT"} & set(declaration.modules)
    assert "xt_owner" in declaration.conflicts[0]


def test_a_boot_file_with_more_names_than_the_facts_is_an_error_only_if_it_is_replaced():
    node = make_node(managed={"truncated": True})
    assert declare(node, "talos").modules
    with pytest.raises(
        InvalidInputError, match="format: cloud_init replaces the whole boot file, but the facts do not"
    ):
        declare(node)


def test_an_unknown_format_is_an_error():
    for make in (declare_for_selection, lambda selection, key: declare(make_node(), key, selection)):
        with pytest.raises(
            InvalidInputError, match="format: unknown value 'docker'; valid values: bottlerocket, butane"
        ):
            make(NFTABLES, "docker")


@pytest.mark.parametrize("backend", CHOICES["backend"])
@pytest.mark.parametrize("mode", ["sidecar", "ambient", ["sidecar", "ambient"]])
@pytest.mark.parametrize("profile", CHOICES["profile"])
def test_a_selection_alone_makes_a_node_with_a_current_kernel_ready(backend, mode, profile):
    """The node has the declared modules, what current kernels have merged into them, and no others."""
    options = {"backend": backend, "mode": mode, "profile": profile, "ip_family": "dual"}
    declaration = declare_for_selection(Selection.from_options(options), "ignition")
    assert not declaration.exact
    node = make_node(state="missing", autoload="never", boot="no")
    for name in declaration.modules:
        node["modules"][name].update(state="loaded", autoload="yes", boot="yes")
    for name, provider in MERGED_INTO.items():
        node["modules"][name].update(state="merged", provider=provider)
    assert readiness(node, **options)["verdict"] == "ready"
    for name in declaration.modules:
        lacking = {
            **node,
            "modules": {**node["modules"], name: {"state": "missing", "autoload": "never", "boot": "no"}},
        }
        assert readiness(lacking, **options)["verdict"] != "ready", name
