# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An SELinux domain to start programs in, such as the domain of containers."""

import os
import re
from typing import NamedTuple, Optional

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.proc import parse_flag
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import selinux

# If the policy has levels: with two categories, as a container's process has them.
PROCESS_LEVEL = ":s0:c1,c2"
FILE_LEVEL = ":s0"
# The type of a container's files.
FILE_TYPE = "container_file_t"

_TYPE = re.compile(r"^[A-Za-z0-9_.]+\Z")


class Domain(NamedTuple):
    """SELinux contexts: of the programs, and of the files that they may use."""

    process: str
    files: str


class DomainError(Exception):
    """No program can run in this domain on this node. The message has the reason and the remedy."""


def find_domain(files: Files, name: str) -> Domain:
    """Return the contexts of an SELinux type, as the node's policy knows them. Raises DomainError."""
    if not _TYPE.match(name):
        raise DomainError(f"invalid SELinux type '{name}'; use only letters, digits, '_' and '.'")
    if not files.is_dir(selinux.ROOT):
        raise DomainError("SELinux is disabled on this node, so it has no domains; omit the option")
    process_level = file_level = ""
    if parse_flag(files.read(selinux.ROOT + "/mls")):
        process_level, file_level = PROCESS_LEVEL, FILE_LEVEL
    domain = Domain(
        process=f"system_u:system_r:{name}{process_level}", files=f"system_u:object_r:{FILE_TYPE}{file_level}"
    )
    if not _is_known(files, domain.process):
        raise DomainError(
            f"the policy has no type '{name}' for processes of the role system_r; set a type of the node's policy"
        )
    if not _is_known(files, domain.files):
        raise DomainError(
            f"the policy has no type {FILE_TYPE} for the files of containers; "
            "install its policy for containers, for example the package container-selinux"
        )
    return domain


def _is_known(files: Files, context: str) -> bool:
    """Return whether the policy has a context, see security_check_context(3). True if the policy cannot be queried."""
    try:
        files.transact(selinux.ROOT + "/context", context.encode("ascii"))
    except OSError:
        return False
    return True


def enter_with_next_program(context: str) -> None:
    """Let the next program that this process starts run in an SELinux context, as setexeccon(3) does.

    Raises OSError.
    """
    handle = os.open("/proc/self/attr/exec", os.O_WRONLY)
    try:
        os.write(handle, context.encode("ascii") + b"\0")
    finally:
        os.close(handle)


def current_context() -> Optional[str]:
    """Return the SELinux context of this process, or None."""
    try:
        with open("/proc/self/attr/current") as handle:
            return handle.read().rstrip("\0\n") or None
    except OSError:
        return None
