# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""The modules tree of one kernel, /lib/modules/RELEASE, as depmod(8) indexed it."""

import re

from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import canonical

# kmod's is /lib/modules, or /usr/lib/modules where a distribution chose so; mostly one is a link to the other.
PARENTS = ("/lib/modules", "/usr/lib/modules")

# Where the modules of KERNEL_OPTIONS are in a tree: looked into only for a file that depmod has not seen.
FOLDERS = (
    "kernel/net/netfilter",
    "kernel/net/netfilter/ipset",
    "kernel/net/ipv4/netfilter",
    "kernel/net/ipv6/netfilter",
    "kernel/net/bridge",
    "extra",
    "updates",
    "updates/dkms",
    "weak-updates",
)

# Literal aliases only, since no request of the kernel's is matched by a pattern: those are the devices' own, and most lines.
_ALIAS = re.compile(r"^alias ([^ *?\[\n]+) (\S+)$", re.MULTILINE)


class ModulesTree:
    """What the indexes of a tree say.

    :ivar path: the tree's directory on the node.
    :ivar present: whether the directory is there.
    :ivar indexed: whether modprobe finds its index there.
    :ivar empty: whether the directory is there without one for modules: their package was removed, or never installed.
    :ivar paths: dict of module name to its file, relative to the tree.
    :ivar builtin: dict of module name to its path in modules.builtin.
    :ivar aliases: dict of each alias asked for to the names of the modules that answer to it.
    """

    def __init__(self, path):
        self.path = path
        self.present = False
        self.indexed = False
        self.empty = False
        self.paths = {}
        self.builtin = {}
        self.aliases = {}
        self._dependencies = {}
        self._files = None
        self._unindexed = None

    def dependencies(self, name):
        """Return the names of all modules that modprobe loads before this one, as modules.dep lists them."""
        return [module_name(path) for path in self._dependencies.get(name, "").split()]

    def file(self, name):
        """Return the module's file on the node, or None where the index does not know the name."""
        return "{0}/{1}".format(self.path, self.paths[name]) if name in self.paths else None

    def unindexed(self, name):
        """Return the module's file on the node that is there although the index does not know the name, or None."""
        if name in self.paths or self._files is None:
            return None
        if self._unindexed is None:
            self._unindexed = {}
            for folder in FOLDERS:
                for entry in self._files.listdir("{0}/{1}".format(self.path, folder)):
                    if ".ko" in entry:
                        self._unindexed.setdefault(module_name(entry), "{0}/{1}/{2}".format(self.path, folder, entry))
        return self._unindexed.get(name)


def module_name(path):
    """Return the module's name of a .ko file: "kernel/net/xt-foo.ko.xz" is "xt_foo"."""
    base = path.rsplit("/", 1)[-1]
    return canonical(base.split(".ko", 1)[0])


def directory(files, release):
    """Return the tree's directory on the node."""
    paths = ["{0}/{1}".format(parent, release) for parent in PARENTS]
    return next((path for path in paths if files.is_dir(path)), paths[0])


def read(files, release, wanted):
    """Read the tree of kernel I(release); of the many aliases only the canonical names in I(wanted) are kept."""
    tree = ModulesTree(directory(files, release))
    tree.present = files.is_dir(tree.path)
    if not tree.present:
        return tree
    tree._files = files
    tree.empty = not any(files.is_dir("{0}/{1}".format(tree.path, folder)) for folder in ("kernel", "extra", "updates"))
    for line in (files.read(tree.path + "/modules.builtin") or "").split("\n"):
        if line:
            tree.builtin[module_name(line)] = line
    dep = files.read(tree.path + "/modules.dep")
    # kmod reads the binary index alone, busybox the text alone.
    tree.indexed = dep is not None and (files.exists(tree.path + "/modules.dep.bin") is not False or _is_busybox(files))
    for line in (dep or "").split("\n") if tree.indexed else ():
        path, colon, dependencies = line.partition(":")
        if colon:
            name = module_name(path)
            tree.paths[name] = path
            tree._dependencies[name] = dependencies
    for alias, name in _ALIAS.findall(files.read(tree.path + "/modules.alias") or ""):
        if canonical(alias) in wanted:
            tree.aliases.setdefault(canonical(alias), []).append(canonical(name))
    for entry in (files.read(tree.path + "/modules.builtin.modinfo") or "").split("\0"):
        key, _equals, alias = entry.partition("=")
        if key.endswith(".alias") and canonical(alias) in wanted:
            name = canonical(key[: -len(".alias")])
            tree.builtin.setdefault(name, "modules.builtin.modinfo")
            tree.aliases.setdefault(canonical(alias), []).append(name)
    return tree


def _is_busybox(files):
    return any((files.link(path) or "").endswith("busybox") for path in ("/sbin/modprobe", "/usr/sbin/modprobe"))
