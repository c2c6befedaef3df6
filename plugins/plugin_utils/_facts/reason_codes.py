# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The meaning of the reason codes in a node's facts, and what to do about each. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Code

PREPARE = "Load and persist the modules: nodeprep.istio.prepare_istio_nodes"
PREPARE_HOST = "Audit and prepare the host"
DECLARE = "Declare the modules in the system's configuration; nodeprep.istio.declare_istio_nodes prints the text for it"

# What holds on a node and changes the meaning of a reason: the next kernel is certain, or a guess; the node is in WSL,
# or another container; a package of the running kernel is known, or lost files; the distribution did not build the
# kernel; what masks systemd-modules-load.
Situation = Literal[
    "next_kernel",
    "perhaps_next_kernel",
    "wsl",
    "host",
    "package",
    "reinstall",
    "custom",
    "unit_masked",
    "masked_by_command_line",
]

# The report's own codes, for modules that have no reason.
NOT_LOADED = "not_loaded"
NOT_PERSISTED = "not_persisted"


@dataclass(frozen=True, slots=True)
class ReasonKind:
    """What all reasons of one code have in common, which makes them one root cause.

    {file} is the file that a reason names, {package} the package of the running kernel with the modules, {system} the
    operating system, {kernel} the running kernel, as the start of a sentence. A kind whose text has none of them is
    one cause for the whole fleet. ``others`` has text and remedy for nodes in a situation; see remedies.py.
    """

    text: str
    remedy: str
    others: Mapping[Situation, tuple[str, str]] = field(default_factory=dict)


# What resolves a kernel without modules, by where the kernel comes from. Each is true for one module and for several.
_PLAN = "or use an alternative of the plan if it lists one"
_OTHER_KERNEL = f"Boot a kernel that includes what is missing, {_PLAN}"
_OWN_KERNEL = f"Build this kernel with what is missing, boot a kernel of {{system}}, {_PLAN}"
_HOST_KERNEL = f"Boot the host with a kernel that includes what is missing, {_PLAN}"
_WSL_KERNEL = (
    "Update the kernel of WSL (wsl --update), or boot another kernel that includes what is missing "
    f"(kernel= in .wslconfig), {_PLAN}"
)
_MODULES = "Add the modules from the build of the running kernel, or boot a kernel whose modules are there"
_OWN_MODULES = "Add the modules from the build of this kernel (make modules_install), or boot a kernel of {system}"
_CONFIG = "(see the plan's kernel config fragment, if there is one)"


def _without_modules(text: str) -> ReasonKind:
    """Return the kind of a kernel that does not have the modules at all."""
    return ReasonKind(
        text,
        _OTHER_KERNEL,
        {"wsl": (text, _WSL_KERNEL), "host": (text, _HOST_KERNEL), "custom": (text, _OWN_KERNEL)},
    )


def _without_files(text: str) -> ReasonKind:
    """Return the kind of a kernel that lost module files; its index still lists them."""
    again = (text, "Reinstall {package}")
    return ReasonKind(
        text,
        _MODULES,
        {
            "wsl": (text, _WSL_KERNEL),
            "host": (text, PREPARE_HOST),
            "package": again,
            "reinstall": again,
            "custom": (text, _OWN_MODULES),
        },
    )


_TREE = (
    "The module tree of the running kernel is missing: an upgrade may have removed it, or it is not visible from here"
)
_WITHOUT_TREE = ReasonKind(
    _TREE,
    "Boot a kernel whose modules are there",
    {
        "next_kernel": (_TREE, "Reboot into the kernel that boots next"),
        "perhaps_next_kernel": (
            _TREE,
            "Reboot; if the modules are still missing then, add those of the running kernel",
        ),
        "wsl": (_TREE, _WSL_KERNEL),
        "host": (_TREE, PREPARE_HOST),
        "package": (_TREE, "Install {package} again, or boot a kernel whose modules are there"),
        "reinstall": (_TREE, "Reinstall {package}, or boot a kernel whose modules are there"),
        "custom": (_TREE, _OWN_MODULES),
    },
)

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
    Code.INVALID_MODULE_FILE: _without_files("Module files are damaged, or were built for another kernel"),
    Code.UNSIGNED_MODULE: ReasonKind(
        "Modules are not signed, and the kernel loads only signed modules",
        "Sign the modules with a key that this kernel trusts",
    ),
    Code.CONTAINER: ReasonKind(
        "The node is a container, which uses the kernel of its host",
        PREPARE_HOST,
    ),
    Code.WSL: ReasonKind("The node is a WSL machine, whose kernel Windows provides", _WSL_KERNEL),
    Code.PROVIDER_MISSING: _without_modules(
        "{kernel} includes neither the modules nor the modules that took over their code"
    ),
    Code.MISSING_IN_NEXT_KERNEL: ReasonKind(
        "The kernel that boots next cannot load modules that the running kernel has",
        "Before the reboot, add the modules of that kernel, or choose another kernel to boot",
        {
            "perhaps_next_kernel": (
                "A kernel that may boot next cannot load modules that the running kernel has",
                "Make sure that the running kernel boots again, or add the modules of the other kernel",
            )
        },
    ),
    Code.SELINUX: ReasonKind("Modules are not loaded, and SELinux does not let containers autoload them", PREPARE),
    Code.SELINUX_UNKNOWN: ReasonKind(
        "Modules are not loaded, and whether SELinux lets containers autoload them cannot be determined", PREPARE
    ),
    Code.NOT_INSTALLED: ReasonKind(
        "Modules of the running kernel are not installed",
        _MODULES,
        {
            "wsl": ("Modules of the kernel of WSL are not installed", _WSL_KERNEL),
            "host": ("Modules of the host's kernel are not installed", PREPARE_HOST),
            "package": ("{package} is not installed", "Install {package} for the running kernel"),
            "reinstall": ("Files of {package} are not installed", "Reinstall {package}"),
            "custom": ("Modules of a custom kernel (not built by {system}) are not installed", _OWN_MODULES),
        },
    ),
    Code.MODULE_FILE_MISSING: _without_files("Module files of the running kernel are missing"),
    Code.NOT_IN_TREE: _without_modules("{kernel} does not include the modules"),
    Code.NOT_BUILT: ReasonKind(
        "{kernel} was built without the modules",
        f"Use a kernel that was built with what is missing {_CONFIG}, {_PLAN}",
        {
            "wsl": (
                "{kernel} was built without the modules",
                "Update the kernel of WSL (wsl --update), or build a kernel with what is missing "
                f"(kernel= in .wslconfig; see the plan's kernel config fragment, if there is one), {_PLAN}",
            ),
            "host": (
                "{kernel} was built without the modules",
                f"Boot the host with a kernel that was built with what is missing {_CONFIG}, {_PLAN}",
            ),
            "custom": (
                "{kernel} was built without the modules",
                f"Build this kernel with what is missing {_CONFIG}, boot a kernel of {{system}}, {_PLAN}",
            ),
        },
    ),
    Code.MODULES_TREE_MISSING: _WITHOUT_TREE,
    Code.INDEX_MISSING: ReasonKind("The kernel's modules have no index (modules.dep)", "Run depmod -a as root"),
    Code.UNREADABLE: ReasonKind(
        "Not enough information could be read on the node",
        "Audit as root (become: true)",
        {
            "host": (
                "Not enough information could be read in the container",
                "Audit as root (become: true), or audit the host",
            )
        },
    ),
    Code.NOT_IN_RECORDING: ReasonKind(
        "The recording shows nothing about modules that its recorder did not look for",
        "Record the node again with the recorder of this version of the collection",
    ),
    Code.TRANSIENT: ReasonKind("Modules were being loaded or unloaded during the audit", "Run the audit again"),
    Code.UNKNOWN_BOOT_ENTRY: ReasonKind(
        "{file} lists modules that this kernel does not have", "Remove the lines from {file}"
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
        "Restore the unit file of systemd-modules-load",
        {
            "unit_masked": (
                "systemd-modules-load is masked, so no boot file is read",
                "Unmask it: systemctl unmask systemd-modules-load",
            ),
            "masked_by_command_line": (
                "systemd-modules-load is masked, so no boot file is read",
                "Remove systemd.mask= of systemd-modules-load from the kernel command line",
            ),
        },
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
