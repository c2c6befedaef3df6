# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the distribution built the running kernel. Pure.

The release of a kernel shows it, because each distribution has its own form. Sources of the forms: debian/changelog
and debian/bin/gencontrol.py of Debian's package linux (ABI names up to 6.1, the suffix +debN since 6.12),
debian.master/changelog and debian/rules.d/0-common-vars.mk of Ubuntu's linux, redhat/kernel.spec.template (RHEL,
Fedora, CentOS Stream), uek-rpm/ol*/kernel-uek.spec (Oracle), rpm/mkspec of SUSE's kernel-source, uname_r in
SPECS/linux/linux*.spec of Photon and in SPECS/kernel-hwe of Azure Linux, _prepareconfig() of main/linux-lts/APKBUILD
(Alpine), prepare() in the PKGBUILD of Arch's linux-lts, _kernver in Void's srcpkgs/linux6.6/template,
eclass/kernel-build.eclass of Gentoo, the release notes of Amazon Linux, and RPi-Distro/linux-packaging (Raspberry Pi
OS).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import OperatingSystem

# "host" is the kernel of a container, "wsl" that of the Windows Subsystem for Linux.
Origin = Literal["distribution", "custom", "host", "wsl", "unknown"]

# IDs of os-release(5).
EL = ("rhel", "rocky", "almalinux", "centos", "ol")
DEBIAN = ("debian", "raspbian")
UBUNTU = ("ubuntu",)
SUSE_TRANSACTIONAL = ("sl-micro", "sle-micro", "opensuse-microos", "opensuse-leap-micro", "opensuse-aeon")
SUSE = ("sles", "sled", "opensuse-leap", "opensuse-tumbleweed", "opensuse-slowroll", *SUSE_TRANSACTIONAL)
AZURE = ("azurelinux", "mariner")

# redhat/kernel.spec.template: only uname shows the variant after the release. It is part of the names of the packages.
VARIANTS = "rt|debug|rt-debug|64k|64k-debug|rt-64k|rt-64k-debug|16k|16k-debug"
_RPM_ARCH = r"\.(?:x86_64(?:_v2)?|aarch64|ppc64le|s390x|i[3-6]86|riscv64)"
_DEBIAN_FLAVOUR = (
    r"(?:cloud-|rt-)?(?:amd64|arm64(?:-16k)?|686(?:-pae)?|armmp(?:-lpae)?|marvell|rpi"
    r"|powerpc64le(?:-64k)?|s390x|riscv64|loong64)"
)
# The flavours of Ubuntu's source packages linux and linux-FLAVOUR.
_UBUNTU_FLAVOUR = (
    r"(?:generic|lowlatency|aws|azure|gcp|gke|gkeop|oracle|ibm|kvm|virtual|raspi2?|oem|nvidia|nvidia-lowlatency|nvidia-tegra(?:-igx)?"
    r"|bluefield|fips|realtime|raspi-realtime|intel|intel-iotg|intel-iot-realtime|iot|xilinx-zynqmp|laptop|starfive"
    r"|allwinner|snapdragon)(?:-(?:64k|lpae|fips|fde|cvm|rt|hwe))*"
)


@dataclass(frozen=True, slots=True)
class KernelForm:
    """The form of the releases that a distribution's kernels have.

    ``systems`` are IDs of os-release(5), ``release`` is a regular expression for a whole release.
    """

    systems: tuple[str, ...]
    release: str


KERNEL_FORMS = (
    # 6.1.0-42-amd64, 6.1.0-0.deb11.21-amd64, 6.12.57+deb13-cloud-amd64, 6.10.3-amd64
    KernelForm(DEBIAN, rf"\d+\.\d+\.0-(?:0\.(?:bpo|deb\d+)\.)?\d+-{_DEBIAN_FLAVOUR}"),
    KernelForm(DEBIAN, rf"\d+\.\d+(?:\.\d+|[-~]rc\d+)?(?:\+(?:bpo|deb\d+)(?:[.+u]?\d+)*)?-{_DEBIAN_FLAVOUR}"),
    # Raspberry Pi OS, whose 64-bit system has the ID debian: 6.6.31+rpt-rpi-v8, 6.1.0-rpi7-rpi-v8, 5.10.63-v8+
    KernelForm(DEBIAN, r"\d+\.\d+\.\d+(?:\+rpt|-rpi\d+)-rpi-\w+"),
    KernelForm(DEBIAN, r"\d+\.\d+\.\d+-v(?:6|7l?|8)(?:-16k)?\+"),
    KernelForm(("raspbian",), r"\d+\.\d+\.\d+\+"),
    # 6.8.0-45-generic, 5.15.0-1034-aws. Ubuntu's builds of mainline kernels (6.8.0-060800-generic) have no repository.
    KernelForm(UBUNTU, rf"\d+\.\d+\.0-[1-9]\d{{0,4}}-{_UBUNTU_FLAVOUR}"),
    # 6.8.1-1012-realtime
    KernelForm(UBUNTU, r"\d+\.\d+\.1-[1-9]\d{0,4}-realtime"),
    # 5.14.0-427.13.1.el9_4.x86_64, 4.18.0-553.rt7.342.el8_10.x86_64, 6.12.0-124.el10_1.aarch64+64k
    KernelForm(
        EL, rf"\d+\.\d+\.\d+-[\d.]+(?:rt[\d.]+)?\.?el\d+(?:_\d+)?(?:\.cloud)?[\d.]*{_RPM_ARCH}(?:\+(?:{VARIANTS}))?"
    ),
    # 5.15.0-304.171.4.el8uek.x86_64
    KernelForm(("ol",), rf"\d+\.\d+\.\d+-[\d.]+\.el\d+uek{_RPM_ARCH}(?:[.+][\w-]+)?"),
    KernelForm(("fedora",), rf"\d+\.\d+\.\d+-[\d.]+(?:rc\d+[\w.]*)?\.fc\d+{_RPM_ARCH}(?:\+(?:{VARIANTS}))?"),
    # 5.10.228-219.884.amzn2.x86_64, 6.12.40-64.114.amzn2023.aarch64
    KernelForm(("amzn",), rf"\d+\.\d+\.\d+-[\d.]+\.amzn(?:2|2023){_RPM_ARCH}"),
    # 6.4.0-150600.23.25-default, 6.6.6-1-default
    KernelForm(
        SUSE,
        r"\d+\.\d+\.\d+(?:-rc\d+)?-[\d.]+(?:\.g[0-9a-f]{7,})?-(?:default|rt|azure|64kb|longterm|pae|lpae|kvmsmall)",
    ),
    # 6.1.60-4.ph5-esx
    KernelForm(("photon",), r"\d+\.\d+\.\d+(?:\.\d+)?-[\w.]+\.ph\d+(?:-(?:esx|aws|rt|secure))?"),
    # 6.6.134.1-1.azl3, 5.15.186.1-1.cm2
    KernelForm(AZURE, r"\d+\.\d+\.\d+(?:\.\d+)?-\d+\.(?:azl\d+|cm\d+)"),
    # 6.6.1-0-lts
    KernelForm(("alpine",), r"\d+\.\d+\.\d+-\d+-(?:lts|virt|rpi|rpi2|rpi4|edge|stable|openpax|asahi|elm|gru)"),
    # 6.12.1-arch1-1, 6.6.63-1-lts, 6.12.1-zen1-1-zen
    KernelForm(
        ("arch",),
        r"\d+\.\d+(?:\.\d+)?(?:[.-](?:arch|hardened|zen|realtime|rt)[\d.]+)?-\d+(?:-(?:lts|zen|hardened|rt|rt-lts))?",
    ),
    KernelForm(("archarm",), r"\d+\.\d+\.\d+-\d+(?:-(?:ARCH|aarch64-ARCH|rpi-\w+|rpi))"),
    # 6.6.62_1
    KernelForm(("void",), r"\d+\.\d+\.\d+_\d+"),
    # 6.6.62-gentoo-dist; kernels that the owner configures have other names.
    KernelForm(("gentoo",), r"\d+\.\d+\.\d+(?:-r\d+)?-gentoo(?:-r\d+)?-dist(?:-hardened)?"),
)


def is_distribution_kernel(os: OperatingSystem, release: str) -> bool | None:
    """Return whether the distribution built the kernel with this release; None if its forms are not known.

    :param release: the running kernel's release, as uname prints it.
    """
    forms = [form for form in KERNEL_FORMS if os.id in form.systems]
    if not forms or not release:
        return None
    return any(re.fullmatch(form.release, release) for form in forms)


def find_origin(os: OperatingSystem, release: str, container: str | None) -> Origin:
    """Return where the kernel of a node comes from.

    :param container: the kind of container that the node is, or None. Its kernel is not that of its image.
    """
    if container is not None:
        return "wsl" if container == "wsl" else "host"
    is_own = is_distribution_kernel(os, release)
    if is_own is None:
        return "unknown"
    return "distribution" if is_own else "custom"
