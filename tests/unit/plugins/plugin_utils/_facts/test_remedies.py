# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reason means on one node, and what to do there."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import (
    Kernel,
    ModuleFacts,
    NextKernel,
    OperatingSystem,
    Platform,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.reason_codes import DECLARE, PREPARE, PREPARE_HOST
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.remedies import (
    NodeContext,
    Problem,
    describe_persisting,
    describe_problem,
)

DEBIAN = OperatingSystem(id="debian", version="13", name="Debian 13")
UBUNTU = OperatingSystem(id="ubuntu", version="24.04", name="Ubuntu 24.04")
RHEL = OperatingSystem(id="rhel", version="10.1", name="RHEL 10.1")
TALOS = OperatingSystem(id="talos", version="1.12.0", name="Talos (v1.12.0)")
TRIXIE = "6.12.57+deb13-amd64"
EL10 = "6.12.0-124.el10_1.x86_64"
WSL = Platform(container="wsl")
PODMAN = Platform(container="podman")


def describe(code, os=DEBIAN, release=TRIXIE, platform=None, **more):
    """Return text and remedy; ``more`` are next_boot of the kernel, the modules, and is_fleet."""
    kernel = Kernel(release=release, next_boot=more.get("next_boot"))
    context = NodeContext(os, platform or Platform(), kernel, more.get("modules", ()))
    problem = Problem(code, "xt_owner", "/etc/a.conf")
    found = describe_problem(context, problem, is_fleet=more.get("is_fleet", False))
    return found.text, found.remedy


@pytest.mark.parametrize(
    "os, release, platform, text, remedy",
    [
        (
            DEBIAN,
            TRIXIE,
            None,
            f"linux-image-{TRIXIE} is not installed",
            f"Install linux-image-{TRIXIE} for the running",
        ),
        (RHEL, EL10, None, f"kernel-modules-extra-{EL10} is not", f"Install kernel-modules-extra-{EL10} for"),
        (
            UBUNTU,
            "5.15.148-tegra",
            None,
            "Modules of a custom kernel (not built by Ubuntu 24.04)",
            "Add the modules from",
        ),
        (
            UBUNTU,
            "5.15.148-tegra",
            PODMAN,
            "Modules of the host's kernel are not installed",
            "Audit and prepare the host",
        ),
        (UBUNTU, "6.6.87.2-microsoft-standard-WSL2", WSL, "Modules of the kernel of WSL", "Update the kernel of WSL"),
        (TALOS, "6.18.45-talos", None, "Modules of the running kernel are not installed", "Add the modules from"),
    ],
    ids=["package", "extra package", "custom kernel", "container", "WSL", "no package manager"],
)
def test_modules_that_are_not_installed_come_from_where_the_kernel_does(os, release, platform, text, remedy):
    found = describe("not_installed", os, release, platform)
    assert found[0].startswith(text)
    assert found[1].startswith(remedy)


def test_a_package_that_lost_files_is_reinstalled():
    there = ModuleFacts("loadable", "yes", "no", origin=f"/lib/modules/{EL10}/kernel/net/netfilter/xt_set.ko.xz")
    text, remedy = describe("not_installed", RHEL, EL10, modules=[("xt_set", there)], is_fleet=True)
    assert (text, remedy) == ("Files of kernel-modules-extra are not installed", "Reinstall kernel-modules-extra")


@pytest.mark.parametrize(
    "os, release, platform, kernel",
    [
        (DEBIAN, TRIXIE, None, "The kernel of Debian 13"),
        (DEBIAN, "6.18.1-1-arm64", None, "A custom kernel (not built by Debian 13)"),
        (DEBIAN, TRIXIE, PODMAN, "The kernel of the host"),
        (DEBIAN, "6.6.87.2-microsoft-standard-WSL2", WSL, "The kernel of WSL"),
        (TALOS, "6.18.45-talos", None, "The running kernel"),
    ],
)
@pytest.mark.parametrize("code", ["not_in_tree", "not_built", "provider_missing"])
def test_a_kernel_without_the_modules_is_called_what_it_is(code, os, release, platform, kernel):
    text, remedy = describe(code, os, release, platform)
    assert text.startswith(f"{kernel} ")
    assert ("a kernel of Debian 13" in remedy) is kernel.startswith("A custom kernel")
    assert ("wsl --update" in remedy) is (platform is WSL)
    assert ("the host" in remedy) is (platform is PODMAN)


@pytest.mark.parametrize(
    "next_boot, remedy",
    [
        (NextKernel("6.12.60+deb13-amd64", certain=True), "Reboot into the kernel that boots next"),
        (
            NextKernel("6.12.60+deb13-amd64"),
            "Reboot; if the modules are still missing then, add those of the running kernel",
        ),
        (
            NextKernel(TRIXIE, certain=True),
            f"Install linux-image-{TRIXIE} again, or boot a kernel whose modules are there",
        ),
        (None, f"Install linux-image-{TRIXIE} again, or boot a kernel whose modules are there"),
    ],
    ids=["certain", "guess", "the same kernel", "unknown"],
)
def test_a_reboot_into_a_named_kernel_is_advised_only_if_that_certainly_boots(next_boot, remedy):
    assert describe("modules_tree_missing", next_boot=next_boot)[1] == remedy


def test_the_modules_of_the_next_kernel_are_a_guess_if_that_kernel_is():
    certain = describe("missing_in_next_kernel", next_boot=NextKernel("7.1.0-amd64", certain=True))[0]
    guess = describe("missing_in_next_kernel", next_boot=NextKernel("7.1.0-amd64"))[0]
    assert certain.startswith("The kernel that boots next")
    assert guess.startswith("A kernel that may boot next")


@pytest.mark.parametrize(
    "mask, remedy",
    [
        ("/etc/systemd/system/systemd-modules-load.service", "Unmask it: systemctl unmask systemd-modules-load"),
        (
            "systemd.mask=systemd-modules-load",
            "Remove systemd.mask= of systemd-modules-load from the kernel command line",
        ),
        ("/usr/lib/systemd/system/systemd-modules-load.service", "Restore the unit file of systemd-modules-load"),
    ],
)
def test_a_mask_is_removed_where_it_is(mask, remedy):
    assert describe("service_masked", platform=Platform(boot_files_mask=mask))[1] == remedy


@pytest.mark.parametrize(
    "platform, remedy, persisting",
    [
        (Platform(), PREPARE, "list it in /etc/modules-load.d"),
        (Platform(managed_by="ostree"), DECLARE, "declare it in the system's configuration"),
        (Platform(etc="volatile"), DECLARE, "declare it in the system's configuration"),
        (Platform(boot_files_read=False), PREPARE, "have the init system load it at boot"),
        (PODMAN, PREPARE_HOST, "have it loaded at boot on the host"),
        (Platform(container="podman", can_load_modules=True), PREPARE_HOST, "have it loaded at boot on the host"),
    ],
)
def test_modules_are_prepared_where_that_lasts(platform, remedy, persisting):
    assert describe("selinux", platform=platform)[1] == remedy
    assert describe_persisting(platform) == persisting


def test_a_code_that_explains_no_gap_has_no_description():
    context = NodeContext(DEBIAN, Platform(), Kernel(release=TRIXIE))
    assert describe_problem(context, Problem("merged", "nf_nat_ipv4")) is None
