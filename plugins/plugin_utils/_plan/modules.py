# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan what is to be done on a node so that a selection's modules are there, now and after a reboot. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess import iptables_forecast
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import Assessed, Assessment
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts import legacy_tables, projection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import is_blacklisted

BOOT_FILE = "/etc/modules-load.d/istio.conf"
HERE = ("loaded", "loadable")
LOADED = ("loaded", "builtin", "merged")
# What only iptables-nft needs; any of them may bring nf_tables along.
NFT_MODULES = ("nf_tables", "nft_compat", "nft_chain_nat", "nft_chain_nat_ipv4", "nft_chain_nat_ipv6", "nft_counter")
# Modules by which Istio picks a variant.
DECIDING = (legacy_tables.LEGACY_MODULES, NFT_MODULES)
# What modules cannot mend. A site's own check is reported, and is no reason to leave the modules undone.
NOT_MENDED = ("tool", "kernel", "option")


@dataclass(frozen=True)
class Plan:
    """What nodeprep.istio.kernel_modules is to do.

    ``modules`` are all names it is given; ``optional`` those of them that only level should asks for; ``boot_only`` those
    that are to be there after a reboot, and would change which iptables variant Istio picks if they were loaded now; ``load``
    those it will load; ``persist`` what our block of the boot file will hold; ``refused`` why nothing at all is done: what no
    module can mend.
    """

    modules: tuple[str, ...]
    optional: tuple[str, ...]
    boot_only: tuple[str, ...]
    load: tuple[str, ...]
    persist: tuple[str, ...]
    change: bool
    refused: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def plan(facts: Mapping[str, Any], assessment: Assessment, load: bool = True, persist: bool = True) -> Plan:
    """Return the plan for checked facts and their assessment."""
    modules = facts["modules"]
    required = [
        (_pick(row, modules), row) for row in assessment.requirements if row.kind == "module" and row.level == "must"
    ]
    must = list(dict.fromkeys(name for name, _row in required))
    needed_now = {name for name, row in required if row.now != "not_needed"}
    wanted = [_pick(row, modules) for row in assessment.requirements if row.kind == "module"]
    deciding = {name for group in DECIDING for name in group}
    boot_only = tuple(name for name in must if name in deciding and name not in needed_now)
    then = projection.prepared(facts, _loadable(modules, must, boot_only), _loadable(modules, must), False)
    left_out = _left_out(then, assessment, [name for name in wanted if name not in must])
    names = tuple(dict.fromkeys(name for name in wanted if name not in left_out))

    refused = tuple(
        row.reason
        for row in assessment.requirements
        if row.kind in NOT_MENDED and row.level == "must" and row.now == "unmet"
    )
    to_load = tuple(name for name in names if load and modules[name]["state"] not in LOADED and name not in boot_only)
    to_persist = persistable(facts, names) if persist else ()
    change = not refused and (bool(to_load) or (persist and list(to_persist) != our_block(facts)))
    optional = tuple(name for name in names if name not in must)
    return Plan(names, optional, boot_only, to_load, to_persist, change, refused)


def our_block(facts: Mapping[str, Any]) -> list[str]:
    """Return the names in our block of the boot file; of older facts, which do not tell it, all names in that file."""
    ours = facts.get("managed")
    block = ours.get("boot_file") if ours else facts["boot_files"].get(BOOT_FILE, [])
    return list(block or ())


def persistable(facts: Mapping[str, Any], names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that our block is to hold: what loads here, or will after the reboot, and no line of others lists.

    The kernel command line (modules-load=) is one of the others. nodeprep.istio.kernel_modules decides the same on the node (_act.py).
    """
    others = {name for path, listed in facts["boot_files"].items() if path != BOOT_FILE for name in listed}
    others |= set(facts["boot_files"].get(BOOT_FILE, ())) - set(our_block(facts))
    return tuple(
        name
        for name in names
        if name not in others and _works(facts["modules"][name]) and not is_blacklisted(facts["modules"][name])
    )


def _works(entry: Mapping[str, Any]) -> bool:
    """Whether a line for it at boot makes sense."""
    waits = {reason["code"] for reason in entry["reasons"] if reason["axis"] == "now"} == {
        "modules_disabled"
    } and not any(reason["code"] == "install_override" for reason in entry["reasons"])
    return entry["state"] in HERE or waits or (entry.get("next_boot") or {}).get("state") == "loadable"


def _pick(row: Assessed, modules: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the module to load for a row: of any_of the first that this kernel has."""
    return next((name for name in row.any_of if modules[name]["state"] not in ("missing", "blocked")), row.name)


def _loadable(modules: Mapping[str, Mapping[str, Any]], names: Iterable[str], but: Collection[str] = ()) -> list[str]:
    return [
        name
        for name in names
        if name not in but and modules[name]["state"] in HERE and not is_blacklisted(modules[name])
    ]


def _left_out(facts: Mapping[str, Any], assessment: Assessment, optional: list[str]) -> set[str]:
    """Return the modules of level should that are not to be loaded: not there, not wanted by the node, or not harmless.

    :param facts: those after what is required was loaded: what Istio picks then is not to be changed.
    """
    modules = facts["modules"]
    out = set(optional) - set(_loadable(modules, optional))
    for deciding in DECIDING:
        found = {name for name in optional if name in deciding}
        if _changes_something(facts, assessment, found - out, deciding):
            out |= found
    return out


def _changes_something(
    facts: Mapping[str, Any], assessment: Assessment, names: set[str], deciding: tuple[str, ...]
) -> bool:
    """Whether loading these modules would make Istio pick another variant; where nft is named no legacy one is loaded at all."""
    if assessment.selection.iptables_variant == "nft" and deciding == legacy_tables.LEGACY_MODULES:
        return True
    return _variants(projection.prepared(facts, names, names, False), assessment) != _variants(facts, assessment)


def _variants(facts: Mapping[str, Any], assessment: Assessment) -> list[str]:
    """Return what Istio would pick in each mode, now and after a reboot."""
    moments = (facts, projection.rebooted(facts))
    return [
        iptables_forecast.forecast(moment, assessment.selection, mode).variant
        for moment in moments
        for mode in assessment.forecasts
    ]
