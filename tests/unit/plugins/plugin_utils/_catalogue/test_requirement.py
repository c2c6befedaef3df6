# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of the catalogues, and how their conditions are combined."""

from __future__ import annotations

from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.requirement import Condition, Requirement

EVEN = Condition("even", lambda number: number % 2 == 0)
SMALL = Condition("small", lambda number: number < 10)
LARGE = Condition("large", lambda number: number > 100)
ALWAYS = Condition("", lambda _number: True)


def test_and_holds_if_both_conditions_hold():
    both = EVEN & SMALL
    assert both.remark == "even, small"
    assert [both.holds(number) for number in (2, 3, 12)] == [True, False, False]


def test_or_holds_if_one_condition_holds_and_is_put_in_parentheses():
    either = SMALL | LARGE
    assert either.remark == "small or large"
    assert [either.holds(number) for number in (2, 50, 200)] == [True, False, True]
    assert (EVEN & either).remark == "even, (small or large)"


def test_a_condition_without_a_remark_adds_none():
    assert (ALWAYS & EVEN).remark == "even"


def test_the_id_has_the_feature_if_there_is_one():
    assert Requirement("iptables", "xt_owner", "used", "").id == "iptables/module/xt_owner"
    probe = Requirement("iptables", "kernel", "used", "", kind="kernel", feature="ipv6")
    assert probe.id == "iptables/kernel/kernel/ipv6"


def test_only_module_rows_have_modules():
    any_of = ("nft_chain_nat", "nft_chain_nat_ipv4")
    assert Requirement("iptables", "xt_owner", "used", "").modules == ("xt_owner",)
    assert Requirement("iptables", "nft_chain_nat", "used", "", any_of=any_of).modules == any_of
    assert Requirement("nftables", "nft", "used", "", kind="tool").modules == ()
