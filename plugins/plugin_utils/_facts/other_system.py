# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of an inventory that are not Linux nodes, by how Ansible reaches them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WINDOWS_SHELLS = ("powershell", "cmd")
# The connections that the documentation of Ansible's network modules lists, without their collection.
NETWORK_CONNECTIONS = ("network_cli", "netconf", "httpapi", "grpc")
MAX_SYSTEM_CHARS = 40


def find_other_system(connection: str, shell: str, network_os: str) -> str:
    """Return what a host is, such as "Windows", or an empty string if it may be a Linux node.

    :param connection: name of the connection plugin, with or without its collection.
    :param shell: family of the shell plugin.
    :param network_os: value of ansible_network_os.
    """
    if shell in WINDOWS_SHELLS:
        return "Windows"
    if network_os or connection.rpartition(".")[2] in NETWORK_CONNECTIONS:
        return "a network device"
    return ""


def describe_skip(system: object) -> dict[str, Any]:
    """Return the result of a task that skips a host of another system."""
    name = str(system)[:MAX_SYSTEM_CHARS]
    return {"skipped": True, "other_system": name, "msg": f"not a Linux node: {name}"}


def read_other_system(result: Mapping[str, object]) -> str:
    """Return the system that a module found on the node instead of Linux, or an empty string."""
    return str(result.get("other_system") or "")
