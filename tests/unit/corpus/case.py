# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a situation of the corpus is written: what is on a node, and what is right to say of one module on all three axes."""

import gzip
from collections import namedtuple

from ansible_collections.nodeprep.istio.tests.unit.support import module_tree
from ansible_collections.nodeprep.istio.tests.unit.support.module_tree import RELEASE

TREE = "/lib/modules/" + RELEASE + "/"
NETFILTER = TREE + module_tree.NETFILTER + "/"
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
GONE = [name for name in module_tree.STANDARD if name != "xt_owner"]
IP6TABLE_NAT = {
    "ip6_tables": ("kernel/net/ipv6/netfilter", ["x_tables"], []),
    "ip6table_nat": ("kernel/net/ipv6/netfilter", ["ip6_tables", "nf_nat"], []),
}
NEVER = {"autoload": "never_requested"}
