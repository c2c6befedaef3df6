# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw the plots of docs/cost.md from the kept results of the benchmarks: make bench-plots."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from ansible_collections.nodeprep.istio.tests.bench.results import Figures, read_figures
from matplotlib import pyplot as plt

RESULTS = Path(__file__).parents[2] / "docs" / "cost"


def main() -> None:
    # The same results give the same file.
    mpl.rcParams["svg.hashsalt"] = "nodeprep.istio"
    mpl.rcParams["svg.fonttype"] = "none"
    draw_playbooks()
    draw_fleet()


def read_results(name: str) -> dict[str, Any]:
    results: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return results


def draw_playbooks() -> None:
    """Draw the CPU time of each playbook by the number of nodes, with pipelining and the largest number of forks."""
    figures = read_figures(read_results("playbooks")["runs"])
    setting = max(item.setting for item in figures)
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for item in figures:
        if item.setting == setting:
            axes.plot(list(item.cpu), list(item.cpu.values()), marker="o", label=item.case)
    axes.set(xlabel="nodes", ylabel="CPU seconds of the controller", xscale="log", yscale="log")
    sizes = sorted(figures[0].cpu)
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(RESULTS / "playbooks.svg", metadata={"Date": None})


def draw_fleet() -> None:
    """Draw CPU time and memory of an audit of one slice, and of the merge, by the number of nodes."""
    results = read_results("fleet")
    figure, rows = plt.subplots(2, 2, figsize=(8, 6), layout="constrained")
    for row, (name, runs) in zip(rows, (("audit", results["growth"]), ("merge", results["merges"])), strict=True):
        (figures,) = read_figures({"case": "", "pipelining": True, "forks": 0, **run} for run in runs)
        draw_growth(row, name, figures)
    figure.savefig(RESULTS / "fleet.svg", metadata={"Date": None})


def draw_growth(axes: Any, name: str, figures: Figures) -> None:
    axes[0].plot(list(figures.cpu), list(figures.cpu.values()), marker="o")
    axes[0].set(title=f"{name}: CPU", xlabel="nodes", ylabel="seconds")
    axes[1].plot(list(figures.peak_mib), list(figures.peak_mib.values()), marker="o", color="tab:orange")
    axes[1].set(title=f"{name}: largest process", xlabel="nodes", ylabel="MiB")
    for area in axes:
        area.set_xlim(left=0)
        area.set_ylim(bottom=0)
        area.grid(alpha=0.3)


if __name__ == "__main__":
    main()
