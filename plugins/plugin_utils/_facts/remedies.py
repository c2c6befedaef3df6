# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reason means on one node, and what its owner can do there: REASON_KINDS with the node's own words. Pure.

A remedy names a package only if the distribution built the kernel and this system has a package manager, and it names
a reboot only if the kernel that boots next is certain.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts import packaging
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.kernel_origin import Origin, find_origin
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import (
    Facts,
    Kernel,
    ModuleFacts,
    OperatingSystem,
    Platform,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.reason_codes import (
    DECLARE,
    PREPARE,
    PREPARE_HOST,
    REASON_KINDS,
    Situation,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.write_blocks import is_container, is_declared

# How the texts name the running kernel.
KERNEL_WORDS: dict[Origin, str] = {
    "distribution": "The kernel of {system}",
    "custom": "A custom kernel (not built by {system})",
    "host": "The kernel of the host",
    "wsl": "The kernel of WSL",
    "unknown": "The running kernel",
}
# systemctl(1): only units that are masked in this directory can be unmasked.
UNMASKABLE_IN = "/etc/systemd/system/"


@dataclass(frozen=True, slots=True)
class Description:
    """What a reason means, and what to do; both start with a capital letter."""

    text: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A reason on a node: its code, the module that it is about, and the file that it names, or ""."""

    code: str
    module: str
    file: str = ""


@dataclass(frozen=True, slots=True)
class NodeContext:
    """The facts of a node that decide about texts. ``modules`` are names and facts of all modules, as far as known."""

    os: OperatingSystem
    platform: Platform
    kernel: Kernel
    modules: Iterable[tuple[str, ModuleFacts]] = ()

    @classmethod
    def from_facts(cls, facts: Facts) -> NodeContext:
        """Return the context of a node."""
        return cls(facts.os, facts.platform, facts.kernel, tuple(facts.modules.items()))

    @property
    def origin(self) -> Origin:
        """Where the running kernel comes from."""
        return find_origin(self.os, self.kernel.release, self.platform.container)


def describe_problem(node: NodeContext, problem: Problem, *, is_fleet: bool = False) -> Description | None:
    """Return what a reason means on this node; None if its code is not one of REASON_KINDS.

    :param is_fleet: whether the texts are the same for all nodes with this problem: they then name no release.
    """
    kind = REASON_KINDS.get(problem.code)
    if kind is None:
        return None
    row = None
    if "package" in kind.others:
        row = packaging.find_kernel_package(node.os, node.platform, node.kernel.release, problem.module)
    situations = list_situations(node, row)
    text, remedy = kind.text, kind.remedy
    for situation in situations:
        if situation in kind.others:
            text, remedy = kind.others[situation]
            break
    if remedy == PREPARE:
        remedy = _choose_preparation(node)
    format_package = packaging.format_generic_package if is_fleet else packaging.format_package
    system = node.os.name or "this system"
    words = {
        "file": problem.file or "A file",
        "system": system,
        "kernel": KERNEL_WORDS[node.origin].format(system=system),
        "package": format_package(row, node.kernel.release) if row else "",
    }
    return Description(text.format_map(words), remedy.format_map(words))


def list_situations(node: NodeContext, row: packaging.KernelPackage | None) -> list[Situation]:
    """Return what holds on a node, in the order in which it decides about texts.

    :param row: the package of the missing module, or None.
    """
    situations: list[Situation] = []
    origin = node.origin
    if origin in ("wsl", "host"):
        situations.append("wsl" if origin == "wsl" else "host")
    following = node.kernel.next_boot
    if following is not None and following.release not in ("", node.kernel.release):
        situations.append("next_kernel" if following.certain else "perhaps_next_kernel")
    if row is not None:
        situations.append("reinstall" if packaging.is_installed(row, node.modules) else "package")
    if origin == "custom":
        situations.append("custom")
    mask = node.platform.boot_files_mask or ""
    if mask.startswith(UNMASKABLE_IN):
        situations.append("unit_masked")
    elif mask and not mask.startswith("/"):
        situations.append("masked_by_command_line")
    return situations


def _choose_preparation(node: NodeContext) -> str:
    """Return how modules are loaded and persisted on a node."""
    if is_container(node.platform):
        return PREPARE_HOST
    if is_declared(node.platform):
        return DECLARE
    return PREPARE


def describe_persisting(platform: Platform) -> str:
    """Return how the owner has a module loaded at boot, as the end of a sentence about "it"."""
    if is_container(platform):
        return "have it loaded at boot on the host"
    if is_declared(platform):
        return "declare it in the system's configuration"
    if platform.boot_files_read is True:
        return "list it in /etc/modules-load.d"
    return "have the init system load it at boot"
