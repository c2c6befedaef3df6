# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why files are not written on a node, or do not last there. Pure."""

from __future__ import annotations

from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts, Platform

# Why files are not written on a system, by platform.managed_by of the facts.
WRITE_BLOCK_REASONS = {
    "ostree": "rpm-ostree manages this node, so direct file changes would be lost",
    "nixos": "NixOS writes the files of this node from its configuration",
    "image": "/etc is read-only, because the system is an image",
}
CONTAINER_BLOCK = "this node is a container, so its boot files are not read when the kernel boots"
READ_ONLY_BLOCK = "/etc is read-only"
VOLATILE_BLOCK = "/etc is kept in memory, so a reboot removes what is written there"
PERSISTENCE_DOUBT = (
    "whether a reboot keeps /etc cannot be determined, because the upper directory of the root is not visible"
)
# Why the boot file may not last, by platform.etc.
PERSISTENCE_BLOCKS = {"volatile": VOLATILE_BLOCK, "unknown": PERSISTENCE_DOUBT}
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


def is_container(platform: Platform) -> bool:
    """Return whether this system is a container, whose boot files nothing reads."""
    return platform.container is not None and platform.container not in MACHINE_LIKE


def write_block_reason(facts: Facts) -> str | None:
    """Return why the role must not write anything on this system, or None if it may."""
    return _find_write_block(facts.platform)


def _find_write_block(platform: Platform) -> str | None:
    if is_container(platform):
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


def is_declared(platform: Platform) -> bool:
    """Return whether changes of files do not last on this system, so that its owner declares them."""
    return _find_file_block(platform) is not None
