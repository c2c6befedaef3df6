# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the running kernel reports in /proc and /sys."""

import os

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod import proc


@pytest.mark.parametrize(
    "release, version",
    [("6.12.0-124.el10", [6, 12, 0]), ("6.1", [6, 1]), ("5.15.90.1-microsoft", [5, 15, 90]), ("custom", []), ("6", [])],
)
def test_the_version_is_at_the_start_of_the_release(release, version):
    assert proc.parse_version(release) == version


def test_the_release_of_a_recording_is_its_own(node):
    node.write("/proc/sys/kernel/osrelease", "6.1.0-x\n")
    assert proc.read_release(Files(str(node.root))) == "6.1.0-x"
    node.remove("/proc/sys/kernel/osrelease")
    assert proc.read_release(Files(str(node.root))) is None
    assert proc.read_release(Files()) == os.uname()[2]


def test_loaded_modules_have_a_state_and_a_taint(node):
    node.write(
        "/proc/modules",
        "xt_owner 16384 0 - Live 0x0000000000000000\n"
        "nf-nat 16384 1 xt_nat, Loading 0x0000000000000000 (OE)\n"
        "broken line\n",
    )
    loaded = proc.read_loaded_modules(Files(str(node.root)))
    assert loaded == {"xt_owner": ("Live", ""), "nf_nat": ("Loading", "OE")}
    node.remove("/proc/modules")
    assert proc.read_loaded_modules(Files(str(node.root))) is None


@pytest.mark.parametrize("text, ipv6", [("0\n", True), ("1\n", False), (None, None)], ids=["on", "off", "not loaded"])
def test_ipv6_is_on_unless_its_module_is_disabled(node, text, ipv6):
    if text is not None:
        node.write("/sys/module/ipv6/parameters/disable", text)
    assert proc.has_ipv6(Files(str(node.root))) is ipv6


def test_a_program_is_an_executable_file(node):
    node.write("/sbin/modprobe", "")
    files = Files(str(node.root))
    assert proc.is_program(files, "/sbin/modprobe") is False
    node.path("/sbin/modprobe").chmod(0o755)
    assert proc.is_program(files, "/sbin/modprobe") is True
    assert proc.is_program(files, "/absent") is False
    assert proc.is_program(files, "") is False


@pytest.mark.parametrize(
    "cmdline, values",
    [
        ("ro module_blacklist=a,b quiet", ["a,b"]),
        ("module-blacklist=a module_blacklist=b", ["a", "b"]),
        ('module_blacklist="a b"', ["a b"]),
        ('"module_blacklist=a b"', ["a b"]),
        ("module_blacklist xmodule_blacklist=a", []),
        ("module_blacklist=", [""]),
    ],
    ids=["one", "dash", "quoted value", "quoted word", "other words", "empty"],
)
def test_the_values_of_a_key_on_the_command_line(cmdline, values):
    assert proc.list_cmdline_values(cmdline, "module_blacklist") == values


@pytest.mark.parametrize(
    "text, flag", [("1\n", True), ("0", False), (" 1 ", True), ("", None), ("2", None), ("Y", None), (None, None)]
)
def test_a_flag_is_one_or_zero(text, flag):
    assert proc.parse_flag(text) is flag
