# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of netfilter in this network namespace, read without creating any of it."""

import re
from typing import Any, Callable, Dict, List, Optional

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.tools import CommandRunner

# One name per line, of the tables that exist in the reader's network namespace: xt_table_seq_show() in
# net/netfilter/x_tables.c. Reading them creates none, but listing a table with iptables-legacy does.
LEGACY_TABLES = {"ipv4": "/proc/net/ip_tables_names", "ipv6": "/proc/net/ip6_tables_names"}

# Bounds the facts; the kernel has five tables, and Istio one set for each family.
MAX_NAMES = 10

_USES = re.compile(r"^nft_compat \d+ (\d+) ", re.MULTILINE)


def observe(
    files: Files, run: Optional[CommandRunner], ipset: Optional[str], is_present: Callable[[str], bool]
) -> Dict[str, Any]:
    """Return the C(netfilter) facts; a value is None if it cannot be determined.

    :param run: see :func:`tools.observe`.
    :param ipset: path of the ipset tool, or None.
    :param is_present: function that returns whether a module's code is in the running kernel already.
    """
    return {
        "legacy_tables": {family: _read_tables(files, path) for family, path in LEGACY_TABLES.items()},
        "nft_compat_uses": _count_nft_compat_uses(files),
        "ipsets": _list_ipsets(run, ipset, is_present),
    }


def _read_tables(files: Files, path: str) -> Optional[List[str]]:
    text = files.read(path)
    if text is None:
        return None if path in files.unreadable else []
    return sorted(set(text.split()))[:MAX_NAMES]


def _count_nft_compat_uses(files: Files) -> Optional[int]:
    """Return how many expressions of iptables-nft's rules use nft_compat, in all network namespaces together."""
    text = files.read("/proc/modules")
    if text is None:
        return None
    uses = _USES.search(text)
    return int(uses.group(1)) if uses else 0


def _list_ipsets(
    run: Optional[CommandRunner], ipset: Optional[str], is_present: Callable[[str], bool]
) -> Optional[List[str]]:
    """Return the names of Istio's ipsets; a network plugin can have hundreds of others."""
    if run is None:
        return None
    if not is_present("ip_set"):
        return []
    if ipset is None:
        return None
    code, output = run([ipset, "list", "-name"])
    if code != 0:
        return None
    return sorted(name for name in output.split() if name.startswith("istio"))[:MAX_NAMES]
