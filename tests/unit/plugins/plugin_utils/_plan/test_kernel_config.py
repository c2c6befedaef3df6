# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel config fragment: which options a kernel needs that was built without them, and in which order."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KERNEL_OPTIONS, MERGED_INTO
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.kernel_config import (
    BOOL_OPTIONS,
    DEPENDENCIES,
    MENUS,
    MODULES_OF,
    SELECTED_BY,
)
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import LEGACY, preparation_plan
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import (
    NOT_BUILT,
    NOT_INSTALLED,
    make_node,
    make_reason,
)

ABSENT = {"state": "missing", "autoload": "never", "reasons": [make_reason("now", "not_built")]}
LEGACY_ALL = ("ip_tables", "ip6_tables", *LEGACY)
# A kernel without any netfilter.
NETFILTER = [name for name in KERNEL_OPTIONS if name != "bridge"]


def find_lines(*names, options=None, selection=None, **parts):
    """Return the fragment of a kernel that was built without these modules."""
    node = make_node(**dict.fromkeys(names, ABSENT), options=options or {}, **parts)
    return preparation_plan(node, **{"profile": "effective", **(selection or {})})["kernel_config"]


def test_a_kernel_that_has_everything_needs_no_option():
    assert find_lines() == []


def test_a_missing_module_is_one_line():
    assert find_lines("nft_compat") == ["CONFIG_NFT_COMPAT=m"]


def test_a_kernel_without_loadable_modules_gets_the_code_built_in():
    node = make_node(nft_compat=ABSENT, state="builtin", boot="not_applicable")
    node["kernel"]["modules_supported"] = False
    assert preparation_plan(node, profile="effective")["kernel_config"] == ["CONFIG_NFT_COMPAT=y"]


def test_a_module_whose_package_is_not_installed_needs_no_other_kernel():
    node = make_node(nft_compat=NOT_INSTALLED)
    assert preparation_plan(node)["kernel_config"] == []


@pytest.mark.parametrize("config, lines", [("/boot/config-x", ["CONFIG_NFT_COMPAT=m"]), (None, [])])
def test_a_module_that_the_tree_lacks_was_not_built_if_the_configuration_can_be_read(config, lines):
    node = make_node(nft_compat=NOT_BUILT)
    node["kernel"]["config"] = config
    assert preparation_plan(node, profile="effective")["kernel_config"] == lines


def test_a_module_that_only_kernels_before_5_2_have_has_no_line():
    chains = ("nft_chain_nat", "nft_chain_nat_ipv4", "nft_chain_nat_ipv6")
    lines = find_lines(*chains, selection={"ip_family": "dual"})
    assert lines == ["CONFIG_NFT_NAT=m"]


@pytest.mark.parametrize("change", [{"state": "unknown", "autoload": "unknown"}, {"state": "blocked"}])
def test_a_module_that_is_not_missing_has_no_line(change):
    assert preparation_plan(make_node(xt_owner=change), profile="effective")["kernel_config"] == []


def test_an_option_comes_after_the_options_on_which_it_depends():
    chains = ("nft_chain_nat", "nft_chain_nat_ipv4", "nft_chain_nat_ipv6")
    families = {"NF_TABLES_IPV4": None, "NF_TABLES_IPV6": None}
    absent = ("nf_tables", "nft_compat", *chains, "nft_counter", "nf_nat", "nf_conntrack")
    lines = find_lines(*absent, kernel=(5, 10, 0), options=families)
    assert lines == [
        "CONFIG_NF_TABLES=m",
        "CONFIG_NFT_COMPAT=m",
        "CONFIG_NF_CONNTRACK=m",
        "CONFIG_NF_TABLES_IPV4=y",
        "CONFIG_NFT_NAT=m",
        "CONFIG_NFT_COUNTER=m",
    ]


def test_a_bool_option_is_y_with_the_option_that_shows_it():
    lines = find_lines(options={"NF_CONNTRACK_ZONES": "n"}, selection={"mode": "ambient"})
    assert lines == ["CONFIG_NETFILTER_ADVANCED=y", "CONFIG_NF_CONNTRACK_ZONES=y"]


def test_a_kernel_without_netfilter_starts_with_it():
    lines = find_lines(*NETFILTER)
    assert lines[:2] == ["CONFIG_NETFILTER=y", "CONFIG_NETFILTER_XTABLES=m"]
    assert len(lines) == len(set(lines))
    assert {"CONFIG_NF_TABLES=m", "CONFIG_NF_NAT=m", "CONFIG_NETFILTER_XT_MATCH_OWNER=m"} <= set(lines)


@pytest.mark.parametrize(
    "version, lines",
    [
        ((6, 1, 0), ["CONFIG_IP_NF_IPTABLES=m", "CONFIG_IP_NF_NAT=m"]),
        (
            (6, 18, 1),
            [
                "CONFIG_IP_NF_IPTABLES=m",
                "CONFIG_NETFILTER_XTABLES_LEGACY=y",
                "CONFIG_IP_NF_IPTABLES_LEGACY=m",
                "CONFIG_IP_NF_NAT=m",
            ],
        ),
    ],
)
def test_since_6_17_the_legacy_tables_need_an_option_of_their_own(version, lines):
    assert find_lines(*LEGACY_ALL, kernel=version, selection={"iptables_variant": "legacy"}) == lines


@pytest.mark.parametrize(
    "version, lines", [((5, 10, 0), ["CONFIG_NFT_COUNTER=m"]), ((5, 18, 0), ["CONFIG_NF_TABLES=m"])]
)
def test_nft_counter_has_an_option_before_5_18(version, lines):
    assert find_lines("nft_counter", kernel=version) == lines


def test_a_merged_name_needs_the_option_of_its_provider():
    provider_missing = {"state": "missing", "autoload": "never", "reasons": [make_reason("now", "provider_missing")]}
    node = make_node(nft_counter=provider_missing, nf_tables=ABSENT)
    lines = preparation_plan(node, backend="nftables", profile="effective")["kernel_config"]
    assert lines == ["CONFIG_NF_TABLES=m"]


@pytest.mark.parametrize(
    "absent, version, lines",
    [
        (("xt_CT", "iptable_raw", "ip6table_raw"), (6, 1, 0), ["IP_NF_RAW", "NETFILTER_XT_TARGET_CT"]),
        (("xt_CT", "iptable_raw"), (6, 1, 0), ["NETFILTER_XT_TARGET_CT"]),
        (("xt_CT", "iptable_raw", "ip6table_raw"), (6, 12, 0), ["NETFILTER_XT_TARGET_CT"]),
    ],
)
def test_iptables_nft_alone_needs_a_legacy_table_before_6_9(absent, version, lines):
    found = find_lines(*absent, kernel=version, selection={"dns_capture": True})
    assert found == [f"CONFIG_{name}={'y' if name in BOOL_OPTIONS else 'm'}" for name in ["NETFILTER_ADVANCED", *lines]]


def test_ipv6_is_part_of_the_fragment_if_the_kernel_has_none():
    node = make_node(ip6table_nat=ABSENT)
    node["kernel"]["ipv6"] = False
    lines = preparation_plan(node, iptables_variant="legacy", ip_family="dual", profile="effective")["kernel_config"]
    assert "CONFIG_IPV6=y" in lines


def test_an_option_without_a_prompt_is_selected_by_another_one():
    lines = find_lines("nf_defrag_ipv4", "nf_conntrack", selection={"profile": "documented"})
    assert "CONFIG_NF_CONNTRACK=m" in lines
    assert not any("DEFRAG" in line for line in lines)


@pytest.mark.parametrize("version", [(3, 10, 0), (4, 18, 0), ()])
def test_an_older_or_unknown_kernel_has_no_fragment(version):
    assert find_lines("nft_compat", kernel=version) == []


def test_the_plan_shows_the_fragment_as_lines():
    text = preparation_plan(make_node(nft_compat=ABSENT), profile="effective")["text"]
    assert text[-1] == "CONFIG_NFT_COMPAT=m"
    assert text[-2].startswith("this kernel was built without required options")


def test_the_tables_know_every_option_of_the_catalogue():
    for name, options in KERNEL_OPTIONS.items():
        # Kernels since 5.2 have one module for the chains of all families.
        if name not in MERGED_INTO and "CHAIN_NAT" not in options[0]:
            assert SELECTED_BY.get(options[0], options[0]) in DEPENDENCIES, name


def test_each_dependency_is_an_option_whose_presence_can_be_decided():
    for option, dependencies in DEPENDENCIES.items():
        for dependency in dependencies:
            for one in dependency.any_of:
                assert one in MENUS or one in MODULES_OF or one in BOOL_OPTIONS, (option, one)


def test_no_option_depends_on_itself():
    def walk(option, path):
        assert option not in path, path
        for dependency in DEPENDENCIES.get(option, ()):
            walk(dependency.any_of[0], (*path, option))

    for option in DEPENDENCIES:
        walk(option, ())
