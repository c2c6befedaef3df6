# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tools' versions, told without making the kernel load anything."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils import _tools
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files

STATUS = """Package: nftables-doc
Status: install ok installed
Version: 9.9

Package: nftables
Status: install ok installed
Version: 1:1.0.6-2+deb12u2

Package: ipset
Status: deinstall ok config-files
Version: 7.17-1
"""


def observe(node, there):
    node.write("/usr/sbin/nft", "")
    node.write("/usr/sbin/ipset", "")
    started = []

    def run(arguments):
        started.append(arguments[0])
        return 0, "nftables v1.1.3 (Commodore Bullmoose #4)\n  json: yes\n"

    return _tools.observe(Files(str(node.root)), run, there.__contains__), started


def test_a_tool_that_would_load_its_module_is_not_started(node):
    node.write("/var/lib/dpkg/status", STATUS)
    tools, started = observe(node, there=[])
    assert started == []
    assert tools["nft"]["version"] == "1.0.6"
    assert tools["iptables"] is None


def test_a_tool_is_asked_where_its_module_is_there(node):
    tools, started = observe(node, there=["nfnetlink"])
    assert started == ["/usr/sbin/nft"]
    assert (tools["nft"]["version"], tools["nft"]["json"]) == ("1.1.3", True)


@pytest.mark.parametrize("package, version", [("nftables", "1.0.6"), ("ipset", None), ("iptables", None)])
def test_only_an_installed_package_has_a_version(package, version):
    assert _tools.package_version(STATUS, package) == version


def test_the_first_package_of_the_file_counts_too():
    assert _tools.package_version(STATUS, "nftables-doc") == "9.9"
