# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A recorded node: a directory with the files that a test needs."""

from ansible_collections.nodeprep.istio.plugins.module_utils import _reasons
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import module_state, node_facts
from ansible_collections.nodeprep.istio.tests.unit.support import module_tree
from ansible_collections.nodeprep.istio.tests.unit.support.module_tree import RELEASE


class RecordedNode:
    def __init__(self, root):
        self.root = root
        self.files = Files(str(root))
        self.write("/proc/sys/kernel/osrelease", RELEASE + "\n")
        self.write("/proc/modules", "")
        self.write("/usr/lib/systemd/systemd-modules-load", "")

    def path(self, path):
        return self.root / path.lstrip("/")

    def write(self, path, content):
        target = self.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))

    def link(self, path, target):
        self.path(path).parent.mkdir(parents=True, exist_ok=True)
        self.path(path).symlink_to(target)

    def remove(self, path):
        self.path(path).unlink()

    def tree(self, modules=None, release=RELEASE, suffix="", builtin=(), builtin_aliases=(), **more):
        """Write a modules tree and have depmod index it.

        :param modules: names out of the standard ones, by default all.
        :param more: module name to (folder, needs, aliases) of others.
        """
        base = "/lib/modules/" + release
        chosen = {name: module_tree.STANDARD[name] for name in (module_tree.STANDARD if modules is None else modules)}
        for name, (folder, needs, aliases) in dict(chosen, **more).items():
            needs = [needed for needed in needs if needed in chosen or needed in more]
            content = module_tree.module(name, needs, aliases, release + " SMP preempt mod_unload modversions ")
            self.write(
                "{}/{}/{}.ko{}".format(base, folder, name, module_tree.indexed_as(suffix)),
                module_tree.packed(content, module_tree.indexed_as(suffix)),
            )
        self.write(base + "/modules.builtin", "".join(path + "\n" for path in builtin))
        self.write(base + "/modules.order", "")
        self.write(
            base + "/modules.builtin.modinfo", "".join("{}.alias={}\0".format(*pair) for pair in builtin_aliases)
        )
        module_tree.index(self.root, release, suffix)

    def observe(self, names, kernel="running"):
        return node_facts.read_node(Files(str(self.root)), names, kernel)

    def describe(self, name, kernel="running"):
        return module_state.describe(self.observe([name], kernel), name)

    def facts(self, names, kernel="running"):
        return node_facts.facts(Files(str(self.root)), names, "2026-01-01T00:00:00Z", None, kernel)

    @staticmethod
    def reasons(facts, name):
        """Return the reasons of one module."""
        return _reasons.ungrouped(facts["reasons"], facts["modules"])[name]
