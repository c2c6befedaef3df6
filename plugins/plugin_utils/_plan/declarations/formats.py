# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarations: what the owner declares on systems to which Ansible must not write, or that do not keep files. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from ansible_collections.nodeprep.istio.plugins.module_utils._managed.boot_block import PATH as BOOT_FILE
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import is_valid_name
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts, Platform


@dataclass(frozen=True)
class DeclarationFormat:
    """A way to declare modules.

    It is for the systems with one of these ``ids``, ID of os-release(5), and for those with one of ``names`` in their
    PRETTY_NAME; without both for every system. ``platforms`` are the values of platform.etc or the kinds of container
    for which it is; empty for all.

    ``template`` takes {path}, the path of the boot file, {lines}, one ``item`` for each module, {names}, the modules
    with blanks between them, {comma_separated}, the same with commas, and {url_encoded}, the text of the boot file.
    ``item`` takes {name}. ``is_file`` is whether the declaration replaces the whole boot file.
    """

    kind: str
    template: str
    item: str = "{name}\n"
    ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    is_file: bool = False

    def fits(self, facts: Facts) -> bool:
        """Return whether the node is one of the systems that the format is for."""
        system = facts.os.name or ""
        is_system = facts.os.id in self.ids or any(name in system for name in self.names)
        if (self.ids or self.names) and not is_system:
            return False
        return not self.platforms or bool({facts.platform.etc, _get_kind(facts.platform)}.intersection(self.platforms))


# OpenShift: machineconfiguration.openshift.io/v1; every supported release accepts Ignition 3.2.0.
MACHINE_CONFIG = """apiVersion: machineconfiguration.openshift.io/v1
kind: MachineConfig
metadata:
  name: 99-worker-istio-modules
  labels:
    machineconfiguration.openshift.io/role: worker
spec:
  config:
    ignition:
      version: 3.2.0
    storage:
      files:
        - path: {path}
          mode: 0644
          overwrite: true
          contents:
            source: data:,{url_encoded}
"""
# Butane's inline file: coreos.github.io/butane/config-fcos-v1_4 and config-flatcar-v1_0.
BUTANE_FILE = """storage:
  files:
    - path: {path}
      mode: 0644
      overwrite: true
      contents:
        inline: |
{lines}"""
# Talos: machine configuration v1alpha1, KernelConfig. A machine.kernel that exists gets the entries.
TALOS = "machine:\n  kernel:\n    modules:\n{lines}"
# NixOS: nixos/modules/system/boot/kernel.nix.
NIXOS = "boot.kernelModules = [\n{lines}];\n"
# Bottlerocket: user data. settings.kernel.modules.NAME.autoload needs allowed.
BOTTLEROCKET = "{lines}"
# cloud-init: cc_bootcmd runs at each boot, and cc_runcmd only once for each instance.
CLOUD_INIT = "#cloud-config\nbootcmd:\n  - [modprobe, --all, {comma_separated}]\n"
# Alpine in diskless mode: lbu(8) keeps the files of /etc on the boot medium.
LBU = "cat > {path} << 'END'\n{lines}END\nlbu commit\n"
SCRIPT = "#!/bin/sh\n# Run this as root at each boot of the node.\nmodprobe --all {names}\n"
HOST = "# On the host of this container: load the modules, and list them in {path} there.\n{lines}"

# The first that fits counts.
FORMATS = (
    DeclarationFormat("host file", HOST, platforms=("container",)),
    DeclarationFormat(
        "MachineConfig",
        MACHINE_CONFIG,
        names=("Red Hat Enterprise Linux CoreOS", "CentOS Stream CoreOS"),
        is_file=True,
    ),
    DeclarationFormat(
        "Butane",
        "variant: fcos\nversion: 1.4.0\n" + BUTANE_FILE,
        item=" " * 10 + "{name}\n",
        names=("Fedora CoreOS",),
        is_file=True,
    ),
    DeclarationFormat(
        "Butane",
        "variant: flatcar\nversion: 1.0.0\n" + BUTANE_FILE,
        item=" " * 10 + "{name}\n",
        ids=("flatcar",),
        is_file=True,
    ),
    DeclarationFormat("Talos", TALOS, item="      - name: {name}\n", ids=("talos",)),
    DeclarationFormat("NixOS", NIXOS, item='  "{name}"\n', ids=("nixos",)),
    DeclarationFormat(
        "Bottlerocket",
        BOTTLEROCKET,
        item="[settings.kernel.modules.{name}]\nallowed = true\nautoload = true\n",
        ids=("bottlerocket",),
    ),
    DeclarationFormat("cloud-init", CLOUD_INIT, ids=("cos",)),
    DeclarationFormat("shell", LBU, ids=("alpine", "postmarketos"), platforms=("volatile",), is_file=True),
    DeclarationFormat("startup script", SCRIPT, platforms=("volatile",)),
)

# Why files are not written on a system, by platform.managed_by of the facts.
WRITE_BLOCK_REASONS = {
    "ostree": "rpm-ostree manages this node, so direct file changes would be lost",
    "nixos": "NixOS writes the files of this node from its configuration",
    "image": "/etc is read-only, because the system is an image",
}
CONTAINER_BLOCK = "this node is a container, so its boot files are not read when the kernel boots"
READ_ONLY_BLOCK = "/etc is read-only"
VOLATILE_BLOCK = "/etc is kept in memory, so a reboot removes what is written there"
# The same about many systems.
CONTAINER_SYSTEMS = "these nodes are containers"
VOLATILE_SYSTEMS = "these systems keep /etc in memory"
DECLARED_SYSTEMS = "these systems are configured declaratively"
# These manage packages only; files in /etc may be written.
PACKAGE_MANAGERS = {
    "transactional-update": "transactional-update installs packages on this node, for the next snapshot and reboot",
}
# Containers with boot files of their own, which their init system reads.
MACHINE_LIKE = ("wsl",)


@dataclass(frozen=True)
class Declaration:
    """What the owner declares instead of a change by Ansible: ``kind`` is the format, ``text`` the content."""

    kind: str
    text: str


def _get_kind(platform: Platform) -> str:
    """Return "container" if the boot files of this system are not read, otherwise ""."""
    return "container" if platform.container and platform.container not in MACHINE_LIKE else ""


def write_block_reason(facts: Facts) -> str | None:
    """Return why the role must not write anything on this system, or None if it may."""
    return _find_write_block(facts.platform)


def _find_write_block(platform: Platform) -> str | None:
    if _get_kind(platform):
        return CONTAINER_BLOCK
    manager = platform.managed_by
    if manager and manager not in PACKAGE_MANAGERS:
        return WRITE_BLOCK_REASONS.get(manager, f"{manager} manages this node")
    return READ_ONLY_BLOCK if platform.etc == "read_only" else None


def file_block_reason(facts: Facts) -> str | None:
    """Return why the role leaves no files on this system, or None: it must not write them, or a reboot removes them."""
    return _find_file_block(facts.platform)


def _find_file_block(platform: Platform) -> str | None:
    return _find_write_block(platform) or (VOLATILE_BLOCK if platform.etc == "volatile" else None)


def package_block_reason(facts: Facts) -> str | None:
    """Return why the role installs no packages on this system, or None if it may."""
    return file_block_reason(facts) or PACKAGE_MANAGERS.get(facts.platform.managed_by or "")


def describe_system_block(platform: Platform) -> str | None:
    """Return what such systems have in common that the role does not list modules on, or None if it does."""
    block = _find_file_block(platform)
    if block is None:
        return None
    return {CONTAINER_BLOCK: CONTAINER_SYSTEMS, VOLATILE_BLOCK: VOLATILE_SYSTEMS}.get(block, DECLARED_SYSTEMS)


def make_declaration(facts: Facts, modules: Iterable[str]) -> Declaration | None:
    """Return the declaration that loads these modules at boot, or None if no format is known for this system.

    A declared file replaces the whole boot file, so it also lists the names that the file lists already. If the facts
    do not include all of these names, there is no declaration.
    """
    declaration_format = next((one for one in FORMATS if one.fits(facts)), None)
    if declaration_format is None:
        return None
    names: dict[str, None] = {}
    if declaration_format.is_file:
        if facts.managed.truncated:
            return None
        listed = (*facts.managed.other_modules, *facts.boot_files.get(BOOT_FILE, ()))
        names = dict.fromkeys(name for name in listed if is_valid_name(name))
    names.update(dict.fromkeys(modules))
    return Declaration(declaration_format.kind, _render(declaration_format, list(names)))


def _render(declaration_format: DeclarationFormat, names: Iterable[str]) -> str:
    return declaration_format.template.format(
        path=BOOT_FILE,
        url_encoded=quote("".join(f"{name}\n" for name in names)),
        lines="".join(declaration_format.item.format(name=name) for name in names),
        names=" ".join(names),
        comma_separated=", ".join(names),
    )
