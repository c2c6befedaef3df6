# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Medians, costs and ratios from the runs of the benchmark."""

from __future__ import annotations

from ansible_collections.nodeprep.istio.tests.bench.results import Setting, find_ratios, read_figures

FAST = Setting(pipelining=True, forks=20)
SLOW = Setting(pipelining=False, forks=20)


def make_run(case, nodes, cpu, setting=FAST, wall=1.0):
    return {"case": case, "nodes": nodes, **setting._asdict(), "cpu": cpu, "wall": wall, "peak_mib": 50.0}


def test_the_figures_are_medians_by_number_of_nodes():
    runs = [make_run("ping", 40, cpu, wall=cpu * 2) for cpu in (5.0, 50.0, 4.0)] + [make_run("ping", 10, 1.0)]
    (figures,) = read_figures(runs)
    assert figures.case == "ping"
    assert figures.cpu == {10: 1.0, 40: 5.0}
    assert figures.wall == {10: 1.0, 40: 10.0}


def test_a_further_node_is_the_slope_between_the_two_largest_numbers():
    runs = [make_run("ping", nodes, cpu) for nodes, cpu in ((160, 18.0), (10, 9.0), (40, 6.0))]
    (figures,) = read_figures(runs)
    assert figures.further_node == 0.1


def test_ratios_are_to_the_same_setting():
    runs = []
    for case, setting, cost in (("ping", FAST, 1), ("audit", FAST, 3), ("ping", SLOW, 2), ("audit", SLOW, 4)):
        runs += [make_run(case, 1, 0.0, setting), make_run(case, 2, float(cost), setting)]
    figures = read_figures(runs)
    assert find_ratios(figures) == {(FAST, "ping"): 1, (FAST, "audit"): 3, (SLOW, "ping"): 1, (SLOW, "audit"): 2}
    assert find_ratios(figures, "audit")[SLOW, "ping"] == 0.5


def test_without_the_floor_there_are_no_ratios():
    assert find_ratios(read_figures([make_run("audit", 1, 1.0), make_run("audit", 2, 2.0)])) == {}
