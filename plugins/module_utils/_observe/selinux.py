# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SELinux: its mode, its policy, and whether the policy allows a container to make the kernel load a module."""

import re
from typing import Any, Dict, Iterable, NamedTuple, Optional

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.proc import list_cmdline_values, parse_flag
from ansible_collections.nodeprep.istio.plugins.module_utils._managed.selinux_policy import CONTAINER_DOMAINS
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import audit_log

ROOT = "/sys/fs/selinux"
CONFIG = "/etc/selinux/config"
LSM = "/sys/kernel/security/lsm"
BOOLEAN = "domain_kernel_load_modules"
# security/selinux/include/security.h: SELINUX_AVD_FLAGS_PERMISSIVE
_PERMISSIVE = 1
# The answer of /sys/fs/selinux/access: security/selinux/selinuxfs.c, sel_write_access().
_ALLOWED_WORD = 0
# The bits of an access vector: security/selinux/include/security.h, struct av_decision.
_MAX_PERMISSIONS = 32
_FLAGS_WORD = 5
_MODES = {True: "enforcing", False: "permissive", None: "unknown"}


class ModuleRequest(NamedTuple):
    """Whether a domain may make the kernel load a module; both values are None if that cannot be determined."""

    allowed: Optional[bool]
    domain: Optional[str]


def observe_selinux(files: Files) -> Dict[str, Any]:
    """Return the C(selinux) facts.

    C(mode) is "disabled", "permissive", "enforcing", or "unknown" if it cannot be read. C(module_request) and C(domain)
    are what :func:`query_module_request` returns; C(denied) is what :func:`audit_log.read_denials` returns.
    """
    configured = dict(re.findall(r"^\s*(SELINUX|SELINUXTYPE)=(\S+)", files.read(CONFIG) or "", re.MULTILINE))
    facts: Dict[str, Any] = {
        "mode": "disabled",
        "policy": configured.get("SELINUXTYPE"),
        "configured": configured.get("SELINUX"),
    }
    if not files.is_dir(ROOT):
        return facts
    facts["mode"] = _MODES[parse_flag(files.read(ROOT + "/enforce"))]
    boolean = (files.read(f"{ROOT}/booleans/{BOOLEAN}") or "").split()
    facts[BOOLEAN] = parse_flag(boolean[0]) if boolean else None
    facts["module_request"], facts["domain"] = query_module_request(files)
    facts["denied"] = audit_log.read_denials(files)
    return facts


def is_enforcing_after_reboot(facts: Dict[str, Any], files: Files, cmdline: str) -> bool:
    """Return whether SELinux is not enforcing now, but will be after a reboot as configured in CONFIG.

    The kernel command line takes precedence over the file (libselinux: selinux_init_load_policy()). A kernel that was
    booted without SELinux will be booted without it again.
    """
    if facts["mode"] not in ("disabled", "permissive") or (facts["configured"] or "").lower() != "enforcing":
        return False
    for key in ("selinux", "enforcing"):
        if list_cmdline_values(cmdline, key)[-1:] == ["0"]:
            return False
    security_modules = (files.read(LSM) or "").strip()
    return not security_modules or "selinux" in security_modules.split(",")


def query_module_request(files: Files, domains: Iterable[str] = CONTAINER_DOMAINS) -> ModuleRequest:
    """Return whether the first of these domains that the policy has may make the kernel load a module.

    This queries the policy itself, as libselinux's security_compute_av() does. Rules that only suppress log messages
    (dontaudit) do not affect the answer.

    The kernel checks the permission module_request of class system on its own context, for the process that needs the
    module (security/selinux/hooks.c: selinux_kernel_module_request()).
    """
    try:
        number = int(files.read(ROOT + "/class/system/index") or "")
        permission = int(files.read(ROOT + "/class/system/perms/module_request") or "")
    except ValueError:
        return ModuleRequest(None, None)
    if not 1 <= permission <= _MAX_PERMISSIONS:
        return ModuleRequest(None, None)
    bit = 1 << (permission - 1)
    level = ":s0" if parse_flag(files.read(ROOT + "/mls")) else ""
    for domain in domains:
        request = f"system_u:system_r:{domain}{level} system_u:system_r:kernel_t{level} {number}"
        try:
            answer = files.transact(ROOT + "/access", request.encode("ascii"))
        except OSError:
            continue  # the policy has no such domain
        if answer is None:
            break
        return ModuleRequest(_is_allowed(answer, bit), domain)
    return ModuleRequest(None, None)


def _is_allowed(answer: bytes, bit: int) -> Optional[bool]:
    words = answer.rstrip(b"\0\n").split()
    try:
        if int(words[_ALLOWED_WORD], 16) & bit:
            return True
        return len(words) > _FLAGS_WORD and bool(int(words[_FLAGS_WORD], 16) & _PERMISSIVE)
    except (IndexError, ValueError):
        return None
