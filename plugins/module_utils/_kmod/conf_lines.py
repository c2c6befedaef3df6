# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines and patterns of modprobe.d files, as libkmod reads them."""

import re
from typing import Iterator, List, Match, Optional, Tuple

from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import canonicalize

_ESCAPE = re.compile(r"\\(.|\n)")
_BRACKETS = re.compile(r"(\[[^]]*\])")
_STARS = re.compile(r"\*+")


def split_logical_lines(text: str) -> Iterator[Tuple[int, str]]:
    """Yield (number of the first line, text) of each logical line, as libkmod-util.c: getline_wrapped() reads it.

    A backslash joins the next line. Before any other character it is dropped. Only a line feed ends a line: a carriage
    return stays with the last word. Text after a NUL is lost, as in any C string.
    """
    for number, raw in split_raw_lines(text):
        line = raw
        if raw.endswith("\n") and not _is_continued(raw[:-1]):
            line = raw[:-1]
        yield number, _ESCAPE.sub(_unescape, line).split("\0", 1)[0]


def split_raw_lines(text: str) -> Iterator[Tuple[int, str]]:
    """Yield (number of the first line, text) of each logical line as it is written, with all its line feeds."""
    first = 1
    parts: List[str] = []
    lines = text.split("\n")
    last = len(lines)
    for number, line in enumerate(lines, 1):
        parts.append(line if number == last else line + "\n")
        if number < last and _is_continued(line):
            continue
        raw = "".join(parts)
        if raw:
            yield first, raw
        first = number + 1
        parts = []


def _is_continued(line: str) -> bool:
    """Return whether a backslash at the end of a line joins the next line; one backslash escapes another."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _unescape(escape: Match[str]) -> str:
    """Return the escaped character, or nothing for a line feed."""
    return escape.group(1).replace("\n", "")


def remove_continuations(raw: str) -> str:
    """Return a raw line without its continuations (a backslash and a line feed); other escapes stay."""
    return _ESCAPE.sub(_remove_continuation, raw)


def _remove_continuation(escape: Match[str]) -> str:
    return escape.group().replace("\\\n", "")


def parse_pattern(word: str) -> Optional[str]:
    """Return a word as a pattern of fnmatch; None if its brackets are unbalanced, since libkmod then skips the line.

    Outside of brackets a dash and an underscore are the same (libkmod-util.c: underscores()). Inside of them, C accepts
    "^" as well as "!". Two stars in a row mean one: fnmatch before Python 3.9 tries each way to match both.
    """
    pattern = ""
    for index, part in enumerate(_BRACKETS.split(word)):
        is_bracket = index % 2 == 1
        if not is_bracket:
            if "[" in part or "]" in part:
                return None
            pattern += _STARS.sub("*", canonicalize(part))
        elif part.startswith("[^"):
            pattern += "[!" + part[2:]
        else:
            pattern += part
    return pattern
