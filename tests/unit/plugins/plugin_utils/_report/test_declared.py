# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declarations of a fleet: one for all nodes with the same text, in the format of the system or in chosen ones."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError, ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration import Declaration
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.declared import (
    DeclaringBuilder,
    describe_failures,
    describe_others,
    list_failures,
    name_files,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import SharedDeclaration
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import recorded
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import (
    KINDS,
    NOW,
    make_declared,
    make_outcome,
)


def observe(*arguments, **parts):
    """Return an outcome with facts as node_facts returns them."""
    outcome = make_outcome(*arguments, **parts)
    return {**outcome, "facts": recorded(outcome["facts"])}


def build(formats=(), **outcomes):
    builder = DeclaringBuilder(formats)
    for name, outcome in outcomes.items():
        builder.add(name, outcome)
    return builder.document(NOW)


def list_declared(document):
    return [(shared.declaration.format, shared.nodes) for shared in document.declarations]


def test_without_chosen_formats_a_node_has_the_declaration_of_its_plan():
    document = build(a=make_declared("talos"), b=make_outcome(), c=make_declared("talos"))
    assert list_declared(document) == [("talos", ("a", "c"))]
    (line,) = describe_others(document, [], "nodes")[1:]
    assert line.startswith("No declaration for 1 node: b. They need none, ")
    assert line.endswith(" set istio_declaration_formats, and istio_declaration_from=nodes.")
    (line,) = describe_others(document, [], "sources")[1:]
    assert line.endswith(" set istio_declaration_formats.")


def test_in_chosen_formats_every_node_with_data_has_one():
    outcomes = {"a": observe(kind=KINDS[1]), "b": observe(kind=KINDS[1]), "c": {"failure": "boom"}, "d": None}
    document = build(["cloud_init", "nixos"], **outcomes)
    assert list_declared(document) == [("nixos", ("a", "b")), ("cloud_init", ("a", "b"))]
    assert describe_others(document, ["cloud_init", "nixos"], "nodes") == []
    assert list_failures(document) == {"c": "boom", "d": "no answer in this run"}
    assert all(shared.declaration.modules for shared in document.declarations)


def test_nodes_with_other_modules_have_another_declaration():
    def lose(found):
        found["modules"]["xt_set"].update(state="missing")

    document = build(["talos"], a=observe(kind=KINDS[1]), b=observe(lose, kind=KINDS[1]))
    assert list_declared(document) == [("talos", ("a",)), ("talos", ("b",))]


def test_a_node_that_has_to_load_no_module_has_no_declaration():
    # Talos has everything built in.
    document = build(["talos"], a=observe(kind=KINDS[10]))
    assert document.declarations == ()
    (line,) = describe_others(document, ["talos"], "nodes")[1:]
    assert line.startswith("No declaration for 1 node: a. They have no module to load at boot: ")


def test_facts_that_are_not_enough_are_an_error():
    outcome = observe()
    outcome["facts"]["managed"] = {"boot_file": [], "overrides": {}, "policy": None, "truncated": True}
    with pytest.raises(InvalidInputError, match="cloud_init replaces the whole boot file"):
        DeclaringBuilder(["cloud_init"]).add("a", outcome)


def test_a_report_has_its_own_declarations_but_no_facts_for_chosen_formats():
    report = build(a=make_declared("talos"))
    builder = DeclaringBuilder([])
    builder.add_document(report)
    assert list_declared(builder.document(NOW)) == [("talos", ("a",))]
    with pytest.raises(ReportError, match=f"the report of {NOW}: it has no facts for declarations in chosen formats; "):
        DeclaringBuilder(["nixos"]).add_document(report)


def test_an_error_of_the_run_on_a_node_with_data_is_a_failure():
    document = build(a={**make_declared(), "failure": "boom"})
    assert list_declared(document) == [("talos", ("a",))]
    assert list_failures(document) == {"a": "boom"}


def test_many_failures_are_abbreviated():
    text = describe_failures({f"n{number}": "gone" for number in range(12)})
    assert text.startswith("no data of 12 nodes: n0: gone; n1: gone; ")
    assert text.endswith("n9: gone; and 2 more")


def test_several_declarations_of_one_format_get_files_of_their_own():
    shared = [
        SharedDeclaration(Declaration("talos", ("xt_owner",)), ("a", "b")),
        SharedDeclaration(Declaration("talos", ("xt_mark",)), ("c",)),
        SharedDeclaration(Declaration("nixos", ("xt_mark",)), ("d",)),
    ]
    files = name_files(shared)
    assert [file.file for file in files] == [
        "istio-modules-talos-1.yaml",
        "istio-modules-talos-2.yaml",
        "istio-modules-nixos.nix",
    ]
    assert files[1].load_now.endswith("--patch @istio-modules-talos-2.yaml")
    assert files[1].as_dict()["load_now"] == files[1].load_now
    assert files[0].as_dict()["nodes"] == ["a", "b"]


def test_a_declaration_is_described_with_its_nodes_and_what_is_first():
    declaration = Declaration("talos", ("xt_owner",), conflicts=("a.conf:1 keeps xt_mark from loading",))
    (file,) = name_files([SharedDeclaration(declaration, ("a", "b"))])
    lines = file.describe()
    assert lines[1:3] == ["Talos for 2 nodes: a, b", "First: a.conf:1 keeps xt_mark from loading"]
    text = "\n".join(lines)
    assert declaration.text in text
    assert (
        lines[-1]
        == "To load these modules now: talosctl --nodes NODE patch machineconfig --patch @istio-modules-talos.yaml"
    )


def test_a_declaration_of_the_selection_alone_names_no_node():
    (file,) = name_files([SharedDeclaration(Declaration("talos", ("xt_owner",), exact=False), ())])
    assert file.describe()[1] == "Talos for an image that does not exist yet"
