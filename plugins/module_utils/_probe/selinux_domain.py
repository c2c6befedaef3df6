# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""An SELinux domain to start programs in, such as the one that containers have."""

import os
import re
from collections import namedtuple

from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.proc import flag
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import selinux

# process: the context of the programs. files: that of the files which they may use.
Domain = namedtuple("Domain", "process files")

# With two categories, as a container's process has them, where the policy knows levels.
PROCESS = "system_u:system_r:{0}{1}"
# The label of a container's files.
FILES = "system_u:object_r:container_file_t{0}"

_TYPE = re.compile(r"^[A-Za-z0-9_.]+\Z")


class NoSuchDomain(Exception):
    """Nothing can run in that domain on this node; the message says why and what would help."""


def find(files, name):
    """Return the Domain of a SELinux type, with contexts that the node's policy knows.

    :raises NoSuchDomain: also where SELinux is disabled.
    """
    if not _TYPE.match(name):
        raise NoSuchDomain("'{0}' is no SELinux type: letters, digits, '_' and '.' only".format(name))
    if not files.is_dir(selinux.ROOT):
        raise NoSuchDomain("SELinux is disabled on this node, so there are no domains. Leave the option out")
    levels = flag(files.read(selinux.ROOT + "/mls"))
    domain = Domain(PROCESS.format(name, ":s0:c1,c2" if levels else ""), FILES.format(":s0" if levels else ""))
    if not _is_known(files, domain.process):
        raise NoSuchDomain("this node's policy has no type '{0}' that a process of role system_r can have".format(name))
    if not _is_known(files, domain.files):
        raise NoSuchDomain(
            "this node's policy knows no files of containers (container_file_t): install its part on containers, container-selinux"
        )
    return domain


def _is_known(files, context):
    """Ask the policy whether a context is valid, as security_check_context(3) does; what cannot be asked is taken to be."""
    try:
        files.transact(selinux.ROOT + "/context", context.encode("ascii"))
    except OSError:
        return False
    return True


def enter_with_next_program(context):
    """Have the next program that this process starts run in an SELinux context, as setexeccon(3) does. Raises OSError."""
    handle = os.open("/proc/self/attr/exec", os.O_WRONLY)
    try:
        os.write(handle, context.encode("ascii") + b"\0")
    finally:
        os.close(handle)


def present():
    """Return the SELinux context of this process, or None."""
    try:
        with open("/proc/self/attr/current") as handle:
            return handle.read().rstrip("\0\n") or None
    except OSError:
        return None
