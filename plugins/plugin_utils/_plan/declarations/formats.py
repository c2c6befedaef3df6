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
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.write_blocks import is_container


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
        kind = "container" if is_container(facts.platform) else facts.platform.etc
        return not self.platforms or kind in self.platforms


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


@dataclass(frozen=True)
class Declaration:
    """What the owner declares instead of a change by Ansible: ``kind`` is the format, ``text`` the content."""

    kind: str
    text: str


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
