# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of nodes made up for the tests: every module alike, but for those that a test names."""

from __future__ import annotations

from typing import Any

from ansible_collections.nodeprep.istio.plugins.filter import missing_modules as missing_modules_filter
from ansible_collections.nodeprep.istio.plugins.filter import preparation_plan as preparation_plan_filter
from ansible_collections.nodeprep.istio.plugins.filter import readiness as readiness_filter
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node_facts import SCHEMA
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import grouped
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts import schema

LEGACY = [f"{prefix}_{table}" for prefix in ("iptable", "ip6table") for table in ("filter", "mangle", "nat", "raw")]


# An old kernel, and how a module stands on a node.
OLD = (5, 10, 223)
THERE = {"state": "loaded", "boot": "yes"}
ABSENT = {"state": "loadable", "boot": "no", "autoload": "denied"}
AT_BOOT = {"state": "loadable", "boot": "yes", "autoload": "denied"}
NAT = ("iptable_nat", "ip6table_nat")
SITE = "/etc/modules-load.d/site.conf"


def facts(
    state="loadable",
    autoload="yes",
    boot="no",
    nft="1.0.6",
    iptables="1.8.9",
    kernel=(6, 1, 0),
    boot_files=None,
    netfilter=None,
    options=None,
    **modules,
):
    entry = {"state": state, "autoload": autoload, "boot": boot, "reasons": []}
    return {
        "schema": SCHEMA,
        "kernel": {"release": "x", "version": list(kernel)},
        "os": {"name": "Debian"},
        "modules": {name: {**entry, **modules.get(name, {})} for name in KNOWN_MODULES},
        "options": {"MODULES": "y", "NF_CONNTRACK_ZONES": "y", "NF_CONNTRACK_MARK": "y", **(options or {})},
        "tools": {
            "nft": nft and {"version": nft, "path": "/usr/sbin/nft", "json": True},
            "iptables": iptables and {"version": iptables, "path": "/usr/sbin/iptables", "variant": "nft"},
        },
        "netfilter": {
            "legacy_tables": {"ipv4": [], "ipv6": []},
            "nft_compat_uses": 0,
            "ipsets": [],
            **(netfilter or {}),
        },
        "boot_files": boot_files or {},
    }


def without_legacy(**others):
    """Modules of a kernel that has no legacy tables, as keyword arguments of facts()."""
    missing = {"state": "missing", "autoload": "never"}
    return {**dict.fromkeys([*LEGACY, "ip_tables", "ip6_tables"], missing), **others}


def listed_tables(**others):
    """An old kernel where all of iptables-nft is there, and where a file of somebody else's has two legacy tables loaded at boot."""
    legacy = dict.fromkeys([*LEGACY, "ip_tables", "ip6_tables"], ABSENT)
    return facts(
        **THERE, kernel=OLD, boot_files={SITE: list(NAT)}, **{**legacy, **dict.fromkeys(NAT, AT_BOOT), **others}
    )


def recorded(made: Any) -> Any:
    """Return made facts as node_facts returns them: the reasons of all modules in one list. Whatever is not made here stays as it is."""
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
        "reasons": grouped({name: entry.get("reasons", []) for name, entry in made["modules"].items()}, modules),
    }


def checked(made: Any) -> Any:
    return schema.checked(recorded(made))


def readiness(made: Any, **options: Any) -> Any:
    return readiness_filter.readiness(recorded(made), **options)


def missing_modules(made: Any, **options: Any) -> Any:
    return missing_modules_filter.missing_modules(recorded(made), **options)


def preparation_plan(made: Any, **options: Any) -> Any:
    return preparation_plan_filter.preparation_plan(recorded(made), **options)
