# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The meaning of the reason codes in a node's facts, and what to do about each. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Code

PREPARE = "Load and persist the modules: nodeprep.istio.prepare_istio_nodes"
DECLARE = (
    "Declare the modules in the system's configuration; "
    "the plan of nodeprep.istio.prepare_istio_nodes contains a snippet"
)

# The report's own codes, for modules that have no reason.
NOT_LOADED = "not_loaded"
NOT_PERSISTED = "not_persisted"


@dataclass(frozen=True, slots=True)
class ReasonKind:
    """What all reasons of one code have in common, which makes them one root cause.

    {file} is the file that a reason names, {package} the package with the modules that a distribution does not install
    by default, {system} the operating system. A kind whose text has none of them is one cause for the whole fleet.
    """

    text: str
    remedy: str


# The codes that explain a gap.
REASON_KINDS: Mapping[str, ReasonKind] = {
    Code.BLACKLIST: ReasonKind(
        "{file} blacklists modules", "Remove the lines from {file}, or accept the gap with a waiver"
    ),
    Code.INSTALL_OVERRIDE: ReasonKind(
        "{file} blocks modules with install lines", "Remove the install lines from {file}"
    ),
    Code.MODULE_BLACKLIST: ReasonKind(
        "The kernel command line blocks modules (module_blacklist=)",
        "Remove them from the kernel command line and reboot",
    ),
    Code.MODULES_DISABLED: ReasonKind(
        "kernel.modules_disabled is 1: no module can be loaded until a reboot",
        "Persist the modules, reboot, and set it only afterwards",
    ),
    Code.MODULES_DISABLED_AT_BOOT: ReasonKind(
        "The kernel command line disables module loading at every boot",
        "Remove sysctl.kernel.modules_disabled from it and reboot",
    ),
    Code.IPV6_DISABLED: ReasonKind(
        "IPv6 is off in the kernel, and the kernel then requests no legacy IPv6 table",
        "Boot without ipv6.disable=1, or restrict Istio to IPv4",
    ),
    Code.AUTOLOAD_DISABLED_AT_BOOT: ReasonKind(
        "After a reboot the kernel autoloads nothing (sysctl.d)",
        "Persist the modules: systemd loads listed modules before it reads sysctl.d",
    ),
    Code.KERNEL_MODPROBE: ReasonKind(
        "kernel.modprobe cannot be started: the kernel autoloads nothing, and modules are not loaded", PREPARE
    ),
    Code.KERNEL_MODPROBE_UNKNOWN: ReasonKind(
        "Whether kernel.modprobe autoloads modules cannot be determined, and they are not loaded", PREPARE
    ),
    Code.ALIAS_OVERRIDE: ReasonKind(
        "{file} redirects the names of modules (alias)", "Remove the alias lines from {file}"
    ),
    Code.NO_ALIAS: ReasonKind("The kernel requests modules and does not find them, and they are not loaded", PREPARE),
    Code.INVALID_MODULE_FILE: ReasonKind(
        "Module files are damaged, or were built for another kernel", "Reinstall the kernel's packages"
    ),
    Code.UNSIGNED_MODULE: ReasonKind(
        "The kernel loads signed modules only, and modules are not signed",
        "Sign the modules, or install those of the distribution",
    ),
    Code.CONTAINER: ReasonKind(
        "The node is a container, which uses the kernel of its host", "Audit and prepare the host"
    ),
    Code.PROVIDER_MISSING: ReasonKind(
        "The kernel of {system} has neither the modules nor those that they were merged into",
        "Boot a kernel that has them",
    ),
    Code.MISSING_IN_NEXT_KERNEL: ReasonKind(
        "The kernel that boots next does not load modules that the running kernel has",
        "Install its modules before the reboot, or do not reboot into it",
    ),
    Code.SELINUX: ReasonKind("SELinux does not let containers autoload modules, and they are not loaded", PREPARE),
    Code.SELINUX_UNKNOWN: ReasonKind(
        "Whether SELinux lets containers autoload modules cannot be determined, and they are not loaded", PREPARE
    ),
    Code.NOT_INSTALLED: ReasonKind("{package} not installed", "Install {package} for the running kernel"),
    Code.MODULE_FILE_MISSING: ReasonKind(
        "Module files of the kernel of {system} are missing", "Reinstall the kernel's packages"
    ),
    Code.NOT_IN_TREE: ReasonKind(
        "The kernel of {system} does not have the modules",
        "Boot a kernel that has them, or choose the backend that this one supports",
    ),
    Code.NOT_BUILT: ReasonKind(
        "The kernel of {system} was built without the modules and cannot load any", "Boot a kernel that has them"
    ),
    Code.MODULES_TREE_MISSING: ReasonKind(
        "The module tree of the running kernel is missing: an upgrade removed it, or it is not visible from here",
        "Reboot into the new kernel",
    ),
    Code.INDEX_MISSING: ReasonKind("The kernel's modules have no index (modules.dep)", "Run depmod -a"),
    Code.UNREADABLE: ReasonKind("Not enough could be read on the node", "Audit with become: true, outside a container"),
    Code.TRANSIENT: ReasonKind("Modules were being loaded or unloaded during the audit", "Run the audit again"),
    Code.UNKNOWN_BOOT_ENTRY: ReasonKind(
        "{file} lists names that this kernel no longer has", "Remove the lines from {file}"
    ),
    Code.MALFORMED_BOOT_ENTRY: ReasonKind(
        "{file} has lines that load nothing", "Write one module name per line in {file}, and comments on separate lines"
    ),
    Code.BOOT_FILE_MASKED_BY_DIRECTORY: ReasonKind(
        "A directory has the name of a file that lists modules, and hides it from some releases of systemd",
        "Remove the directory that the reason names",
    ),
    Code.INITRAMFS_ONLY: ReasonKind(
        "The kernel command line lists modules for the initramfs only (rd.modules-load=)", PREPARE
    ),
    Code.SERVICE_MASKED: ReasonKind(
        "systemd-modules-load is masked, and then no boot file is read",
        "Unmask it: systemctl unmask systemd-modules-load",
    ),
    Code.BOOT_FILE_MASKED: ReasonKind("{file} lists modules, and another file of that name replaces it", PREPARE),
    Code.BOOT_FILE_NOT_READ: ReasonKind("{file} lists modules, and systemd does not read it", PREPARE),
    Code.BOOT_FILE_VOLATILE: ReasonKind("{file} lists modules, and a reboot deletes it", PREPARE),
    Code.NO_SYSTEMD: ReasonKind(
        "There is no systemd to read the boot files", "Load the modules at boot with the node's init system"
    ),
    NOT_LOADED: ReasonKind("Modules are installed but not loaded, and the kernel does not autoload them", PREPARE),
    NOT_PERSISTED: ReasonKind("Modules are loaded, but no boot file lists them", PREPARE),
}

# The codes that explain a state and no gap.
EXPLANATIONS: Mapping[str, str] = {
    Code.ALIASED: "The name is an alias of another module, which counts instead",
    Code.MERGED: "The code of the module is in another module of this kernel",
    Code.TAINTED: "The module is loaded, and it is unsigned, forced, or not from the kernel's tree",
    Code.INSTALL_OVERRIDE_UNUSED: "An install override names a built-in module, and has no effect",
    Code.CUSTOM_INSTALL: "A command of the node's owner loads the module",
    Code.DEPENDENCY: "The module is loaded at boot because a listed module needs it",
    Code.NEVER_REQUESTED: "The kernel never requests the module: load it, or load a module that needs it",
}
