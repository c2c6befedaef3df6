# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A recorded node is a directory: the tests write only the files that matter to them."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils import _module_states, _observe
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files

RELEASE = "6.1.0-test"


class RecordedNode:
    def __init__(self, root):
        self.root = root
        self.write("/proc/sys/kernel/osrelease", RELEASE + "\n")
        self.write("/proc/modules", "")
        self.write("/usr/lib/systemd/systemd-modules-load", "")

    def write(self, path, text):
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode("utf-8"))

    def tree(self, modules, aliases="", builtin=""):
        """Write a modules tree: dict of path to its dependencies' paths."""
        base = "/lib/modules/" + RELEASE
        for path in modules:
            self.write(base + "/" + path, "")
        self.write(base + "/modules.dep", "".join("{}: {}\n".format(path, " ".join(needs)) for path, needs in modules.items()))
        self.write(base + "/modules.alias", aliases)
        self.write(base + "/modules.builtin", builtin)

    def describe(self, name):
        return _module_states.describe(_observe.read_node(Files(str(self.root)), [name]), name)

    def facts(self, names):
        return _observe.facts(Files(str(self.root)), names, "2026-01-01T00:00:00Z", None)


@pytest.fixture
def node(tmp_path):
    return RecordedNode(tmp_path)
