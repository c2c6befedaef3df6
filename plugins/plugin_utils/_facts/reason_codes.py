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
        "Persist the modules and reboot; set kernel.modules_disabled only after they are loaded",
    ),
    Code.MODULES_DISABLED_AT_BOOT: ReasonKind(
        "The kernel command line disables module loading at every boot",
        "Remove sysctl.kernel.modules_disabled from the kernel command line and reboot",
    ),
    Code.IPV6_DISABLED: ReasonKind(
        "IPv6 is off in the kernel, so the kernel never requests the legacy IPv6 tables",
        "Boot without ipv6.disable=1, or restrict Istio to IPv4",
    ),
    Code.AUTOLOAD_DISABLED_AT_BOOT: ReasonKind(
        "After a reboot the kernel does not autoload modules, because of a line in sysctl.d",
        "Persist the modules: systemd loads listed modules before it reads sysctl.d",
    ),
    Code.KERNEL_MODPROBE: ReasonKind(
        "Modules are not loaded, and the program of kernel.modprobe cannot be started or loads nothing", PREPARE
    ),
    Code.KERNEL_MODPROBE_UNKNOWN: ReasonKind(
        "Modules are not loaded, and whether kernel.modprobe autoloads them cannot be determined", PREPARE
    ),
    Code.ALIAS_OVERRIDE: ReasonKind(
        "{file} redirects module names with alias lines", "Remove the alias lines from {file}"
    ),
    Code.NO_ALIAS: ReasonKind(
        "Modules are not loaded, and the names that the kernel requests match no module", PREPARE
    ),
    Code.INVALID_MODULE_FILE: ReasonKind(
        "Module files are damaged, or were built for another kernel", "Reinstall the kernel's packages"
    ),
    Code.UNSIGNED_MODULE: ReasonKind(
        "Modules are not signed, and the kernel loads only signed modules",
        "Sign the modules, or install the modules of the distribution",
    ),
    Code.CONTAINER: ReasonKind(
        "The node is a container, which uses the kernel of its host", "Audit and prepare the host"
    ),
    Code.WSL: ReasonKind(
        "The node is a WSL machine, whose kernel Windows provides",
        "Update the kernel with wsl --update, or set another kernel in .wslconfig",
    ),
    Code.PROVIDER_MISSING: ReasonKind(
        "The kernel of {system} includes neither the modules nor the modules that took over their code",
        "Boot a kernel that includes them",
    ),
    Code.MISSING_IN_NEXT_KERNEL: ReasonKind(
        "The kernel that boots next cannot load modules that the running kernel has",
        "Install the modules of that kernel before the reboot, or boot another kernel",
    ),
    Code.SELINUX: ReasonKind("Modules are not loaded, and SELinux does not let containers autoload them", PREPARE),
    Code.SELINUX_UNKNOWN: ReasonKind(
        "Modules are not loaded, and whether SELinux lets containers autoload them cannot be determined", PREPARE
    ),
    Code.NOT_INSTALLED: ReasonKind("{package} not installed", "Install {package} for the running kernel"),
    Code.MODULE_FILE_MISSING: ReasonKind(
        "Module files of the kernel of {system} are missing", "Reinstall the kernel's packages"
    ),
    Code.NOT_IN_TREE: ReasonKind(
        "The kernel of {system} does not include the modules",
        "Boot a kernel that includes them, or choose the backend that this kernel supports",
    ),
    Code.NOT_BUILT: ReasonKind(
        "The kernel of {system} was built without the modules and cannot load modules",
        "Boot a kernel that includes them",
    ),
    Code.MODULES_TREE_MISSING: ReasonKind(
        "The module tree of the running kernel is missing: an upgrade removed it, or it is not visible from here",
        "Reboot into the new kernel",
    ),
    Code.INDEX_MISSING: ReasonKind("The kernel's modules have no index (modules.dep)", "Run depmod -a"),
    Code.UNREADABLE: ReasonKind(
        "Not enough information could be read on the node", "Audit with become: true, outside a container"
    ),
    Code.TRANSIENT: ReasonKind("Modules were being loaded or unloaded during the audit", "Run the audit again"),
    Code.UNKNOWN_BOOT_ENTRY: ReasonKind(
        "{file} lists modules that this kernel no longer has", "Remove the lines from {file}"
    ),
    Code.MALFORMED_BOOT_ENTRY: ReasonKind(
        "{file} contains lines that are not read as the name of a module",
        "Write one module name per line in {file}, comments on separate lines, and a line feed after the last line",
    ),
    Code.FLAT_TREE: ReasonKind(
        "The modules lie in one directory without an index, so that modprobe cannot find them by name",
        "Load the files by their path (insmod) in a script of this system at each boot; "
        "modules without a file have to be built for this kernel",
    ),
    Code.BOOT_FILE_MASKED_BY_DIRECTORY: ReasonKind(
        "A directory has the same name as a boot file, and hides that file from some releases of systemd",
        "Remove the directory that the reason names",
    ),
    Code.INITRAMFS_ONLY: ReasonKind(
        "The kernel command line lists modules for the initramfs only (rd.modules-load=)", PREPARE
    ),
    Code.SERVICE_MASKED: ReasonKind(
        "systemd-modules-load is masked, so no boot file is read",
        "Unmask it: systemctl unmask systemd-modules-load",
    ),
    Code.BOOT_FILE_MASKED: ReasonKind("{file} lists modules, but another file of the same name replaces it", PREPARE),
    Code.BOOT_FILE_NOT_READ: ReasonKind("{file} lists modules, but is not read at boot", PREPARE),
    Code.BOOT_FILE_VOLATILE: ReasonKind("{file} lists modules, but a reboot deletes it", PREPARE),
    Code.NO_BOOT_READER: ReasonKind(
        "No program is known to read the boot files when the node boots",
        "Enable the service of the init system that loads modules, or load the modules with it in another way",
    ),
    NOT_LOADED: ReasonKind("Modules are installed but not loaded, and the kernel does not autoload them", PREPARE),
    NOT_PERSISTED: ReasonKind("Modules are loaded, but no boot file lists them", PREPARE),
}

# The codes that explain a state and no gap.
EXPLANATIONS: Mapping[str, str] = {
    Code.ALIASED: "The name is an alias of another module, which is assessed instead",
    Code.MERGED: "The module's code is part of another module in this kernel",
    Code.TAINTED: "The module is loaded, but it is unsigned, was forced, or is not part of the kernel's tree",
    Code.INSTALL_OVERRIDE_UNUSED: "An install override names a built-in module, and has no effect",
    Code.CUSTOM_INSTALL: "A custom install command loads the module",
    Code.DEPENDENCY: "The module is loaded at boot because a listed module needs it",
    Code.NEVER_REQUESTED: "The kernel never requests the module: load it, or load a module that needs it",
}
