# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Package managers, and the packages that contain kernel modules and tools. Pure.

The rows were read in the packaging of the distributions:

- RHEL, Fedora: redhat/kernel.spec.template, def_variants.yaml.rhel (RHEL 10), filter-modules.sh.rhel (before RHEL 10:
  it takes nothing of netfilter out of kernel-core, whose modules are in kernel-modules-core since RHEL 9.2)
- Oracle: uek-rpm/ol*/core-x86_64.list (UEK7), uek-rpm/ol9/modules.yaml.S (UEK8), kernel-uek.spec (up to UEK6: one
  package)
- Debian: debian/config and the packages themselves; Raspberry Pi OS: RPi-Distro/linux-packaging and firmware
- Ubuntu: debian.master/control.d/generic.inclusion-list of the source package linux: linux-modules has all of
  net/netfilter, net/ipv4, net/ipv6 and net/bridge
- SUSE: kernel-source and kernel-default-base; SLES 16.2 without iptables: https://github.com/SUSE/release-notes/issues/162
- Photon: SPECS/linux/linux-esx.spec, linux-rt.spec and linux-secure.spec
- Azure Linux: SPECS/kernel and SPECS/kernel-hwe
- Amazon Linux: the packages in the release notes of AL2 and AL2023, which has kernel6.12 beside kernel
- Alpine: main/linux-lts/APKBUILD, one package for each flavour; Arch: PKGBUILD of linux-lts, whose _package() installs
  all modules; Void: srcpkgs/linux6.6/template, one package for each series

Tests compare them with recorded kernels; only Debian's packages were installed on real machines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.kernel_origin import (
    AZURE,
    DEBIAN,
    EL,
    SUSE,
    SUSE_TRANSACTIONAL,
    UBUNTU,
    VARIANTS,
    find_origin,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import (
    ModuleFacts,
    OperatingSystem,
    Platform,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._values import is_at_least

ANY = r".*"


@dataclass(frozen=True, slots=True)
class PackageManager:
    """A package manager.

    ``systems`` are IDs of os-release(5), ``version`` is a regular expression for the start of VERSION_ID.
    ``install`` and ``reinstall`` are the commands; None if the manager cannot reinstall. The role runs those managers
    that ansible-core supports; the owner runs the others. ``reboot`` is whether an installation takes effect with a
    reboot only.
    """

    name: str
    systems: tuple[str, ...]
    install: tuple[str, ...]
    reinstall: tuple[str, ...] | None = None
    version: str = ""
    is_run_by_role: bool = False
    reboot: bool = False


# transactional-update(8): the next snapshot has the package.
TRANSACTIONAL = PackageManager(
    "transactional-update",
    SUSE_TRANSACTIONAL,
    ("transactional-update", "pkg", "install"),
    ("transactional-update", "pkg", "install", "--force"),
    reboot=True,
)
# rpm-ostree(1): the next deployment has the package.
RPM_OSTREE = PackageManager("rpm-ostree", (), ("rpm-ostree", "install"), reboot=True)

# The first row that matches counts.
PACKAGE_MANAGERS = (
    PackageManager(
        "apt",
        (*DEBIAN, *UBUNTU),
        ("apt-get", "install", "--no-install-recommends"),
        ("apt-get", "install", "--reinstall", "--no-install-recommends"),
        is_run_by_role=True,
    ),
    # Without dnf: Enterprise Linux 7 and Amazon Linux 2.
    PackageManager("yum", EL, ("yum", "install"), ("yum", "reinstall"), version=r"7\b"),
    PackageManager("yum", ("amzn",), ("yum", "install"), ("yum", "reinstall"), version=r"2\b"),
    PackageManager(
        "dnf",
        (*EL, "fedora", "amzn"),
        ("dnf", "install", "--setopt=install_weak_deps=False"),
        ("dnf", "reinstall"),
        is_run_by_role=True,
    ),
    TRANSACTIONAL,
    PackageManager(
        "zypper", SUSE, ("zypper", "install", "--no-recommends"), ("zypper", "install", "--force", "--no-recommends")
    ),
    PackageManager("tdnf", (*AZURE, "photon"), ("tdnf", "install"), ("tdnf", "reinstall")),
    PackageManager("apk", ("alpine",), ("apk", "add"), ("apk", "fix", "--reinstall")),
    PackageManager("pacman", ("arch", "archarm", "manjaro"), ("pacman", "-S", "--needed"), ("pacman", "-S")),
    PackageManager("xbps", ("void",), ("xbps-install",), ("xbps-install", "--force")),
    PackageManager("emerge", ("gentoo",), ("emerge", "--noreplace"), ("emerge", "--oneshot")),
)

# How a tool gets onto a system whose packages are declared, by ID of os-release(5); {tool} is the tool's package.
DECLARED_TOOLS = {
    "nixos": "declare pkgs.{package} in environment.systemPackages of the system's configuration",
}

# The packages of tools that do not have the name of the tool: by tool, and by tool and package manager.
TOOL_PACKAGES = {"nft": "nftables", "modprobe": "kmod"}
TOOL_PACKAGES_BY_MANAGER = {
    ("iptables", "dnf"): "iptables-nft",
    ("iptables", "rpm-ostree"): "iptables-nft",
    ("iptables", "emerge"): "net-firewall/iptables",
    ("ipset", "emerge"): "net-firewall/ipset",
    ("nft", "emerge"): "net-firewall/nftables",
    ("modprobe", "emerge"): "sys-apps/kmod",
}
# The tools that a system dropped: ID of os-release(5), the first version without them, the tools.
DROPPED_TOOLS = (("sles", "16.2", ("iptables",)),)


@dataclass(frozen=True, slots=True)
class KernelPackage:
    """A package with modules of a kernel that the distribution built.

    ``systems`` are IDs of os-release(5), ``release`` and ``modules`` regular expressions for the whole release of the
    kernel and the whole name of a module. ``package`` is the name, with {release} for the release, {series} for its
    first two numbers, and {flavour} for what follows its last number. ``reboot`` is whether the modules can be used
    only after a reboot. ``meta`` is the package, in the same form, that requires the modules of each new kernel; ""
    if each new kernel requires its own. ``is_separate`` is whether no other package requires this one.
    """

    systems: tuple[str, ...]
    release: str
    modules: str
    package: str
    reboot: bool = False
    meta: str = ""
    is_separate: bool = False


_NETFILTER_EXTRA = r"br_netfilter|ip_set.*|nft_compat|xt_.*"
_UEK8 = r"6\.(?:1[2-9]|[2-9]\d)\..*uek\.[^.+]+"
_UEK8_EXTRA = r"ip6?table_.*|ip_set_hash_ip|xt_(?:REDIRECT|connmark|multiport|set|TPROXY|socket|CT)"

# The first row that matches counts.
KERNEL_PACKAGES = (
    KernelPackage(("ol",), _UEK8, _UEK8_EXTRA, "kernel-uek-modules-extra-netfilter-{release}", is_separate=True),
    KernelPackage(("ol",), _UEK8, ANY, "kernel-uek-modules-core-{release}"),
    KernelPackage(("ol",), r"5\.15\..*uek\.[^.+]+", ANY, "kernel-uek-core-{release}"),
    KernelPackage(("ol",), r"(?:[34]\.\d+|5\.4)\..*uek\.[^.+]+", ANY, "kernel-uek-{release}"),
    KernelPackage(EL, r".*\.el10(?!uek).*", _NETFILTER_EXTRA, "kernel-modules-extra-{release}", is_separate=True),
    KernelPackage(EL, r".*\.el10(?!uek).*", ANY, "kernel-modules-core-{release}"),
    # The first kernel of RHEL 9.2 is 5.14.0-284.
    KernelPackage(EL, r"5\.14\.0-(?:\d{1,2}|1\d\d|2[0-7]\d)\..*el9(?!uek).*", ANY, "kernel-core-{release}"),
    KernelPackage(EL, r".*\.el9(?!uek).*", ANY, "kernel-modules-core-{release}"),
    # The release of RHEL 8's real-time kernel does not end in a variant.
    KernelPackage(EL, r".*\.rt\d+\..*\.el8.*", ANY, "kernel-rt-core-{release}"),
    KernelPackage(EL, r".*\.el8(?!uek).*", ANY, "kernel-core-{release}"),
    KernelPackage(EL, r"(?!.*\.rt\d).*\.el7(?!uek).*", ANY, "kernel-{release}"),
    KernelPackage(("fedora",), ANY, ANY, "kernel-modules-core-{release}"),
    # Kernels after 6.1 have packages with the series in their names.
    KernelPackage(("amzn",), r"(?:[345]\.\d+|6\.1)\..*", ANY, "kernel-{release}"),
    KernelPackage(("amzn",), ANY, ANY, "kernel{series}-{release}"),
    KernelPackage(UBUNTU, ANY, ANY, "linux-modules-{release}", meta="linux-image-{flavour}"),
    # One package has the kernels of all boards, and only the newest ones.
    KernelPackage(DEBIAN, r".*\+", ANY, "raspberrypi-kernel", reboot=True),
    KernelPackage(DEBIAN, r".*-rpi-.*", ANY, "linux-image-{release}", meta="linux-image-{flavour}"),
    KernelPackage(DEBIAN, r"(?:[7-9]|\d\d+)\..*", ANY, "linux-modules-{release}", meta="linux-image-{flavour}"),
    KernelPackage(DEBIAN, ANY, ANY, "linux-image-{release}", meta="linux-image-{flavour}"),
    # kernel-default-base has some of the modules. The two kernels exclude each other, so a reboot is necessary.
    KernelPackage(SUSE, ANY, ANY, "kernel-{flavour}", reboot=True),
    # tdnf, apk, pacman and xbps install the newest release of a kernel.
    KernelPackage(("photon",), r".*\.ph\d+-[a-z]+", ANY, "linux-{flavour}", reboot=True),
    KernelPackage(("photon",), ANY, ANY, "linux", reboot=True),
    KernelPackage(("azurelinux",), r"6\.12\..*", ANY, "kernel-hwe-{release}"),
    KernelPackage(AZURE, ANY, ANY, "kernel-{release}"),
    KernelPackage(("alpine",), ANY, ANY, "linux-{flavour}", reboot=True),
    KernelPackage(("arch",), r".*-(?:lts|zen|hardened|rt|rt-lts)", ANY, "linux-{flavour}", reboot=True),
    KernelPackage(("arch",), ANY, ANY, "linux", reboot=True),
    KernelPackage(("void",), ANY, ANY, "linux{series}", reboot=True),
)
_VARIANT = re.compile(rf"\+({VARIANTS})$")
# The numbers before the flavour: 6.1.0-0.deb11.21-cloud-amd64, 6.1.0-rpi7-rpi-v8.
_FLAVOUR = re.compile(r"[^-]*(?:-(?:\d[^-]*|rpi\d+))*-(.+)")
_MODULE_TREE_FILE = "/kernel/"


def find_package_manager(os: OperatingSystem, platform: Platform) -> PackageManager | None:
    """Return the package manager of this system, or None if there is none, or none is known."""
    if platform.managed_by == "transactional-update":
        return TRANSACTIONAL
    if platform.managed_by == "ostree":
        # On RHEL CoreOS the cluster manages the packages.
        return RPM_OSTREE if os.id == "fedora" else None
    if platform.managed_by is not None:
        return None
    for manager in PACKAGE_MANAGERS:
        if os.id in manager.systems and re.match(manager.version, os.version or ""):
            return manager
    return None


def find_tool_package(os: OperatingSystem, manager: PackageManager, tool: str) -> str | None:
    """Return the package that contains a tool, or None if this system has no package of it."""
    if is_dropped(os, tool):
        return None
    return TOOL_PACKAGES_BY_MANAGER.get((tool, manager.name)) or TOOL_PACKAGES.get(tool, tool)


def is_dropped(os: OperatingSystem, tool: str) -> bool:
    """Return whether this version of the system no longer has a package of a tool."""
    for system, version, tools in DROPPED_TOOLS:
        if os.id == system and tool in tools and os.version and is_at_least(os.version, version):
            return True
    return False


def describe_tool_remedy(os: OperatingSystem, platform: Platform, tool: str, minimum: str | None = None) -> str | None:
    """Return how the owner gets a tool onto this system, or None if no way is known.

    :param minimum: the oldest version that is enough, or None.
    """
    wanted = f"{tool} {minimum} or newer" if minimum else tool
    if platform.managed_by is None and os.id in DECLARED_TOOLS:
        return DECLARED_TOOLS[os.id].format(package=TOOL_PACKAGES.get(tool, tool))
    manager = find_package_manager(os, platform)
    if manager is None or find_tool_package(os, manager, tool) is None:
        return None
    return f"install {wanted}"


def find_kernel_package(os: OperatingSystem, platform: Platform, release: str, module: str) -> KernelPackage | None:
    """Return the package that contains this module of the running kernel.

    None if the distribution did not build this kernel, if the system has no package manager, or if no package is known.
    """
    manager = find_package_manager(os, platform)
    if manager is None or find_origin(os, release, platform.container) != "distribution":
        return None
    for row in KERNEL_PACKAGES:
        if os.id in row.systems and re.fullmatch(row.release, release) and re.fullmatch(row.modules, module):
            return row
    return None


def format_package(row: KernelPackage, release: str) -> str:
    """Return the name of a package: kernel-rt-modules-5.14.0-570.el9.x86_64 for 5.14.0-570.el9.x86_64+rt."""
    name = row.package
    variant = _VARIANT.search(release)
    if variant:
        name = name.replace("kernel-", f"kernel-{variant.group(1)}-", 1)
    return _fill(name, release)


def _fill(name: str, release: str) -> str:
    flavour = _FLAVOUR.fullmatch(release)
    return name.format(
        release=strip_variant(release),
        series=".".join(release.split(".")[:2]),
        flavour=flavour.group(1) if flavour else "",
    )


def describe_updates(row: KernelPackage, release: str) -> str:
    """Return whether the package follows the next update of the kernel, and what keeps the modules then."""
    name = format_package(row, release)
    if "{release}" not in row.package:
        return f"{name} follows updates of the kernel"
    only = f"{name} is for this kernel only"
    if row.is_separate:
        generic = format_generic_package(row, release)
        how = f"'dnf upgrade' installs {generic} with it, 'dnf upgrade kernel' does not"
        return f"{only}, a new kernel needs its own: {how}"
    if row.meta:
        return f"{only}, the meta package {_fill(row.meta, release)} installs that of a new kernel"
    return f"{only}, a new kernel requires its own"


def format_generic_package(row: KernelPackage, release: str) -> str:
    """Return the name of a package without the release: it is the same for many nodes."""
    pinned = f"-{strip_variant(release)}"
    name = format_package(row, release)
    if not name.endswith(pinned):
        return name
    # dpkg has no package of the name without the release.
    return name.removesuffix(pinned) + ("-$(uname -r)" if row.meta else "")


def strip_variant(release: str) -> str:
    """Return the part of a kernel's release that its packages have in their names."""
    return _VARIANT.sub("", release)


def is_installed(row: KernelPackage, modules: Iterable[tuple[str, ModuleFacts]]) -> bool:
    """Return whether the package is installed, because the node has another module of it.

    :param modules: names and facts of the modules of the node.
    """
    for name, module in modules:
        has_file = module.state in ("loaded", "loadable", "blocked") and _MODULE_TREE_FILE in (module.origin or "")
        if has_file and re.fullmatch(row.modules, name):
            return True
    return False
