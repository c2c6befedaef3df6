# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a node has its verdict, in words."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.explanation import explain, list_secondary_notes
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import (
    KINDS,
    SELECTION,
    build,
    fleet,
    loaded_only,
    make_alternatives,
    make_outcome,
)


def explain_first(document):
    return explain(document.nodes[0], document.causes_by_id, document.requirements)


def test_a_node_without_data_is_explained_by_its_reason():
    assert explain_first(build([("a", {"unreachable": True, "msg": "timed out"})])) == "unreachable: timed out"


def test_a_ready_node_needs_no_explanation():
    assert explain_first(build([("a", make_outcome())])) == ""


def test_failures_come_before_the_causes_of_gaps():
    document = build([("a", make_outcome(kind=KINDS[5], failure="boom"))])
    text = explain_first(document)
    assert text.startswith("run failed: boom; kernel-modules-extra is not installed; alternative: ")


def test_alternatives_come_after_the_causes_of_gaps():
    document = build([("a", make_outcome(kind=KINDS[5], plan=make_alternatives("use A", "use B")))])
    assert explain_first(document) == "kernel-modules-extra is not installed; alternatives: use A, or use B"


def test_a_worse_verdict_of_the_page_is_explained():
    document = build(fleet(14, SELECTION))
    notes = list_secondary_notes(document.nodes[1], document.requirements)
    assert notes[0].startswith("the kernel loads ")
    assert notes[1].startswith("Istio's page requires br_netfilter, ")
    assert notes[1].endswith("more: missing now, and no rule uses them")


def test_a_worse_verdict_of_the_rules_is_explained_if_the_page_is_the_profile():
    """The node has the modules of the page and no others, and loads nothing on demand: no rule set loads."""

    def load_modules_of_the_page(modules):
        loaded_only(modules)
        for name in ("nft_compat", "nft_chain_nat", "xt_CT"):
            modules[name].update(state="loadable")

    kind = replace(KINDS[0], change=load_modules_of_the_page)
    selection = Selection.from_options({"mode": "ambient", "profile": "documented", "iptables_variant": "nft"})
    document = build([("a", make_outcome(kind=kind, selection=selection))])
    (node,) = document.nodes
    assert node.effective == "not_ready"
    assert node.verdict != "not_ready"
    (note,) = list_secondary_notes(node, document.requirements)
    assert note.startswith("the rules use ")
    assert "nft_compat" in note
    assert note.endswith(": missing now, and Istio's page does not list them")
