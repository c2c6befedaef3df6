# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages of a distribution that contain what is missing, for the running kernel, and who installs them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Code
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import Assessment
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts import packaging
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts, Kernel, ModuleFacts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.packaging import PackageManager
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.write_blocks import package_block_reason
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.reboot import find_next_kernel, needs_reboot
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import Actor, Step


@dataclass(frozen=True)
class Package:
    """A package to install, and the missing modules or tools that it contains.

    ``reinstall`` is whether it is installed, but some of its files are missing. ``updates`` says what brings its
    modules for the next kernel; "" for a tool.
    """

    name: str
    provides: tuple[str, ...]
    reboot: bool = False
    reinstall: bool = False
    updates: str = field(default="", compare=False)


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
    manager = packaging.find_package_manager(facts.os, facts.platform)
    if manager is None:
        return PackagePlan((), (), ())
    for_role, for_owner = split_by_actor(find_packages(facts, modules, tools), consent, manager)
    steps = []
    if for_role:
        steps.append(_make_step(facts, manager, for_role, "role"))
    for reinstall in (False, True):
        packages = [package for package in for_owner if package.reinstall is reinstall]
        if packages:
            steps.append(_make_step(facts, manager, packages, "owner"))
    installed = {name for package in for_role for name in package.provides}
    return PackagePlan(
        steps=tuple(steps),
        modules=tuple(name for name in modules if name in installed),
        tools=tuple(name for name in tools if name in installed),
    )


def find_packages(facts: Facts, modules: Iterable[str], tools: Iterable[str]) -> tuple[Package, ...]:
    """Return the packages that contain these modules of the running kernel, and these tools of the host."""
    manager = packaging.find_package_manager(facts.os, facts.platform)
    if manager is None:
        return ()
    packages: dict[str, Package] = {}
    provides: dict[str, list[str]] = {}
    for module in modules:
        package = _find_kernel_package(facts, manager, module)
        if package:
            packages.setdefault(package.name, package)
            provides.setdefault(package.name, []).append(module)
    for tool in tools:
        name = packaging.find_tool_package(facts.os, manager, tool)
        if name:
            packages.setdefault(name, Package(name, (), reboot=manager.reboot))
            provides.setdefault(name, []).append(tool)
    return tuple(
        Package(name, tuple(provides[name]), package.reboot, package.reinstall, package.updates)
        for name, package in packages.items()
    )


def split_by_actor(
    packages: Iterable[Package], consent: Consent, manager: PackageManager
) -> tuple[list[Package], list[Package]]:
    """Return the packages that the role installs, and those that the owner installs.

    The owner installs all that need a reboot, and those that lost files: only the owner knows why.
    """
    for_role = []
    for_owner = []
    for package in packages:
        if consent.install_packages and manager.is_run_by_role and _is_for_role(package):
            for_role.append(package)
        else:
            for_owner.append(package)
    return for_role, for_owner


def _is_for_role(package: Package) -> bool:
    return not package.reboot and not package.reinstall


def is_installable(module: ModuleFacts) -> bool:
    """Return whether a package may contain a missing module.

    It may if this kernel is configured to have the module, or if the whole module tree is missing.
    """
    codes = {reason.code for reason in module.reasons if reason.axis == "now"}
    return module.state in ("missing", "unknown") and not codes.isdisjoint(
        (Code.NOT_INSTALLED, Code.MODULES_TREE_MISSING)
    )


def has_package(facts: Facts, name: str) -> bool:
    """Return whether a package is known that contains this module of the running kernel."""
    manager = packaging.find_package_manager(facts.os, facts.platform)
    return manager is not None and _find_kernel_package(facts, manager, name) is not None


def _list_installable_modules(facts: Facts, assessment: Assessment) -> tuple[str, ...]:
    if _was_replaced(facts.kernel):
        return ()
    following = find_next_kernel(facts)
    names: dict[str, None] = {}
    for row in assessment.requirements:
        if row.kind == "module" and row.now != "present":
            module = facts.modules[row.name]
            if is_installable(module) and not needs_reboot(module, following):
                names[row.name] = None
    return tuple(names)


def _was_replaced(kernel: Kernel) -> bool:
    """Return whether the tree of the running kernel is missing while another kernel is installed.

    Such a tree was removed by an upgrade, together with its package, which archives then often no longer have.
    """
    following = kernel.next_boot
    if kernel.module_tree_present is not False or following is None:
        return False
    return following.release not in ("", kernel.release)


def _list_missing_tools(facts: Facts, assessment: Assessment) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for row in assessment.requirements:
        if row.kind == "tool" and row.level == "must" and row.now != "present" and facts.tools.get(row.name) is None:
            names[row.name] = None
    return tuple(names)


def _find_kernel_package(facts: Facts, manager: PackageManager, module: str) -> Package | None:
    release = facts.kernel.release
    row = packaging.find_kernel_package(facts.os, facts.platform, release, module)
    if row is None:
        return None
    reinstall = manager.reinstall is not None and packaging.is_installed(row, facts.modules.items())
    return Package(
        packaging.format_package(row, release),
        (module,),
        reboot=row.reboot or manager.reboot,
        reinstall=reinstall,
        updates=packaging.describe_updates(row, release),
    )


def _make_step(facts: Facts, manager: PackageManager, packages: Sequence[Package], by: Actor) -> Step:
    names = [package.name for package in packages]
    args: dict[str, object] = {}
    reinstall = packages[0].reinstall
    what = f"{'reinstall' if reinstall else 'install'} {', '.join(names)}"
    if by == "role":
        args = {
            "manager": manager.name,
            "names": names,
            "release": packaging.strip_variant(facts.kernel.release),
        }
    elif manager.is_run_by_role and not package_block_reason(facts) and any(_is_for_role(one) for one in packages):
        what += ", or set istio_node_install_packages: true"
    command = manager.reinstall if reinstall and manager.reinstall else manager.install
    return Step(
        "packages",
        what,
        why=_explain(packages),
        by=by,
        command=(*command, *names),
        reboot=any(package.reboot for package in packages),
        args=args,
    )


def _explain(packages: Sequence[Package]) -> str:
    """Return what is missing, and what keeps it when the kernel is updated."""
    provided = [name for package in packages for name in package.provides]
    verb = "is" if len(provided) == 1 else "are"
    text = f"{', '.join(provided)} {verb} not installed"
    if packages[0].reinstall:
        text = f"{', '.join(provided)} {verb} missing, and other files of the same package are there"
    updates = [package.updates for package in packages if package.updates]
    return "; ".join([text, *updates])
