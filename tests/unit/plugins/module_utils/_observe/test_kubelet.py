# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that contains the kubelet."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.kubelet import find_unusual_kubelet


@pytest.mark.parametrize(
    "names, expected",
    [
        ([], None),
        (["systemd", "bash"], None),
        (["systemd", "k3s-server"], "k3s-server"),
        (["kubelite"], "kubelite"),
        # RKE2 and k0s start the kubelet as a separate process.
        (["k3s-agent", "kubelet"], None),
    ],
)
def test_the_kubelet_is_found_by_the_name_of_its_process(node, names, expected):
    for number, name in enumerate(names, 1):
        node.write(f"/proc/{number}/comm", name + "\n")
    node.write("/proc/self-made/comm", "k3s\n")
    assert find_unusual_kubelet(Files(str(node.root))) == expected


def test_old_processes_are_read_first_and_none_after_the_kubelet(node):
    for number, name in ((1, "systemd"), (9, "kubelet"), (10, "k3s"), (100, "pause")):
        node.write("/proc/{}/comm".format(number), name + "\n")
    node.write("/proc/\u00b2/comm", "k3s\n")  # a digit, but not a number

    class NotedFiles(Files):
        read_paths = []

        def read(self, path):
            self.read_paths.append(path)
            return super().read(path)

    files = NotedFiles(str(node.root))
    assert find_unusual_kubelet(files) is None
    assert files.read_paths == ["/proc/1/comm", "/proc/9/comm"]
