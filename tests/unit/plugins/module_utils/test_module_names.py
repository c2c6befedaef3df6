# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of kernel module names, and how a name is written."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import (
    AUTOLOAD_AFTER,
    AUTOLOAD_REQUESTS,
    KERNEL_OPTIONS,
    MERGED_INTO,
    NEEDS_IPV6_SOCKET,
    canonicalize,
    is_valid_name,
)


def test_a_dash_becomes_an_underscore():
    assert canonicalize("br-netfilter") == "br_netfilter"


@pytest.mark.parametrize("name", ["xt_owner", "xt-owner", "8021q", "a" * 55])
def test_a_module_name_is_valid(name):
    assert is_valid_name(name)


@pytest.mark.parametrize("name", ["", "_xt", "-xt", "xt owner", "xt_owner\n", "xt/owner", "xt*", "a" * 56, "\u00fc"])
def test_another_text_is_not_a_valid_module_name(name):
    assert not is_valid_name(name)


@pytest.mark.parametrize("name", sorted(KERNEL_OPTIONS))
def test_each_name_is_canonical_and_valid(name):
    assert canonicalize(name) == name
    assert is_valid_name(name)


def test_the_tables_name_known_modules_only():
    for table in (MERGED_INTO, AUTOLOAD_REQUESTS, AUTOLOAD_AFTER):
        assert set(table) <= set(KERNEL_OPTIONS)
    for table in (MERGED_INTO, AUTOLOAD_AFTER):
        assert set(table.values()) <= set(KERNEL_OPTIONS)


def test_only_a_requested_module_is_requested_after_another():
    assert set(AUTOLOAD_AFTER) <= set(AUTOLOAD_REQUESTS)


def test_the_code_of_a_merged_module_has_not_moved_twice():
    assert not set(MERGED_INTO) & set(MERGED_INTO.values())


def test_the_tables_of_ipv6_need_a_socket_of_ipv6():
    assert NEEDS_IPV6_SOCKET == ("ip6table_filter", "ip6table_mangle", "ip6table_nat", "ip6table_raw")
