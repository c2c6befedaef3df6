# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a system may be written to file by file."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils import _management
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files

MOUNTS = "/dev/sda1 / ext4 {} 0 0\nproc /proc proc rw 0 0\n"


@pytest.mark.parametrize(
    "path, text, managed_by",
    [
        ("/proc/self/mounts", MOUNTS.format("rw,relatime"), None),
        ("/proc/self/mounts", MOUNTS.format("ro,relatime"), "image"),
        ("/proc/self/mounts", MOUNTS.format("ro") + "overlay /etc overlay rw 0 0\n", None),
        ("/proc/self/mounts", MOUNTS.format("rw") + "/dev/sda1 /etc ext4 ro 0 0\n", "image"),
        ("/proc/self/mounts", "nonsense\n", None),
        ("/run/ostree-booted", "", "ostree"),
        ("/usr/sbin/transactional-update", "", "transactional-update"),
    ],
)
def test_what_a_system_is_managed_by(node, path, text, managed_by):
    node.write(path, text)
    node.write("/usr/lib/systemd/systemd", "")
    assert _management.observe(Files(str(node.root))) == {"systemd": True, "managed_by": managed_by}
