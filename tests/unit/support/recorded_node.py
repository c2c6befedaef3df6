# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A recorded node: a directory with the files that a test needs."""

from ansible_collections.nodeprep.istio.plugins.module_utils import _reasons
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import module_state
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node import read_node
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node_facts import gather_facts
from ansible_collections.nodeprep.istio.tests.unit.support import module_tree
from ansible_collections.nodeprep.istio.tests.unit.support.module_tree import RELEASE


class RecordedNode:
    """A node below a directory: it runs kernel RELEASE, has systemd, and has loaded no module.

    :param root: an empty directory.
    """

    def __init__(self, root):
        self.root = root
        self.files = Files(str(root))
        self.write("/proc/sys/kernel/osrelease", RELEASE + "\n")
        self.write("/proc/modules", "")
        self.write("/usr/lib/systemd/systemd-modules-load", "")

    def path(self, path):
        """Return where a path of the node is on this machine."""
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

        :param modules: names from module_tree.STANDARD, by default all.
        :param suffix: the suffix of compressed modules, such as ".xz".
        :param builtin: lines of modules.builtin.
        :param builtin_aliases: (module name, alias) of built-in modules.
        :param more: module name to (folder, dependencies, aliases) of other modules.
        """
        base = "/lib/modules/" + release
        chosen = {name: module_tree.STANDARD[name] for name in (module_tree.STANDARD if modules is None else modules)}
        vermagic = release + " SMP preempt mod_unload modversions "
        indexed_suffix = module_tree.get_indexed_suffix(suffix)
        for name, (folder, dependencies, aliases) in dict(chosen, **more).items():
            present = [dependency for dependency in dependencies if dependency in chosen or dependency in more]
            content = module_tree.build_module(name, present, aliases, vermagic)
            path = "{}/{}/{}.ko{}".format(base, folder, name, indexed_suffix)
            self.write(path, module_tree.pack(content, indexed_suffix))
        self.write(base + "/modules.builtin", "".join(path + "\n" for path in builtin))
        self.write(base + "/modules.order", "")
        modinfo = "".join("{}.alias={}\0".format(name, alias) for name, alias in builtin_aliases)
        self.write(base + "/modules.builtin.modinfo", modinfo)
        module_tree.index_tree(self.root, release, suffix)

    def grub(self, *releases):
        """Write a configuration of GRUB with an entry for each kernel; the first one is the default."""
        entries = ["menuentry '{0}' {{\n\tlinux /boot/vmlinuz-{0} ro\n}}\n".format(release) for release in releases]
        self.write("/boot/grub/grub.cfg", 'set default="0"\n' + "".join(entries))

    def observe(self, names, kernel="running"):
        """Return the Node."""
        return read_node(Files(str(self.root)), names, kernel)

    def describe(self, name, kernel="running"):
        """Return the entry of one module, with its reasons."""
        return module_state.describe(self.observe([name], kernel), name)

    def facts(self, names, kernel="running"):
        """Return the facts; no program is started."""
        return gather_facts(Files(str(self.root)), names, "2026-01-01T00:00:00Z", None, kernel)

    @staticmethod
    def reasons(facts, name):
        """Return the reasons of one module from the facts."""
        return _reasons.ungroup_reasons(facts["reasons"], facts["modules"])[name]
