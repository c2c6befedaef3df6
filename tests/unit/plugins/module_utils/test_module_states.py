# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module's state, autoload and boot are said to be."""

import gzip

import pytest

OWNER = "kernel/net/netfilter/xt_owner.ko"
REDIRECT = "kernel/net/netfilter/xt_REDIRECT.ko"
NF_NAT = "kernel/net/netfilter/nf_nat.ko"
NF_TABLES = "kernel/net/netfilter/nf_tables.ko"
CHAIN_NAT = "kernel/net/netfilter/nft_chain_nat.ko"
COUNTER = "kernel/net/netfilter/nft_counter.ko"


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz", ".zst"])
def test_a_compressed_module_is_loadable_and_asked_for_by_its_alias(node, suffix):
    node.tree({OWNER + suffix: []}, aliases="alias ipt_owner xt_owner\n")
    entry = node.describe("xt_owner")
    assert (entry["state"], entry["autoload"], entry["boot"]) == ("loadable", "yes", "no")


def test_without_the_alias_the_kernel_cannot_find_it(node):
    node.tree({OWNER: []})
    assert node.describe("xt_owner")["autoload"] == "never"


def test_an_alias_proves_nothing_where_the_kernel_never_asks(node):
    node.tree({"kernel/net/ipv4/netfilter/ip_tables.ko": []}, aliases="alias ipt_icmp ip_tables\n")
    assert node.describe("ip_tables")["autoload"] == "never"


def test_a_table_is_asked_for_only_after_ip_tables(node):
    node.tree({"kernel/net/ipv4/netfilter/iptable_nat.ko": []})
    entry = node.describe("iptable_nat")
    assert (entry["autoload"], entry["autoload_after"]) == ("yes", "ip_tables")


def test_dash_and_underscore_are_one(node):
    node.tree({"kernel/net/bridge/br-netfilter.ko": []})
    node.write("/etc/modules-load.d/x.conf", "br-netfilter\n")
    entry = node.describe("br_netfilter")
    assert (entry["state"], entry["boot"]) == ("loadable", "yes")


def test_loaded_is_not_a_prefix(node):
    node.tree({NF_NAT: []})
    node.write("/proc/modules", "nf_nat_ftp 16384 0 - Live 0x0000000000000000\n")
    assert node.describe("nf_nat")["state"] == "loadable"


def test_a_module_on_its_way_is_unknown(node):
    node.write("/proc/modules", "xt_owner 16384 1 - Loading 0x0000000000000000\n")
    assert node.describe("xt_owner")["state"] == "unknown"


def test_builtin(node):
    node.tree({}, builtin=NF_NAT + "\n")
    entry = node.describe("nf_nat")
    assert (entry["state"], entry["boot"]) == ("builtin", "not_applicable")


@pytest.mark.parametrize("name, provider", [("nf_conntrack_ipv4", "nf_conntrack"), ("nf_nat_ipv6", "nf_nat"), ("nf_nat_redirect", "nf_nat")])
def test_a_gone_name_is_merged_where_its_provider_is_there(node, name, provider):
    node.tree({"kernel/net/netfilter/{}.ko".format(provider): []})
    # The option is a bool inside nf_nat.ko: it does not make nf_nat_redirect built in.
    node.write("/boot/config-6.1.0-test", "CONFIG_MODULES=y\nCONFIG_NF_NAT_REDIRECT=y\n")
    entry = node.describe(name)
    assert (entry["state"], entry["provider"]) == ("merged", provider)


def test_a_gone_name_is_missing_where_its_provider_is_missing(node):
    node.tree({OWNER: []})
    assert node.describe("nf_conntrack_ipv4")["state"] == "missing"


def test_an_old_kernel_has_the_module_itself(node):
    node.tree({"kernel/net/ipv4/netfilter/nf_conntrack_ipv4.ko": [], "kernel/net/netfilter/nf_conntrack.ko": []})
    assert node.describe("nf_conntrack_ipv4")["state"] == "loadable"


@pytest.mark.parametrize("config, state", [("CONFIG_NFT_COUNTER=m\n", "missing"), ("# no such option\n", "merged")])
def test_a_name_that_the_kernel_still_configures_is_not_merged(node, config, state):
    node.tree({NF_TABLES: []})
    node.write("/lib/modules/6.1.0-test/config", "CONFIG_MODULES=y\n" + config)
    assert node.describe("nft_counter")["state"] == state


def test_a_module_whose_file_was_deleted_is_not_merged(node):
    node.tree({NF_TABLES: [], COUNTER: []})
    (node.root / "lib/modules/6.1.0-test" / COUNTER).unlink()
    assert node.describe("nft_counter")["state"] == "missing"


def test_the_kernel_asks_for_a_chain_type_only_with_nf_tables_there(node):
    node.tree({NF_TABLES: [], CHAIN_NAT: [NF_TABLES]}, aliases="alias nft-chain-1-nat nft_chain_nat\nalias nfnetlink-subsys-10 nf_tables\n")
    entry = node.describe("nft_chain_nat")
    assert (entry["autoload"], entry["autoload_after"]) == ("yes", "nf_tables")
    assert node.describe("nf_tables")["autoload"] == "yes"


def test_configured_but_not_installed_is_missing(node):
    node.tree({NF_NAT: []})
    node.write("/lib/modules/6.1.0-test/config", "CONFIG_MODULES=y\nCONFIG_NETFILTER_XT_MATCH_OWNER=m\n")
    entry = node.describe("xt_owner")
    assert entry["state"] == "missing"
    assert "no such file is installed" in entry["reasons"][0]["text"]


def test_listed_but_deleted_is_missing(node):
    node.tree({OWNER: []})
    (node.root / "lib/modules/6.1.0-test" / OWNER).unlink()
    assert node.describe("xt_owner")["state"] == "missing"


def test_a_tree_that_is_gone_proves_nothing(node):
    entry = node.describe("xt_owner")
    assert entry["state"] == "unknown"
    assert "/lib/modules/6.1.0-test" in entry["reasons"][0]["text"]


def test_a_kernel_without_module_support_is_judged_by_its_options(node):
    (node.root / "proc/modules").unlink()
    (node.root / "proc/config.gz").write_bytes(gzip.compress(b"# CONFIG_MODULES is not set\nCONFIG_NF_NAT=y\nCONFIG_IP_NF_RAW=y\n"))
    assert node.describe("nf_nat")["state"] == "builtin"
    assert node.describe("ip_tables")["state"] == "builtin"
    assert node.describe("nf_nat_ipv4")["state"] == "merged"
    assert node.describe("xt_owner")["state"] == "missing"
    assert node.facts(["nf_nat"])["kernel"]["modules_supported"] is False


def test_nothing_readable_is_unknown(node):
    (node.root / "proc/modules").unlink()
    assert node.describe("xt_owner")["state"] == "unknown"


def test_blacklist_denies_autoload_and_boot_but_is_not_blocked(node):
    node.tree({REDIRECT: []}, aliases="alias ipt_REDIRECT xt_REDIRECT\n")
    node.write("/etc/modprobe.d/hard.conf", "# x\nblacklist xt_REDIRECT\n")
    node.write("/etc/modules-load.d/istio.conf", "xt_REDIRECT\n")
    entry = node.describe("xt_REDIRECT")
    assert (entry["state"], entry["autoload"], entry["boot"]) == ("loadable", "denied", "ineffective")
    assert any("/etc/modprobe.d/hard.conf:2" in reason["text"] for reason in entry["reasons"])


def test_a_vendor_file_is_masked_by_its_namesake_in_etc(node):
    node.tree({REDIRECT: []}, aliases="alias ipt_REDIRECT xt_REDIRECT\n")
    node.write("/usr/lib/modprobe.d/a.conf", "blacklist xt_REDIRECT\n")
    node.write("/etc/modprobe.d/a.conf", "")
    assert node.describe("xt_REDIRECT")["autoload"] == "yes"


@pytest.mark.parametrize("owner", ["xt_REDIRECT", "nf_nat"])
def test_an_install_override_blocks_the_module_and_what_needs_it(node, owner):
    node.tree({REDIRECT: [NF_NAT], NF_NAT: []})
    node.write("/etc/modprobe.d/cis.conf", "install {} /bin/false\n".format(owner))
    entry = node.describe("xt_REDIRECT")
    assert entry["state"] == "blocked"
    assert "/etc/modprobe.d/cis.conf:1" in entry["reasons"][0]["text"]


def test_an_install_wrapper_that_loads_the_module_does_not_block(node):
    node.tree({OWNER: []})
    node.write("/etc/modprobe.d/w.conf", "install xt_owner /sbin/modprobe --ignore-install xt_owner; logger x\n")
    assert node.describe("xt_owner")["state"] == "loadable"


def test_module_blacklist_on_the_command_line_blocks(node):
    node.tree({OWNER: []})
    node.write("/proc/cmdline", "quiet module_blacklist=xt-owner,foo\n")
    assert node.describe("xt_owner")["state"] == "blocked"


def test_modules_disabled_blocks(node):
    node.tree({OWNER: []})
    node.write("/proc/sys/kernel/modules_disabled", "1\n")
    assert node.describe("xt_owner")["state"] == "blocked"


@pytest.mark.parametrize("helper", ["", "/nowhere/modprobe"])
def test_autoload_is_denied_without_a_helper(node, helper):
    node.tree({OWNER: []}, aliases="alias ipt_owner xt_owner\n")
    node.write("/proc/sys/kernel/modprobe", helper + "\n")
    assert node.describe("xt_owner")["autoload"] == "denied"


@pytest.mark.parametrize("line", ["xt_owner # for istio", "xt_owner xt_mark"])
def test_a_boot_line_that_names_no_module_is_ineffective(node, line):
    node.tree({OWNER: []})
    node.write("/etc/modules-load.d/a.conf", line + "\n")
    entry = node.describe("xt_owner")
    assert entry["boot"] == "ineffective"
    assert any("/etc/modules-load.d/a.conf:1" in reason["text"] for reason in entry["reasons"])


def test_a_dependency_of_a_listed_module_boots(node):
    node.tree({REDIRECT: [NF_NAT], NF_NAT: []})
    node.write("/usr/lib/modules-load.d/vendor.conf", "; c\r\n  xt_REDIRECT  \r\n")
    assert node.describe("nf_nat")["boot"] == "yes"


def test_odd_bytes_and_half_lines_do_no_harm(node):
    node.tree({OWNER: []})
    (node.root / "proc/modules").write_bytes(b"\xff\xfe\nxt_owner\n\n")
    (node.root / "lib/modules/6.1.0-test/modules.alias").write_bytes(b"alias\nalias x\n\x00\n")
    assert node.describe("xt_owner")["state"] == "loadable"
