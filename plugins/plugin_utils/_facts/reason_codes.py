# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the codes of the reasons in a node's facts mean, and what to do about them."""

from __future__ import annotations

from dataclasses import dataclass

PREPARE = "Load and persist them: nodeprep.istio.prepare_istio_nodes"
DECLARE = "Declare the modules as such a system is changed: the plan of nodeprep.istio.prepare_istio_nodes says what"


@dataclass(frozen=True)
class Kind:
    """How the reasons of one code are told: what all of them have in common makes one cause.

    {file} is the file that a reason names, {package} the package that holds a distribution's spare modules, {system}
    the operating system. A kind whose text names none of them is one cause for the whole fleet.
    """

    text: str
    remedy: str


# Codes of the reasons in a node's facts, those that say something else of an unknown grade with a "?" too; and not_loaded
# and not_persisted, which need no reason.
KINDS = {
    "blacklist": Kind("{file} blacklists modules", "Take the lines out of {file}, or accept the gap with a waiver"),
    "install_override": Kind(
        "{file} keeps modules from loading (install override)", "Take the install lines out of {file}"
    ),
    "module_blacklist": Kind(
        "The kernel command line refuses modules (module_blacklist=)",
        "Take them off the kernel command line and reboot",
    ),
    "modules_disabled": Kind(
        "kernel.modules_disabled is 1: nothing can be loaded until a reboot",
        "Persist them, reboot, and set it only afterwards",
    ),
    "modules_disabled_at_boot": Kind(
        "The kernel command line switches the loading of modules off at every boot",
        "Take sysctl.kernel.modules_disabled off it and reboot",
    ),
    "ipv6_disabled": Kind(
        "IPv6 is off in the kernel, so that it asks for no legacy table of IPv6",
        "Boot without ipv6.disable=1, or have Istio use IPv4 alone",
    ),
    "autoload_disabled_at_boot": Kind(
        "After a reboot the kernel loads nothing on demand (sysctl.d)",
        "Persist them: systemd loads what is listed before it reads sysctl.d",
    ),
    "kernel_modprobe": Kind(
        "kernel.modprobe cannot be started, so the kernel loads nothing on demand, and modules are not loaded", PREPARE
    ),
    "kernel_modprobe_unknown": Kind(
        "Whether kernel.modprobe loads modules on demand cannot be told, and they are not loaded", PREPARE
    ),
    "alias_override": Kind("{file} sends the names of modules elsewhere (alias)", "Take the alias lines out of {file}"),
    "no_alias": Kind("The kernel does not find modules that it asks for, and they are not loaded", PREPARE),
    "invalid_module_file": Kind(
        "Files of modules are damaged, or were built for another kernel", "Install the kernel's packages again"
    ),
    "unsigned_module": Kind(
        "The kernel takes signed modules only, and modules are not signed",
        "Sign them, or install those of the distribution",
    ),
    "container": Kind("The node is a container: the kernel is its host's", "Audit and prepare the host"),
    "provider_missing": Kind(
        "The kernel of {system} has neither modules nor those that took their code over", "Boot a kernel that has them"
    ),
    "missing_in_next_kernel": Kind(
        "The kernel that boots next does not load modules that this one has",
        "Install its modules before the reboot, or do not reboot into it",
    ),
    "selinux": Kind("SELinux lets no container load modules on demand, and they are not loaded", PREPARE),
    "selinux_unknown": Kind(
        "Whether SELinux lets containers load modules on demand cannot be told, and they are not loaded", PREPARE
    ),
    "not_installed": Kind("{package} not installed", "Install {package} for the running kernel"),
    "module_file_missing": Kind(
        "Files of the kernel's modules are gone from {system}", "Install the kernel's packages again"
    ),
    "not_in_tree": Kind(
        "The kernel of {system} does not have the modules",
        "Boot a kernel that has them, or choose the backend that this one supports",
    ),
    "not_built": Kind(
        "The kernel of {system} is built without the modules and can load none", "Boot a kernel that has them"
    ),
    "modules_tree_missing": Kind(
        "The running kernel's modules are gone: an upgrade removed them, or they cannot be seen from here",
        "Reboot into the new kernel",
    ),
    "index_missing": Kind("The kernel's modules have no index (modules.dep)", "Run depmod -a"),
    "unreadable": Kind("The node lets too little be read to tell", "Audit with become: true, outside a container"),
    "transient": Kind("Modules were being loaded or unloaded at that moment", "Look again"),
    "unknown_boot_entry": Kind("{file} lists names that are gone from this kernel", "Take the lines out of {file}"),
    "malformed_boot_entry": Kind(
        "{file} has lines that load nothing", "One module name on each line of {file}, comments on lines of their own"
    ),
    "boot_file_masked_by_directory": Kind(
        "A directory has the name of a file that lists modules, which hides it from some releases of systemd",
        "Remove the directory that the reason names",
    ),
    "initramfs_only": Kind("The kernel command line lists modules for the initramfs alone (rd.modules-load=)", PREPARE),
    "service_masked": Kind(
        "systemd-modules-load is switched off, so that no boot file is read",
        "Switch it on: systemctl unmask systemd-modules-load",
    ),
    "boot_file_masked": Kind("{file} lists modules, and another file of that name takes its place", PREPARE),
    "boot_file_not_read": Kind("{file} lists modules, and systemd does not read it", PREPARE),
    "boot_file_volatile": Kind("{file} lists modules, and a reboot wipes it out", PREPARE),
    "no_systemd": Kind("There is no systemd to read the boot files", "Load them at boot by the node's own means"),
    "not_loaded": Kind("Modules are installed but not loaded, and the kernel does not load them on demand", PREPARE),
    "not_persisted": Kind("Modules are loaded, but no boot file lists them", PREPARE),
}

# Reasons that explain a state and no gap.
TELLING = {
    "aliased": "The name is an alias of another module, which counts in its place",
    "merged": "The module is gone from this kernel, and its code is in another one",
    "tainted": "The module is loaded, and it is unsigned, forced or from outside the kernel's tree",
    "install_override_unused": "An install override names a module that is built in: it changes nothing",
    "custom_install": "A command of the owner's loads the module",
    "dependency": "The module is loaded at boot since a listed one needs it",
    "never_requested": "The kernel never asks for the module: it has to be loaded, or comes with one that needs it",
}
