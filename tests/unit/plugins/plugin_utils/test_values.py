# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of the command line, choices, and versions."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._values import (
    check_choice,
    check_option_names,
    is_at_least,
    to_bool,
    to_int,
)


@pytest.mark.parametrize(
    "value, expected",
    [
        ("yes", True),
        ("OFF", False),
        (" ", None),
        ("none", None),
        ("Null", None),
        ("maybe", "maybe"),
        (True, True),
        (None, None),
        (5, 5),
    ],
)
def test_words_become_booleans(value, expected):
    assert to_bool(value) is expected or to_bool(value) == expected


@pytest.mark.parametrize(
    "value, expected", [("400", 400), ("-1", "-1"), ("1.5", "1.5"), ("٣", "٣"), (7, 7), (True, True)]
)
def test_digits_become_integers(value, expected):
    assert to_int(value) == expected


def test_an_unknown_option_is_reported_with_the_valid_ones():
    check_option_names({"a": 1}, ("a", "b"))
    with pytest.raises(InvalidInputError, match=r"^unknown option 'c'; valid options: a, b$"):
        check_option_names({"a": 1, "c": 2}, ("a", "b"))


def test_an_unknown_value_is_reported_with_the_valid_ones():
    check_choice("mode", "a", ("a", "b"))
    with pytest.raises(InvalidInputError, match=r"^mode: unknown value 'c'; valid values: a, b$"):
        check_choice("mode", "c", ("a", "b"))
    with pytest.raises(InvalidInputError, match=r"^mode: unknown value \['a'\]; valid values: a, b$"):
        check_choice("mode", ["a"], ("a", "b"))


@pytest.mark.parametrize(
    "found, minimum, expected",
    [("1.0.6", "1.0.1", True), ("1.0.1", "1.0.1", True), ("1.8.7", "1.10", False), ("unknown", "1.0", None)],
)
def test_versions_are_compared_by_their_numbers(found, minimum, expected):
    assert is_at_least(found, minimum) is expected
