# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a situation of the corpus is written: the files of a node, and the right answers for one module on all axes."""

import gzip
from typing import Any, Dict, NamedTuple, Tuple

from ansible_collections.nodeprep.istio.tests.unit.support import module_tree
from ansible_collections.nodeprep.istio.tests.unit.support.module_tree import RELEASE

TREE = "/lib/modules/" + RELEASE + "/"
NETFILTER = TREE + module_tree.NETFILTER + "/"
NO_IPV6 = {"/sys/module/ipv6/parameters/disable": "1\n"}
LIVE = "{} 16384 0 - Live 0x0000000000000000\n"
SYSTEMD = "/usr/lib/systemd/systemd-modules-load"


class Case(NamedTuple):
    """A situation.

    :ivar name: the module.
    :ivar expected: its state, autoload and boot.
    :ivar codes: dict of axis to the codes of all its reasons, joined by blanks.
    :ivar setup: function that writes the node.
    :ivar more: other keys of the module's entry, or of its first reason, with their values.
    """

    title: str
    name: str
    expected: Tuple[str, ...]
    codes: Dict[str, str]
    setup: "Setup"
    more: Dict[str, Any]


class Link(str):
    """The target of a symbolic link."""


class Setup:
    """Writes a node.

    :param files: dict of path to content, or to a :class:`Link`. They are written after the tree is indexed.
    :param tree: whether the node has a modules tree.
    :param remove: paths to remove at the end.
    :param executable: paths to make executable.
    :param arguments: those of :meth:`RecordedNode.tree`.
    """

    def __init__(self, files, tree=True, remove=(), executable=(), **arguments):
        self._files = files
        self._tree = tree
        self._remove = remove
        self._executable = executable
        self._arguments = arguments

    def __call__(self, node):
        if self._tree:
            node.tree(**self._arguments)
        for path, content in self._files.items():
            if isinstance(content, Link):
                node.link(path, content)
            else:
                node.write(path, content)
        for path in self._executable:
            node.path(path).chmod(0o755)
        for path in self._remove:
            node.remove(path)


def case(title, name, expected, codes=None, files=None, **options):
    """Return a case; I(options) are C(more) and those of :class:`Setup`."""
    more = options.pop("more", {})
    return Case(title, name, tuple(expected.split()), codes or {}, Setup(files or {}, **options), more)


def modprobe(text):
    return {"/etc/modprobe.d/a.conf": text}


def boot(text):
    return {"/etc/modules-load.d/a.conf": text}


OPTIONS = "CONFIG_MODULES=y\n"
MONOLITH = gzip.compress(b"# CONFIG_MODULES is not set\nCONFIG_NF_NAT=y\nCONFIG_NF_CONNTRACK=y\nCONFIG_IP_NF_RAW=y\n")
# All of it is built in, except xt_mark, a module, and xt_owner, which is not set.
BUILTIN = gzip.compress(b"CONFIG_MODULES=y\nCONFIG_NF_NAT=y\nCONFIG_NF_TABLES=y\nCONFIG_NETFILTER_XT_MARK=m\n")
IN_CONTAINER = {"/run/systemd/container": "lxc\n"}
FLAT = {"/lib/modules/xt_owner.ko": "", "/lib/modules/x_tables.ko": ""}
GRUB = "".join("menuentry '{0}' {{\n  linux /vmlinuz-{0}\n}}\n".format(release) for release in ("6.1.0-other", RELEASE))
GONE = [name for name in module_tree.STANDARD if name != "xt_owner"]
IP6TABLE_NAT = {
    "ip6_tables": ("kernel/net/ipv6/netfilter", ["x_tables"], []),
    "ip6table_nat": ("kernel/net/ipv6/netfilter", ["ip6_tables", "nf_nat"], []),
}
NEVER = {"autoload": "never_requested"}
