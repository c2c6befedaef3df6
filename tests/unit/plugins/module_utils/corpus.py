# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Situations of a node, as data: what is on it, and what is right to say of one module on all three axes."""

import gzip
from collections import namedtuple

from ansible_collections.nodeprep.istio.tests.unit.plugins.module_utils import synthetic
from ansible_collections.nodeprep.istio.tests.unit.plugins.module_utils.synthetic import RELEASE, SIGNATURE

TREE = "/lib/modules/" + RELEASE + "/"
NETFILTER = TREE + synthetic.NETFILTER + "/"
NO_IPV6 = {"/sys/module/ipv6/parameters/disable": "1\n"}
LIVE = "{} 16384 0 - Live 0x0000000000000000\n"
SYSTEMD = "/usr/lib/systemd/systemd-modules-load"

# title; module asked for; (state, autoload, boot); dict of axis to code, all of them; what makes the node; more of the entry.
Case = namedtuple("Case", "title name expected codes setup more")


class Link(str):
    """Where a symbolic link points."""


def case(title, name, expected, codes=None, files=None, tree=True, remove=(), executable=(), more=None, **arguments):
    """Make a case. I(files) are written, made I(executable) and I(remove) removed after the tree is indexed; I(arguments) go to the tree."""

    def setup(node):
        if tree:
            node.tree(**arguments)
        for path, content in (files or {}).items():
            if isinstance(content, Link):
                node.link(path, content)
            else:
                node.write(path, content)
        for path in executable:
            node.path(path).chmod(0o755)
        for path in remove:
            node.remove(path)

    return Case(title, name, tuple(expected.split()), codes or {}, setup, more or {})


def modprobe(text):
    return {"/etc/modprobe.d/a.conf": text}


def boot(text):
    return {"/etc/modules-load.d/a.conf": text}


OPTIONS = "CONFIG_MODULES=y\n"
MONOLITH = gzip.compress(b"# CONFIG_MODULES is not set\nCONFIG_NF_NAT=y\nCONFIG_NF_CONNTRACK=y\nCONFIG_IP_NF_RAW=y\n")
GONE = [name for name in synthetic.STANDARD if name != "xt_owner"]
IP6TABLE_NAT = {
    "ip6_tables": ("kernel/net/ipv6/netfilter", ["x_tables"], []),
    "ip6table_nat": ("kernel/net/ipv6/netfilter", ["ip6_tables", "nf_nat"], []),
}
NEVER = {"autoload": "never_requested"}

NOW = [
    case("all is well", "xt_owner", "loadable yes no"),
    case("1 listed as builtin", "nf_conntrack", "builtin yes not_applicable", modules=["x_tables"], builtin=["kernel/net/netfilter/nf_conntrack.ko"]),
    case("2 builtin without a directory in sysfs", "xt_REDIRECT", "builtin yes not_applicable", modules=[], builtin=["kernel/net/xt_REDIRECT.ko"]),
    case(
        "3 a directory in sysfs without initstate is of a builtin",
        "ip_set",
        "builtin yes not_applicable",
        modules=["x_tables"],
        files={"/sys/module/ip_set/parameters/max_sets": "0\n"},
        more={"origin": "/sys/module/ip_set"},
    ),
    case("3 unless modules.dep lists it", "ip_set", "loadable yes no", files={"/sys/module/ip_set/parameters/max_sets": "0\n"}),
    case(
        "3 a directory with initstate is of a module",
        "nf_nat_redirect",
        "merged yes not_applicable",
        {"now": "merged"},
        {"/sys/module/nf_nat_redirect/initstate": "live"},
    ),
    case("4 dash and underscore are one", "br_netfilter", "loadable never yes", NEVER, boot("br-netfilter\n")),
    case("4 in the file's name too", "br_netfilter", "loadable never no", NEVER, modules=[], **{"br-netfilter": ("kernel/net/bridge", [], [])}),
    case("5 and in modules.builtin", "nf_nat", "builtin yes not_applicable", modules=[], builtin=["kernel/net/nf-nat.ko"]),
    case("6 gzip", "xt_owner", "loadable yes no", suffix=".gz", more={"origin": "kernel/net/netfilter/xt_owner.ko.gz"}),
    case("6 xz", "xt_owner", "loadable yes no", suffix=".xz", more={"origin": "kernel/net/netfilter/xt_owner.ko.xz"}),
    case("6 zstd", "xt_owner", "loadable yes no", suffix=".zst", more={"origin": "kernel/net/netfilter/xt_owner.ko.zst"}),
    case("7 an alias is merged into what it names", "ipt_REDIRECT", "merged yes not_applicable", {"now": "alias"}, more={"provider": "xt_REDIRECT"}),
    case("8 case counts: xt_MARK is nothing", "xt_MARK", "missing never no", {"now": "not_in_tree"}),
    case("8 ipt_MARK is xt_mark", "ipt_MARK", "merged yes not_applicable", {"now": "alias"}, more={"provider": "xt_mark"}),
    case("8 xt_TCPMSS and xt_tcpmss are two", "xt_tcpmss", "loadable never no", NEVER, {"/proc/modules": LIVE.format("xt_TCPMSS")}),
    case(
        "9 nf_nat_ftp is not nf_nat",
        "nf_nat",
        "loadable never no",
        NEVER,
        dict(modprobe("blacklist nf_nat_ftp\n"), **{"/proc/modules": LIVE.format("nf_nat_ftp")}),
    ),
    case("10, 11 gone into nf_conntrack", "nf_conntrack_ipv4", "merged yes not_applicable", {"now": "merged"}, more={"provider": "nf_conntrack"}),
    case("12 not gone yet", "nf_conntrack_ipv4", "loadable never no", NEVER, nf_conntrack_ipv4=(synthetic.NETFILTER, ["nf_conntrack"], [])),
    case("13 gone into nf_nat", "nf_nat_ipv6", "merged yes not_applicable", {"now": "merged"}, more={"provider": "nf_nat"}),
    case(
        "14 a bool inside nf_nat.ko is not built in",
        "nf_nat_redirect",
        "merged yes not_applicable",
        {"now": "merged"},
        {"/boot/config-" + RELEASE: OPTIONS + "CONFIG_NF_NAT_REDIRECT=y\n"},
    ),
    case("14 nft_counter went into nf_tables", "nft_counter", "merged yes not_applicable", {"now": "merged"}, more={"provider": "nf_tables"}),
    case(
        "14 not where the kernel still configures it",
        "nft_counter",
        "missing never no",
        {"now": "not_installed"},
        {TREE + "config": OPTIONS + "CONFIG_NFT_COUNTER=m\n"},
    ),
    case(
        "14 not where only its file is gone",
        "nft_counter",
        "missing never no",
        {"now": "file_gone"},
        remove=[NETFILTER + "nft_counter.ko"],
        nft_counter=(synthetic.NETFILTER, ["nf_tables"], []),
    ),
    case("15 neither of the two", "nf_conntrack_ipv4", "missing never no", {"now": "provider_missing"}, modules=["xt_owner"]),
    case(
        "19 install false",
        "xt_owner",
        "blocked denied no",
        {"now": "install_override"},
        modprobe("# x\ninstall xt_owner /bin/false\n"),
        more={"where": "/etc/modprobe.d/a.conf:2"},
    ),
    case("20 install true", "xt_owner", "blocked denied no", {"now": "install_override"}, modprobe("install xt-owner /bin/true\n")),
    case(
        "21 of a builtin changes nothing",
        "nf_nat",
        "builtin yes not_applicable",
        {"now": "override_unused"},
        modprobe("install nf_nat /bin/false\n"),
        modules=[],
        builtin=["k/nf_nat.ko"],
    ),
    case("22 of a dependency", "xt_REDIRECT", "blocked denied no", {"now": "install_override"}, modprobe("install nf_nat /bin/false\n")),
    case(
        "22 of a dependency that is loaded already",
        "xt_REDIRECT",
        "loadable yes no",
        {"boot": "install_override"},
        dict(modprobe("install nf_nat /bin/false\n"), **{"/proc/modules": LIVE.format("nf_nat")}),
        more={"next": {"state": "blocked", "autoload": "denied"}},
    ),
    case(
        "23 a wrapper",
        "xt_owner",
        "loadable yes no",
        {"now": "custom_install"},
        modprobe("install xt_owner /sbin/modprobe --ignore-install xt_owner; logger x\n"),
    ),
    case(
        "23 an override of two",
        "xt_owner",
        "blocked denied no",
        {"now": "install_override"},
        modprobe("install xt_owner /bin/true\ninstall xt_owner modprobe -i xt_owner\n"),
    ),
    case(
        "23 a pattern",
        "xt_owner",
        "blocked denied no",
        {"now": "install_override"},
        modprobe("install xt-[m-p]* /bin/false\n"),
        more={"where": "/etc/modprobe.d/a.conf:1"},
    ),
    case("23 a pattern with a caret", "xt_owner", "blocked denied no", {"now": "install_override"}, modprobe("install xt_[^a]???? /bin/false\n")),
    case("23 a pattern that excludes it", "xt_owner", "loadable yes no", {}, modprobe("install xt_[!o]* /bin/false\n")),
    case("23 a broken pattern", "xt_owner", "loadable yes no", {}, modprobe("install xt_[o* /bin/false\n")),
    case("23 a pattern of a dependency", "xt_owner", "blocked denied no", {"now": "install_override"}, modprobe("install x_t* /bin/false\n")),
    case("23 a pattern that matches the request alone", "xt_owner", "loadable yes no", {}, modprobe("install ipt_* /bin/false\n")),
    case(
        "23 a pattern before the exact name",
        "xt_owner",
        "blocked denied no",
        {"now": "install_override"},
        modprobe("install xt_* /bin/false\ninstall xt_owner modprobe --ignore-install xt_owner; true\n"),
    ),
    case(
        "23 the exact name before a pattern",
        "xt_owner",
        "loadable yes no",
        {"now": "custom_install"},
        modprobe("install xt_owner modprobe --ignore-install xt_owner; true\ninstall xt_* /bin/false\n"),
    ),
    case("24 alias off", "xt_REDIRECT", "blocked yes no", {"now": "alias"}, modprobe("alias xt_REDIRECT off\n")),
    case("24 alias off of the request", "xt_REDIRECT", "loadable denied no", {"autoload": "alias"}, modprobe("alias ipt_REDIRECT off\n")),
    case("24 alias to another", "xt_owner", "blocked yes no", {"now": "alias"}, modprobe("alias xt_owner xt_mark\n")),
    case("24 request given to another", "xt_owner", "loadable denied no", {"autoload": "alias"}, modprobe("alias ipt_own* xt_mark\n")),
    case(
        "24 install override of the request's name changes nothing where an alias is known",
        "xt_owner",
        "loadable denied no",
        {"autoload": "install_override"},
        modprobe("install ipt_owner /bin/false\n"),
    ),
    case(
        "24 an alias of its own name brings the blacklist",
        "xt_owner",
        "blocked denied no",
        {"now": "blacklist"},
        modprobe("alias xt_owner xt_owner\nblacklist xt_owner\n"),
    ),
    case("25 module_blacklist=", "ip_set", "blocked denied no", {"now": "module_blacklist"}, {"/proc/cmdline": "quiet module_blacklist=foo,ip_set\n"}),
    case("25 of a dependency", "ip_set_hash_ip", "blocked denied no", {"now": "module_blacklist"}, {"/proc/cmdline": 'module-blacklist="ip_set"\n'}),
    case("25 the kernel takes the last one", "ip_set", "loadable yes no", {}, {"/proc/cmdline": "module_blacklist=ip_set module_blacklist=foo\n"}),
    case(
        "27 masked by its namesake",
        "xt_owner",
        "loadable yes no",
        {},
        {"/usr/lib/modprobe.d/a.conf": "install xt_owner /bin/false\n", "/etc/modprobe.d/a.conf": Link("/dev/null")},
    ),
    case(
        "27 a directory masks nothing here",
        "xt_owner",
        "blocked denied no",
        {"now": "install_override"},
        {"/usr/lib/modprobe.d/a.conf": "install xt_owner /bin/false\n", "/etc/modprobe.d/a.conf/x": ""},
    ),
    case(
        "27 a link to nowhere does",
        "xt_owner",
        "loadable yes no",
        {},
        {"/usr/lib/modprobe.d/a.conf": "install xt_owner /bin/false\n", "/etc/modprobe.d/a.conf": Link("/nowhere")},
    ),
    case(
        "27 run over usr",
        "xt_owner",
        "loadable yes no",
        {"boot": "install_override"},
        {"/usr/lib/modprobe.d/a.conf": "install xt_owner /bin/false\n", "/run/modprobe.d/a.conf": ""},
        more={"next": {"state": "blocked", "autoload": "denied"}},
    ),
    case(
        "27 run over usr, and listed",
        "xt_owner",
        "loadable yes ineffective",
        {"boot": "blacklist"},
        dict(boot("xt_owner\n"), **{"/usr/lib/modprobe.d/a.conf": "blacklist xt_owner\n", "/run/modprobe.d/a.conf": ""}),
        more={"next": {"autoload": "denied"}},
    ),
    case(
        "27 an override that a reboot wipes out",
        "xt_owner",
        "blocked denied yes",
        {"now": "install_override"},
        dict(boot("xt_owner\n"), **{"/run/modprobe.d/a.conf": "install xt_owner /bin/false\n"}),
        more={"next": {"state": "loadable", "autoload": "yes"}},
    ),
    case(
        "64 SELinux is enforcing after a reboot",
        "xt_owner",
        "loadable yes no",
        {"boot": "selinux"},
        {"/etc/selinux/config": "SELINUX=enforcing\n"},
        more={"next": {"autoload": "unknown"}},
    ),
    case(
        "64 unless the command line says no",
        "xt_owner",
        "loadable yes no",
        {},
        {"/etc/selinux/config": "SELINUX=enforcing\n", "/proc/cmdline": "enforcing=0\n"},
    ),
    case(
        "64 or the kernel was booted without it",
        "xt_owner",
        "loadable yes no",
        {},
        {"/etc/selinux/config": "SELINUX=enforcing\n", "/sys/kernel/security/lsm": "capability,apparmor"},
    ),
    case("64 what is listed does not mind", "xt_owner", "loadable yes yes", {}, dict(boot("xt_owner\n"), **{"/etc/selinux/config": "SELINUX=enforcing\n"})),
    case(
        "28 comments and saved files",
        "xt_owner",
        "loadable yes yes",
        {},
        dict(
            boot("xt_owner\n"),
            **{
                "/etc/modprobe.d/a.conf": "#blacklist xt_owner\n",
                "/etc/modprobe.d/b.conf.rpmsave": "blacklist xt_owner\n",
                "/etc/modprobe.d/.c.conf": "blacklist xt_owner\n",
            },
        ),
    ),
    case(
        "37 tree gone, another there",
        "xt_owner",
        "unknown unknown no",
        {"now": "tree_gone"},
        release="6.1.0-other",
        more={"next": {"state": "loadable", "autoload": "yes"}},
    ),
    case("37 loaded all the same", "xt_owner", "loaded unknown no", {"autoload": "tree_gone"}, {"/proc/modules": LIVE.format("xt_owner")}, tree=False),
    case("38 no index", "xt_owner", "unknown unknown no", {"now": "not_indexed"}, remove=[TREE + "modules.dep.bin"]),
    case(
        "38 stale index",
        "xt_owner",
        "unknown unknown no",
        {"now": "not_indexed"},
        {NETFILTER + "xt_owner.ko": synthetic.module("xt_owner")},
        modules=["x_tables"],
    ),
    case("38 a file that is gone", "xt_owner", "missing never no", {"now": "file_gone"}, remove=[NETFILTER + "xt_owner.ko"]),
    case("38 a dependency's file that is gone", "xt_owner", "blocked denied no", {"now": "file_gone"}, remove=[NETFILTER + "x_tables.ko"]),
    case(
        "40 configured but not installed",
        "xt_owner",
        "missing never no",
        {"now": "not_installed"},
        {TREE + "config": OPTIONS + "CONFIG_NETFILTER_XT_MATCH_OWNER=m\n"},
        modules=GONE,
    ),
    case(
        "58 a builtin with its dependency in a module",
        "xt_REDIRECT",
        "builtin yes not_applicable",
        {},
        modules=["nf_nat"],
        builtin=["kernel/net/netfilter/xt_REDIRECT.ko"],
    ),
    case(
        "59 modules_disabled, loaded",
        "xt_owner",
        "loaded denied yes",
        {"autoload": "modules_disabled"},
        dict(boot("xt_owner\n"), **{"/proc/sys/kernel/modules_disabled": "1\n", "/proc/modules": LIVE.format("xt_owner")}),
    ),
    case(
        "60 modules_disabled, not loaded",
        "xt_owner",
        "blocked denied yes",
        {"now": "modules_disabled"},
        dict(boot("xt_owner\n"), **{"/proc/sys/kernel/modules_disabled": "1\n"}),
    ),
    case(
        "60 modules_disabled by the kernel command line, at every boot",
        "xt_owner",
        "blocked denied ineffective",
        {"now": "switched_off", "boot": "switched_off"},
        dict(boot("xt_owner\n"), **{"/proc/sys/kernel/modules_disabled": "1\n", "/proc/cmdline": "ro sysctl.kernel.modules_disabled=1\n"}),
    ),
    case(
        "60 a kernel that does not know that option",
        "xt_owner",
        "loadable yes yes",
        {},
        dict(boot("xt_owner\n"), **{"/proc/sys/kernel/modules_disabled": "0\n", "/proc/cmdline": "ro sysctl.kernel.modules_disabled=1\n"}),
    ),
    case("61 unsigned", "xt_owner", "blocked denied no", {"now": "signature"}, {"/sys/module/module/parameters/sig_enforce": "Y\n"}),
    case(
        "61 signed",
        "xt_owner",
        "loadable yes no",
        {},
        {
            "/sys/module/module/parameters/sig_enforce": "Y\n",
            NETFILTER + "xt_owner.ko": synthetic.module("xt_owner") + SIGNATURE,
            NETFILTER + "x_tables.ko": synthetic.module("x_tables") + SIGNATURE,
        },
    ),
    case(
        "61 an unsigned dependency",
        "xt_owner",
        "blocked denied no",
        {"now": "signature"},
        {"/sys/module/module/parameters/sig_enforce": "Y\n", NETFILTER + "xt_owner.ko": synthetic.module("xt_owner") + SIGNATURE},
    ),
    case(
        "61 lockdown, unsigned, xz",
        "xt_owner",
        "blocked denied no",
        {"now": "signature"},
        {"/sys/kernel/security/lockdown": "none [integrity] confidentiality\n"},
        suffix=".xz",
    ),
    case(
        "61 lockdown, unsigned, gzip",
        "xt_owner",
        "blocked denied no",
        {"now": "signature"},
        {"/sys/kernel/security/lockdown": "none [integrity] confidentiality\n"},
        suffix=".gz",
    ),
    case(
        "61 lockdown, zstd",
        "xt_owner",
        "unknown unknown no",
        {"now": "signature"},
        {"/sys/kernel/security/lockdown": "none [integrity] confidentiality\n"},
        suffix=".zst",
    ),
    case(
        "62 for another kernel",
        "xt_owner",
        "blocked denied no",
        {"now": "format"},
        {NETFILTER + "xt_owner.ko": synthetic.module("xt_owner", vermagic="6.1.0-other SMP ")},
    ),
    case(
        "62 for another kernel, with symbol versions",
        "xt_owner",
        "loadable yes no",
        {},
        {NETFILTER + "xt_owner.ko": synthetic.module("xt_owner", vermagic="6.1.0-other SMP modversions ")},
    ),
    case("62 an empty file", "xt_owner", "blocked denied no", {"now": "format"}, {NETFILTER + "xt_owner.ko": ""}),
    case("62 a damaged file", "xt_owner", "blocked denied no", {"now": "format"}, {NETFILTER + "xt_owner.ko.xz": "x"}, suffix=".xz"),
    case(
        "67 no module support, by its options", "nf_nat", "builtin yes not_applicable", {}, {"/proc/config.gz": MONOLITH}, tree=False, remove=["/proc/modules"]
    ),
    case("67 a table proves ip_tables", "ip_tables", "builtin yes not_applicable", {}, {"/proc/config.gz": MONOLITH}, tree=False, remove=["/proc/modules"]),
    case("67 merged", "nf_conntrack_ipv4", "merged yes not_applicable", {"now": "merged"}, {"/proc/config.gz": MONOLITH}, tree=False, remove=["/proc/modules"]),
    case("67 not built", "xt_owner", "missing never no", {"now": "not_built"}, {"/proc/config.gz": MONOLITH}, tree=False, remove=["/proc/modules"]),
    case("68 nothing can be read", "xt_owner", "unknown unknown no", {"now": "unreadable"}, tree=False, remove=["/proc/modules"]),
    case("69 in a container", "xt_owner", "unknown unknown unknown", {"now": "container"}, {"/run/systemd/container": "docker\n"}, tree=False),
    case(
        "69 with the host's tree",
        "xt_owner",
        "unknown unknown unknown",
        {"now": "container"},
        {"/run/.containerenv": "", "/proc/self/status": "CapEff:\t00000000a80425fb\n"},
    ),
    case(
        "69 privileged, as kind's nodes are",
        "xt_owner",
        "loadable unknown unknown",
        {"autoload": "container"},
        {"/.dockerenv": "", "/proc/self/status": "CapEff:\t000001ffffffffff\n"},
    ),
    case(
        "69 loaded", "xt_owner", "loaded unknown unknown", {"autoload": "container"}, {"/.dockerenv": "", "/proc/modules": LIVE.format("xt_owner")}, tree=False
    ),
    case("70 a machine made from a container's image", "xt_owner", "loadable yes no", {}, {"/.dockerenv": "", "/proc/self/ns/pid": Link("pid:[4026531836]")}),
    case("71 on its way in", "xt_owner", "unknown unknown no", {"now": "transient"}, {"/proc/modules": "xt_owner 16384 1 - Loading 0x0000000000000000\n"}),
    case("71 on its way out", "xt_owner", "unknown unknown no", {"now": "transient"}, {"/proc/modules": "xt_owner 16384 -1 - Unloading 0x0000000000000000\n"}),
    case("72 out of tree", "xt_owner", "loaded yes no", {"now": "tainted"}, {"/proc/modules": "xt_owner 16384 0 - Live 0x0000000000000000 (OE)\n"}),
    case(
        "7, builtin aliases",
        "ipt_owner",
        "merged yes not_applicable",
        {"now": "alias"},
        modules=[],
        builtin=["kernel/net/netfilter/xt_owner.ko"],
        builtin_aliases=[("xt_owner", "ipt_owner")],
        more={"provider": "xt_owner"},
    ),
]

AUTOLOAD = [
    case("ip_tables is never asked for, alias or not", "ip_tables", "loadable never no", NEVER),
    case("its tables are, after it", "iptable_nat", "loadable yes no", more={"autoload_after": "ip_tables"}),
    case("a table is asked for by its name, so the blacklist does not hold", "iptable_nat", "loadable yes no", {}, modprobe("blacklist iptable_nat\n")),
    case(
        "a chain type is asked for by code of nf_tables",
        "nft_chain_nat",
        "loadable yes no",
        more={"autoload_after": "nf_tables"},
        nft_chain_nat=(synthetic.NETFILTER, ["nf_tables"], ["nft-chain-1-nat", "nft-chain-2-nat", "nft-chain-10-nat"]),
    ),
    case("nothing answers", "xt_owner", "loadable never no", {"autoload": "no_alias"}, modules=["x_tables"], xt_owner=(synthetic.NETFILTER, ["x_tables"], [])),
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
        case("59, 63 " + title, "xt_owner", "loadable yes no", codes, files, more={"next": {"autoload": "denied"}} if codes else {})
        for title, codes, files in (
            ("modules_disabled at the next boot", {"boot": "sysctl"}, {"/etc/sysctl.d/a.conf": "# a\n-kernel.modules_disabled=1\n"}),
            ("with slashes", {"boot": "sysctl"}, {"/usr/lib/sysctl.d/a.conf": "kernel/modules_disabled = 1\n"}),
            (
                "switched off for the next boot",
                {},
                {"/etc/sysctl.d/a.conf": "kernel.modules_disabled = 0\n", "/usr/lib/sysctl.d/a.conf": "kernel.modules_disabled = 1\n"},
            ),
            (
                "the last of two counts",
                {},
                {"/etc/sysctl.d/b.conf": "kernel.modules_disabled = 0\n", "/usr/lib/sysctl.d/a.conf": "kernel.modules_disabled = 1\n"},
            ),
            ("gone after this boot", {}, {"/run/sysctl.d/a.conf": "kernel.modules_disabled = 1\n"}),
            ("no helper at the next boot", {"boot": "sysctl"}, {"/etc/sysctl.d/a.conf": "kernel.modprobe = /nowhere\n"}),
            ("an empty helper at the next boot", {"boot": "sysctl"}, {"/etc/sysctl.d/a.conf": "kernel.modprobe =\n"}),
        )
    ),
    case(
        "59 modules_disabled now, and again at the next boot",
        "xt_owner",
        "blocked denied no",
        {"now": "modules_disabled"},
        {"/etc/sysctl.d/a.conf": "kernel.modules_disabled = 1\n", "/proc/sys/kernel/modules_disabled": "1\n"},
        more={"next": None},
    ),
    case(
        "59 what the boot list names comes before sysctl.d",
        "xt_owner",
        "loadable yes yes",
        {},
        dict(boot("xt_owner\n"), **{"/etc/sysctl.d/a.conf": "kernel.modules_disabled = 1\n"}),
        more={"next": {"autoload": "denied"}},
    ),
    case("63 kernel.modprobe empty", "xt_owner", "loadable denied no", {"autoload": "kernel_modprobe"}, {"/proc/sys/kernel/modprobe": "\n"}),
    case("63 kernel.modprobe nowhere", "xt_owner", "loadable denied no", {"autoload": "kernel_modprobe"}, {"/proc/sys/kernel/modprobe": "/nowhere/modprobe\n"}),
    case("63 kernel.modprobe another program", "xt_owner", "loadable denied no", {"autoload": "kernel_modprobe"}, {"/proc/sys/kernel/modprobe": "/bin/true\n"}),
    case(
        "63 kernel.modprobe by the kernel command line",
        "xt_owner",
        "loadable yes no",
        {"boot": "sysctl"},
        {"/proc/cmdline": "sysctl.kernel.modprobe=/nowhere\n"},
        more={"next": {"autoload": "denied"}},
    ),
    case(
        "63 unless sysctl.d says otherwise",
        "xt_owner",
        "loadable yes no",
        {},
        {"/proc/cmdline": "sysctl.kernel.modprobe=/nowhere\n", "/etc/sysctl.d/a.conf": "kernel.modprobe = /sbin/modprobe\n", "/sbin/modprobe": ""},
        executable=["/sbin/modprobe"],
    ),
    case("53 no table of IPv6 is asked for without IPv6", "ip6table_nat", "loadable never no", {"autoload": "ipv6_off"}, NO_IPV6, **IP6TABLE_NAT),
    case("53 with IPv6 it is", "ip6table_nat", "loadable yes no", {}, {"/sys/module/ipv6/parameters/disable": "0\n"}, **IP6TABLE_NAT),
    case("53 a match that both families share is", "xt_owner", "loadable yes no", {}, NO_IPV6),
    case(
        "53 it is loaded at boot all the same",
        "ip6table_nat",
        "loadable never yes",
        {"autoload": "ipv6_off"},
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
    case("32 a carriage return belongs to the name: no blacklist", "xt_owner", "loadable yes no", {}, modprobe("blacklist xt_owner\r\n")),
    case("32 a byte order mark spoils the first line", "xt_owner", "loadable yes no", {}, modprobe("\ufeffblacklist xt_owner\n")),
    case("a continued line", "xt_owner", "loadable denied no", {"autoload": "blacklist"}, modprobe("blacklist \\\n  xt_owner")),
    case("a continued comment", "xt_owner", "loadable yes no", {}, modprobe("# \\\nblacklist xt_owner\n")),
    case("a trailing comment does no harm here", "xt_owner", "loadable denied no", {"autoload": "blacklist"}, modprobe("\tblacklist\txt_owner # why\n")),
]

BOOT = [
    case("listed", "xt_owner", "loadable yes yes", {}, boot("# c\n; c\n\n  xt_owner  \n")),
    case("listed by its alias", "xt_REDIRECT", "loadable yes yes", {}, boot("ipt_REDIRECT\n")),
    case("listed, no final newline", "xt_owner", "loadable yes yes", {}, boot("xt_owner")),
    case("16 dead line", "nf_conntrack_ipv4", "merged yes not_applicable", {"now": "merged", "boot": "dead_line"}, boot("nf_conntrack_ipv4\n")),
    case("16 missing", "xt_MARK", "missing never ineffective", {"now": "not_in_tree", "boot": "dead_line"}, boot("xt_MARK\n")),
    case(
        "17 blacklisted and listed",
        "xt_REDIRECT",
        "loadable denied ineffective",
        {"autoload": "blacklist", "boot": "blacklist"},
        dict(boot("xt_REDIRECT\n"), **{"/etc/modprobe.d/b.conf": "blacklist xt_REDIRECT\n"}),
    ),
    case(
        "18 loaded all the same",
        "xt_REDIRECT",
        "loaded denied ineffective",
        {"autoload": "blacklist", "boot": "blacklist"},
        dict(boot("xt_REDIRECT\n"), **{"/etc/modprobe.d/b.conf": "blacklist xt_REDIRECT\n", "/proc/modules": LIVE.format("xt_REDIRECT")}),
    ),
    case(
        "19 install override and listed",
        "xt_owner",
        "blocked denied ineffective",
        {"now": "install_override", "boot": "install_override"},
        dict(boot("xt_owner\n"), **{"/etc/modprobe.d/b.conf": "install xt_owner /bin/true\n"}),
    ),
    case(
        "22b blacklisted, but a dependency of what is listed",
        "nf_nat",
        "loadable never yes",
        {"autoload": "never_requested", "boot": "dependency"},
        dict(boot("nf_nat\nxt_REDIRECT\n"), **{"/etc/modprobe.d/b.conf": "blacklist nf_nat\n"}),
    ),
    case(
        "22 a dependency of what does not load",
        "nf_nat",
        "loadable never no",
        NEVER,
        dict(boot("xt_REDIRECT\n"), **{"/etc/modprobe.d/b.conf": "install xt_REDIRECT /bin/false\n"}),
    ),
    case(
        "25 module_blacklist=",
        "ip_set",
        "blocked denied ineffective",
        {"now": "module_blacklist", "boot": "module_blacklist"},
        dict(boot("ip_set\n"), **{"/proc/cmdline": "module_blacklist=ip_set"}),
    ),
    case(
        "29 masked by a link",
        "xt_owner",
        "loadable yes no",
        {"boot": "masked"},
        {"/etc/modules-load.d/v.conf": Link("/dev/null"), "/usr/lib/modules-load.d/v.conf": "xt_owner\n"},
    ),
    case(
        "29 masked by an empty file",
        "xt_owner",
        "loadable yes no",
        {"boot": "masked"},
        {"/usr/local/lib/modules-load.d/v.conf": "", "/usr/lib/modules-load.d/v.conf": "xt_owner\n"},
    ),
    case(
        "29 masked by a directory, with some releases of systemd",
        "xt_owner",
        "loadable yes unknown",
        {"boot": "masked_by_directory"},
        {"/etc/modules-load.d/v.conf/x": "", "/usr/lib/modules-load.d/v.conf": "xt_owner\n"},
    ),
    case(
        "29 masked by a link to nowhere",
        "xt_owner",
        "loadable yes no",
        {"boot": "masked"},
        {"/etc/modules-load.d/v.conf": Link("/nowhere"), "/usr/lib/modules-load.d/v.conf": "xt_owner\n"},
    ),
    case(
        "29 masked for this boot alone",
        "xt_owner",
        "loadable yes yes",
        {},
        {"/run/modules-load.d/v.conf": "", "/usr/lib/modules-load.d/v.conf": "xt_owner\n"},
    ),
    case(
        "29 listed where a reboot wipes it out",
        "xt_owner",
        "loadable yes ineffective",
        {"boot": "volatile"},
        {"/run/modules-load.d/v.conf": "# c\nxt_owner\n"},
        more={"where": "/run/modules-load.d/v.conf:2"},
    ),
    case("29 and elsewhere too", "xt_owner", "loadable yes yes", {}, dict(boot("xt_owner\n"), **{"/run/modules-load.d/v.conf": "xt_owner\n"})),
    case(
        "29 the whole service is masked",
        "xt_owner",
        "loadable yes ineffective",
        {"boot": "service_masked"},
        dict(boot("xt_owner\n"), **{"/etc/systemd/system/systemd-modules-load.service": Link("/dev/null")}),
    ),
    case(
        "29 the whole service is masked for this boot alone",
        "xt_owner",
        "loadable yes yes",
        {},
        dict(boot("xt_owner\n"), **{"/run/systemd/system/systemd-modules-load.service": Link("/dev/null")}),
    ),
    *[
        case("29 the whole service is masked by " + how, "xt_owner", "loadable yes ineffective", {"boot": "service_masked"}, dict(boot("xt_owner\n"), **files))
        for how, files in (
            ("a relative link", {"/etc/systemd/system/systemd-modules-load.service": Link("../../../dev/null")}),
            ("an empty file", {"/etc/systemd/system/systemd-modules-load.service": ""}),
            ("the command line", {"/proc/cmdline": "quiet systemd.mask=systemd-modules-load.service\n"}),
            ("the command line, in short", {"/proc/cmdline": "systemd.mask=a.service systemd.mask=systemd-modules-load\n"}),
        )
    ],
    *[
        case("29 the whole service is not masked by " + how, "xt_owner", "loadable yes yes", {}, dict(boot("xt_owner\n"), **files))
        for how, files in (
            ("what only the initramfs heeds", {"/proc/cmdline": "rd.systemd.mask=systemd-modules-load.service\n"}),
            ("a mask of another one", {"/proc/cmdline": "systemd.mask=systemd-sysctl.service\n"}),
            (
                "a vendor's empty file that the owner's takes the place of",
                {"/etc/systemd/system/systemd-modules-load.service": "[Unit]\n", "/usr/lib/systemd/system/systemd-modules-load.service": ""},
            ),
        )
    ],
    case(
        "30 trailing comment",
        "xt_owner",
        "loadable yes ineffective",
        {"boot": "broken_line"},
        boot("x_tables\nxt_owner # for istio\n"),
        more={"where": "/etc/modules-load.d/a.conf:2"},
    ),
    case("31 options", "xt_owner", "loadable yes ineffective", {"boot": "broken_line"}, boot("xt_owner debug=2\n")),
    case("31 two names", "xt_owner", "loadable yes ineffective", {"boot": "broken_line"}, boot("xt_mark xt_owner\n")),
    case("32 carriage returns are blanks here", "xt_owner", "loadable yes yes", {}, boot("; c\r\n  xt_owner\r\n")),
    case("32 a byte order mark is not", "xt_owner", "loadable yes ineffective", {"boot": "broken_line"}, boot("\ufeffxt_owner\n")),
    case("33 a vendor's file", "xt_owner", "loadable yes yes", {}, {"/usr/lib/modules-load.d/iptables.conf": "xt_owner\n"}),
    case(
        "34 /etc/modules through Debian's link",
        "xt_owner",
        "loadable yes yes",
        {},
        {"/etc/modules": "xt_owner\n", "/etc/modules-load.d/modules.conf": Link("../modules")},
    ),
    case("34 /etc/modules without it", "xt_owner", "loadable yes ineffective", {"boot": "not_read"}, {"/etc/modules": "xt_owner\n"}),
    case("35 twice", "xt_owner", "loadable yes yes", {}, dict(boot("xt_owner\n"), **{"/etc/modules-load.d/b.conf": "xt-owner\n"})),
    case("36 another tool's file", "br_netfilter", "loadable never yes", NEVER, {"/etc/modules-load.d/kubespray-br_netfilter.conf": "br_netfilter\n"}),
    case("modules-load= on the command line", "xt_owner", "loadable yes yes", {}, {"/proc/cmdline": "ro modules-load=xt_mark,xt-owner\n"}),
    case("rd.modules-load= on the command line", "xt_owner", "loadable yes unknown", {"boot": "initramfs"}, {"/proc/cmdline": "rd.modules_load=xt_owner\n"}),
    case(
        "73 a softdep comes along",
        "xt_mark",
        "loadable yes yes",
        {"boot": "dependency"},
        dict(boot("xt_owner\n"), **{"/etc/modprobe.d/b.conf": "softdep xt_owner post: xt_mark\n"}),
    ),
    case(
        "73 a softdep by an alias",
        "xt_REDIRECT",
        "loadable yes yes",
        {"boot": "dependency"},
        dict(boot("xt_owner\n"), **{"/etc/modprobe.d/b.conf": "softdep xt_owner post: ipt_REDIRECT\n"}),
    ),
    case(
        "73 a softdep that nothing answers to",
        "xt_mark",
        "loadable yes no",
        {},
        dict(boot("xt_owner\n"), **{"/etc/modprobe.d/b.conf": "softdep xt_owner post: xt_mark_no_more\n"}),
    ),
    case(
        "73 a pattern of softdeps",
        "xt_mark",
        "loadable yes yes",
        {"boot": "dependency"},
        dict(boot("xt_owner\n"), **{"/etc/modprobe.d/b.conf": "softdep xt_o* post: xt_mark\n"}),
    ),
    case(
        "73 the first of two softdeps counts",
        "xt_mark",
        "loadable yes no",
        {},
        dict(boot("xt_owner\n"), **{"/etc/modprobe.d/b.conf": "softdep xt_o* post: nf_nat\nsoftdep xt_owner post: xt_mark\n"}),
    ),
    case(
        "73 the kernel's own softdep counts before a file that sorts behind it",
        "xt_mark",
        "loadable yes no",
        {},
        dict(boot("xt_owner\n"), **{"/etc/modprobe.d/z.conf": "softdep xt_owner post: xt_mark\n", TREE + "modules.softdep": "softdep xt_owner post: nf_nat\n"}),
    ),
    case(
        "73 and after one that sorts before it",
        "xt_mark",
        "loadable yes yes",
        {"boot": "dependency"},
        dict(boot("xt_owner\n"), **{"/etc/modprobe.d/b.conf": "softdep xt_owner post: xt_mark\n", TREE + "modules.softdep": "softdep xt_owner post: nf_nat\n"}),
    ),
    case(
        "73 a softdep that is overridden does not come along",
        "xt_mark",
        "blocked denied no",
        {"now": "install_override"},
        dict(boot("xt_owner\n"), **{"/etc/modprobe.d/b.conf": "softdep xt_owner post: xt_mark\ninstall xt_mark /bin/false\n"}),
    ),
    case(
        "73 a softdep that the kernel refuses does not either",
        "xt_mark",
        "blocked denied no",
        {"now": "module_blacklist"},
        dict(boot("xt_owner\n"), **{"/etc/modprobe.d/b.conf": "softdep xt_owner post: xt_mark\n", "/proc/cmdline": "module_blacklist=xt_mark\n"}),
    ),
    case(
        "73 a softdep that is blacklisted does",
        "xt_mark",
        "loadable denied yes",
        {"autoload": "blacklist", "boot": "dependency"},
        dict(boot("xt_owner\n"), **{"/etc/modprobe.d/b.conf": "softdep xt_owner post: xt_mark\nblacklist xt_mark\n"}),
    ),
    case(
        "22 listed, with an overridden dependency that is only loaded now",
        "xt_REDIRECT",
        "loadable yes ineffective",
        {"boot": "install_override"},
        dict(boot("xt_REDIRECT\n"), **{"/etc/modprobe.d/b.conf": "install nf_nat /bin/false\n", "/proc/modules": LIVE.format("nf_nat")}),
    ),
    case("82 no systemd", "xt_owner", "loadable yes unknown", {"boot": "no_systemd"}, boot("xt_owner\n"), remove=[SYSTEMD]),
    case("82 no systemd, nothing listed", "xt_owner", "loadable yes unknown", {"boot": "no_systemd"}, remove=[SYSTEMD]),
    case("82 OpenRC reads /etc/modules", "xt_owner", "loadable yes yes", {}, {"/etc/modules": "xt_owner # x\n", "/etc/init.d/modules": ""}, remove=[SYSTEMD]),
]

CASES = NOW + AUTOLOAD + BOOT
