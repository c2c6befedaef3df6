# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site's own checks: the errors for invalid ones, and their results on facts."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.site_checks import ExtraCheck, parse_checks

FACTS = {"kernel": {"release": "6.1", "version": [6, 1, 0]}, "os": {}, "tools": {"nft": {"version": "1.0.6"}}}


def check(**changes):
    return {"id": "a", "query": "kernel", "message": "m", **changes}


def test_checks_are_parsed():
    checks = parse_checks([check(message=" m \n"), check(id="b", level="should")])
    assert checks == (ExtraCheck("a", "kernel", "m"), ExtraCheck("b", "kernel", "m", "should"))


@pytest.mark.parametrize(
    "value, message",
    [
        ({}, "extra_checks: {} is not a list; give a list of mappings with id, query, message and level"),
        (["a"], "extra_checks: entry 1 is not a mapping; give id, query, message and level"),
        (
            [{"id": "a", "query": "a"}],
            "extra_checks: entry 1: message is missing; each check needs id, query and message",
        ),
        ([check(), check(id=" ")], "extra_checks: entry 2: id is missing"),
        ([check(id="a b")], "extra_checks: entry 1: invalid id 'a b'; use letters, digits, '_', '.' and '-'"),
        ([check(), check()], "extra_checks: two checks have the id 'a'; give each its own"),
        ([check(when=1)], "extra_checks: entry 1: unknown key 'when'; valid keys: id, query, message, level"),
        ([check(level="may")], "extra_checks: 'a': unknown level 'may'; valid levels: must, should"),
        ([check(query="kernel..x")], "extra_checks: 'a': the query is not a valid JMESPath expression: "),
        ([check(query="lenght(@)")], "extra_checks: 'a': invalid query: Unknown function: lenght()"),
        (
            [check(query="a[?length(@, b)]")],
            "extra_checks: 'a': invalid query: Expected 1 argument for function length(), received 2",
        ),
        (
            [check(query="not_null()")],
            "extra_checks: 'a': invalid query: Expected at least 1 argument for function not_null(), received 0",
        ),
    ],
)
def test_an_invalid_check_gets_an_error_that_names_it(value, message):
    with pytest.raises(InvalidInputError) as raised:
        parse_checks(value)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize("query", ["(" * 5000, f"{'[' * 5000}kernel{']' * 5000}", "!" * 5000 + "kernel"])
def test_a_query_that_is_nested_too_deeply_is_an_error(query):
    with pytest.raises(InvalidInputError, match="extra_checks: 'a': the query is nested too deeply; split it into "):
        parse_checks([check(query=query)])


@pytest.mark.parametrize(
    "query", ["sort_by(a, &b)", "not_null(a, b, c)", "map(&length(@), a)", "a[?contains(b, 'c')] | [0]", "to_array(@)"]
)
def test_functions_with_the_right_number_of_arguments_are_valid(query):
    assert parse_checks([check(query=query)])[0].query == query


@pytest.mark.parametrize(
    "query, holds, reason",
    [
        ("kernel.version[0] >= `6`", True, ""),
        ("tools.nft.version == '1.0.6'", True, ""),
        ("not_null(os.nothing, kernel.nothing, `true`)", True, ""),
        ("kernel.version[0] >= `7`", False, "our rule ('kernel.version[0] >= `7`' returns false)"),
        ("sysctl.nothing", False, "our rule ('sysctl.nothing' returns null)"),
        ("kernel.release", False, "our rule ('kernel.release' returns \"6.1\")"),
    ],
)
def test_a_check_holds_only_if_its_query_is_true(query, holds, reason):
    assert ExtraCheck("a", query, "our rule").evaluate(FACTS) == (holds, reason)


@pytest.mark.parametrize("query", ["length(os.nothing) > `1`", "contains(kernel.release, `6`)", "kernel.version[::0]"])
def test_a_query_that_fails_on_these_facts_is_not_determined(query):
    holds, reason = ExtraCheck("a", query, "our rule").evaluate(FACTS)
    assert holds is None
    assert reason.startswith("our rule (cannot be determined: ")
