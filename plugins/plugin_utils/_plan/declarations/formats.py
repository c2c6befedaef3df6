# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarations of the boot file, for systems that Ansible must not write to. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from ansible_collections.nodeprep.istio.plugins.module_utils._managed.boot_block import PATH as BOOT_FILE
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import is_valid_name
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts


@dataclass(frozen=True)
class DeclarationFormat:
    """A way to declare a file.

    ``systems`` are parts of the NAME of os-release(5). ``template`` takes {path}, the path of the file, {indented}, its
    lines with ``indent``, and {url_encoded}, its text.
    """

    kind: str
    systems: tuple[str, ...]
    template: str
    indent: str = ""


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
# Fedora CoreOS and Flatcar: Butane's inline file.
BUTANE = """variant: fcos
version: 1.4.0
storage:
  files:
    - path: {path}
      mode: 0644
      overwrite: true
      contents:
        inline: |
{indented}"""

FORMATS = (
    DeclarationFormat("MachineConfig", ("Red Hat Enterprise Linux CoreOS", "CentOS Stream CoreOS"), MACHINE_CONFIG),
    DeclarationFormat("Butane", ("Fedora CoreOS",), BUTANE, indent=" " * 10),
)

# Why files are not written on a system, by platform.managed_by of the facts.
WRITE_BLOCK_REASONS = {
    "ostree": "rpm-ostree manages this node, so direct file changes would be lost",
    "transactional-update": (
        "transactional-update manages this node, so changes take effect with the next snapshot and reboot"
    ),
    "image": "/etc is read-only, because the system is an image",
}


@dataclass(frozen=True)
class Declaration:
    """What the owner declares instead of a change by Ansible: ``kind`` is the format, ``text`` the content."""

    kind: str
    text: str


def write_block_reason(facts: Facts) -> str | None:
    """Return why the role must not write anything on this system, or None if it may."""
    manager = facts.platform.managed_by
    if not manager:
        return None
    return WRITE_BLOCK_REASONS.get(manager, f"{manager} manages this node")


def make_declaration(facts: Facts, modules: Iterable[str]) -> Declaration | None:
    """Return the declaration of a boot file that lists these modules, or None if no format is known for this system.

    The declared file replaces the whole file, so it also lists the names that the file lists already. If the facts do
    not include all of these names, there is no declaration.
    """
    declaration_format = _find_format(facts.os.name or "")
    if declaration_format is None or facts.managed.truncated:
        return None
    listed = (*facts.managed.other_modules, *facts.boot_files.get(BOOT_FILE, ()))
    names = dict.fromkeys(name for name in listed if is_valid_name(name))
    names.update(dict.fromkeys(modules))
    return Declaration(declaration_format.kind, _render(declaration_format, list(names)))


def _find_format(system: str) -> DeclarationFormat | None:
    for declaration_format in FORMATS:
        if any(name in system for name in declaration_format.systems):
            return declaration_format
    return None


def _render(declaration_format: DeclarationFormat, names: Iterable[str]) -> str:
    lines = [f"{name}\n" for name in names]
    return declaration_format.template.format(
        path=BOOT_FILE,
        url_encoded=quote("".join(lines)),
        indented="".join(declaration_format.indent + line for line in lines),
    )
