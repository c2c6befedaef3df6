# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""The modules tree of one kernel, /lib/modules/RELEASE, as depmod(8) indexed it."""

from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import canonical


class ModulesTree:
    """What the indexes of a tree say.

    :ivar path: the tree's directory on the node.
    :ivar present: whether the directory is there.
    :ivar indexed: whether it has a readable modules.dep.
    :ivar paths: dict of module name to its file, relative to the tree.
    :ivar builtin: dict of module name to its path in modules.builtin.
    :ivar aliases: dict of each alias asked for to the names of the modules that answer to it.
    """

    def __init__(self, path):
        self.path = path
        self.present = False
        self.indexed = False
        self.paths = {}
        self.builtin = {}
        self.aliases = {}
        self._dependencies = {}

    def dependencies(self, name):
        """Return the names of all modules that modprobe loads before this one, as modules.dep lists them."""
        return [module_name(path) for path in self._dependencies.get(name, "").split()]

    def file(self, name):
        """Return the module's file on the node, or None where the index does not know the name."""
        return "{0}/{1}".format(self.path, self.paths[name]) if name in self.paths else None


def module_name(path):
    """Return the module's name of a .ko file: "kernel/net/xt-foo.ko.xz" is "xt_foo"."""
    base = path.rsplit("/", 1)[-1]
    return canonical(base.split(".ko", 1)[0])


def read(files, release, wanted_aliases):
    """Read the tree of kernel I(release); of the many aliases only I(wanted_aliases) are kept."""
    tree = ModulesTree("/lib/modules/" + release)
    tree.present = files.is_dir(tree.path)
    if not tree.present:
        return tree
    for line in (files.read(tree.path + "/modules.builtin") or "").splitlines():
        if line:
            tree.builtin[module_name(line)] = line
    dep = files.read(tree.path + "/modules.dep")
    tree.indexed = bool(dep)
    for line in (dep or "").splitlines():
        path, colon, dependencies = line.partition(":")
        if colon:
            name = module_name(path)
            tree.paths[name] = path
            tree._dependencies[name] = dependencies
    for line in (files.read(tree.path + "/modules.alias") or "").splitlines():
        words = line.split(" ", 2)
        if len(words) == 3 and words[1] in wanted_aliases:
            tree.aliases.setdefault(words[1], []).append(canonical(words[2].strip()))
    return tree
