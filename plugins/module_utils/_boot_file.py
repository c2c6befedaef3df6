# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Our block in a modules-load.d file. Lines outside the block belong to somebody else and are never touched."""

from ansible_collections.nodeprep.istio.plugins.module_utils import _modules_load
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import canonical

PATH = "/etc/modules-load.d/istio.conf"
BEGIN = "# BEGIN nodeprep.istio: written by Ansible, changes to this block are lost"
END = "# END nodeprep.istio"


class BrokenBlock(ValueError):
    """The marks of our block are not a pair, so that nobody can tell whose lines are whose."""


def names_outside_block(text):
    """Return the canonical module names on the lines that are not ours. Raises BrokenBlock."""
    before, _ours, after = _split(text)
    return {canonical(name) for part in (before, after) for _number, name in _modules_load.parse("".join(part))}


def with_block(text, names):
    """Return the text with our block holding exactly I(names), or without a block where there are none.

    Raises BrokenBlock.
    """
    before, _ours, after = _split(text)
    if names and before and not before[-1].endswith("\n"):
        before[-1] += "\n"
    block = ["{0}\n".format(line) for line in [BEGIN] + list(names) + [END]] if names else []
    return "".join(before + block + after)


def _split(text):
    """Return the lines before, in and after our block, each with its line end."""
    lines = text.splitlines(True)
    begins = [number for number, line in enumerate(lines) if line.rstrip() == BEGIN]
    ends = [number for number, line in enumerate(lines) if line.rstrip() == END]
    if not begins and not ends:
        return lines, [], []
    if len(begins) != 1 or len(ends) != 1 or ends[0] < begins[0]:
        line = sorted(begins + ends)[-1] + 1
        raise BrokenBlock("{0}:{1}: the marks of the nodeprep.istio block are not one pair; remove them and run again".format(PATH, line))
    return lines[: begins[0]], lines[begins[0] : ends[0] + 1], lines[ends[0] + 1 :]
