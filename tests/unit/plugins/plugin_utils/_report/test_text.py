# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text of nodes and files is one plain line of limited length, and the wording that formats share."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import (
    abbreviate,
    clean,
    describe_age,
    parse_time,
    pluralize,
    shorten_kernel,
    shorten_system,
    to_one_line,
)


def test_control_characters_are_replaced():
    assert to_one_line("a\n\tb\x1b[31m\u202e\x00c") == "a b\ufffd[31m\ufffd\ufffdc"


def test_long_text_is_cut_and_its_length_shown():
    assert to_one_line("x" * (1 << 20)) == "x" * 1978 + "… (1048576 characters)"


def test_other_values_become_text():
    assert to_one_line(None) == ""
    assert to_one_line(["a"]) == "['a']"


def test_a_tagged_string_becomes_a_plain_one():
    tagged = type("Tagged", (str,), {})("plain")
    assert to_one_line(tagged).__class__ is str


def test_clean_keeps_the_structure():
    assert clean({"a\n": [1, True, None, "x\ny", ("z",)]}) == {"a": [1, True, None, "x y", ["z"]]}


def test_a_time_is_parsed():
    assert parse_time("2026-11-24T04:00:00Z").timestamp() == 1795492800
    assert parse_time("yesterday") is None


def test_numbers_have_a_noun():
    assert pluralize(1, "node") == "1 node"
    assert pluralize(10_000, "node") == "10,000 nodes"


@pytest.mark.parametrize(
    "names, text",
    [([], ""), (["a", "b", "c", "d"], "a, b, c, d"), (["a", "b", "c", "d", "e"], "a, b, c and 2 more")],
)
def test_many_names_are_abbreviated(names, text):
    assert abbreviate(names) == text


def test_systems_are_shortened():
    assert shorten_system("Red Hat Enterprise Linux 10.1 (Coughlan)") == "RHEL 10.1"
    assert shorten_system("Debian GNU/Linux 12 (bookworm)") == "Debian 12"


def test_kernels_are_shortened():
    assert shorten_kernel("6.12.107+deb13-amd64") == "6.12.107"
    assert shorten_kernel("5.14.0-570.58.1.el9_6.x86_64") == "5.14.0-570"
    assert shorten_kernel("odd") == "odd"


@pytest.mark.parametrize(
    "then, age",
    [
        ("2026-11-24T04:00:00Z", "0 minutes"),
        ("2026-11-24T03:58:31Z", "1 minute"),
        ("2026-11-24T02:01:00Z", "119 minutes"),
        ("2026-11-24T02:00:00Z", "2 hours"),
        ("2026-11-22T04:00:01Z", "47 hours"),
        ("2026-11-22T04:00:00Z", "2 days"),
        ("2026-11-24T04:00:01Z", ""),
        ("", ""),
    ],
)
def test_an_age_is_in_the_largest_unit_that_is_exact_enough(then, age):
    assert describe_age(then, "2026-11-24T04:00:00Z") == age
