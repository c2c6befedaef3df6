# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of netfilter, from recorded files."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import netfilter

IPV4 = "/proc/net/ip_tables_names"
IPSET = "/usr/sbin/ipset"


def run_nothing(_arguments):
    raise AssertionError("started a program")


def observe(node, run=run_nothing, ipset=IPSET, present=()):
    return netfilter.observe(Files(str(node.root)), run, ipset, present.__contains__)


def test_tables_and_rules_are_read(node):
    node.write(IPV4, "nat\nfilter\n")
    node.write("/proc/modules", "nft_compat 20480 12 - Live 0x0\nnft_compat_x 1 7 - Live 0x0\n")
    facts = observe(node)
    assert facts["legacy_tables"] == {"ipv4": ["filter", "nat"], "ipv6": []}
    assert facts["nft_compat_uses"] == 12


def test_on_a_node_without_netfilter_no_program_is_started(node):
    empty = {"legacy_tables": {"ipv4": [], "ipv6": []}, "nft_compat_uses": 0, "ipsets": []}
    assert observe(node) == empty


def test_unreadable_tables_are_unknown(node):
    node.path(IPV4).mkdir(parents=True)  # even root cannot read a directory
    assert observe(node)["legacy_tables"]["ipv4"] is None


def test_istios_ipsets_are_listed(node):
    def run(arguments):
        assert arguments == [IPSET, "list", "-name"]
        return 0, "istio-b\ncali40s:x\nistio-a\n"

    assert observe(node, run, present=["ip_set"])["ipsets"] == ["istio-a", "istio-b"]


@pytest.mark.parametrize(
    "options",
    [{"run": lambda _arguments: (1, "")}, {"ipset": None}, {"run": None}],
    ids=["ipset fails", "no ipset tool", "no program may be started"],
)
def test_ipsets_that_cannot_be_listed_are_unknown(node, options):
    assert observe(node, present=["ip_set"], **options)["ipsets"] is None
