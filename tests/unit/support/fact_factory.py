# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Synthetic facts of nodes: all modules are alike, except those that a test names."""

from __future__ import annotations

from typing import Any

from ansible_collections.nodeprep.istio.plugins.filter import missing_modules as missing_modules_filter
from ansible_collections.nodeprep.istio.plugins.filter import preparation_plan as preparation_plan_filter
from ansible_collections.nodeprep.istio.plugins.filter import readiness as readiness_filter
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node_facts import OPTIONS, SCHEMA
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import group_reasons
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts import schema
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts

LEGACY = [f"{prefix}_{table}" for prefix in ("iptable", "ip6table") for table in ("filter", "mangle", "nat", "raw")]

# An old kernel, and some states of a module.
OLD = (5, 10, 223)
THERE = {"state": "loaded", "boot": "yes"}
ABSENT = {"state": "loadable", "boot": "no", "autoload": "denied"}
AT_BOOT = {"state": "loadable", "boot": "yes", "autoload": "denied"}
NAT = ("iptable_nat", "ip6table_nat")
SITE = "/etc/modules-load.d/site.conf"

# The options of facts(): the answers of all modules, the versions of tools and kernel, and parts of the facts.
DEFAULTS: dict[str, Any] = {
    "state": "loadable",
    "autoload": "yes",
    "boot": "no",
    "nft": "1.0.6",
    "iptables": "1.8.9",
    "kernel": (6, 1, 0),
    "boot_files": {},
    "netfilter": {},
    "options": {},
}


def facts(**changes: Any) -> dict[str, Any]:
    """Return facts with each module's reasons in its own entry; see recorded().

    :param changes: values for the keys of DEFAULTS; any other key is the name of a module, with changes to its entry.
    """
    chosen = {**DEFAULTS, **changes}
    modules = {}
    for name in KNOWN_MODULES:
        answers = {axis: chosen[axis] for axis in ("state", "autoload", "boot")}
        modules[name] = {**answers, "reasons": [], **changes.get(name, {})}
    tools: dict[str, dict[str, Any] | None] = {"nft": None, "iptables": None}
    if chosen["nft"]:
        tools["nft"] = {"version": chosen["nft"], "path": "/usr/sbin/nft", "json": True}
    if chosen["iptables"]:
        tools["iptables"] = {"version": chosen["iptables"], "path": "/usr/sbin/iptables", "variant": "nft"}
    return {
        "schema": SCHEMA,
        "kernel": {"release": "x", "version": list(chosen["kernel"]), "ipv6": True},
        "os": {"name": "Debian"},
        "modules": modules,
        "options": {**dict.fromkeys(OPTIONS, "y"), **chosen["options"]},
        "tools": tools,
        "netfilter": {
            "legacy_tables": {"ipv4": [], "ipv6": []},
            "nft_tables": {"ipv4": False, "ipv6": False},
            "nft_compat_uses": 0,
            "ipsets": [],
            **chosen["netfilter"],
        },
        "boot_files": chosen["boot_files"],
    }


def without_legacy(**others: Any) -> dict[str, Any]:
    """Return the modules of a kernel without legacy tables, as keyword arguments of facts()."""
    missing = {"state": "missing", "autoload": "never"}
    return {**dict.fromkeys([*LEGACY, "ip_tables", "ip6_tables"], missing), **others}


def listed_tables(**others: Any) -> dict[str, Any]:
    """Return facts of an old kernel with all modules of iptables-nft; a boot file of another owner lists two tables."""
    legacy = dict.fromkeys([*LEGACY, "ip_tables", "ip6_tables"], ABSENT)
    return facts(
        **THERE, kernel=OLD, boot_files={SITE: list(NAT)}, **{**legacy, **dict.fromkeys(NAT, AT_BOOT), **others}
    )


def recorded(made: Any) -> Any:
    """Return facts as node_facts returns them: the reasons of all modules in one list. Anything else stays as it is."""
    if (
        not isinstance(made, dict)
        or "modules" not in made
        or "reasons" in made
        or not all(isinstance(entry, dict) for entry in made.get("modules", {}).values())
    ):
        return made
    modules = {
        name: {key: value for key, value in entry.items() if key != "reasons"}
        for name, entry in made["modules"].items()
    }
    return {
        **made,
        "modules": modules,
        "reasons": group_reasons({name: entry.get("reasons", []) for name, entry in made["modules"].items()}, modules),
    }


def expand(made: Any) -> Any:
    return schema.expand(recorded(made))


def parse_facts(made: Any) -> Facts:
    return schema.parse_facts(recorded(made))


def readiness(made: Any, **options: Any) -> Any:
    return readiness_filter.readiness(recorded(made), **options)


def missing_modules(made: Any, **options: Any) -> Any:
    return missing_modules_filter.missing_modules(recorded(made), **options)


def preparation_plan(made: Any, **options: Any) -> Any:
    return preparation_plan_filter.preparation_plan(recorded(made), **options)
