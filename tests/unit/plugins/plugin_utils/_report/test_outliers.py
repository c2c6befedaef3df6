# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outliers: nodes that differ from most nodes of their system, kernel and selection."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.outliers import Outlier, find_outliers
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import KINDS, SELECTION, build, facts, outcome

PREPARED = KINDS[0]


def make_node(selection=SELECTION, kind=PREPARED, text="", **modules):
    found = facts(kind)
    for name, entry in modules.items():
        found["modules"][name].update(entry)
        found["modules"][name]["reasons"] = [{"axis": "now", "code": "not_installed", "text": text}] if text else []
    return outcome(found, selection)


MISSING = {"state": "missing", "autoload": "never", "boot": "no"}


def test_one_node_without_a_module_is_an_outlier():
    document = build([*((f"node-{number}", make_node()) for number in range(5)), ("odd", make_node(xt_owner=MISSING))])
    (found,) = find_outliers(document)
    assert found == Outlier(("odd",), document.nodes[0].system, "6.1.0-42-amd64", 5, found.differs)
    assert {document.requirements[id_].label for id_ in found.differs} == {"xt_owner"}


@pytest.mark.parametrize(
    "usual, odd",
    [
        pytest.param(6, {}, id="all are equal"),
        pytest.param(2, {"xt_owner": MISSING}, id="too few nodes"),
        pytest.param(0, {"xt_owner": MISSING}, id="one node"),
    ],
)
def test_without_a_usual_state_there_is_no_outlier(usual, odd):
    nodes = [(f"node-{number}", make_node()) for number in range(usual)]
    assert find_outliers(build([*nodes, ("odd", make_node(**odd))])) == []


def test_a_fifth_of_the_nodes_is_not_an_outlier():
    nodes = [(f"node-{number}", make_node()) for number in range(16)]
    nodes += [(f"odd-{number}", make_node(xt_owner=MISSING)) for number in range(4)]
    assert find_outliers(build(nodes)) == []


def test_two_halves_have_no_outlier():
    nodes = [(f"node-{number}", make_node()) for number in range(5)]
    nodes += [(f"odd-{number}", make_node(xt_owner=MISSING)) for number in range(5)]
    assert find_outliers(build(nodes)) == []


def test_another_reason_kernel_or_selection_does_not_make_an_outlier():
    usual = [(f"node-{number}", make_node(xt_owner=MISSING, text="gone")) for number in range(5)]
    others = [
        ("words", make_node(xt_owner=MISSING, text="not there")),
        ("kernel", make_node(kind=next(kind for kind in KINDS if kind.release.startswith("6.12")))),
        ("selection", make_node(selection=Selection.from_options({"backend": "nftables"}))),
    ]
    document = build([*usual, *others])
    assert find_outliers(document) == []
    assert find_outliers(build([])) == []


def test_equal_outliers_are_grouped_and_those_with_most_peers_come_first():
    later = next(kind for kind in KINDS if kind.release.startswith("6.12"))
    nodes = [(f"a-{number}", make_node()) for number in range(18)] + [
        ("a-x", make_node(xt_owner=MISSING)),
        ("a-y", make_node(xt_owner=MISSING)),
    ]
    nodes += [(f"b-{number}", make_node(kind=later)) for number in range(29)] + [
        ("b-x", make_node(kind=later, nf_nat=MISSING))
    ]
    assert [(found.names, found.peers) for found in find_outliers(build(nodes))] == [
        (("b-x",), 29),
        (("a-x", "a-y"), 18),
    ]
