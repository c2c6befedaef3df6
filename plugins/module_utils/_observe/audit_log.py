# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""What the audit log remembers: the modules that SELinux has kept the kernel from loading."""

import datetime
import re

from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import AUTOLOAD_REQUESTS

LOG = "/var/log/audit/audit.log"

# What auditd keeps in one file unless it is told otherwise (auditd.conf(5): max_log_file).
_MOST_BYTES = 8 * 1024 * 1024
# A pod that crash-loops writes the same lines over and over.
_MOST_LINES = 1000

# The kernel writes it in this order: security/selinux/avc.c: avc_audit_pre_callback(), security/lsm_audit.c:
# dump_common_audit_data(), avc_audit_post_callback(). Kernels before 3.16 do not say whether it was permissive.
_PERMISSION = b"denied  { module_request }"
# auditd puts the machine's name before it where it is told to (auditd.conf(5): name_format).
_DENIAL = re.compile(
    rb"^(?:node=\S+ )?type=AVC msg=audit\((\d{1,10})\.\d+:\d+\): avc:  denied  { module_request } "
    rb'.*? kmod="([^"]+)" scontext=[^:\s]+:[^:\s]+:([^:\s]{1,100})'
)
_PERMISSIVE = re.compile(rb"\bpermissive=1\b")


def denied(files):
    """Return the modules that SELinux has refused, or None where no log tells.

    :returns: C(modules), those of this collection's that the kernel was kept from loading, C(domains), of the processes that needed
        them, and C(at), when it last happened, ISO 8601, UTC; all empty where the log has no such denial.
    """
    content = files.read_bytes(LOG, tail=_MOST_BYTES)
    if content is None:
        return None
    modules, domains, last = set(), set(), 0
    for line in _last_denials(content):
        match = _DENIAL.match(line)
        names = _BY_REQUEST.get(match.group(2).decode("ascii", "replace")) if match else None
        if names and not _PERMISSIVE.search(line):
            modules.update(names)
            domains.add(match.group(3).decode("ascii", "replace"))
            last = max(last, int(match.group(1)))
    at = (
        datetime.datetime.fromtimestamp(last, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") if modules else None
    )
    return {"modules": sorted(modules), "domains": sorted(domains)[:3], "at": at}


def _last_denials(content):
    """Yield the lines that may tell of one, the last first; found by their one fixed text, since the log is long and almost all of it is something else."""
    end = len(content)
    for _line in range(_MOST_LINES):
        found = content.rfind(_PERMISSION, 0, end)
        if found < 0:
            return
        begin, after = content.rfind(b"\n", 0, found) + 1, content.find(b"\n", found)
        # After a loss of power the file may have NULs before what was written next.
        yield content[begin : after if after >= 0 else len(content)].lstrip(b"\0")
        end = begin


def _by_request():
    """Return dict of a kernel's request to the modules that it may be for."""
    asked = {}
    for name, requests in AUTOLOAD_REQUESTS.items():
        for request in requests:
            asked.setdefault(request, set()).add(name)
    return asked


_BY_REQUEST = _by_request()
