# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that the kernel would load for a rule set, and those that a failed rule set lacks."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node import read_node
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.module_needs import (
    find_blacklist,
    find_missing,
    would_load,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.selection import RULE_SETS

BY_ID = {rule_set.id: rule_set for rule_set in RULE_SETS}
LEGACY = BY_ID["iptables-legacy/ipv4/sidecar-owner-groups"]
NFT = BY_ID["iptables-nft/ipv4/sidecar-owner-groups"]
HOST = BY_ID["iptables-legacy/ipv4/ambient-host"]
NATIVE = BY_ID["nft/ipv4/sidecar-dns"]
IPSET = ["ip_set", "ip_set_hash_ip"]
DENIED = {"mode": "enforcing", "module_request": False, "domain": "container_t"}


@pytest.fixture
def read(node):
    def read(loaded=(), on_disk=(), config=None):
        node.tree(on_disk, other=("kernel", [], []))
        node.write("/proc/modules", "".join("{} 1 0 - Live 0x0\n".format(name) for name in loaded))
        if config is not None:
            node.write("/boot/config-6.1.0-test", config)
        names = [name for rule_set in RULE_SETS for name in rule_set.all_modules]
        return read_node(Files(str(node.root)), names)

    return read


def without(name, names):
    return [other for other in names if other != name]


def test_nothing_is_loaded_if_all_modules_are_present(read):
    assert would_load(LEGACY, read(loaded=LEGACY.modules)) == []


def test_an_absent_module_on_disk_would_be_loaded(read):
    node = read(loaded=without("xt_owner", LEGACY.modules), on_disk=["xt_owner"])
    assert would_load(LEGACY, node) == ["xt_owner"]


def test_a_module_that_is_not_installed_is_missing_and_is_not_loaded(read):
    node = read(loaded=without("xt_owner", LEGACY.modules))
    assert would_load(LEGACY, node) == []
    assert find_missing(LEGACY, node) == (["xt_owner"], [])


def test_without_ip_tables_only_the_ipset_would_be_loaded(read):
    node = read(on_disk=None)
    assert would_load(LEGACY, node) == []
    assert would_load(HOST, node) == IPSET
    assert "ip_tables" in find_missing(LEGACY, node).modules


def blacklist(node, name):
    node.write("/etc/modprobe.d/a.conf", "blacklist {}\n".format(name))


def test_a_blacklisted_module_that_would_be_loaded_with_another_one_is_found(node):
    blacklist(node, "ip_tables")
    native = BY_ID["nft/ipv4/sidecar-kube-virt"]
    node.tree(iptable_nat=("kernel", ["ip_tables"], []), ip_tables=("kernel", [], []))
    found = read_node(Files(str(node.root)), LEGACY.modules)
    assert find_blacklist(native, found) is None
    blacklist(node, "nf_tables")
    node.tree(
        nft_compat=("kernel", ["nf_tables"], ["nfnetlink-subsys-11", "nft-expr-match", "nft-expr-target"]),
        nft_redir=("kernel", ["nf_tables"], ["nft-expr-redir"]),
        nf_tables=("kernel", [], ["nfnetlink-subsys-10"]),
    )
    found = read_node(Files(str(node.root)), [*NFT.modules, *native.modules])
    # The kernel requests nft_redir only once nf_tables is loaded, but iptables-nft requests nft_compat before.
    assert would_load(native, found) == []
    assert find_blacklist(native, found) is None
    assert find_blacklist(NFT, found) == (
        "the kernel would load nft_compat, and with it nf_tables, which is blacklisted (/etc/modprobe.d/a.conf:1)"
    )


def test_a_module_that_selinux_denies_is_missing_and_is_not_loaded(read):
    node = read(loaded=without("xt_owner", LEGACY.modules), on_disk=["xt_owner"])._replace(selinux=DENIED)
    assert would_load(LEGACY, node) == []
    assert find_missing(LEGACY, node) == (["xt_owner"], [])


def test_selinux_does_not_deny_the_ipset_that_the_probe_creates_itself(read):
    node = read(loaded=[name for name in HOST.modules if name not in IPSET], on_disk=IPSET)._replace(selinux=DENIED)
    assert would_load(HOST, node) == IPSET
    assert find_missing(HOST, node) == (IPSET, [])


def test_a_merged_module_is_replaced_by_its_provider(read):
    assert would_load(NFT, read(loaded=NFT.modules)) == []
    node = read(loaded=["nft_redir", "nft_chain_nat"], on_disk=["nf_tables"])
    assert would_load(BY_ID["nft/ipv4/sidecar-kube-virt"], node) == ["nf_tables"]


def test_a_kernel_with_a_nat_chain_for_each_family_lacks_nothing(read):
    loaded = without("nft_chain_nat", NFT.modules)
    assert find_missing(NFT, read(loaded=loaded)).modules == ["nft_chain_nat"]
    assert find_missing(NFT, read(loaded=loaded + ["nft_chain_nat_ipv4", "nft_counter"])) == ([], [])


@pytest.mark.parametrize(
    "config, missing",
    [
        ("CONFIG_NF_TABLES_INET=y\n", ["NF_CONNTRACK_ZONES"]),
        ("CONFIG_NF_CONNTRACK_ZONES=y\n# CONFIG_NF_TABLES_INET is not set\n", ["NF_TABLES_INET"]),
        ("CONFIG_NF_TABLES_INET=y\nCONFIG_NF_CONNTRACK_ZONES=y\n", []),
        (None, []),
    ],
    ids=["zones off", "table family off", "on", "unknown"],
)
def test_a_kernel_option_that_is_off_is_missing(read, config, missing):
    assert find_missing(NATIVE, read(loaded=NATIVE.modules, config=config)) == ([], missing)


CHAINS = ("nft-chain-1-nat", "nft-chain-2-nat", "nft-chain-10-nat")


@pytest.mark.parametrize(
    "denied, rule_set_id, names",
    [
        ("nft-chain-2-nat", "nft/ipv4/sidecar-kube-virt", ["nft_chain_nat"]),
        ("nft-chain-1-nat", "nft/ipv4/sidecar-kube-virt", []),
        ("nft-chain-2-nat", "iptables-nft/ipv4/detection", []),
        ("nft-chain-2-nat", "iptables-nft/ipv6/detection", ["nft_chain_nat"]),
        ("nft-chain-10-nat", "iptables-nft/ipv6/detection", []),
    ],
)
def test_only_the_requests_of_the_tool_and_the_family_count(node, denied, rule_set_id, names):
    rule_set = BY_ID[rule_set_id]
    node.tree(nft_chain_nat=("kernel", [], list(CHAINS)))
    node.write(
        "/proc/modules", "".join(f"{name} 1 0 - Live 0x0\n" for name in ("nf_tables", "nft_redir", "nft_counter"))
    )
    node.write("/etc/modprobe.d/a.conf", f"alias {denied} off\n")
    found = read_node(Files(str(node.root)), rule_set.all_modules)
    assert would_load(rule_set, found) == names
