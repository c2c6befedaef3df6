# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan what is to be done on a node so that a selection's modules are there, now and after a reboot. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assessment import Assessment

BOOT_FILE = "/etc/modules-load.d/istio.conf"
HERE = ("loaded", "loadable")


@dataclass(frozen=True)
class Plan:
    """What nodeprep.istio.kernel_modules is to do.

    ``modules`` are all names it is given; ``load`` those it will load; ``persist`` what our block of the boot file
    will hold; ``refused`` why nothing at all is done: what no module can mend.
    """

    modules: tuple[str, ...]
    load: tuple[str, ...]
    persist: tuple[str, ...]
    change: bool
    refused: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def plan(facts: Mapping[str, Any], assessment: Assessment, load: bool = True, persist: bool = True) -> Plan:
    """Return the plan for checked facts."""
    modules = facts["modules"]
    rows = [row for row in assessment.requirements if row.kind == "module"]
    refused = tuple(row.reason for row in assessment.requirements if row.kind != "module" and row.now == "unmet")
    to_load = tuple(row.name for row in rows if load and modules[row.name]["state"] not in ("loaded", "builtin", "merged"))
    listed = facts["boot_files"].get(BOOT_FILE, [])
    elsewhere = {name for path, names in facts["boot_files"].items() if path != BOOT_FILE for name in names}
    to_persist = tuple(row.name for row in rows if persist and modules[row.name]["state"] in HERE and (row.name in listed or row.name not in elsewhere))
    stale = (set(listed) & set(modules)) - set(to_persist)
    change = not refused and (bool(to_load) or (persist and (not set(to_persist) <= set(listed) or bool(stale))))
    return Plan(tuple(row.name for row in rows), to_load, to_persist, change, refused)
