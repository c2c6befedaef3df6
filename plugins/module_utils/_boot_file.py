# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Our block in a modules-load.d file. Lines outside the block belong to somebody else and keep every byte."""

import contextlib
import fcntl
import os
import tempfile

from ansible_collections.nodeprep.istio.plugins.module_utils import _modules_load
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import canonical

PATH = "/etc/modules-load.d/istio.conf"
BEGIN = "# BEGIN nodeprep.istio: written by Ansible, changes to this block are lost"
END = "# END nodeprep.istio"


class Refused(ValueError):
    """The file is in a state in which nobody can tell whose lines are whose; the message names it and the remedy."""


def names_outside_block(text):
    """Return the canonical module names on the lines that are not ours. Raises Refused."""
    before, _ours, after = _split(text)
    return {canonical(name) for part in (before, after) for _number, name in _modules_load.parse("".join(part))}


def names_in_block(text):
    """Return the names in our block, in order. Raises Refused."""
    return [name for _number, name in _modules_load.parse("".join(_split(text)[1]))]


def with_block(text, names):
    """Return the text with our block holding exactly I(names), or without a block where there are none.

    A new block goes to the head of the file: there it needs nothing of what follows, not even a last line that ends,
    so that taking it out again gives back the same bytes. Raises Refused.
    """
    before, _ours, after = _split(text)
    block = ["{0}\n".format(line) for line in [BEGIN] + list(names) + [END]] if names else []
    return "".join(before + block + after)


def _split(text):
    """Return the lines before, in and after our block, each with its line end."""
    lines = text.splitlines(True)
    begins = [number for number, line in enumerate(lines) if line.rstrip() == BEGIN]
    ends = [number for number, line in enumerate(lines) if line.rstrip() == END]
    if not begins and not ends:
        return [], [], lines
    if len(begins) != 1 or len(ends) != 1 or ends[0] < begins[0]:
        line = sorted(begins + ends)[-1] + 1
        raise Refused("{0}:{1}: the marks of the nodeprep.istio block are not one pair; remove them and run again".format(PATH, line))
    return lines[: begins[0]], lines[begins[0] : ends[0] + 1], lines[ends[0] + 1 :]


def is_masked(path=PATH):
    """Tell whether the file is switched off by a link to /dev/null, as modules-load.d(5) has it."""
    return os.path.realpath(path) == "/dev/null"


def read(path=PATH):
    """Return the text of the file, empty where there is none. Bytes that are no UTF-8 survive being written again.

    Raises Refused where it is a link to /dev/null or cannot be read.
    """
    if is_masked(path):
        raise Refused("{0} is a link to /dev/null: somebody has switched it off. Remove the link, or set persist to false".format(path))
    try:
        with open(path, "rb") as stream:
            return stream.read().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""
    except OSError as exc:
        raise Refused("{0} cannot be read: {1}".format(path, exc.strerror))


def shown(text):
    """Return the text with what is no UTF-8 replaced, to be shown in a diff."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


@contextlib.contextmanager
def locked(path=PATH):
    """Hold the file against another run on the same node: a lock on its directory, which leaves no lock file behind."""
    directory = os.path.dirname(path)
    if not os.path.isdir(directory):
        yield
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write(text, temporary_directory, atomic_move, path=PATH):
    """Write the file whole or not at all; without content it is removed. A link is followed, and stays.

    :param temporary_directory: where to write the new content first.
    :param atomic_move: C(AnsibleModule.atomic_move), which keeps owner, mode and SELinux label of what it replaces.
    """
    target = os.path.realpath(path)
    if not text and not os.path.islink(path):
        os.unlink(target)
        return
    new = not os.path.exists(target)
    if not os.path.isdir(os.path.dirname(target)):
        os.makedirs(os.path.dirname(target), 0o755)
    handle, temporary = tempfile.mkstemp(dir=temporary_directory)
    with os.fdopen(handle, "wb") as stream:
        stream.write(text.encode("utf-8", "surrogateescape"))
    atomic_move(temporary, target)
    if new:
        os.chmod(target, 0o644)
