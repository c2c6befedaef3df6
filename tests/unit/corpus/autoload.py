# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Situations that decide whether the kernel loads a module on demand. Each names the right answer on all three axes."""

from ansible_collections.nodeprep.istio.tests.unit.corpus.case import (
    IP6TABLE_NAT,
    NEVER,
    NO_IPV6,
    Link,
    boot,
    case,
    modprobe,
)
from ansible_collections.nodeprep.istio.tests.unit.support import module_tree

AUTOLOAD = [
    case("the kernel never requests ip_tables", "ip_tables", "loadable never no", NEVER),
    case(
        "the kernel requests a table after ip_tables",
        "iptable_nat",
        "loadable yes no",
        more={"autoload_after": "ip_tables"},
    ),
    case(
        "the kernel requests a table by its name, so a blacklist holds only for the boot list",
        "iptable_nat",
        "loadable yes no",
        {"boot": "blacklist"},
        modprobe("blacklist iptable_nat\n"),
        more={"where": "/etc/modprobe.d/a.conf:1"},
    ),
    case(
        "a blacklist of a table in /run/modprobe.d holds until a reboot",
        "iptable_nat",
        "loadable yes no",
        {"autoload": "blacklist"},
        {"/run/modprobe.d/a.conf": "blacklist iptable_nat\n"},
    ),
    *(
        case(
            "a blacklisted module that the kernel never requests",
            name,
            "loadable never no",
            {"autoload": "never_requested blacklist"},
            modprobe("blacklist " + name + "\n"),
        )
        for name in ("br_netfilter", "ip_tables", "nf_conntrack", "nf_nat", "x_tables")
    ),
    case(
        "a module in modprobe.blacklist= that the kernel never requests",
        "nf_conntrack",
        "loadable never no",
        {"autoload": "never_requested blacklist"},
        {"/proc/cmdline": "modprobe.blacklist=nf_conntrack\n"},
    ),
    case(
        "a blacklisted module without an alias",
        "xt_owner",
        "loadable never no",
        {"autoload": "no_alias blacklist"},
        modprobe("blacklist xt_owner\n"),
        modules=["x_tables"],
        xt_owner=(module_tree.NETFILTER, ["x_tables"], []),
    ),
    case(
        "a module blacklisted in three places",
        "xt_owner",
        "loadable denied no",
        {"autoload": "blacklist blacklist blacklist"},
        {
            "/usr/lib/modprobe.d/a.conf": "blacklist xt_owner\nblacklist xt-owner\n",
            "/etc/modprobe.d/b.conf": "blacklist xt_owner\n",
        },
    ),
    case(
        "code of nf_tables requests a chain type",
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
        "a module without an alias",
        "xt_owner",
        "loadable never no",
        {"autoload": "no_alias"},
        modules=["x_tables"],
        xt_owner=(module_tree.NETFILTER, ["x_tables"], []),
    ),
    case(
        "a blacklisted module",
        "xt_REDIRECT",
        "loadable denied no",
        {"autoload": "blacklist"},
        modprobe("# x\nblacklist xt-REDIRECT\n"),
        more={"where": "/etc/modprobe.d/a.conf:2"},
    ),
    case(
        "the kernel ignores the blacklist of a dependency",
        "xt_REDIRECT",
        "loadable yes no",
        {"boot": "blacklist"},
        modprobe("blacklist nf_nat\n"),
        more={"where": "/etc/modprobe.d/a.conf:1", "dependency": "nf_nat"},
    ),
    case(
        "a module in modprobe.blacklist=",
        "ip_set",
        "loadable denied no",
        {"autoload": "blacklist"},
        {"/proc/cmdline": "modprobe.blacklist=foo,ip_set\n"},
        more={"where": "/proc/cmdline"},
    ),
    *(
        case(
            title,
            "xt_owner",
            "loadable yes no",
            codes,
            files,
            more={"next_boot": {"autoload": "denied"}} if codes else {},
        )
        for title, codes, files in (
            (
                "sysctl.d disables modules",
                {"boot": "autoload_disabled_at_boot"},
                {"/etc/sysctl.d/a.conf": "# a\n-kernel.modules_disabled=1\n"},
            ),
            (
                "sysctl.d disables modules, with slashes in the key",
                {"boot": "autoload_disabled_at_boot"},
                {"/usr/lib/sysctl.d/a.conf": "kernel/modules_disabled = 1\n"},
            ),
            (
                "sysctl.d of /etc counts before that of /usr/lib",
                {},
                {
                    "/etc/sysctl.d/a.conf": "kernel.modules_disabled = 0\n",
                    "/usr/lib/sysctl.d/a.conf": "kernel.modules_disabled = 1\n",
                },
            ),
            (
                "of two settings in sysctl.d the last counts",
                {},
                {
                    "/etc/sysctl.d/b.conf": "kernel.modules_disabled = 0\n",
                    "/usr/lib/sysctl.d/a.conf": "kernel.modules_disabled = 1\n",
                },
            ),
            ("sysctl.d of /run is gone after a reboot", {}, {"/run/sysctl.d/a.conf": "kernel.modules_disabled = 1\n"}),
            (
                "sysctl.d sets a modprobe helper that does not exist",
                {"boot": "autoload_disabled_at_boot"},
                {"/etc/sysctl.d/a.conf": "kernel.modprobe = /nowhere\n"},
            ),
            (
                "sysctl.d sets an empty modprobe helper",
                {"boot": "autoload_disabled_at_boot"},
                {"/etc/sysctl.d/a.conf": "kernel.modprobe =\n"},
            ),
        )
    ),
    case(
        "modules_disabled now, and again by sysctl.d",
        "xt_owner",
        "blocked denied no",
        {"now": "modules_disabled"},
        {"/etc/sysctl.d/a.conf": "kernel.modules_disabled = 1\n", "/proc/sys/kernel/modules_disabled": "1\n"},
        more={"next_boot": None},
    ),
    case(
        "the boot list is loaded before sysctl.d disables modules",
        "xt_owner",
        "loadable yes yes",
        {},
        dict(boot("xt_owner\n"), **{"/etc/sysctl.d/a.conf": "kernel.modules_disabled = 1\n"}),
        more={"next_boot": {"autoload": "denied"}},
    ),
    case(
        "kernel.modprobe is empty",
        "xt_owner",
        "loadable denied no",
        {"autoload": "kernel_modprobe"},
        {"/proc/sys/kernel/modprobe": "\n"},
    ),
    case(
        "kernel.modprobe does not exist",
        "xt_owner",
        "loadable denied no",
        {"autoload": "kernel_modprobe"},
        {"/proc/sys/kernel/modprobe": "/nowhere/modprobe\n"},
    ),
    *[
        case(
            "kernel.modprobe is " + title,
            "xt_owner",
            "loadable denied no",
            {"autoload": "kernel_modprobe"},
            dict(files, **{"/proc/sys/kernel/modprobe": helper + "\n"}),
            executable=[program],
        )
        for title, helper, program, files in (
            ("/bin/false", "/bin/false", "/bin/false", {"/bin/false": ""}),
            ("/usr/bin/true", "/usr/bin/true", "/usr/bin/true", {"/usr/bin/true": ""}),
            ("a link to false", "/sbin/m", "/bin/false", {"/bin/false": "", "/sbin/m": Link("/bin/false")}),
            ("false of busybox", "/bin/false", "/bin/busybox", {"/bin/busybox": "", "/bin/false": Link("busybox")}),
        )
    ],
    case(
        "kernel.modprobe is a program of another name",
        "xt_owner",
        "loadable unknown no",
        {"autoload": "kernel_modprobe_unknown"},
        {"/proc/sys/kernel/modprobe": "/opt/load-true\n", "/opt/load-true": ""},
        executable=["/opt/load-true"],
    ),
    case(
        "kernel.modprobe is another program",
        "xt_owner",
        "loadable denied no",
        {"autoload": "kernel_modprobe"},
        {"/proc/sys/kernel/modprobe": "/bin/true\n"},
    ),
    *(
        case(
            "kernel.modprobe is a program that loads nothing",
            "xt_owner",
            "loadable denied no",
            {"autoload": "kernel_modprobe"},
            {"/proc/sys/kernel/modprobe": path + "\n", path: ""},
            executable=[path],
        )
        for path in ("/bin/true", "/bin/false")
    ),
    case(
        "sysctl.d sets kernel.modprobe to a program that loads nothing",
        "xt_owner",
        "loadable yes no",
        {"boot": "autoload_disabled_at_boot"},
        {"/etc/sysctl.d/a.conf": "kernel.modprobe = /bin/false\n", "/bin/false": ""},
        executable=["/bin/false"],
        more={"next_boot": {"autoload": "denied"}},
    ),
    case(
        "an alias line denies one request of a module",
        "xt_mark",
        "loadable denied no",
        {"autoload": "alias_override"},
        modprobe("alias ip6t_mark off\n"),
        more={"requests": dict.fromkeys(["ipt_mark", "ipt_MARK", "ip6t_MARK"], "yes")},
    ),
    case(
        "two lines deny requests of a module",
        "xt_mark",
        "loadable denied no",
        {"autoload": "alias_override install_override"},
        modprobe("alias ip6t_mark off\ninstall ipt_MARK /bin/false\n"),
        more={"requests": dict.fromkeys(["ipt_mark", "ip6t_MARK"], "yes")},
    ),
    case(
        "an alias line in /run/modprobe.d denies one request until a reboot",
        "xt_mark",
        "loadable denied no",
        {"autoload": "alias_override"},
        {"/run/modprobe.d/a.conf": "alias ip6t_mark off\n"},
        more={"next_boot": {"autoload": "yes"}},
    ),
    case(
        "a request that leads to no module does not matter for the others",
        "xt_mark",
        "loadable yes no",
        more={"requests": dict.fromkeys(["ip6t_mark", "ipt_MARK", "ip6t_MARK"], "never")},
        modules=["x_tables"],
        xt_mark=(module_tree.NETFILTER, ["x_tables"], ["ipt_mark"]),
    ),
    case(
        "kernel.modprobe denies all requests that lead to a module",
        "xt_mark",
        "loadable denied no",
        {"autoload": "kernel_modprobe"},
        {"/proc/sys/kernel/modprobe": "/nowhere/modprobe\n"},
        more={"requests": {"ip6t_MARK": "never"}},
        modules=["x_tables"],
        xt_mark=(module_tree.NETFILTER, ["x_tables"], ["ipt_mark", "ip6t_mark", "ipt_MARK"]),
    ),
    case(
        "a table that waits for nf_tables although one of its requests is denied",
        "nft_chain_nat",
        "loadable denied no",
        {"autoload": "alias_override"},
        modprobe("alias nft-chain-2-nat off\n"),
        more={
            "autoload_after": "nf_tables",
            "requests": {"nft-chain-1-nat": "yes", "nft-chain-10-nat": "yes"},
        },
        nft_chain_nat=(
            module_tree.NETFILTER,
            ["nf_tables"],
            ["nft-chain-1-nat", "nft-chain-2-nat", "nft-chain-10-nat"],
        ),
    ),
    case(
        "the kernel command line sets a modprobe helper that does not exist",
        "xt_owner",
        "loadable yes no",
        {"boot": "autoload_disabled_at_boot"},
        {"/proc/cmdline": "sysctl.kernel.modprobe=/nowhere\n"},
        more={"next_boot": {"autoload": "denied"}},
    ),
    case(
        "sysctl.d counts after the modprobe helper of the command line",
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
        "without IPv6 the kernel never requests a table of IPv6",
        "ip6table_nat",
        "loadable never no",
        {"autoload": "ipv6_disabled"},
        NO_IPV6,
        **IP6TABLE_NAT,
    ),
    case(
        "with IPv6 the kernel requests a table of IPv6",
        "ip6table_nat",
        "loadable yes no",
        {},
        {"/sys/module/ipv6/parameters/disable": "0\n"},
        **IP6TABLE_NAT,
    ),
    case(
        "without IPv6 the kernel requests a match that both families share", "xt_owner", "loadable yes no", {}, NO_IPV6
    ),
    case(
        "without IPv6 a boot file still loads a table of IPv6",
        "ip6table_nat",
        "loadable never yes",
        {"autoload": "ipv6_disabled"},
        dict(boot("ip6table_nat\n"), **NO_IPV6),
        **IP6TABLE_NAT,
    ),
    case(
        "a vendor's file blacklists a module",
        "ip_set",
        "loadable denied no",
        {"autoload": "blacklist"},
        {"/usr/lib/modprobe.d/ip_set-blacklist.conf": "blacklist ip_set\n"},
    ),
    case(
        "a carriage return is part of the name that a line blacklists",
        "xt_owner",
        "loadable yes no",
        {},
        modprobe("blacklist xt_owner\r\n"),
    ),
    case(
        "a byte order mark makes the first line of modprobe.d invalid",
        "xt_owner",
        "loadable yes no",
        {},
        modprobe("\ufeffblacklist xt_owner\n"),
    ),
    case(
        "a blacklist line that a backslash continues",
        "xt_owner",
        "loadable denied no",
        {"autoload": "blacklist"},
        modprobe("blacklist \\\n  xt_owner"),
    ),
    case(
        "a comment that a backslash continues",
        "xt_owner",
        "loadable yes no",
        {},
        modprobe("# \\\nblacklist xt_owner\n"),
    ),
    case(
        "a trailing comment on a blacklist line is ignored",
        "xt_owner",
        "loadable denied no",
        {"autoload": "blacklist"},
        modprobe("\tblacklist\txt_owner # why\n"),
    ),
]
