# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the distribution built a kernel, by its release."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.kernel_origin import (
    KERNEL_FORMS,
    find_origin,
    is_distribution_kernel,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import OperatingSystem

DISTRIBUTION_KERNELS = [
    ("debian", "5.10.0-46-amd64"),
    ("debian", "5.10.0-0.bpo.9-amd64"),
    ("debian", "6.1.0-0.deb11.21-cloud-amd64"),
    ("debian", "6.1.0-56-rt-amd64"),
    ("debian", "6.10.3-amd64"),
    ("debian", "6.12.12+bpo-amd64"),
    ("debian", "6.12.117+deb13-cloud-arm64"),
    ("debian", "6.12.57+deb13-arm64-16k"),
    ("debian", "7.2.12+deb14-amd64"),
    ("debian", "5.10.0-46-armmp-lpae"),
    ("debian", "6.6.31+rpt-rpi-2712"),
    ("debian", "6.1.0-rpi7-rpi-v8"),
    ("debian", "5.10.63-v8+"),
    ("raspbian", "5.10.63-v7l+"),
    ("raspbian", "6.1.21+"),
    ("ubuntu", "5.15.0-91-generic"),
    ("ubuntu", "5.4.0-1034-raspi"),
    ("ubuntu", "6.8.0-1015-aws"),
    ("ubuntu", "6.8.0-1015-azure-fde"),
    ("ubuntu", "6.8.0-1030-nvidia-64k"),
    ("ubuntu", "5.15.0-1030-nvidia-tegra"),
    ("ubuntu", "5.15.0-1030-nvidia-tegra-igx"),
    ("ubuntu", "6.8.1-1012-realtime"),
    ("almalinux", "6.12.0-55.29.1.el10_0.x86_64_v2"),
    ("ubuntu", "5.15.0-91-generic-lpae"),
    ("centos", "3.10.0-1160.119.1.el7.x86_64"),
    ("rhel", "4.18.0-553.rt7.342.el8_10.x86_64"),
    ("rocky", "5.14.0-427.13.1.el9_4.x86_64"),
    ("rocky", "5.14.0-427.13.1.el9_4.cloud.2.0.x86_64"),
    ("almalinux", "6.12.0-55.29.1.el10_0.aarch64+64k"),
    ("ol", "5.14.0-362.18.0.2.el9_3.x86_64"),
    ("ol", "5.15.0-304.171.4.el8uek.x86_64"),
    ("ol", "6.12.0-104.43.4.el10uek.aarch64"),
    ("fedora", "6.17.4-300.fc43.x86_64"),
    ("fedora", "6.18.0-0.rc3.20251101gitba36dd5ee6fd.32.fc44.x86_64"),
    ("amzn", "5.10.228-219.884.amzn2.x86_64"),
    ("amzn", "6.12.40-64.114.amzn2023.aarch64"),
    ("sles", "6.4.0-150600.23.25-default"),
    ("sles", "5.14.21-150400.15.46-rt"),
    ("sl-micro", "6.4.0-28-default"),
    ("opensuse-microos", "6.6.6-1-default"),
    ("photon", "6.1.60-4.ph5-esx"),
    ("photon", "5.10.52-1.ph4"),
    ("azurelinux", "6.6.134.1-1.azl3"),
    ("mariner", "5.15.186.1-1.cm2"),
    ("alpine", "6.6.1-0-lts"),
    ("alpine", "6.12.13-0-virt"),
    ("arch", "6.12.1-arch1-1"),
    ("arch", "6.6.63-1-lts"),
    ("void", "6.6.62_1"),
    ("gentoo", "6.6.62-gentoo-dist"),
]
CUSTOM_KERNELS = [
    ("debian", "6.18.1-1-arm64"),
    ("debian", "6.12.1"),
    ("debian", "6.8.12-4-pve"),
    ("debian", "6.6.31-current-rockchip64"),
    ("debian", "5.15.0-91-generic"),
    ("debian", "6.12.57+deb13-amd64-mine"),
    ("debian", "6.9.8-orbstack-00170-g7b4100b7ced4"),
    ("debian", "6.1.21+"),
    ("ubuntu", "5.5.3-mvebu-tld-1-dirty"),
    ("ubuntu", "5.15.148-tegra"),
    ("ubuntu", "4.9.253-tegra"),
    ("ubuntu", "6.1.0-1025-rockchip"),
    ("ubuntu", "6.8.0-060800-generic"),
    ("ubuntu", "6.1.0-42-amd64"),
    ("rocky", "6.12.40-1.el9.elrepo.x86_64"),
    ("rocky", "5.15.0-304.171.4.el8uek.x86_64"),
    ("centos", "3.10.0-1160.el7.centos.plus.x86_64"),
    ("fedora", "6.12.1-200.vanilla.fc41.x86_64"),
    ("fedora", "6.17.4-cachyos1.fc43.x86_64"),
    ("amzn", "6.1.100"),
    ("sles", "6.4.0-custom"),
    ("alpine", "6.6.1"),
    ("arch", "6.12.1-custom"),
    ("gentoo", "6.6.62-gentoo-x86_64"),
]


@pytest.mark.parametrize("system, release", DISTRIBUTION_KERNELS)
def test_a_kernel_of_the_distribution_is_recognized(system, release):
    assert is_distribution_kernel(OperatingSystem(id=system), release) is True


@pytest.mark.parametrize("system, release", CUSTOM_KERNELS)
def test_any_other_kernel_is_a_custom_one(system, release):
    assert is_distribution_kernel(OperatingSystem(id=system), release) is False


@pytest.mark.parametrize("system, release", [("flatcar", "6.12.103-flatcar"), (None, "6.1.0-42-amd64"), ("debian", "")])
def test_without_a_known_form_the_builder_is_unknown(system, release):
    assert is_distribution_kernel(OperatingSystem(id=system), release) is None


def test_every_form_has_an_example():
    used = {system for system, _release in DISTRIBUTION_KERNELS}
    for form in KERNEL_FORMS:
        assert used.intersection(form.systems) or form.systems == ("archarm",), form


@pytest.mark.parametrize(
    "system, release, container, origin",
    [
        ("debian", "6.1.0-42-amd64", None, "distribution"),
        ("debian", "6.1.0-42-custom", None, "custom"),
        ("debian", "6.1.0-42-amd64", "podman", "host"),
        ("debian", "6.6.87.2-microsoft-standard-WSL2", "wsl", "wsl"),
        ("talos", "6.18.45-talos", None, "unknown"),
    ],
)
def test_a_container_does_not_have_the_kernel_of_its_image(system, release, container, origin):
    assert find_origin(OperatingSystem(id=system), release, container) == origin
