# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines and patterns of modprobe.d files."""

import fnmatch

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.conf_lines import (
    parse_pattern,
    remove_continuations,
    split_logical_lines,
    split_raw_lines,
)


@pytest.mark.parametrize(
    "text, lines",
    [
        ("a\nb\n", [(1, "a"), (2, "b")]),
        ("a", [(1, "a")]),
        ("a \\\n b\nc\n", [(1, "a  b"), (3, "c")]),
        ("a\\\\\nb\n", [(1, "a\\"), (2, "b")]),
        ("a\\b\n", [(1, "ab")]),
        ("a\r\nb", [(1, "a\r"), (2, "b")]),
        ("a\0b\nc\n", [(1, "a"), (2, "c")]),
        ("a\\\n", [(1, "a")]),
        ("", []),
        ("\n", [(1, "")]),
    ],
    ids=[
        "two lines",
        "no final line feed",
        "continued",
        "escaped backslash",
        "escaped character",
        "carriage return",
        "NUL",
        "continued at the end",
        "empty",
        "empty line",
    ],
)
def test_logical_lines_are_those_of_libkmod(text, lines):
    assert list(split_logical_lines(text)) == lines


def test_raw_lines_keep_every_character():
    text = "a \\\n b\nc\\\\\n\nd"
    raw = list(split_raw_lines(text))
    assert raw == [(1, "a \\\n b\n"), (3, "c\\\\\n"), (4, "\n"), (5, "d")]
    assert "".join(line for _number, line in raw) == text


@pytest.mark.parametrize(
    "raw, line",
    [("install a \\\n b\n", "install a  b\n"), ("a\\\\\n", "a\\\\\n"), ("a\\b\n", "a\\b\n"), ("a\\\\\\\nb", "a\\\\b")],
    ids=["continuation", "escaped backslash", "escaped character", "both"],
)
def test_only_continuations_are_removed(raw, line):
    assert remove_continuations(raw) == line


@pytest.mark.parametrize(
    "word, pattern",
    [
        ("xt-owner", "xt_owner"),
        ("xt-[m-p]*", "xt_[m-p]*"),
        ("xt-[^a-b]-c", "xt_[!a-b]_c"),
        ("xt_[!o]*", "xt_[!o]*"),
        ("**a***", "*a*"),
        ("[**]", "[**]"),
    ],
)
def test_a_word_becomes_a_pattern_of_fnmatch(word, pattern):
    assert parse_pattern(word) == pattern


@pytest.mark.parametrize("word", ["xt_[o*", "xt_o]*", "[a]]", "[a][b"])
def test_a_word_with_unbalanced_brackets_has_no_pattern(word):
    assert parse_pattern(word) is None


def test_a_caret_excludes_characters():
    pattern = parse_pattern("xt_[^m]*")
    assert fnmatch.fnmatchcase("xt_owner", pattern)
    assert not fnmatch.fnmatchcase("xt_mark", pattern)
