# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Medians, the cost of each further node, and its ratio to ping, from the runs of bench.py. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

FLOOR = "ping"


class Setting(NamedTuple):
    """How Ansible ran: whether modules were the input of one command, and the number of forks."""

    pipelining: bool
    forks: int


@dataclass(frozen=True)
class Figures:
    """The medians of a case in one setting: ``cpu``, ``wall`` and ``peak_mib`` by the number of nodes."""

    case: str
    setting: Setting
    cpu: Mapping[int, float]
    wall: Mapping[int, float]
    peak_mib: Mapping[int, float]

    @property
    def further_node(self) -> float:
        """CPU seconds for each further node, between the two largest numbers of nodes."""
        smaller, larger = sorted(self.cpu)[-2:]
        return (self.cpu[larger] - self.cpu[smaller]) / (larger - smaller)


def read_figures(runs: Iterable[Mapping[str, Any]]) -> list[Figures]:
    """Return the figures of each case and setting, in the order of the runs."""
    groups: dict[tuple[Setting, str], list[Mapping[str, Any]]] = {}
    for run in runs:
        setting = Setting(run["pipelining"], run["forks"])
        groups.setdefault((setting, run["case"]), []).append(run)
    return [
        Figures(case, setting, *(_find_medians(of_case, name) for name in ("cpu", "wall", "peak_mib")))
        for (setting, case), of_case in groups.items()
    ]


def _find_medians(runs: Iterable[Mapping[str, Any]], name: str) -> dict[int, float]:
    values: dict[int, list[float]] = {}
    for run in runs:
        values.setdefault(run["nodes"], []).append(run[name])
    return {nodes: statistics.median(of_size) for nodes, of_size in sorted(values.items())}


def find_ratios(figures: Iterable[Figures], base: str = FLOOR) -> dict[tuple[Setting, str], float]:
    """Return the cost of a further node of each case in multiples of that of another case in the same setting."""
    known = {(item.setting, item.case): item.further_node for item in figures}
    ratios = {}
    for (setting, case), cost in known.items():
        if (setting, base) in known:
            ratios[setting, case] = cost / known[setting, base]
    return ratios
