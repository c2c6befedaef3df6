# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The versions of the tools, found without making the kernel load a module."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import tools

NFTABLES = "/usr/lib/x86_64-linux-gnu/libnftables.so.1"
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


class Runner:
    """Notes the programs that are started, and answers for all of them."""

    def __init__(self, code, output):
        self.answer = code, output
        self.started = []

    def __call__(self, arguments):
        self.started.append(arguments[0])
        return self.answer


@pytest.fixture
def nft():
    return Runner(0, "nftables v1.1.3 (Commodore Bullmoose #4)\n  json: yes\n")


def observe(node, run, present=()):
    return tools.observe(Files(str(node.root)), run, present.__contains__)


def test_a_tool_that_does_not_exist_is_none(node, nft):
    assert observe(node, nft)["iptables"] is None


def test_a_tool_that_would_load_a_module_is_not_started(node, nft):
    node.write("/usr/sbin/nft", "")
    node.write("/usr/sbin/ipset", "")
    node.write("/var/lib/dpkg/status", STATUS)
    assert observe(node, nft)["nft"] == {"path": "/usr/sbin/nft", "version": "1.0.6", "json": None}
    assert nft.started == []


def test_a_tool_is_started_if_its_module_is_present(node, nft):
    node.write("/usr/sbin/nft", "")
    seen = observe(node, nft, present=["nfnetlink"])["nft"]
    assert nft.started == ["/usr/sbin/nft"]
    assert (seen["version"], seen["json"]) == ("1.1.3", True)


def test_a_tool_with_a_recorded_version_is_not_started(node, nft):
    node.write("/usr/sbin/nft", "")
    node.write("/usr/sbin/ipset", "")
    node.write("/var/lib/dpkg/status", STATUS)
    node.write(NFTABLES, b"\x7fELF\0libjansson.so.4\0")
    seen = observe(node, nft, present=["nfnetlink", "ip_set"])
    assert nft.started == ["/usr/sbin/ipset"]
    assert seen["nft"] == {"path": "/usr/sbin/nft", "version": "1.0.6", "json": True}


def test_a_tool_that_was_built_here_does_not_have_the_version_of_the_package(node):
    node.write("/var/lib/dpkg/status", STATUS)
    node.write("/usr/local/sbin/nft", "")
    assert observe(node, None)["nft"]["version"] is None


@pytest.mark.parametrize("package, version", [("nftables", "1.0.6"), ("ipset", None), ("iptables", None)])
def test_only_an_installed_package_has_a_version(package, version):
    assert tools.parse_dpkg_status(STATUS, package) == version


def test_the_first_package_of_the_file_has_a_version():
    assert tools.parse_dpkg_status(STATUS, "nftables-doc") == "9.9"


def test_the_version_of_an_alpine_package_is_read():
    assert tools.parse_apk_installed("C:x\nP:nftables\nV:1.1.1-r0\n\nP:y\nV:2\n", "nftables") == "1.1.1"


def test_rpm_is_started_once_for_all_tools(node):
    node.write("/usr/sbin/nft", "")
    node.write("/usr/sbin/ipset", "")
    node.write("/usr/bin/rpm", "")
    node.write("/var/lib/rpm/rpmdb.sqlite", "")
    rpm = Runner(4, "nftables 1.0.9\npackage iptables-nft is not installed\nipset 7.21\n")
    seen = observe(node, rpm)
    assert rpm.started == ["/usr/bin/rpm"]
    assert (seen["nft"]["version"], seen["ipset"]["version"]) == ("1.0.9", "7.21")


@pytest.mark.parametrize(
    "program, variant", [("xtables-nft-multi", "nft"), ("xtables-legacy-multi", "legacy"), ("iptables.bin", None)]
)
def test_the_variant_follows_from_the_program_behind_the_name(node, program, variant):
    node.write("/usr/sbin/" + program, "")
    node.link("/usr/sbin/iptables", "/etc/alternatives/iptables")
    node.link("/etc/alternatives/iptables", "/usr/sbin/" + program)
    seen = observe(node, None)
    assert seen["iptables"] == {"path": "/usr/sbin/iptables", "version": None, "variant": variant}
    assert seen["iptables-legacy"] is None


def test_nsenter_is_looked_for_and_never_started(node):
    assert observe(node, None)["nsenter"] is None
    node.write("/usr/bin/nsenter", "")
    nsenter = Runner(0, "nsenter from util-linux 2.38.1")
    assert observe(node, nsenter)["nsenter"] == {"path": "/usr/bin/nsenter", "version": None}
    assert nsenter.started == []


@pytest.mark.parametrize("output, variant", [("iptables v1.8.9 (nf_tables)", "nft"), ("v1.8.9 (legacy)", "legacy")])
def test_iptables_prints_its_variant(node, output, variant):
    node.write("/usr/sbin/iptables", "")
    seen = observe(node, Runner(0, output), present=["nfnetlink"])["iptables"]
    assert (seen["version"], seen["variant"]) == ("1.8.9", variant)


STORE = "/nix/store/1p5m7kyq2m0hrk6vj0s9v5m8c4xw3z7a"


def test_nixos_has_its_tools_in_the_profile_of_the_system(node):
    node.write(f"{STORE}-nftables-1.1.1/bin/nft", "")
    node.write(f"{STORE}-nftables-1.1.1/lib/libnftables.so.1", b"\x7fELF\0libjansson.so.4\0")
    node.link("/run/current-system/sw/bin/nft", f"{STORE}-nftables-1.1.1/bin/nft")
    seen = observe(node, None)
    assert seen["nft"] == {"path": "/run/current-system/sw/bin/nft", "version": "1.1.1", "json": True}


@pytest.mark.parametrize(
    "directory, version",
    [
        (f"{STORE}-iptables-1.8.10", "1.8.10"),
        (f"{STORE}-iptables-1.8.10-bin", "1.8.10"),
        ("/gnu/store/1p5m7kyq2m0hrk6vj0s9v5m8c4xw3z7a-iptables-1.8.8", "1.8.8"),
        (f"{STORE}-system-path-24.11", None),
    ],
)
def test_the_version_follows_from_the_store_path(node, directory, version):
    node.write(f"{directory}/bin/xtables-nft-multi", "")
    node.link("/run/current-system/sw/bin/iptables", f"{directory}/bin/xtables-nft-multi")
    found = observe(node, None)["iptables"]
    assert (found["version"], found["variant"]) == (version, "nft")


def test_a_tool_below_opt_does_not_have_the_version_of_the_package(node):
    node.write("/var/lib/dpkg/status", STATUS)
    node.write("/opt/bin/nft", "")
    assert observe(node, None)["nft"]["version"] is None
