# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the boot that keep the kernel from loading modules on demand. The corpus has more situations."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._boot import sysctl
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Code


def find(node, cmdline=""):
    return sysctl.find_autoload_denial(Files(str(node.root)), cmdline)


@pytest.mark.parametrize(
    "line, setting",
    [
        ("kernel.modprobe = /sbin/modprobe", ("kernel/modprobe", "/sbin/modprobe")),
        ("-kernel/modprobe=", ("kernel/modprobe", "")),
        ("net.ipv4.conf.eth0/1.forwarding=1", ("net/ipv4/conf/eth0.1/forwarding", "1")),
        ("net/ipv4/conf/eth0.1/forwarding=1", ("net/ipv4/conf/eth0.1/forwarding", "1")),
        ("word=1", ("word", "1")),
    ],
    ids=["dots", "slashes and dash", "dots first", "slashes first", "no separator"],
)
def test_the_first_separator_of_a_key_decides(line, setting):
    assert list(sysctl.parse_settings(line)) == [(1, *setting)]


@pytest.mark.parametrize("line", ["# a.b = 1", "; a.b = 1", "a.b", "= 1", "", "- = 1"])
def test_a_line_without_a_setting_is_skipped(line):
    assert list(sysctl.parse_settings(line)) == []


def test_the_last_setting_counts(node):
    node.write("/etc/sysctl.d/a.conf", "kernel.modules_disabled = 1\nkernel.modules_disabled = 0\n")
    assert find(node) is None
    node.write("/usr/lib/sysctl.d/b.conf", "# c\nkernel/modules_disabled = 1\n")
    cause = find(node)
    assert (cause.code, cause.where) == (Code.AUTOLOAD_DISABLED_AT_BOOT, "/usr/lib/sysctl.d/b.conf:2")


def test_a_helper_that_the_kernel_cannot_start_denies_autoload(node):
    node.write("/etc/sysctl.d/a.conf", "kernel.modprobe = /absent\n")
    cause = find(node)
    assert cause.code == Code.AUTOLOAD_DISABLED_AT_BOOT
    assert cause.text == "kernel.modprobe=/absent is not a program that the kernel can start"
    node.write("/absent", "")
    node.path("/absent").chmod(0o755)
    assert find(node) is None


def test_the_command_line_sets_the_helper_before_sysctl(node):
    assert find(node, "sysctl.kernel.modprobe=/absent").where == "/proc/cmdline"
    assert find(node, "sysctl.kernel/modprobe=/absent").where == "/proc/cmdline"
    node.write("/etc/sysctl.d/a.conf", "kernel.modprobe = /sbin/modprobe\n")
    node.write("/sbin/modprobe", "")
    node.path("/sbin/modprobe").chmod(0o755)
    assert find(node, "sysctl.kernel.modprobe=/absent") is None


def test_settings_in_run_are_gone_after_a_reboot(node):
    node.write("/run/sysctl.d/a.conf", "kernel.modules_disabled = 1\n")
    assert find(node) is None


def test_an_unreadable_file_makes_the_answer_unknown(node, forbid):
    node.write("/etc/sysctl.d/a.conf", "")
    forbid("/etc/sysctl.d/a.conf")
    cause = find(node)
    assert (cause.code, cause.where) == (Code.UNREADABLE, "/etc/sysctl.d/a.conf")


@pytest.mark.parametrize(
    "cmdline, disables",
    [
        ("sysctl.kernel.modules_disabled=1", True),
        ("sysctl.kernel/modules_disabled=1", True),
        ("sysctl.kernel.modules_disabled=1 sysctl.kernel.modules_disabled=0", False),
        ("kernel.modules_disabled=1", False),
    ],
    ids=["dots", "slashes", "the last counts", "no sysctl"],
)
def test_the_command_line_may_disable_modules(cmdline, disables):
    assert sysctl.cmdline_disables_modules(cmdline) is disables


@pytest.mark.parametrize("marker, is_read", [("/run/openrc/softlevel", True), ("/run/systemd/system/unit", False)])
def test_only_systemd_does_not_read_sysctl_conf(node, marker, is_read):
    node.write(marker, "")
    node.write("/etc/sysctl.d/a.conf", "kernel.modules_disabled = 0\n")
    node.write("/etc/sysctl.conf", "kernel.modules_disabled = 1\n")
    cause = find(node)
    assert (cause.where if cause else None) == ("/etc/sysctl.conf:1" if is_read else None)
