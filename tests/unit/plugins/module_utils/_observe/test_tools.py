# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tools' versions, told without making the kernel load anything."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import packages
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import tools as _tools

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
    assert packages.dpkg_version(STATUS, package) == version


def test_the_first_package_of_the_file_counts_too():
    assert packages.dpkg_version(STATUS, "nftables-doc") == "9.9"


def test_where_the_package_has_a_record_nothing_is_started(node):
    node.write("/var/lib/dpkg/status", STATUS)
    node.write("/usr/lib/x86_64-linux-gnu/libnftables.so.1", b"\x7fELF\0libjansson.so.4\0")
    tools, started = observe(node, there=["nfnetlink", "ip_set"])
    assert started == ["/usr/sbin/ipset"]
    assert tools["nft"] == {"path": "/usr/sbin/nft", "version": "1.0.6", "json": True}


def test_a_tool_that_was_built_here_is_not_the_packages(node):
    node.write("/var/lib/dpkg/status", STATUS)
    node.write("/usr/local/sbin/nft", "")
    assert _tools.observe(Files(str(node.root)), None, lambda name: True)["nft"]["version"] is None


def test_alpines_record():
    assert packages.apk_version("C:x\nP:nftables\nV:1.1.1-r0\n\nP:y\nV:2\n", "nftables") == "1.1.1"


def test_rpm_is_asked_once_for_all(node):
    node.write("/usr/sbin/nft", "")
    node.write("/usr/sbin/ipset", "")
    node.write("/usr/bin/rpm", "")
    node.write("/var/lib/rpm/rpmdb.sqlite", "")
    started = []

    def run(arguments):
        started.append(arguments[0])
        return 4, "nftables 1.0.9\npackage iptables-nft is not installed\nipset 7.21\n"

    tools = _tools.observe(Files(str(node.root)), run, lambda name: False)
    assert started == ["/usr/bin/rpm"]
    assert (tools["nft"]["version"], tools["ipset"]["version"]) == ("1.0.9", "7.21")


@pytest.mark.parametrize(
    "program, variant", [("xtables-nft-multi", "nft"), ("xtables-legacy-multi", "legacy"), ("iptables.bin", None)]
)
def test_the_variant_is_told_by_the_program_behind_the_name(node, program, variant):
    node.write("/usr/sbin/" + program, "")
    node.link("/usr/sbin/iptables", "/etc/any_of/iptables")
    node.link("/etc/any_of/iptables", "/usr/sbin/" + program)
    tools = _tools.observe(Files(str(node.root)), None, lambda name: True)
    assert tools["iptables"] == {"path": "/usr/sbin/iptables", "version": None, "variant": variant}
    assert tools["iptables-legacy"] is None
