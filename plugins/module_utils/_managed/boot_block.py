# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The block of this collection in its modules-load.d file. Format only; lines outside the block keep every byte."""

from typing import Iterable, List, NamedTuple, Set

from ansible_collections.nodeprep.istio.plugins.module_utils._boot import modules_load
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import canonicalize

PATH = "/etc/modules-load.d/istio.conf"
BEGIN = "# BEGIN nodeprep.istio: written by Ansible, changes to this block are lost"
END = "# END nodeprep.istio"
# In the block if the file existed before and was empty: removing the block must then not remove the file.
FILE_WAS_EMPTY = "# This file existed before and was empty"


class BootFileError(ValueError):
    """The boot file cannot be changed; the message names the file, the problem and the remedy."""


class _Parts(NamedTuple):
    """The lines of a boot file, each with its line end."""

    before: List[str]
    block: List[str]
    after: List[str]


def list_block_names(text: str) -> List[str]:
    """Return the module names in the block, in order. Raises BootFileError if its markers are unbalanced."""
    return [name for _number, name in modules_load.parse_lines("".join(_split(text).block))]


def list_other_names(text: str) -> Set[str]:
    """Return the canonical module names outside the block. Raises BootFileError if its markers are unbalanced."""
    parts = _split(text)
    names = set()
    for lines in (parts.before, parts.after):
        for _number, name in modules_load.parse_lines("".join(lines)):
            names.add(canonicalize(name))
    return names


def has_block(text: str) -> bool:
    """Return whether the block is present, even without names. Raises BootFileError if its markers are unbalanced."""
    return bool(_split(text).block)


def records_empty_file(text: str) -> bool:
    """Return whether the block records that the file existed before and was empty. Raises BootFileError."""
    return FILE_WAS_EMPTY in [line.rstrip() for line in _split(text).block]


def replace_block(text: str, names: Iterable[str], file_existed: bool = False) -> str:
    """Return the text with a block of exactly these names, or without a block if there are none.

    A new block becomes the head of the file. There it does not depend on what follows, such as a last line without a
    line feed, and removing it restores the same bytes.

    :param file_existed: whether the file exists; the block then records that it was empty.

    Raises BootFileError if the markers of the block are unbalanced.
    """
    parts = _split(text)
    names = list(names)
    if not names:
        return "".join(parts.before + parts.after)
    lines = [BEGIN]
    if records_empty_file(text) or (file_existed and not text):
        lines.append(FILE_WAS_EMPTY)
    lines += names + [END]
    return "".join(parts.before + [line + "\n" for line in lines] + parts.after)


def _split(text: str) -> _Parts:
    lines = text.splitlines(True)
    begins = [number for number, line in enumerate(lines) if line.rstrip() == BEGIN]
    ends = [number for number, line in enumerate(lines) if line.rstrip() == END]
    if not begins and not ends:
        return _Parts([], [], lines)
    if len(begins) != 1 or len(ends) != 1 or ends[0] < begins[0]:
        number = max(begins + ends) + 1
        raise BootFileError(
            f"{PATH}:{number}: unbalanced BEGIN/END markers of nodeprep.istio; remove them and run again"
        )
    first, last = begins[0], ends[0]
    return _Parts(lines[:first], lines[first : last + 1], lines[last + 1 :])
