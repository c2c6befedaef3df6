# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Our block in a modules-load.d file. Lines outside the block belong to somebody else and keep every byte."""

import contextlib
import errno
import fcntl
import os
import tempfile
import time

from ansible_collections.nodeprep.istio.plugins.module_utils._boot import modules_load
from ansible_collections.nodeprep.istio.plugins.module_utils._files import VOLATILE
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import canonical

PATH = "/etc/modules-load.d/istio.conf"
BEGIN = "# BEGIN nodeprep.istio: written by Ansible, changes to this block are lost"
END = "# END nodeprep.istio"
# Stands in the block where the file was there before us and empty, so that it is not ours to remove.
WAS_EMPTY = "# The file was there before, and empty"
# How long another run may hold the directory, and how often to look again, in seconds.
PATIENCE = 30
PAUSE = 0.2


class Refused(ValueError):
    """The file is in a state in which nobody can tell whose lines are whose; the message names it and the remedy."""


def names_outside_block(text):
    """Return the canonical module names on the lines that are not ours. Raises Refused."""
    before, _ours, after = _split(text)
    return {canonical(name) for part in (before, after) for _number, name in modules_load.parse("".join(part))}


def names_in_block(text):
    """Return the names in our block, in order. Raises Refused."""
    return [name for _number, name in modules_load.parse("".join(_split(text)[1]))]


def has_block(text):
    """Tell whether our block is there, be it without a name. Raises Refused."""
    return bool(_split(text)[1])


def would_hide(files):
    """Return the path of a vendor's file whose lines our file would hide, since it has the same name, or None.

    Of files with one name the one in /etc counts alone (modules-load.d(5)); where it is there, nothing more is hidden.
    """
    if files.link(PATH) is not None or files.exists(PATH) is not False:
        return None
    directory, _slash, name = PATH.rpartition("/")
    others = [
        "{0}/{1}".format(other, name)
        for other in modules_load.DIRECTORIES
        if other != directory and not other.startswith(VOLATILE)
    ]
    return next((path for path in others if any(modules_load.parse(files.read(path) or ""))), None)


def see_nothing_hidden(files, text):
    """Raise Refused where a file with this text would hide another one: see :func:`would_hide`."""
    hidden = would_hide(files) if text else None
    if hidden:
        raise Refused(
            "{0} would hide {1}, which has the same name, and what that loads at boot: copy it there first".format(
                PATH, hidden
            )
        )


def was_empty(text):
    """Tell whether our block says that the file was there before it, and empty. Raises Refused."""
    return WAS_EMPTY in [line.rstrip() for line in _split(text)[1]]


def with_block(text, names, existed=False):
    """Return the text with our block holding exactly I(names), or without a block where there are none.

    :param existed: whether the file is there: an empty one of somebody else's is remembered in the block.

    A new block goes to the head of the file: there it needs nothing of what follows, not even a last line that ends,
    so that taking it out again gives back the same bytes. Raises Refused.
    """
    before, _ours, after = _split(text)
    remembered = [WAS_EMPTY] if was_empty(text) or (existed and not text) else []
    block = ["{0}\n".format(line) for line in [BEGIN] + remembered + list(names) + [END]] if names else []
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
        raise Refused(
            "{0}:{1}: the marks of the nodeprep.istio block are not one pair; remove them and run again".format(
                PATH, line
            )
        )
    return lines[: begins[0]], lines[begins[0] : ends[0] + 1], lines[ends[0] + 1 :]


def is_masked(path=PATH):
    """Tell whether the file is switched off by a link to /dev/null, as modules-load.d(5) has it."""
    return os.path.realpath(path) == "/dev/null"


def read(path=PATH):
    """Return the text of the file, empty where there is none. Bytes that are no UTF-8 survive being written again.

    Raises Refused where it is a link to /dev/null or cannot be read.
    """
    if is_masked(path):
        raise Refused(
            "{0} is a link to /dev/null: somebody has switched it off. Remove the link, or set persist to false".format(
                path
            )
        )
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
def locked(path=PATH, check_mode=False):
    """Hold the file against another run on the same node: a lock on its directory, which leaves no lock file behind.

    Who may read the directory may hold it too, so that patience ends. In check mode nothing is held. Raises Refused.
    """
    directory = os.path.dirname(path)
    if check_mode or not os.path.isdir(directory):
        yield
        return
    try:
        handle = os.open(directory, os.O_RDONLY)
    except OSError as exc:
        raise Refused("{0} cannot be locked: {1}".format(directory, exc.strerror))
    try:
        _wait_for(handle, directory)
        yield
    finally:
        os.close(handle)


def _wait_for(handle, directory):
    end = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as exc:
            if exc.errno not in (errno.EAGAIN, errno.EACCES):
                raise Refused("{0} cannot be locked: {1}".format(directory, exc.strerror))
        if time.monotonic() >= end:
            message = "{0} has been locked for {1} seconds, by another run or by anybody else who may read it; lsof {0} or fuser {0} names the process"
            raise Refused(message.format(directory, PATIENCE))
        time.sleep(PAUSE)


def see_writable(text, path=PATH):
    """Raise Refused where this text cannot be written there, so that it is known before anything is done, and in check mode.

    A file without a name is written in the same directory (open(2), O_TMPFILE): nothing of it is ever seen, and nothing stays. Where the
    file system has none (NFS, or kernels before 3.11) the write itself will tell.
    """
    target = os.path.realpath(path)
    directory = os.path.dirname(target)
    while not os.path.isdir(directory):
        directory = os.path.dirname(directory)
    for place in (directory, target):
        # Root may write to everything but what is mounted read-only or immutable (chattr +i).
        if os.path.exists(place) and not os.access(place, os.W_OK):
            raise Refused("{0} cannot be written: {1} is read-only, or immutable".format(path, place))
    if not text:
        return
    try:
        handle = os.open(directory, os.O_TMPFILE | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(text.encode("utf-8", "surrogateescape"))
    except OSError as exc:
        if exc.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
            raise _unwritten(path, exc)


def _unwritten(path, exc):
    return Refused("{0} cannot be written: {1}".format(path, exc.strerror))


def write(text, temporary_directory, atomic_move, path=PATH, keep=False):
    """Write the file whole or not at all; without content it is removed. A link is followed, and stays.

    :param temporary_directory: where to write the new content first.
    :param atomic_move: C(AnsibleModule.atomic_move), which keeps owner, mode and SELinux label of what it replaces.
    :param keep: whether the file stays though it has no content.

    Raises Refused where the file system does not take it.
    """
    target = os.path.realpath(path)
    try:
        if not text and not keep and not os.path.islink(path):
            os.unlink(target)
            return
        new = not os.path.exists(target)
        if not os.path.isdir(os.path.dirname(target)):
            os.makedirs(os.path.dirname(target), 0o755)
        handle, temporary = tempfile.mkstemp(dir=temporary_directory)
        with os.fdopen(handle, "wb") as stream:
            if new:
                os.fchmod(handle, 0o644)
            stream.write(text.encode("utf-8", "surrogateescape"))
            stream.flush()
            os.fsync(
                stream.fileno()
            )  # or a node that loses its power finds the new name before the content (rename(2))
        atomic_move(temporary, target)
        if new:
            os.chmod(target, 0o644)
    except OSError as exc:
        raise _unwritten(path, exc)
