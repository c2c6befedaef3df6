# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options with which a kernel was built."""

import gzip

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.kernel_config import (
    describe_absence,
    find_module_option,
    is_in_range,
    read_kernel_config,
)
from ansible_collections.nodeprep.istio.tests.unit.support.module_tree import RELEASE

TEXT = "CONFIG_MODULES=y\nCONFIG_NF_NAT=m\n# CONFIG_IPV6 is not set\nCONFIG_HZ=250\n"
OPTIONS = {"MODULES": "y", "NF_NAT": "m", "IPV6": "n"}


@pytest.mark.parametrize("path", ["/boot/config-" + RELEASE, "/lib/modules/" + RELEASE + "/config"])
def test_the_options_are_read_from_a_file(node, path):
    node.write(path, TEXT)
    assert read_kernel_config(Files(str(node.root)), RELEASE, running=True) == (OPTIONS, path)


def test_proc_describes_only_the_running_kernel(node):
    node.write("/proc/config.gz", gzip.compress(TEXT.encode()))
    files = Files(str(node.root))
    assert read_kernel_config(files, RELEASE, running=True) == (OPTIONS, "/proc/config.gz")
    assert read_kernel_config(files, RELEASE, running=False) == (None, None)


def test_an_empty_configuration_is_none(node):
    node.write("/boot/config-" + RELEASE, "")
    assert read_kernel_config(Files(str(node.root)), RELEASE, running=True) == (None, None)


@pytest.mark.parametrize(
    "name, version, options, expected",
    [
        ("xt_owner", (6, 1), {"NETFILTER_XT_MATCH_OWNER": "m"}, ("NETFILTER_XT_MATCH_OWNER", "m")),
        ("xt_owner", (6, 1), {}, ("NETFILTER_XT_MATCH_OWNER", "n")),
        ("nft_counter", (5, 10), {}, ("NFT_COUNTER", "n")),
        ("nft_counter", (5, 18), {}, (None, "absent")),
        # A configuration that names the option has it, whatever the version is.
        ("nft_counter", (5, 18), {"NFT_COUNTER": "n"}, ("NFT_COUNTER", "n")),
        ("nft_socket", (4, 17), {}, (None, "absent")),
        ("nft_socket", (4, 18), {}, ("NFT_SOCKET", "n")),
        ("nft_chain_nat", (5, 1), {"NFT_NAT": "y"}, (None, "absent")),
        ("nft_chain_nat", (5, 2), {"NFT_NAT": "y"}, ("NFT_NAT", "y")),
        ("nft_chain_nat_ipv4", (5, 1), {"NFT_CHAIN_NAT_IPV4": "y"}, ("NFT_CHAIN_NAT_IPV4", "y")),
        ("nft_chain_nat_ipv4", (5, 2), {}, (None, "absent")),
        ("ip_tables", (6, 8), {"IP_NF_IPTABLES": "y"}, ("IP_NF_IPTABLES", "y")),
        ("ip_tables", (6, 9), {"IP_NF_IPTABLES": "y"}, ("IP_NF_IPTABLES_LEGACY", "n")),
        ("ip_tables", (6, 9), {"IP_NF_RAW": "y"}, ("IP_NF_RAW", "y")),
        ("ip_tables", (6, 8), {}, ("IP_NF_IPTABLES", "n")),
        ("iptable_nat", (3, 10), {"NF_NAT_IPV4": "m"}, ("NF_NAT_IPV4", "m")),
        ("iptable_nat", (4, 19), {"NF_NAT_IPV4": "m"}, ("IP_NF_NAT", "n")),
        ("xt_nat", (3, 10), {"NF_NAT": "y"}, ("NF_NAT", "y")),
        ("xt_nat", (5, 10), {"NF_NAT": "y"}, ("NETFILTER_XT_NAT", "n")),
        ("nf_conntrack_ipv4", (4, 14), {}, ("NF_CONNTRACK_IPV4", "n")),
        ("nf_conntrack_ipv4", (4, 14), {"NF_CONNTRACK_IPV4": "y"}, ("NF_CONNTRACK_IPV4", "y")),
        ("nf_conntrack_ipv4", (4, 18), {"NF_CONNTRACK_IPV4": "m"}, (None, "absent")),
        ("nf_nat_redirect", (6, 1), {"NF_NAT_REDIRECT": "y"}, (None, "absent")),
        ("dummy", (6, 1), {}, (None, None)),
        # A release without numbers counts as the newest.
        ("nft_counter", (), {}, (None, "absent")),
        ("nft_socket", (), {}, ("NFT_SOCKET", "n")),
    ],
)
def test_the_option_of_a_module_depends_on_the_version(name, version, options, expected):
    assert find_module_option(options, version, name, has_tree=False) == expected


def test_without_a_configuration_nothing_is_known_of_a_module():
    assert find_module_option(None, (6, 1), "xt_owner", has_tree=False) == (None, None)


@pytest.mark.parametrize(
    "name, options, expected",
    [
        # RHEL 8 (4.18) and RHEL 9 (5.14) backported merges, together with the removal of the options.
        ("nf_nat_ipv4", {}, (None, "absent")),
        ("nft_counter", {}, (None, "absent")),
        ("nft_counter", {"NFT_COUNTER": "n"}, ("NFT_COUNTER", "n")),
        ("xt_owner", {}, ("NETFILTER_XT_MATCH_OWNER", "n")),
    ],
)
def test_with_a_tree_the_version_proves_nothing_about_a_merged_name(name, options, expected):
    assert find_module_option(options, (4, 18), name, has_tree=True) == expected


@pytest.mark.parametrize(
    "version, versions, is_inside",
    [
        ((5, 2), ((5, 2), None), True),
        ((5, 1, 21), ((5, 2), None), False),
        ((5, 17, 9), (None, (5, 18)), True),
        ((5, 18, 0), (None, (5, 18)), False),
        ((), ((5, 2), None), True),
        ((), (None, (5, 18)), False),
    ],
)
def test_a_range_includes_its_first_version_and_excludes_its_end(version, versions, is_inside):
    assert is_in_range(version, versions) is is_inside


@pytest.mark.parametrize(
    "name, version, text",
    [
        ("nft_socket", (4, 9, 0), "kernels before 4.18 do not have it"),
        ("nft_chain_nat", (5, 0), "kernels before 5.2 do not have it"),
        ("nft_chain_nat_ipv4", (6, 1), "kernels since 5.2 do not have it"),
        ("nft_counter", (), "kernels since 5.18 do not have it"),
        ("nf_nat_redirect", (6, 1), "this kernel does not have it"),
    ],
)
def test_the_absence_of_an_option_is_explained_by_versions(name, version, text):
    assert describe_absence(version, name) == text
