# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""The SELinux policy module of this collection: its name, and its text as the facts report it. Format only."""

import hashlib
import re

POLICY_MODULE = "istio_node_prep"
_MOST_OF_A_POLICY = 1000
_OF_OURS = re.compile(r"[ -~\n]*")
# The domain of containers: container_t, before container-selinux 2 svirt_lxc_net_t.
CONTAINER_DOMAINS = ("container_t", "svirt_lxc_net_t")


def told_policy(text):
    """Return the text of a policy as the facts tell it: a long one, or one that is not ours, by its digest."""
    if len(text) <= _MOST_OF_A_POLICY and _OF_OURS.fullmatch(text):
        return text
    return "SHA-256 " + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
