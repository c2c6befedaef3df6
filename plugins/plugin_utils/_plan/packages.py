# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages of a distribution that contain what is missing, for the running kernel, and who installs them. Pure.

The rows were read in the packaging of the distributions: redhat/kernel.spec.template and def_variants.yaml.rhel (RHEL,
Fedora), uek-rpm/ol9/modules.yaml.S (Oracle), debian/config and the packages themselves (Debian), debian.master
(Ubuntu), kernel-source (SUSE). Tests compare them with recorded kernels; only Debian's packages were installed on real
machines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Code
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import Assessment
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts, ModuleFacts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.formats import package_block_reason
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.reboot import find_next_kernel, needs_reboot
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import Actor, Step

EL = ("rhel", "rocky", "almalinux", "centos", "ol")
DEBIAN = ("debian",)
UBUNTU = ("ubuntu",)
SUSE = ("sles", "sled", "opensuse-leap", "opensuse-tumbleweed")
ANY = r".*"


@dataclass(frozen=True)
class KernelPackage:
    """A package with modules of a kernel.

    ``systems`` are IDs of os-release(5), ``release`` and ``modules`` regular expressions for the whole release of the
    kernel and the whole name of a module. ``package`` is the name, with {release} for the release. ``reboot`` is
    whether the modules can be used only after a reboot.
    """

    systems: tuple[str, ...]
    release: str
    modules: str
    package: str
    reboot: bool = False


# The first row that matches counts.
KERNEL_PACKAGES = (
    KernelPackage(
        EL, r".*\.el10(?!.*uek).*", r"br_netfilter|ip_set.*|nft_compat|xt_.*", "kernel-modules-extra-{release}"
    ),
    KernelPackage(EL, r".*\.el10(?!.*uek).*", r"bridge|nf_.*|nft_.*|nfnetlink", "kernel-modules-core-{release}"),
    KernelPackage(
        ("ol",),
        r".*\.el(?:8|9|10)uek.*",
        r"ip6?table_.*|ip_set_hash_ip|xt_(?:REDIRECT|connmark|multiport|set|TPROXY|socket|CT)",
        "kernel-uek-modules-extra-netfilter-{release}",
    ),
    KernelPackage(("ol",), r".*\.el(?:8|9|10)uek.*", ANY, "kernel-uek-core-{release}"),
    # The release of RHEL 8's real-time kernel does not end in a variant.
    KernelPackage(EL, r".*\.rt\d+\..*\.el8.*", ANY, "kernel-rt-modules-{release}"),
    KernelPackage(EL, r".*\.el[89](?!uek).*", ANY, "kernel-modules-{release}"),
    KernelPackage(("fedora",), r".*\.fc\d+.*", ANY, "kernel-modules-core-{release}"),
    KernelPackage(UBUNTU, ANY, ANY, "linux-modules-extra-{release}"),
    KernelPackage(DEBIAN, r"[7-9]\..*|\d\d+\..*", ANY, "linux-modules-{release}"),
    KernelPackage(DEBIAN, ANY, ANY, "linux-image-{release}"),
    # kernel-default-base has some of the modules. The two kernels exclude each other, so a reboot is necessary.
    KernelPackage(SUSE, r".*-default", ANY, "kernel-default", reboot=True),
)

# Kernels from other sources, for which these systems have no packages. ELRepo's are kernel-ml or kernel-lt; the release
# does not show which.
FOREIGN_KERNEL = re.compile(r"\.elrepo\.")
# redhat/kernel.spec.template: the name of the package contains the variant, and only uname shows it after the release.
VARIANT = re.compile(r"\+(rt|debug|rt-debug|64k|64k-debug|rt-64k|rt-64k-debug|16k|16k-debug)$")


@dataclass(frozen=True)
class PackageManager:
    """A package manager.

    ``systems`` are IDs of os-release(5). The role runs those that ansible-core supports; the owner runs the others.
    """

    name: str
    systems: tuple[str, ...]
    install_command: tuple[str, ...]
    is_run_by_role: bool = False


PACKAGE_MANAGERS = (
    PackageManager("apt", (*DEBIAN, *UBUNTU), ("apt-get", "install", "--no-install-recommends"), is_run_by_role=True),
    PackageManager(
        "dnf", (*EL, "fedora", "amzn"), ("dnf", "install", "--setopt=install_weak_deps=False"), is_run_by_role=True
    ),
    PackageManager("zypper", SUSE, ("zypper", "install", "--no-recommends")),
    PackageManager("tdnf", ("azurelinux", "mariner"), ("tdnf", "install")),
)

# The packages of tools that do not have the name of the tool: by tool, and by tool and package manager.
TOOL_PACKAGES = {"nft": "nftables", "modprobe": "kmod"}
TOOL_PACKAGES_BY_MANAGER = {("iptables", "dnf"): "iptables-nft"}


@dataclass(frozen=True)
class Package:
    """A package to install, and the missing modules or tools that it contains."""

    name: str
    provides: tuple[str, ...]
    reboot: bool = False


@dataclass(frozen=True)
class PackagePlan:
    """The steps about packages, and the modules and tools that those of the role install."""

    steps: tuple[Step, ...]
    modules: tuple[str, ...]
    tools: tuple[str, ...]


def plan_packages(facts: Facts, assessment: Assessment, consent: Consent) -> PackagePlan:
    """Plan the installation of the modules and tools that the selection needs and that packages contain."""
    modules = _list_installable_modules(facts, assessment)
    tools = _list_missing_tools(facts, assessment)
    manager = find_package_manager(facts)
    if manager is None:
        return PackagePlan((), (), ())
    for_role, for_owner = split_by_actor(find_packages(facts, modules, tools), consent, manager)
    steps = []
    if for_role:
        steps.append(_make_step(facts, manager, for_role, "role"))
    if for_owner:
        steps.append(_make_step(facts, manager, for_owner, "owner"))
    installed = {name for package in for_role for name in package.provides}
    return PackagePlan(
        steps=tuple(steps),
        modules=tuple(name for name in modules if name in installed),
        tools=tuple(name for name in tools if name in installed),
    )


def find_package_manager(facts: Facts) -> PackageManager | None:
    """Return the package manager of this system, or None if it is not known."""
    for manager in PACKAGE_MANAGERS:
        if facts.os.id in manager.systems:
            return manager
    return None


def find_packages(facts: Facts, modules: Iterable[str], tools: Iterable[str]) -> tuple[Package, ...]:
    """Return the packages that contain these modules of the running kernel, and these tools of the host."""
    provides: dict[tuple[str, bool], list[str]] = {}
    for module in modules:
        row = _find_kernel_package(facts, module)
        if row:
            package = _format_name(row.package, facts.kernel.release)
            provides.setdefault((package, row.reboot), []).append(module)
    manager = find_package_manager(facts)
    if manager:
        for tool in tools:
            package = TOOL_PACKAGES_BY_MANAGER.get((tool, manager.name)) or TOOL_PACKAGES.get(tool, tool)
            provides.setdefault((package, False), []).append(tool)
    return tuple(Package(name, tuple(names), reboot) for (name, reboot), names in provides.items())


def split_by_actor(
    packages: Iterable[Package], consent: Consent, manager: PackageManager
) -> tuple[list[Package], list[Package]]:
    """Return the packages that the role installs, and those that the owner installs: all that need a reboot."""
    for_role = []
    for_owner = []
    for package in packages:
        if consent.install_packages and manager.is_run_by_role and not package.reboot:
            for_role.append(package)
        else:
            for_owner.append(package)
    return for_role, for_owner


def strip_variant(release: str) -> str:
    """Return the part of a kernel's release that its packages have in their names."""
    return VARIANT.sub("", release)


def is_installable(module: ModuleFacts) -> bool:
    """Return whether a package may contain a missing module.

    It may if this kernel is configured to have the module, or if the whole module tree is missing.
    """
    codes = {reason.code for reason in module.reasons if reason.axis == "now"}
    return module.state in ("missing", "unknown") and not codes.isdisjoint(
        (Code.NOT_INSTALLED, Code.MODULES_TREE_MISSING)
    )


def _list_installable_modules(facts: Facts, assessment: Assessment) -> tuple[str, ...]:
    following = find_next_kernel(facts)
    names: dict[str, None] = {}
    for row in assessment.requirements:
        if row.kind == "module" and row.now != "present":
            module = facts.modules[row.name]
            if is_installable(module) and not needs_reboot(module, following):
                names[row.name] = None
    return tuple(names)


def _list_missing_tools(facts: Facts, assessment: Assessment) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for row in assessment.requirements:
        if row.kind == "tool" and row.level == "must" and row.now != "present" and facts.tools.get(row.name) is None:
            names[row.name] = None
    return tuple(names)


def _find_kernel_package(facts: Facts, module: str) -> KernelPackage | None:
    release = facts.kernel.release
    # The kernel of a container is that of its host, whichever system the image is.
    if FOREIGN_KERNEL.search(release) or facts.platform.container:
        return None
    for row in KERNEL_PACKAGES:
        if facts.os.id in row.systems and re.fullmatch(row.release, release) and re.fullmatch(row.modules, module):
            return row
    return None


def _format_name(package: str, release: str) -> str:
    """Return the name of a package: kernel-rt-modules-5.14.0-570.el9.x86_64 for 5.14.0-570.el9.x86_64+rt."""
    variant = VARIANT.search(release)
    if variant:
        package = package.replace("kernel-", f"kernel-{variant.group(1)}-", 1)
    return package.format(release=strip_variant(release))


def _make_step(facts: Facts, manager: PackageManager, packages: Sequence[Package], by: Actor) -> Step:
    names = [package.name for package in packages]
    provided = [name for package in packages for name in package.provides]
    args: dict[str, object] = {}
    what = f"install {', '.join(names)}"
    if by == "role":
        args = {"manager": manager.name, "names": names, "release": strip_variant(facts.kernel.release)}
    elif manager.is_run_by_role and not package_block_reason(facts):
        what += ", or set istio_node_install_packages: true"
    return Step(
        "packages",
        what,
        why=f"{', '.join(provided)} {'is' if len(provided) == 1 else 'are'} not installed",
        by=by,
        command=(*manager.install_command, *names),
        reboot=any(package.reboot for package in packages),
        args=args,
    )
