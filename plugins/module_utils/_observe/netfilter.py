# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of netfilter, of bridges and of IPv6 in this network namespace, read without creating any of it."""

import re
from typing import Any, Callable, Dict, List, Mapping, Optional

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.tools import CommandRunner, find_program

# One name per line, of the tables that exist in the reader's network namespace: xt_table_seq_show() in
# net/netfilter/x_tables.c. Reading them creates none, but listing a table with iptables-legacy does.
LEGACY_TABLES = {"ipv4": "/proc/net/ip_tables_names", "ipv6": "/proc/net/ip6_tables_names"}
# Each prints the tables that the file above lists, and only these (iptables/iptables-save.c: for_each_table()). So it
# creates no table if that file lists one.
LEGACY_SAVE = {"ipv4": "iptables-legacy-save", "ipv6": "ip6tables-legacy-save"}
# The same program under the name that the default variant of the host has.
PLAIN_SAVE = {"ipv4": "iptables-save", "ipv6": "ip6tables-save"}
MULTI_CALL = "xtables-legacy-multi"

IPV6_SETTINGS = "/proc/sys/net/ipv6/conf"
IPV6_NAMES = ("all", "default", "lo")
# Address, number of the interface, length of the prefix, scope, flags, name: if6_seq_show() in net/ipv6/addrconf.c.
IPV6_ADDRESSES = "/proc/net/if_inet6"
LOOPBACK_ADDRESS = f"{1:032x}"

# A bridge has a directory with this name (net/bridge/br_sysfs_br.c: br_sysfs_addbr()).
INTERFACES = "/sys/class/net"
BRIDGE = "bridge"

MAX_BRIDGES = 3
# Bounds the facts; the kernel has five tables, and Istio one set for each family.
MAX_NAMES = 10

_USES = re.compile(r"^nft_compat \d+ (\d+) ", re.MULTILINE)
# A line of iptables-save: a table, or a rule. Chains without rules, such as KUBE-KUBELET-CANARY, have a line with ":".
_TABLE_OR_RULE = re.compile(r"^(?:\*(\w+)|-[AI] )", re.MULTILINE)

Tools = Mapping[str, Optional[Dict[str, Any]]]


def observe(
    files: Files, run: Optional[CommandRunner], tools: Tools, is_present: Callable[[str], bool]
) -> Dict[str, Any]:
    """Return the C(netfilter) facts; a value is None if it cannot be determined.

    :param run: see :func:`tools.observe`.
    :param tools: what :func:`tools.observe` returned.
    :param is_present: function that returns whether a module's code is in the running kernel already.
    """
    ipset = tools.get("ipset")
    tables = {family: _read_tables(files, path) for family, path in LEGACY_TABLES.items()}
    facts: Dict[str, Any] = {
        "legacy_tables": tables,
        "nft_compat_uses": _count_nft_compat_uses(files),
        "ipsets": _list_ipsets(run, ipset["path"] if ipset else None, is_present),
        "bridges": _list_bridges(files),
    }
    rules = {family: _list_ruled_tables(files, run, tools, family) for family in tables if tables[family]}
    if rules:
        facts["legacy_rules"] = rules
    ipv6_off = [name for name in IPV6_NAMES if files.read(f"{IPV6_SETTINGS}/{name}/disable_ipv6") == "1\n"]
    if ipv6_off:
        facts["ipv6_off"] = ipv6_off
    addresses = files.read(IPV6_ADDRESSES)
    if addresses is not None and LOOPBACK_ADDRESS not in addresses:
        facts["loopback_ipv6"] = False
    return facts


def _read_tables(files: Files, path: str) -> Optional[List[str]]:
    text = files.read(path)
    if text is None:
        return None if path in files.unreadable else []
    return sorted(set(text.split()))[:MAX_NAMES]


def _list_ruled_tables(files: Files, run: Optional[CommandRunner], tools: Tools, family: str) -> Optional[List[str]]:
    """Return the legacy tables of a family that hold rules; None if they cannot be listed."""
    command = _find_save_command(files, tools, family)
    if run is None or command is None:
        return None
    code, output = run(command)
    return parse_ruled_tables(output) if code == 0 else None


def _find_save_command(files: Files, tools: Tools, family: str) -> Optional[List[str]]:
    program = find_program(files, LEGACY_SAVE[family])
    if program:
        return [program]
    program = find_program(files, MULTI_CALL)
    if program:
        return [program, PLAIN_SAVE[family]]
    iptables = tools.get("iptables")
    program = find_program(files, PLAIN_SAVE[family])
    if program and iptables and iptables.get("variant") == "legacy":
        return [program]
    return None


def parse_ruled_tables(output: str) -> List[str]:
    """Return the tables that hold rules, from the output of iptables-save."""
    table = ""
    found = set()
    for match in _TABLE_OR_RULE.finditer(output):
        if match.group(1):
            table = match.group(1)
        elif table:
            found.add(table)
    return sorted(found)[:MAX_NAMES]


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


def _list_bridges(files: Files) -> Optional[List[str]]:
    """Return the names of the first bridges; None if the interfaces cannot be listed."""
    interfaces = files.listdir(INTERFACES)
    if INTERFACES in files.unreadable or not files.is_dir(INTERFACES):
        return None
    bridges: List[str] = []
    for name in interfaces:
        if len(bridges) < MAX_BRIDGES and files.is_dir(f"{INTERFACES}/{name}/{BRIDGE}"):
            bridges.append(name)
    return bridges
