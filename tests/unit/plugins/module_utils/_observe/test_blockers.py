# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the whole node that stop module loading."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.blockers import read_blockers, requires_signatures


def test_blockers_are_read(node):
    node.write("/proc/sys/kernel/modprobe", "/sbin/modprobe\n")
    node.write("/proc/sys/kernel/modules_disabled", "1\n")
    node.write("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n")
    node.write("/sys/module/module/parameters/sig_enforce", "Y\n")
    assert read_blockers(Files(str(node.root))) == {
        "modules_disabled": True,
        "modprobe_helper": "/sbin/modprobe",
        "modprobe_helper_exists": False,
        "lockdown": "integrity",
        "signature_enforced": True,
    }


def test_without_proc_blockers_are_unknown(node):
    assert set(read_blockers(Files(str(node.root))).values()) == {None}


@pytest.mark.parametrize(
    "enforced, lockdown, expected",
    [
        (None, None, False),
        (False, "none", False),
        (True, None, True),
        (None, "integrity", True),
        (None, "confidentiality", True),
    ],
)
def test_the_kernel_requires_signatures(enforced, lockdown, expected):
    blockers = {"signature_enforced": enforced, "lockdown": lockdown}
    assert requires_signatures(blockers) is expected
