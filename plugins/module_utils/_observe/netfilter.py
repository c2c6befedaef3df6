# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""What netfilter holds in this network namespace, read without making any of it."""

import re

# One name a line, of the tables that exist in the reader's network namespace: xt_table_seq_show() in
# net/netfilter/x_tables.c. Reading them creates none, where listing a table with iptables-legacy does.
LEGACY_TABLES = {"ipv4": "/proc/net/ip_tables_names", "ipv6": "/proc/net/ip6_tables_names"}

# The facts are bounded; the kernel has five tables, and Istio a set for each family.
MOST_NAMES = 10

_USES = re.compile(r"^nft_compat \d+ (\d+) ", re.MULTILINE)


def observe(files, run, ipset, is_there):
    """Return the C(netfilter) facts; a value is None where it cannot be told.

    :param run: see :func:`_tools.observe`.
    :param ipset: path of the ipset tool, or None.
    :param is_there: function that tells whether a module's code is in the running kernel already.
    """
    return {
        "legacy_tables": {family: _tables(files, path) for family, path in LEGACY_TABLES.items()},
        "nft_compat_uses": _nft_compat_uses(files),
        "ipsets": _ipsets(run, ipset, is_there),
    }


def _tables(files, path):
    text = files.read(path)
    if text is None:
        return None if path in files.unreadable else []
    return sorted(set(text.split()))[:MOST_NAMES]


def _nft_compat_uses(files):
    """Return how many expressions of iptables-nft's rules hold nft_compat, in all network namespaces together."""
    text = files.read("/proc/modules")
    if text is None:
        return None
    uses = _USES.search(text)
    return int(uses.group(1)) if uses else 0


def _ipsets(run, ipset, is_there):
    if run is None or not is_there("ip_set"):
        return [] if run else None
    if ipset is None:
        return None
    code, output = run([ipset, "list", "-name"])
    # A network plugin can have hundreds of its own.
    return sorted(name for name in output.split() if name.startswith("istio"))[:MOST_NAMES] if code == 0 else None
