# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What netfilter holds, from recorded files."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import netfilter

IPV4 = "/proc/net/ip_tables_names"


def observe(node, output=(0, ""), ipset="/usr/sbin/ipset", there=("ip_set",), run=True):
    started = []

    def runner(arguments):
        started.append(arguments)
        return output

    return netfilter.observe(Files(str(node.root)), runner if run else None, ipset, there.__contains__), started


def test_tables_and_rules(node):
    node.write(IPV4, "nat\nfilter\n")
    node.write("/proc/modules", "nft_compat 20480 12 - Live 0x0\nnft_compat_x 1 7 - Live 0x0\n")
    facts, _started = observe(node)
    assert facts["legacy_tables"] == {"ipv4": ["filter", "nat"], "ipv6": []}
    assert facts["nft_compat_uses"] == 12


def test_nothing_is_there(node):
    facts, started = observe(node, there=())
    assert facts == {"legacy_tables": {"ipv4": [], "ipv6": []}, "nft_compat_uses": 0, "ipsets": []}
    assert started == []


def test_what_may_not_be_read_is_unknown(node):
    (node.root / IPV4.lstrip("/")).mkdir(parents=True)  # reading a directory fails for root too
    assert observe(node)[0]["legacy_tables"]["ipv4"] is None


@pytest.mark.parametrize(
    "options, sets",
    [
        ({"output": (0, "istio-b\ncali40s:x\nistio-a\n")}, ["istio-a", "istio-b"]),
        ({"output": (1, "")}, None),
        ({"ipset": None}, None),
        ({"run": False}, None),
    ],
)
def test_ipsets(node, options, sets):
    assert observe(node, **options)[0]["ipsets"] == sets
