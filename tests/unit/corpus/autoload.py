# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Situations that decide whether the kernel would load a module on demand; all three axes are told of each."""

from ansible_collections.nodeprep.istio.tests.unit.corpus.case import IP6TABLE_NAT, NEVER, NO_IPV6, boot, case, modprobe
from ansible_collections.nodeprep.istio.tests.unit.support import module_tree

AUTOLOAD = [
    case("ip_tables is never asked for, alias or not", "ip_tables", "loadable never no", NEVER),
    case("its tables are, after it", "iptable_nat", "loadable yes no", more={"autoload_after": "ip_tables"}),
    case(
        "a table is asked for by its name, so the blacklist holds for the boot list alone",
        "iptable_nat",
        "loadable yes no",
        {"boot": "blacklist"},
        modprobe("blacklist iptable_nat\n"),
        more={"where": "/etc/modprobe.d/a.conf:1"},
    ),
    case(
        "and for a moment alone where a reboot wipes it out",
        "iptable_nat",
        "loadable yes no",
        {"autoload": "blacklist"},
        {"/run/modprobe.d/a.conf": "blacklist iptable_nat\n"},
    ),
    *(
        case(
            "blacklisted, and never asked for",
            name,
            "loadable never no",
            {"autoload": "never_requested blacklist"},
            modprobe("blacklist " + name + "\n"),
        )
        for name in ("br_netfilter", "ip_tables", "nf_conntrack", "nf_nat", "x_tables")
    ),
    case(
        "blacklisted by modprobe.blacklist=, and never asked for",
        "nf_conntrack",
        "loadable never no",
        {"autoload": "never_requested blacklist"},
        {"/proc/cmdline": "modprobe.blacklist=nf_conntrack\n"},
    ),
    case(
        "blacklisted, and nothing answers",
        "xt_owner",
        "loadable never no",
        {"autoload": "no_alias blacklist"},
        modprobe("blacklist xt_owner\n"),
        modules=["x_tables"],
        xt_owner=(module_tree.NETFILTER, ["x_tables"], []),
    ),
    case(
        "blacklisted in three places",
        "xt_owner",
        "loadable denied no",
        {"autoload": "blacklist blacklist blacklist"},
        {
            "/usr/lib/modprobe.d/a.conf": "blacklist xt_owner\nblacklist xt-owner\n",
            "/etc/modprobe.d/b.conf": "blacklist xt_owner\n",
        },
    ),
    case(
        "a chain type is asked for by code of nf_tables",
        "nft_chain_nat",
        "loadable yes no",
        more={"autoload_after": "nf_tables"},
        nft_chain_nat=(
            module_tree.NETFILTER,
            ["nf_tables"],
            ["nft-chain-1-nat", "nft-chain-2-nat", "nft-chain-10-nat"],
        ),
    ),
    case(
        "nothing answers",
        "xt_owner",
        "loadable never no",
        {"autoload": "no_alias"},
        modules=["x_tables"],
        xt_owner=(module_tree.NETFILTER, ["x_tables"], []),
    ),
    case(
        "17 blacklist",
        "xt_REDIRECT",
        "loadable denied no",
        {"autoload": "blacklist"},
        modprobe("# x\nblacklist xt-REDIRECT\n"),
        more={"where": "/etc/modprobe.d/a.conf:2"},
    ),
    case("22b blacklist of a dependency", "xt_REDIRECT", "loadable yes no", {}, modprobe("blacklist nf_nat\n")),
    case(
        "26 modprobe.blacklist=",
        "ip_set",
        "loadable denied no",
        {"autoload": "blacklist"},
        {"/proc/cmdline": "modprobe.blacklist=foo,ip_set\n"},
        more={"where": "/proc/cmdline"},
    ),
    *(
        case(
            "59, 63 " + title,
            "xt_owner",
            "loadable yes no",
            codes,
            files,
            more={"next_boot": {"autoload": "denied"}} if codes else {},
        )
        for title, codes, files in (
            (
                "modules_disabled at the next boot",
                {"boot": "autoload_disabled_at_boot"},
                {"/etc/sysctl.d/a.conf": "# a\n-kernel.modules_disabled=1\n"},
            ),
            (
                "with slashes",
                {"boot": "autoload_disabled_at_boot"},
                {"/usr/lib/sysctl.d/a.conf": "kernel/modules_disabled = 1\n"},
            ),
            (
                "switched off for the next boot",
                {},
                {
                    "/etc/sysctl.d/a.conf": "kernel.modules_disabled = 0\n",
                    "/usr/lib/sysctl.d/a.conf": "kernel.modules_disabled = 1\n",
                },
            ),
            (
                "the last of two counts",
                {},
                {
                    "/etc/sysctl.d/b.conf": "kernel.modules_disabled = 0\n",
                    "/usr/lib/sysctl.d/a.conf": "kernel.modules_disabled = 1\n",
                },
            ),
            ("gone after this boot", {}, {"/run/sysctl.d/a.conf": "kernel.modules_disabled = 1\n"}),
            (
                "no helper at the next boot",
                {"boot": "autoload_disabled_at_boot"},
                {"/etc/sysctl.d/a.conf": "kernel.modprobe = /nowhere\n"},
            ),
            (
                "an empty helper at the next boot",
                {"boot": "autoload_disabled_at_boot"},
                {"/etc/sysctl.d/a.conf": "kernel.modprobe =\n"},
            ),
        )
    ),
    case(
        "59 modules_disabled now, and again at the next boot",
        "xt_owner",
        "blocked denied no",
        {"now": "modules_disabled"},
        {"/etc/sysctl.d/a.conf": "kernel.modules_disabled = 1\n", "/proc/sys/kernel/modules_disabled": "1\n"},
        more={"next_boot": None},
    ),
    case(
        "59 what the boot list names comes before sysctl.d",
        "xt_owner",
        "loadable yes yes",
        {},
        dict(boot("xt_owner\n"), **{"/etc/sysctl.d/a.conf": "kernel.modules_disabled = 1\n"}),
        more={"next_boot": {"autoload": "denied"}},
    ),
    case(
        "63 kernel.modprobe empty",
        "xt_owner",
        "loadable denied no",
        {"autoload": "kernel_modprobe"},
        {"/proc/sys/kernel/modprobe": "\n"},
    ),
    case(
        "63 kernel.modprobe nowhere",
        "xt_owner",
        "loadable denied no",
        {"autoload": "kernel_modprobe"},
        {"/proc/sys/kernel/modprobe": "/nowhere/modprobe\n"},
    ),
    case(
        "63 kernel.modprobe another program",
        "xt_owner",
        "loadable denied no",
        {"autoload": "kernel_modprobe"},
        {"/proc/sys/kernel/modprobe": "/bin/true\n"},
    ),
    case(
        "63 kernel.modprobe by the kernel command line",
        "xt_owner",
        "loadable yes no",
        {"boot": "autoload_disabled_at_boot"},
        {"/proc/cmdline": "sysctl.kernel.modprobe=/nowhere\n"},
        more={"next_boot": {"autoload": "denied"}},
    ),
    case(
        "63 unless sysctl.d says otherwise",
        "xt_owner",
        "loadable yes no",
        {},
        {
            "/proc/cmdline": "sysctl.kernel.modprobe=/nowhere\n",
            "/etc/sysctl.d/a.conf": "kernel.modprobe = /sbin/modprobe\n",
            "/sbin/modprobe": "",
        },
        executable=["/sbin/modprobe"],
    ),
    case(
        "53 no table of IPv6 is asked for without IPv6",
        "ip6table_nat",
        "loadable never no",
        {"autoload": "ipv6_disabled"},
        NO_IPV6,
        **IP6TABLE_NAT,
    ),
    case(
        "53 with IPv6 it is",
        "ip6table_nat",
        "loadable yes no",
        {},
        {"/sys/module/ipv6/parameters/disable": "0\n"},
        **IP6TABLE_NAT,
    ),
    case("53 a match that both families share is", "xt_owner", "loadable yes no", {}, NO_IPV6),
    case(
        "53 it is loaded at boot all the same",
        "ip6table_nat",
        "loadable never yes",
        {"autoload": "ipv6_disabled"},
        dict(boot("ip6table_nat\n"), **NO_IPV6),
        **IP6TABLE_NAT,
    ),
    case(
        "86 a vendor's blacklist",
        "ip_set",
        "loadable denied no",
        {"autoload": "blacklist"},
        {"/usr/lib/modprobe.d/ip_set-blacklist.conf": "blacklist ip_set\n"},
    ),
    case(
        "32 a carriage return belongs to the name: no blacklist",
        "xt_owner",
        "loadable yes no",
        {},
        modprobe("blacklist xt_owner\r\n"),
    ),
    case(
        "32 a byte order mark spoils the first line",
        "xt_owner",
        "loadable yes no",
        {},
        modprobe("\ufeffblacklist xt_owner\n"),
    ),
    case(
        "a continued line",
        "xt_owner",
        "loadable denied no",
        {"autoload": "blacklist"},
        modprobe("blacklist \\\n  xt_owner"),
    ),
    case("a continued comment", "xt_owner", "loadable yes no", {}, modprobe("# \\\nblacklist xt_owner\n")),
    case(
        "a trailing comment does no harm here",
        "xt_owner",
        "loadable denied no",
        {"autoload": "blacklist"},
        modprobe("\tblacklist\txt_owner # why\n"),
    ),
]
