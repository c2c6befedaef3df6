# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blockers: settings of the whole node that stop module loading."""

import re
from typing import Any, Dict

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.proc import is_program, parse_flag


def read_blockers(files: Files) -> Dict[str, Any]:
    """Return the C(blockers) of the facts: what keeps this kernel from loading modules at all, or on demand."""
    helper = files.read("/proc/sys/kernel/modprobe")
    if helper is not None:
        helper = helper.strip()
    lockdown = re.search(r"\[(\w+)\]", files.read("/sys/kernel/security/lockdown") or "")
    enforce = files.read("/sys/module/module/parameters/sig_enforce")
    return {
        "modules_disabled": parse_flag(files.read("/proc/sys/kernel/modules_disabled")),
        "modprobe_helper": helper,
        "modprobe_helper_exists": None if helper is None else is_program(files, helper),
        "lockdown": lockdown.group(1) if lockdown else None,
        "signature_enforced": None if enforce is None else enforce.strip() == "Y",
    }


def requires_signatures(blockers: Dict[str, Any]) -> bool:
    """Return whether the kernel loads signed modules only (kernel/module/signing.c: module_sig_check())."""
    return bool(blockers["signature_enforced"]) or blockers["lockdown"] in ("integrity", "confidentiality")
