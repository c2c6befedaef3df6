# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SELinux denials in the audit log: the modules that the kernel was not allowed to request."""

import datetime
import re
from typing import Any, Dict, Iterator, Optional, Set

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import AUTOLOAD_REQUESTS

LOG = "/var/log/audit/audit.log"

# What auditd keeps in one file by default (auditd.conf(5): max_log_file).
MAX_LOG_BYTES = 8 * 1024 * 1024
# A pod that crash-loops writes the same lines over and over.
MAX_DENIALS = 1000
# Bounds the facts.
_MAX_DOMAINS = 3

# The kernel writes it in this order: security/selinux/avc.c: avc_audit_pre_callback(), security/lsm_audit.c:
# dump_common_audit_data(), avc_audit_post_callback(). Kernels before 3.16 do not log whether it was permissive.
_PERMISSION = b"denied  { module_request }"
# auditd may put the machine's name first (auditd.conf(5): name_format).
_DENIAL = re.compile(
    rb"^(?:node=\S+ )?type=AVC msg=audit\((\d{1,10})\.\d+:\d+\): avc:  denied  { module_request } "
    rb'.*? kmod="([^"]+)" scontext=[^:\s]+:[^:\s]+:([^:\s]{1,100})'
)
_PERMISSIVE = re.compile(rb"\bpermissive=1\b")


def read_denials(files: Files) -> Optional[Dict[str, Any]]:
    """Return what SELinux has denied, or None if the log is absent or cannot be read.

    :returns: C(modules), names of this collection's modules that the kernel was not allowed to request; C(domains) of
        the processes that needed them; C(at), when it last happened, ISO 8601, UTC, or None. Both lists are empty if
        the log has no such denial.
    """
    content = files.read_bytes(LOG, tail=MAX_LOG_BYTES)
    if content is None:
        return None
    modules: Set[str] = set()
    domains: Set[str] = set()
    latest = 0
    for line in _find_denials(content):
        match = _DENIAL.match(line)
        if not match or _PERMISSIVE.search(line):
            continue
        names = _MODULES_BY_REQUEST.get(match.group(2).decode("ascii", "replace"))
        if names:
            modules.update(names)
            domains.add(match.group(3).decode("ascii", "replace"))
            latest = max(latest, int(match.group(1)))
    return {
        "modules": sorted(modules),
        "domains": sorted(domains)[:_MAX_DOMAINS],
        "at": _format_time(latest) if modules else None,
    }


def _format_time(seconds: int) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _find_denials(content: bytes) -> Iterator[bytes]:
    """Yield the lines that may be denials, the last first.

    They are found by their one fixed text, because the log is long and almost all of it is something else.
    """
    end = len(content)
    for _line in range(MAX_DENIALS):
        found = content.rfind(_PERMISSION, 0, end)
        if found < 0:
            return
        begin = content.rfind(b"\n", 0, found) + 1
        line_end = content.find(b"\n", found)
        # After a power failure the file may have NULs before the next line.
        yield content[begin : line_end if line_end >= 0 else len(content)].lstrip(b"\0")
        end = begin


def _index_requests() -> Dict[str, Set[str]]:
    """Return dict of a request that the kernel makes to the modules that it may be for."""
    modules: Dict[str, Set[str]] = {}
    for name, requests in AUTOLOAD_REQUESTS.items():
        for request in requests:
            modules.setdefault(request, set()).add(name)
    return modules


_MODULES_BY_REQUEST = _index_requests()
