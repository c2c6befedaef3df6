# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Package managers, and the names of packages."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import ModuleFacts, OperatingSystem, Platform
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.packaging import (
    describe_tool_remedy,
    describe_updates,
    find_kernel_package,
    find_package_manager,
    format_generic_package,
    format_package,
    is_installed,
    strip_variant,
)

EL10 = "6.12.0-124.el10_1.x86_64"
HOST = Platform()


@pytest.mark.parametrize(
    "system, version, managed_by, name",
    [
        ("ubuntu", "24.04", None, "apt"),
        ("raspbian", "12", None, "apt"),
        ("fedora", "43", None, "dnf"),
        ("fedora", "43", "ostree", "rpm-ostree"),
        ("rhel", "9.6", "ostree", None),
        ("rocky", "9.6", None, "dnf"),
        ("centos", "7", None, "yum"),
        ("ol", "7.9", None, "yum"),
        ("amzn", "2", None, "yum"),
        ("amzn", "2023", None, "dnf"),
        ("opensuse-leap", "15.6", None, "zypper"),
        ("sles", "15.6", "transactional-update", "transactional-update"),
        ("sl-micro", "6.1", None, "transactional-update"),
        ("opensuse-microos", "20251101", "transactional-update", "transactional-update"),
        ("mariner", "2.0", None, "tdnf"),
        ("photon", "5.0", None, "tdnf"),
        ("alpine", "3.22", None, "apk"),
        ("debian", "13", "image", None),
        ("bottlerocket", "1.49.0", None, None),
        ("cos", "121", None, None),
        ("talos", "1.12.0", "image", None),
        ("flatcar", "4459", None, None),
        (None, None, None, None),
    ],
)
def test_the_package_manager_follows_from_the_system(system, version, managed_by, name):
    manager = find_package_manager(OperatingSystem(id=system, version=version), Platform(managed_by=managed_by))
    assert (manager.name if manager else None) == name


@pytest.mark.parametrize(
    "system, version, tool, minimum, remedy",
    [
        ("debian", "13", "nft", None, "install nft"),
        ("debian", "13", "nft", "1.0.1", "install nft 1.0.1 or newer"),
        ("sles", "16.1", "iptables", None, "install iptables"),
        ("sles", "16.2", "iptables", None, None),
        ("sles", "16.2", "nft", None, "install nft"),
        ("sles", None, "iptables", None, "install iptables"),
        ("bottlerocket", "1.49.0", "nft", None, None),
        (
            "nixos",
            "24.11",
            "nft",
            None,
            "declare pkgs.nftables in environment.systemPackages of the system's configuration",
        ),
    ],
)
def test_a_tool_is_installed_only_if_the_system_has_a_package_of_it(system, version, tool, minimum, remedy):
    assert describe_tool_remedy(OperatingSystem(id=system, version=version), HOST, tool, minimum) == remedy


@pytest.mark.parametrize(
    "system, release, module, package, generic",
    [
        (
            "ol",
            "5.4.17-2136.300.7.el8uek.x86_64",
            "xt_owner",
            "kernel-uek-5.4.17-2136.300.7.el8uek.x86_64",
            "kernel-uek",
        ),
        ("ol", "6.12.0-100.el9uek.x86_64", "xt_set", None, "kernel-uek-modules-extra-netfilter"),
        ("rhel", "5.14.0-162.6.1.el9_1.x86_64", "xt_owner", "kernel-core-5.14.0-162.6.1.el9_1.x86_64", "kernel-core"),
        ("rhel", "5.14.0-284.11.1.el9_2.x86_64", "xt_owner", None, "kernel-modules-core"),
        ("rhel", EL10, "bridge", f"kernel-modules-core-{EL10}", "kernel-modules-core"),
        ("centos", "3.10.0-1160.119.1.el7.x86_64", "xt_owner", "kernel-3.10.0-1160.119.1.el7.x86_64", "kernel"),
        ("amzn", "6.1.100-110.amzn2023.x86_64", "xt_owner", "kernel-6.1.100-110.amzn2023.x86_64", "kernel"),
        ("amzn", "6.12.40-64.114.amzn2023.x86_64", "xt_set", None, "kernel6.12"),
        ("ubuntu", "6.8.0-1015-aws", "xt_owner", "linux-modules-6.8.0-1015-aws", "linux-modules-$(uname -r)"),
        ("debian", "6.6.31+rpt-rpi-v8", "xt_owner", "linux-image-6.6.31+rpt-rpi-v8", "linux-image-$(uname -r)"),
        ("debian", "5.10.63-v8+", "xt_owner", "raspberrypi-kernel", "raspberrypi-kernel"),
        ("debian", "7.3.4+deb13-amd64", "xt_owner", "linux-modules-7.3.4+deb13-amd64", "linux-modules-$(uname -r)"),
        ("sles", "5.14.21-150400.15.46-rt", "xt_owner", "kernel-rt", "kernel-rt"),
        ("photon", "6.1.60-4.ph5-esx", "nf_tables", "linux-esx", "linux-esx"),
        ("photon", "6.1.60-4.ph5", "nf_tables", "linux", "linux"),
        ("azurelinux", "6.6.134.1-1.azl3", "nft_socket", "kernel-6.6.134.1-1.azl3", "kernel"),
        ("azurelinux", "6.12.83.1-1.azl3", "nft_socket", "kernel-hwe-6.12.83.1-1.azl3", "kernel-hwe"),
        ("alpine", "6.6.1-0-virt", "xt_owner", "linux-virt", "linux-virt"),
        ("arch", "6.6.63-1-lts", "xt_owner", "linux-lts", "linux-lts"),
        ("arch", "6.12.1-arch1-1", "xt_owner", "linux", "linux"),
        ("void", "6.6.62_1", "xt_owner", "linux6.6", "linux6.6"),
    ],
)
def test_a_package_is_named_as_its_distribution_names_it(system, release, module, package, generic):
    row = find_kernel_package(OperatingSystem(id=system), HOST, release, module)
    assert format_package(row, release) == (package or f"{generic}-{release}")
    assert format_generic_package(row, release) == generic


@pytest.mark.parametrize(
    "system, release, platform",
    [
        ("ubuntu", "5.15.148-tegra", HOST),
        ("debian", "6.1.0-42-amd64", Platform(container="podman")),
        ("debian", "6.1.0-42-amd64", Platform(managed_by="image")),
        ("flatcar", "6.12.103-flatcar", HOST),
    ],
    ids=["custom kernel", "container", "image", "no package manager"],
)
def test_no_package_is_named_without_evidence(system, release, platform):
    assert find_kernel_package(OperatingSystem(id=system), platform, release, "xt_owner") is None


@pytest.mark.parametrize(
    "system, release, module, text",
    [
        ("rhel", EL10, "xt_owner", "'dnf upgrade' installs kernel-modules-extra with it"),
        ("ubuntu", "6.8.0-1015-aws", "xt_owner", "the meta package linux-image-aws installs that of a new kernel"),
        ("debian", "6.1.0-0.deb11.21-cloud-amd64", "xt_owner", "the meta package linux-image-cloud-amd64"),
        ("debian", "6.6.31+rpt-rpi-v8", "xt_owner", "the meta package linux-image-rpi-v8"),
        ("rhel", EL10, "nft_ct", "a new kernel requires its own"),
        ("sles", "6.4.0-150600.23.25-default", "xt_owner", "kernel-default follows updates of the kernel"),
    ],
)
def test_what_keeps_the_modules_after_an_update_is_named(system, release, module, text):
    row = find_kernel_package(OperatingSystem(id=system), HOST, release, module)
    described = describe_updates(row, release)
    assert text in described
    assert ("is for this kernel only" in described) is (release in described)


@pytest.mark.parametrize(
    "name, state, origin, expected",
    [
        ("xt_set", "loadable", f"/lib/modules/{EL10}/kernel/net/netfilter/xt_set.ko.xz", True),
        ("xt_set", "loadable", f"/lib/modules/{EL10}/extra/xt_set.ko", False),
        ("xt_set", "loaded", None, False),
        ("xt_tcpudp", "builtin", f"/lib/modules/{EL10}/kernel/net/netfilter/xt_tcpudp.ko", False),
        ("nft_ct", "loadable", f"/lib/modules/{EL10}/kernel/net/netfilter/nft_ct.ko.xz", False),
    ],
)
def test_a_package_is_installed_if_another_of_its_modules_is_there(name, state, origin, expected):
    row = find_kernel_package(OperatingSystem(id="rhel"), HOST, EL10, "xt_owner")
    module = ModuleFacts(state=state, autoload="yes", boot="no", origin=origin)
    assert is_installed(row, [(name, module)]) is expected


@pytest.mark.parametrize("release", [EL10 + "+rt-64k-debug", EL10])
def test_the_names_of_packages_have_no_variant_after_the_release(release):
    assert strip_variant(release) == EL10
