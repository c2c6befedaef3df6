# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SELinux policy module of this collection: its name, its text, and the text as the facts report it."""

import hashlib
import re
from typing import Iterable

POLICY_MODULE = "istio_node_prep"
# The domain of containers: container_t, before container-selinux 2 svirt_lxc_net_t.
CONTAINER_DOMAINS = ("container_t", "svirt_lxc_net_t")

_MAX_POLICY_CHARS = 1000
_PLAIN_TEXT = re.compile(r"[ -~\n]*")


def render_policy(domains: Iterable[str]) -> str:
    """Return the policy in CIL: one permission of one class, on the kernel alone, for each domain."""
    return "".join(f"(allow {domain} kernel_t (system (module_request)))\n" for domain in domains)


def abbreviate_policy(text: str) -> str:
    """Return the text of a policy module as the facts report it: its digest if it is long or not plain ASCII."""
    if len(text) <= _MAX_POLICY_CHARS and _PLAIN_TEXT.fullmatch(text):
        return text
    return "SHA-256 " + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
