# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Output of package managers, recorded on real systems."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.package_output import (
    find_apt_errors,
    find_other_kernels,
    find_unknown_packages,
)

# LC_ALL=C.UTF-8 apt-get --simulate --no-install-recommends install linux-image-amd64, apt 2.6.1 on Debian 12.
DEBIAN_KERNEL = """\
Reading package lists...
Building dependency tree...
Reading state information...
The following additional packages will be installed:
  cpio initramfs-tools initramfs-tools-core klibc-utils libklibc linux-base linux-image-6.1.0-57-amd64 udev
Suggested packages:
  bash-completion linux-doc-6.1 debian-kernel-handbook grub-pc
The following NEW packages will be installed:
  cpio initramfs-tools initramfs-tools-core klibc-utils libklibc linux-base linux-image-6.1.0-57-amd64
  linux-image-amd64 udev
0 upgraded, 9 newly installed, 0 to remove and 141 not upgraded.
Inst libudev1 [252.38-1~deb12u1] (252.39-1~deb12u2 Debian:12.15/oldstable [amd64])
Conf libudev1 (252.39-1~deb12u2 Debian:12.15/oldstable [amd64])
Inst cpio (2.13+dfsg-7.1 Debian:12.15/oldstable [amd64])
Inst linux-base (4.12.1~deb12u1 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [all])
Inst linux-image-6.1.0-57-amd64 (6.1.192-3 Debian-Security:12/oldstable-security [amd64])
Inst linux-image-amd64 (6.1.192-3 Debian-Security:12/oldstable-security [amd64])
Conf linux-image-6.1.0-57-amd64 (6.1.192-3 Debian-Security:12/oldstable-security [amd64])
Conf linux-image-amd64 (6.1.192-3 Debian-Security:12/oldstable-security [amd64])
"""
# Results of ansible.builtin.dnf in check mode (ansible-core 2.19), dnf 4.
ROCKY_EXTRA = [
    "Installed: kernel-modules-extra-5.14.0-570.12.1.el9_6.x86_64",
    "Installed: nftables-1:1.0.9-3.el9.x86_64",
    "Installed: libnftnl-1.2.6-4.el9.x86_64",
]
ROCKY_KERNEL = [
    "Installed: kernel-modules-extra-5.14.0-570.17.1.el9_6.x86_64",
    "Installed: kernel-modules-core-5.14.0-570.17.1.el9_6.x86_64",
    "Installed: kernel-core-5.14.0-570.17.1.el9_6.x86_64",
    "Removed: kernel-core-5.14.0-427.13.1.el9_4.x86_64",
]
ROCKY_RELEASE = "5.14.0-570.12.1.el9_6"


def test_apt_that_would_install_another_kernel():
    kernels = ["linux-image-6.1.0-57-amd64", "linux-image-amd64"]
    assert find_other_kernels(DEBIAN_KERNEL.splitlines(), "6.1.0-37-amd64") == kernels


def test_packages_of_the_running_kernel_are_no_other_kernel():
    # The package without a release in its name depends on the newest kernel.
    assert find_other_kernels(DEBIAN_KERNEL.splitlines(), "6.1.0-57-amd64") == ["linux-image-amd64"]
    assert find_other_kernels(ROCKY_EXTRA, ROCKY_RELEASE) == []


def test_dnf_that_would_install_another_kernel():
    assert find_other_kernels(ROCKY_KERNEL, ROCKY_RELEASE) == [
        "kernel-modules-extra-5.14.0-570.17.1.el9_6.x86_64",
        "kernel-modules-core-5.14.0-570.17.1.el9_6.x86_64",
        "kernel-core-5.14.0-570.17.1.el9_6.x86_64",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "Inst linux-image-7.0-amd64 (7.0 Debian:14/stable [amd64])",
        "Inst linux-image-unsigned-6.8.0-60-generic (6.8.0-60.63 Ubuntu:24.04/noble-updates [amd64])",
        "Inst linux-modules-extra-6.8.0-60-generic (6.8.0-60.63 Ubuntu:24.04/noble-updates [amd64])",
        "Installed: kernel-uek-core-5.15.0-300.163.18.el9uek.x86_64",
        "Installed: kernel-5.14.0-570.17.1.el9_6.x86_64",
    ],
)
def test_every_package_of_a_kernel_is_found(line):
    assert find_other_kernels([line], ROCKY_RELEASE) == [line.split()[1]]


@pytest.mark.parametrize(
    "line",
    [
        "Conf linux-image-7.0-amd64 (7.0 Debian:14/stable [amd64])",
        "Remv linux-image-7.0-amd64 [7.0]",
        "  linux-image-7.0-amd64 linux-modules-7.0-amd64",
        "Inst linux-base (4.12.1~deb12u1 Debian:12.15/oldstable [all])",
        "Inst linux-libc-dev (6.1.192-3 Debian-Security:12/oldstable-security [amd64])",
        "Removed: kernel-core-5.14.0-427.13.1.el9_4.x86_64",
        "Installed: libkernel-1.x86_64",
        "",
    ],
)
def test_other_lines_are_no_kernel(line):
    assert find_other_kernels([line], ROCKY_RELEASE) == []


def test_the_dots_of_a_release_match_only_dots():
    line = "Inst linux-image-6x1x0-57-amd64 (6.1 Debian:12/stable [amd64])"
    assert find_other_kernels([line], "6.1.0-57-amd64") == ["linux-image-6x1x0-57-amd64"]


def test_a_result_of_several_lines_is_read_line_by_line():
    assert find_other_kernels(["x\nInstalled: kernel-core-1.x86_64\n"], ROCKY_RELEASE) == ["kernel-core-1.x86_64"]


# stderr of apt-get update, apt 2.6.1: a mirror that does not answer (exit code 0), a repository without a Release file.
REFUSED = "Could not connect to 127.0.0.1:9 (127.0.0.1). - connect (111: Connection refused)"
UNREACHABLE_MIRROR = f"""\
W: Failed to fetch http://127.0.0.1:9/./InRelease  {REFUSED}
W: Some index files failed to download. They have been ignored, or old ones used instead.
"""
NO_RELEASE = """\
E: The repository 'http://mirror.example/debian nosuchsuite Release' does not have a Release file.
"""
# stderr of apt-get install --simulate nft nosuch iptables=9.
UNKNOWN_PACKAGES = """\
E: Unable to locate package nft
E: Unable to locate package nosuch
E: Version '9' for 'iptables' was not found
"""


@pytest.mark.parametrize(
    "stderr, errors",
    [
        (UNREACHABLE_MIRROR, [f"Failed to fetch http://127.0.0.1:9/./InRelease  {REFUSED}"]),
        (
            NO_RELEASE,
            ["The repository 'http://mirror.example/debian nosuchsuite Release' does not have a Release file."],
        ),
        (
            UNKNOWN_PACKAGES,
            [
                "Unable to locate package nft",
                "Unable to locate package nosuch",
                "Version '9' for 'iptables' was not found",
            ],
        ),
        ("E: Some index files failed to download. They have been ignored, or old ones used instead.\n", []),
        ("W: Target Packages is configured multiple times\nN: See apt-secure(8)\n", []),
        ("E: no space left\nE: no space left\n", ["no space left"]),
        ("", []),
    ],
    ids=["mirror", "no release file", "unknown packages", "summary", "other warnings", "repeated", "empty"],
)
def test_the_errors_of_apt(stderr, errors):
    assert find_apt_errors(stderr.splitlines()) == errors


# Failures of ansible.builtin.dnf (ansible-core 2.19) with dnf 4 and with dnf 5.
DNF4_FAILURES = ["nosuch No match for argument: nosuch"]
DNF5_FAILURES = ["No package nosuch available."]


@pytest.mark.parametrize(
    "lines, unknown",
    [
        (UNKNOWN_PACKAGES.splitlines(), ["nft", "nosuch", "iptables"]),
        (["E: Package 'nosuch' has no installation candidate"], ["nosuch"]),
        (["E: Unable to locate package linux-image-6.12.1+deb13-amd64"], ["linux-image-6.12.1+deb13-amd64"]),
        (DNF4_FAILURES, ["nosuch"]),
        (DNF5_FAILURES, ["nosuch"]),
        (["E: Unmet dependencies. Try 'apt --fix-broken install' with no packages"], []),
        (["E: Unable to locate package other"], []),
        ([], []),
    ],
    ids=["apt", "no candidate", "kernel", "dnf 4", "dnf 5", "other error", "another name", "empty"],
)
def test_the_names_that_no_repository_has(lines, unknown):
    names = ["nft", "nosuch", "iptables", "linux-image-6.12.1+deb13-amd64"]
    assert find_unknown_packages(lines, names) == unknown
