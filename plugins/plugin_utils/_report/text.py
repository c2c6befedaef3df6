# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text from nodes and files, which is untrusted, and wording that all formats of a report share. Pure."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

# A reason is a sentence. Longer text is cut: one node must not fill the report of ten thousand.
MAX_TEXT_CHARS = 2000
MAX_CACHED_TEXTS = 1 << 16
# A line has room for this many names.
MAX_NAMES = 4

UNPRINTABLE = "\ufffd"
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"

# In minutes, the longest first.
AGE_UNITS = (("day", 24 * 60), ("hour", 60))

SYSTEM_ABBREVIATIONS = (("Red Hat Enterprise Linux", "RHEL"), (" GNU/Linux", ""), (" Linux", ""))
_VERSION_NICKNAME = re.compile(r"\s*\(.*?\)")
_KERNEL_VERSION = re.compile(r"\d+(\.\d+)*(-\d+)?")

# Values as JSON has them.
Json: TypeAlias = "None | bool | int | float | str | Sequence[Json] | Mapping[str, Json]"


def to_one_line(value: object, limit: int = MAX_TEXT_CHARS) -> str:
    """Return a value as plain text on one line, without control characters, at most ``limit`` characters.

    Text that is cut ends with the number of its characters. Strings that Ansible tagged become plain ones. None becomes
    an empty string.
    """
    if value is None:
        return ""
    text = value if isinstance(value, str) else str(value)
    if len(text) <= limit:
        return _clean_line(text)
    suffix = f"… ({len(text)} characters)"
    return f"{_clean_line(text[: limit - len(suffix)])}{suffix}"


@lru_cache(maxsize=MAX_CACHED_TEXTS)
def _clean_line(text: str) -> str:
    line = " ".join(text.split())
    if line.isprintable() and line.__class__ is str:
        return line
    return "".join(character if character.isprintable() else UNPRINTABLE for character in line)


def clean(value: object) -> Json:
    """Return a value as plain JSON data whose keys and texts are those of to_one_line()."""
    if isinstance(value, str):
        return to_one_line(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return clean_mapping(value)
    if isinstance(value, (list, tuple)):
        return [clean(item) for item in value]
    return to_one_line(value)


def clean_mapping(values: Mapping[str, object]) -> dict[str, Json]:
    """Return a mapping as clean() does."""
    return {to_one_line(key): clean(value) for key, value in values.items()}


def parse_time(text: str) -> datetime.datetime | None:
    """Return the time of a text such as 2026-11-24T04:00:00Z, or None if it is not such a text."""
    try:
        return datetime.datetime.strptime(text, TIME_FORMAT).replace(tzinfo=datetime.timezone.utc)
    except ValueError:
        return None


def describe_age(then: str, now: str) -> str:
    """Return for example "3 days" for the time between two times, or an empty string if that is unknown.

    Ages below two days are in hours, those below two hours in minutes.
    """
    first, last = parse_time(then), parse_time(now)
    if first is None or last is None or first > last:
        return ""
    minutes = int((last - first).total_seconds()) // 60
    for noun, length in AGE_UNITS:
        if minutes >= 2 * length:
            return pluralize(minutes // length, noun)
    return pluralize(minutes, "minute")


def pluralize(number: int, noun: str) -> str:
    """Return for example "1 node" or "10,000 nodes"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def abbreviate(names: Sequence[str], limit: int = MAX_NAMES) -> str:
    """Return the names as one text; of more than ``limit`` names the first ones and the number of the others."""
    if len(names) <= limit:
        return ", ".join(names)
    shown = names[: limit - 1]
    return f"{', '.join(shown)} and {len(names) - len(shown):,} more"


def shorten_system(name: str) -> str:
    """Return for example "Debian 12" for "Debian GNU/Linux 12 (bookworm)"."""
    name = _VERSION_NICKNAME.sub("", name)
    for long, short in SYSTEM_ABBREVIATIONS:
        name = name.replace(long, short)
    return name


def shorten_kernel(release: str) -> str:
    """Return for example "6.12.0-124" for "6.12.0-124.8.1.el10_1.x86_64"."""
    match = _KERNEL_VERSION.match(release)
    return match.group() if match else release
