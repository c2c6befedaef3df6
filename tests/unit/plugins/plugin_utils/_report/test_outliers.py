# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Row 91 of the situations: nodes that ought to be alike and are not."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.outliers import Outlier, outliers
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import KINDS, SELECTION, build, facts, outcome

PREPARED = KINDS[0]


def node(selection=SELECTION, kind=PREPARED, text="", **modules):
    found = facts(kind)
    for name, entry in modules.items():
        found["modules"][name].update(entry)
        found["modules"][name]["reasons"] = [{"axis": "now", "code": "not_installed", "text": text}] if text else []
    return outcome(found, selection)


GONE = {"state": "missing", "autoload": "never", "boot": "no"}


def test_one_node_that_lacks_a_module_stands_out_from_those_like_it():
    document = build([*((f"node-{number}", node()) for number in range(5)), ("odd", node(xt_owner=GONE))])
    (found,) = outliers(document)
    assert found == Outlier(("odd",), document.nodes[0].system, "6.1.0-42-amd64", 5, found.differs)
    assert {document.requirements[id_].label for id_ in found.differs} == {"xt_owner"}


@pytest.mark.parametrize(
    "usual, odd",
    [
        (6, {}),  # all are alike
        (2, {"xt_owner": GONE}),  # too few
        (0, {"xt_owner": GONE}),
    ],
)
def test_nothing_stands_out_where_there_is_no_custom(usual, odd):
    assert outliers(build([*((f"node-{number}", node()) for number in range(usual)), ("odd", node(**odd))])) == []


def test_a_fifth_of_the_nodes_is_a_kind_of_its_own_and_no_outlier():
    assert (
        outliers(
            build([(f"node-{number}", node(**({} if number % 5 else {"xt_owner": GONE}))) for number in range(20)])
        )
        == []
    )


def test_two_halves_are_no_outliers_of_each_other():
    assert (
        outliers(
            build([(f"node-{number}", node(**({"xt_owner": GONE} if number % 2 else {}))) for number in range(10)])
        )
        == []
    )


def test_a_reason_in_other_words_another_kernel_another_selection_and_no_data_make_no_outlier():
    alike = [(f"node-{number}", node(xt_owner=GONE, text="gone")) for number in range(5)]
    others = [
        ("words", node(xt_owner=GONE, text="not there")),
        ("kernel", node(kind=next(kind for kind in KINDS if kind.release.startswith("6.12")))),
        ("selection", node(selection=Selection.from_options({"backend": "nftables"}))),
    ]
    document = build([*alike, *others])
    assert outliers(document) == []
    assert outliers(build([])) == []


def test_outliers_of_one_kind_are_told_together_and_the_largest_groups_first():
    later = next(kind for kind in KINDS if kind.release.startswith("6.12"))
    nodes = [(f"a-{number}", node()) for number in range(18)] + [
        ("a-x", node(xt_owner=GONE)),
        ("a-y", node(xt_owner=GONE)),
    ]
    nodes += [(f"b-{number}", node(kind=later)) for number in range(29)] + [("b-x", node(kind=later, nf_nat=GONE))]
    assert [(found.names, found.alike) for found in outliers(build(nodes))] == [(("b-x",), 29), (("a-x", "a-y"), 18)]
