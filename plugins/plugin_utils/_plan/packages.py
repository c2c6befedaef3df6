# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which package of a distribution has what is missing, always the one of the running kernel. Pure.

The rows were read in the distributions' own packaging: redhat/kernel.spec.template and def_variants.yaml.rhel (RHEL, Fedora),
uek-rpm/ol9/modules.yaml.S (Oracle), debian/config and the packages themselves (Debian), debian.master (Ubuntu), SUSE's
kernel-source. ``tried`` tells which of them the lab installed for real; the others are held to recorded kernels alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

EL = ("rhel", "rocky", "almalinux", "centos", "ol")
DEBIAN = ("debian",)
UBUNTU = ("ubuntu",)
SUSE = ("sles", "sled", "opensuse-leap", "opensuse-tumbleweed")
ANYTHING = r".*"


@dataclass(frozen=True)
class Row:
    """Where modules come from: C(systems) by ID of os-release, C(release) and C(modules) as regular expressions of the whole text."""

    systems: tuple[str, ...]
    release: str
    modules: str
    package: str
    reboot: bool = False
    tried: bool = False


KERNEL_PACKAGES = (
    Row(EL, r".*\.el10(?!.*uek).*", r"br_netfilter|ip_set.*|nft_compat|xt_.*", "kernel-modules-extra-{release}"),
    Row(EL, r".*\.el10(?!.*uek).*", r"bridge|nf_.*|nft_.*|nfnetlink", "kernel-modules-core-{release}"),
    Row(
        ("ol",),
        r".*\.el(?:8|9|10)uek.*",
        r"ip6?table_.*|ip_set_hash_ip|xt_(?:REDIRECT|connmark|multiport|set|TPROXY|socket|CT)",
        "kernel-uek-modules-extra-netfilter-{release}",
    ),
    Row(("ol",), r".*\.el(?:8|9|10)uek.*", ANYTHING, "kernel-uek-core-{release}"),
    # RHEL 8's real-time kernel has no variant in its release's name.
    Row(EL, r".*\.rt\d+\..*\.el8.*", ANYTHING, "kernel-rt-modules-{release}"),
    Row(EL, r".*\.el[89](?!uek).*", ANYTHING, "kernel-modules-{release}"),
    Row(("fedora",), r".*\.fc\d+.*", ANYTHING, "kernel-modules-core-{release}"),
    Row(UBUNTU, ANYTHING, ANYTHING, "linux-modules-extra-{release}"),
    Row(DEBIAN, r"[7-9]\..*|\d\d+\..*", ANYTHING, "linux-modules-{release}", tried=True),
    Row(DEBIAN, ANYTHING, ANYTHING, "linux-image-{release}"),
    # kernel-default-base has a part of the modules; the two kernels exclude each other, so that a reboot is part of it.
    Row(SUSE, r".*-default", ANYTHING, "kernel-default", reboot=True),
)

# Kernels of others, whose packages these systems' kernels do not have: ELRepo's are kernel-ml or kernel-lt, and the release does not say which.
FOREIGN = re.compile(r"\.elrepo\.")
# redhat/kernel.spec.template: the variant is in the package's name, and only uname has it after the release.
VARIANT = re.compile(r"\+(rt|debug|rt-debug|64k|64k-debug|rt-64k|rt-64k-debug|16k|16k-debug)$")

# A tool's package, where its name is not the tool's own.
TOOL_PACKAGES = {"nft": "nftables", "modprobe": "kmod"}
IPTABLES_OF_EL = "iptables-nft"

# What installs: the collection runs those of ansible-core; the others are named for the owner to run.
MANAGERS = {
    "apt": (*DEBIAN, *UBUNTU),
    "dnf": (*EL, "fedora", "amzn"),
    "zypper": SUSE,
    "tdnf": ("azurelinux", "mariner"),
}
INSTALLS = {
    "apt": ("apt-get", "install", "--no-install-recommends"),
    "dnf": ("dnf", "install", "--setopt=install_weak_deps=False"),
    "zypper": ("zypper", "install", "--no-recommends"),
    "tdnf": ("tdnf", "install"),
}
RUN_BY_ROLE = ("apt", "dnf")


@dataclass(frozen=True)
class Package:
    """A package to install, and the modules or tools that it brings."""

    name: str
    provides: tuple[str, ...]
    reboot: bool = False


def manager(facts: Mapping[str, Any]) -> str | None:
    """Return the package manager of this system, or None where it is not known."""
    system = facts["os"].get("id")
    return next((name for name, systems in MANAGERS.items() if system in systems), None)


def module_package(facts: Mapping[str, Any], module: str) -> Row | None:
    """Return the row of the package that has a module for the running kernel, or None where none is known."""
    release = str(facts["kernel"]["release"])
    # In a container the kernel is the host's, whatever system the image is of.
    if FOREIGN.search(release) or (facts.get("platform") or {}).get("container"):
        return None
    for row in KERNEL_PACKAGES:
        if (
            facts["os"].get("id") in row.systems
            and re.fullmatch(row.release, release)
            and re.fullmatch(row.modules, module)
        ):
            return row
    return None


def needed(facts: Mapping[str, Any], modules: Iterable[str], tools: Iterable[str]) -> tuple[Package, ...]:
    """Return the packages that bring these modules, which the running kernel lacks, and these tools of the host."""
    provides: dict[tuple[str, bool], list[str]] = {}
    for module in modules:
        row = module_package(facts, module)
        if row:
            provides.setdefault((_named(row.package, str(facts["kernel"]["release"])), row.reboot), []).append(module)
    if manager(facts):
        for tool in tools:
            provides.setdefault((_tool_package(facts, tool), False), []).append(tool)
    return tuple(Package(name, tuple(names), reboot) for (name, reboot), names in provides.items())


def _named(package: str, release: str) -> str:
    """Return the package's name for a kernel: kernel-rt-modules-5.14.0-570.el9.x86_64 for the release 5.14.0-570.el9.x86_64+rt."""
    variant = VARIANT.search(release)
    if variant:
        package = package.replace("kernel-", f"kernel-{variant.group(1)}-", 1)
    return package.format(release=packaged(release))


def packaged(release: str) -> str:
    """Return the part of a kernel's release that its packages have in their names."""
    return VARIANT.sub("", release)


def is_curable(entry: Mapping[str, Any]) -> bool:
    """Whether a package could bring a module: this kernel is configured to have it, or nothing of its tree is there to tell."""
    codes = {reason["code"] for reason in entry["reasons"] if reason["axis"] == "now"}
    return entry["state"] in ("missing", "unknown") and bool(codes & {"not_installed", "modules_tree_missing"})


def _tool_package(facts: Mapping[str, Any], tool: str) -> str:
    if tool == "iptables" and facts["os"].get("id") in MANAGERS["dnf"]:
        return IPTABLES_OF_EL
    return TOOL_PACKAGES.get(tool, tool)
