# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text from nodes and from people, made fit for a report: it is untrusted. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

# A reason is a sentence. What is longer is cut, so that one node cannot fill the report of ten thousand.
LIMIT = 2000

_SHORT = (("Red Hat Enterprise Linux", "RHEL"), (" GNU/Linux", ""), (" Linux", ""))


def one_line(value: Any, limit: int = LIMIT) -> str:
    """Return a value as plain text on one line, without control characters, at most ``limit`` characters.

    Where something is cut off, the text says so. Ansible tags the strings that it hands out; these are not.
    """
    if value is None:
        return ""
    if isinstance(value, str) and len(value) <= LIMIT == limit:
        return _clean(value)
    found = str(value)
    if len(found) <= limit:
        return _clean(found)
    cut = f"… ({len(found)} characters)"
    return f"{_clean(found[: limit - len(cut)])}{cut}"


def texts(values: Any) -> tuple[str, ...]:
    """Return a list's items as text, or nothing where it is no list."""
    return tuple(one_line(value) for value in values) if isinstance(values, (list, tuple)) else ()


@lru_cache(maxsize=1 << 16)
def _clean(value: str) -> str:
    line = " ".join(value.split())
    return (
        line
        if line.isprintable() and line.__class__ is str
        else "".join(c if c.isprintable() else "\ufffd" for c in line)
    )


def plain(value: Any) -> Any:
    """Return a value of a selection or the like as plain JSON data, its text made fit for a report."""
    if isinstance(value, (bool, int, float)) or value is None:
        return value
    if isinstance(value, dict):
        return {one_line(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return one_line(value)


def count(number: int, noun: str) -> str:
    """Return for example "1 node" or "10,000 nodes"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def short_system(name: str) -> str:
    """Return for example "Debian 12" for "Debian GNU/Linux 12 (bookworm)"."""
    name = re.sub(r"\s*\(.*?\)", "", name)
    for long, short in _SHORT:
        name = name.replace(long, short)
    return name
