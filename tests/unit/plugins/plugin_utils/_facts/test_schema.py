# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts that a node or a file supplied, checked and typed."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import NextBootState, Reason
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import expand, parse_expanded, parse_facts
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import facts, recorded

FILE = "/etc/modprobe.d/a.conf"


def grouped(**changes):
    """Return recorded facts with one group of reasons, and these changes to it."""
    group = {"axis": "now", "code": "blacklist", "text": "blacklisted", "where": FILE, "modules": {"xt_owner": [3]}}
    return {**facts(), "reasons": [{**group, **changes}]}


def with_module(name, **changes):
    """Return recorded facts with these changes to the entry of a module."""
    made = recorded(facts())
    entry = {**made["modules"]["xt_owner"], **changes}
    return {**made, "modules": {**made["modules"], name: entry}}


def shared_reason():
    """Return recorded facts in which xt_owner has a reason only because it depends on x_tables."""
    made = grouped(
        code="install_override",
        text="install override '/bin/false'",
        includes_dependents=True,
        modules={"x_tables": [7]},
    )
    made["modules"]["xt_owner"] = {**made["modules"]["xt_owner"], "depends": ["x_tables"]}
    made["conflicts"] = {FILE: {"package": None, "comment": None, "lines": {"9": "install  y /bin/false"}}}
    return made


def test_a_reason_that_modules_share_is_a_reason_of_each():
    expanded = expand(shared_reason())
    (reason,) = expanded["modules"]["xt_owner"]["reasons"]
    assert reason["text"] == f"needs x_tables: install override '/bin/false' ({FILE}:7)"
    assert (reason["where"], reason["dependency"]) == (f"{FILE}:7", "x_tables")


def test_lines_that_reasons_show_are_added_to_the_conflicts():
    assert expand(shared_reason())["conflicts"][FILE]["lines"] == {
        "7": "install x_tables /bin/false",
        "9": "install  y /bin/false",
    }


def test_to_expand_again_changes_nothing():
    expanded = expand(shared_reason())
    assert expand(expanded) == expanded


def test_a_reason_about_a_boot_list_points_to_its_line():
    made = grouped(listed_in="/etc/modules-load.d/b.conf", modules={"xt_owner": [3, 5]})
    (reason,) = expand(made)["modules"]["xt_owner"]["reasons"]
    assert reason["listed_in"] == "/etc/modules-load.d/b.conf:5"
    assert reason["where"] == f"{FILE}:3"
    del made["reasons"][0]["where"]
    made["reasons"][0]["modules"] = {"xt_owner": [5]}
    (reason,) = expand(made)["modules"]["xt_owner"]["reasons"]
    assert reason["where"] == "/etc/modules-load.d/b.conf:5"


def test_facts_become_typed_objects():
    made = with_module("xt_owner", depends=["x_tables"], next_boot={"state": "missing"})
    made["reasons"] = grouped()["reasons"]
    made["selinux"] = {"mode": "enforcing", "module_request": None}
    parsed = parse_facts(made)
    module = parsed.modules["xt_owner"]
    assert module.depends == ("x_tables",)
    assert module.next_boot == NextBootState("missing")
    assert module.reasons == (Reason("now", "blacklist", f"blacklisted ({FILE}:3)", f"{FILE}:3"),)
    assert parsed.kernel.version == (6, 1, 0)
    assert parsed.selinux.mode == "enforcing"
    assert parsed.selinux.module_request is None
    assert parsed.platform.boot_files_read is True
    assert parse_expanded(expand(made)) == parsed


def test_null_places_of_a_reason_count_as_absent():
    made = grouped(listed_in=None, dependency=None)
    (reason,) = parse_facts(made).modules["xt_owner"].reasons
    assert reason == Reason("now", "blacklist", f"blacklisted ({FILE}:3)", f"{FILE}:3")


@pytest.mark.parametrize(
    "broken, message",
    [
        (None, "the facts: NoneType is not a mapping"),
        ([], "the facts: list is not a mapping"),
        ({}, "the facts: schema is None, not 3"),
        ({"schema": 2}, "the facts: schema is 2, not 3"),
        ({"schema": 3}, "the facts: 'modules' is missing"),
        ({"schema": True}, "the facts: schema is True, not 3"),
        ({**grouped(), "schema": 3.0}, "the facts: schema is 3.0, not 3"),
        ({**facts(), "schema": 2}, "the facts: schema is 2, not 3"),
        ({**facts(), "reasons": {}}, "the facts: 'reasons' is '{}', not a list"),
        (grouped(axis="never"), "the facts: 'reasons.0.axis' is 'never', not one of now, autoload, boot"),
        (grouped(axis=["now"]), "the facts: 'reasons.0.axis' is "),
        (grouped(text=None), "the facts: 'reasons.0.text' is 'None', not text"),
        (grouped(modules=["xt_owner"]), "the facts: 'reasons.0.modules' is "),
        (grouped(modules={"nosuch": [1]}), "the facts: 'reasons.0' names the unknown module 'nosuch'"),
        (grouped(modules={"xt_owner": []}), "the facts: 'reasons.0.modules.xt_owner' contains 0 entries for 1 places"),
        (
            grouped(modules={"xt_owner": [1, 2]}),
            "the facts: 'reasons.0.modules.xt_owner' contains 2 entries for 1 places",
        ),
        (
            grouped(modules={"xt_owner": [True]}),
            "the facts: 'reasons.0.modules.xt_owner' contains 'True', which is neither a line number",
        ),
        (
            grouped(modules={"xt_owner": [-1]}),
            "the facts: 'reasons.0.modules.xt_owner' contains '-1', which is neither a line number",
        ),
        (
            grouped(modules={"xt_owner": ["../x.ko"]}),
            "the facts: 'reasons.0.modules.xt_owner' contains '../x.ko', which is neither a line number",
        ),
        (
            grouped(modules={"xt_owner": [[1]]}),
            "the facts: 'reasons.0.modules.xt_owner' contains '[1]', which is neither a line number",
        ),
        (grouped(where=""), "the facts: 'reasons.0.where' is empty"),
        (grouped(dependency=1), "the facts: 'reasons.0.dependency' is '1', not text"),
        (grouped(includes_dependents="yes"), "the facts: 'reasons.0.includes_dependents' is 'yes', not true or false"),
        ({**grouped(), "truncated": "origin"}, "the facts: 'truncated' is 'origin', not a list"),
        (
            {**with_module("aaa", autoload_after="zzz"), "modules": {**facts()["modules"], "zzz": ["x"]}},
            "the facts: 'modules.zzz' is \"['x']\", not a mapping",
        ),
        ({**recorded(facts()), "modules": []}, "the facts: 'modules' is '[]', not a mapping"),
        (with_module("xt_owner", state="fine"), "the facts: 'modules.xt_owner.state' is 'fine', not one of loaded, "),
        (with_module("nf_nat", state="merged"), "the facts: 'modules.nf_nat' has an unknown provider"),
        (
            with_module("nf_nat", next_boot={"state": "fine"}),
            "the facts: 'modules.nf_nat.next_boot.state' is 'fine', not one of loaded, ",
        ),
        (with_module("xt_owner", depends=None), "the facts: 'modules.xt_owner.depends' is 'None', not a list"),
        (
            with_module("xt_owner", autoload_after="nosuch"),
            "the facts: 'modules.xt_owner' has autoload_after 'nosuch', which must be a known module",
        ),
        (
            with_module("xt_owner", autoload_after="xt_owner"),
            "the facts: 'modules.xt_owner' has autoload_after 'xt_owner', which must be a known module",
        ),
        (
            {**facts(), "boot_files": {"/etc/modules-load.d/x.conf": None}},
            "the facts: 'boot_files./etc/modules-load.d/x.conf' is 'None', not a list",
        ),
        ({**facts(), "kernel": {}}, "the facts: 'kernel.release' is missing"),
        (
            {**facts(), "managed": {"overrides": {FILE: {"current": None}}}},
            f"the facts: 'managed.overrides.{FILE}.current' is 'None', not true or false",
        ),
        (
            {**facts(), "managed": {"overrides": {FILE: {}}}},
            f"the facts: 'managed.overrides.{FILE}.current' is missing",
        ),
        (
            {**facts(), "conflicts": {FILE: {"lines": ["blacklist xt_owner"]}}},
            f"the facts: 'conflicts.{FILE}.lines' is ",
        ),
    ],
)
def test_malformed_facts_are_an_error_with_a_remedy(broken, message):
    with pytest.raises(InvalidInputError) as raised:
        parse_facts(recorded(broken))
    assert str(raised.value).startswith(message)
    assert str(raised.value).endswith(
        "; gather the facts with nodeprep.istio.node_facts from this version of the collection"
    )
