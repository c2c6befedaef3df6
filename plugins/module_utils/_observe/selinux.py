# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""SELinux: its mode, its policy, and whether it lets a container make the kernel load a module."""

import re

from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.proc import cmdline_values, flag
from ansible_collections.nodeprep.istio.plugins.module_utils._managed.selinux_policy import CONTAINER_DOMAINS
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import audit_log

ROOT = "/sys/fs/selinux"
CONFIG = "/etc/selinux/config"
LSM = "/sys/kernel/security/lsm"
BOOLEAN = "domain_kernel_load_modules"
# security/selinux/include/security.h: SELINUX_AVD_FLAGS_PERMISSIVE
_PERMISSIVE = 1


def observe(files):
    """Return the facts on SELinux.

    C(mode) is "disabled", "permissive", "enforcing", or "unknown" where it cannot be read. C(module_request) tells
    whether a container's domain may make the kernel load a module, None where the policy cannot be asked; C(denied)
    what it has refused so far, see :func:`audit_log.denied`.
    """
    configured = dict(re.findall(r"^\s*(SELINUX|SELINUXTYPE)=(\S+)", files.read(CONFIG) or "", re.MULTILINE))
    facts = {"mode": "disabled", "policy": configured.get("SELINUXTYPE"), "configured": configured.get("SELINUX")}
    if not files.is_dir(ROOT):
        return facts
    facts["mode"] = {True: "enforcing", False: "permissive", None: "unknown"}[flag(files.read(ROOT + "/enforce"))]
    boolean = files.read("{0}/booleans/{1}".format(ROOT, BOOLEAN))
    facts[BOOLEAN] = flag(boolean.split()[0]) if boolean and boolean.split() else None
    facts["module_request"], facts["domain"] = may_request(files)
    facts["denied"] = audit_log.denied(files)
    return facts


def after_reboot(facts, files, cmdline):
    """Return the facts with the mode of the next boot: enforcing where CONFIG has it so, though it is not now; else as they are.

    The command line beats the file (libselinux: selinux_init_load_policy()), and a kernel that was booted without SELinux will be again.
    """
    if facts["mode"] not in ("disabled", "permissive") or (facts["configured"] or "").lower() != "enforcing":
        return facts
    off = any(cmdline_values(cmdline, key)[-1:] == ["0"] for key in ("selinux", "enforcing"))
    lsm = (files.read(LSM) or "").strip()
    return facts if off or (lsm and "selinux" not in lsm.split(",")) else dict(facts, mode="enforcing")


def may_request(files, domains=CONTAINER_DOMAINS):
    """Return whether the first of I(domains) that the policy has may make the kernel load a module, and that domain; None where that cannot be told.

    Asks the policy itself, as libselinux's security_compute_av() does: no rule that silences the log can mislead.

    The kernel asks for the permission module_request of class system on its own context, in the name of the process
    that needs the module (security/selinux/hooks.c: selinux_kernel_module_request()).
    """
    try:
        number = int(files.read(ROOT + "/class/system/index") or "")
        bit = 1 << (int(files.read(ROOT + "/class/system/perms/module_request") or "") - 1)
    except ValueError:
        return None, None
    level = ":s0" if flag(files.read(ROOT + "/mls")) else ""
    for domain in domains:
        request = "system_u:system_r:{0}{1} system_u:system_r:kernel_t{1} {2}".format(domain, level, number)
        try:
            answer = files.transact(ROOT + "/access", request.encode("ascii"))
        except OSError:
            continue  # the policy has no such domain
        if answer is None:
            return None, None
        return _allows(answer, bit), domain
    return None, None


def _allows(answer, bit):
    words = answer.rstrip(b"\0\n").split()
    try:
        return bool(int(words[0], 16) & bit) or bool(len(words) > 5 and int(words[5], 16) & _PERMISSIVE)
    except (IndexError, ValueError):
        return None
