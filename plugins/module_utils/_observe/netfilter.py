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
# That of iptables-legacy prints the tables that the file above lists, and only these (iptables/iptables-save.c:
# for_each_table()). So it creates no table if that file lists one. That of iptables-nft creates none in any case: it
# sends requests that read, and no batch (iptables/xtables-save.c: xtables_save_main()).
SAVE = {
    "legacy": {"ipv4": "iptables-legacy-save", "ipv6": "ip6tables-legacy-save"},
    "nft": {"ipv4": "iptables-nft-save", "ipv6": "ip6tables-nft-save"},
}
# The same program under the name that the default variant of the host has.
PLAIN_SAVE = {"ipv4": "iptables-save", "ipv6": "ip6tables-save"}
MULTI_CALL = {"legacy": "xtables-legacy-multi", "nft": "xtables-nft-multi"}

# iptables-nft asks the kernel for the revision of each extension with which it shows a rule, also a rule of nft such as
# "tcp dport 22". That loads nft_compat and the module of the extension (iptables/nft.c: nft_compatible_revision()).
# Without its libraries it knows no extension. Measured: 1.8.7 then shows such a rule in part; 1.8.9 and 1.8.11 fail at
# the first one, after the name of its table.
ENV = "env"
NO_EXTENSIONS = "XTABLES_LIBDIR=/nonexistent"

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
# What iptables-nft-save prints of a table with rules or chains of nft: in place of the table, or before it.
_INCOMPATIBLE = re.compile(r"^# Table .* (is incompatible|contains incompatible base-chains), ", re.MULTILINE)
_BEFORE_A_TABLE = "contains incompatible base-chains"

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
        "nft_tables": {family: _has_nft_tables(files, run, tools, is_present, family) for family in tables},
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
    command = _find_save_command(files, tools, "legacy", family)
    if run is None or command is None:
        return None
    code, output = run(command)
    return parse_ruled_tables(output) if code == 0 else None


def _find_save_command(files: Files, tools: Tools, variant: str, family: str) -> Optional[List[str]]:
    program = find_program(files, SAVE[variant][family])
    if program:
        return [program]
    program = find_program(files, MULTI_CALL[variant])
    if program:
        return [program, PLAIN_SAVE[family]]
    iptables = tools.get("iptables")
    program = find_program(files, PLAIN_SAVE[family])
    if program and iptables and iptables.get("variant") == variant:
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


def _has_nft_tables(
    files: Files, run: Optional[CommandRunner], tools: Tools, is_present: Callable[[str], bool], family: str
) -> Optional[bool]:
    """Return whether iptables-nft shows tables of a family, with or without rules; None if that is unknown."""
    if run is None:
        return None
    if not is_present("nf_tables"):
        return False
    env = find_program(files, ENV)
    command = _find_save_command(files, tools, "nft", family)
    if env is None or command is None:
        return None
    return parse_nft_tables(*run([env, NO_EXTENSIONS] + command))


def parse_nft_tables(code: int, output: str) -> Optional[bool]:
    """Return whether iptables-nft-save printed a table, from its exit code and its output.

    None if it printed none and failed, or if it printed only such that have rules or chains of nft: another release of
    iptables shows more or fewer of these.
    """
    incompatible = _INCOMPATIBLE.findall(output)
    tables = [match for match in _TABLE_OR_RULE.findall(output) if match]
    if len(tables) > incompatible.count(_BEFORE_A_TABLE):
        return True
    return False if code == 0 and not incompatible else None


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
