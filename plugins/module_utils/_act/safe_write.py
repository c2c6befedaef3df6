# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the files of this collection safely: locked, tried first, and whole or not at all."""

import contextlib
import errno
import fcntl
import os
import tempfile
import time
from typing import Callable, Iterator, Optional

# How long another run may hold the lock of a directory, and how often to try again, in seconds.
LOCK_TIMEOUT = 30.0
POLL_INTERVAL = 0.2

# The file system has no unnamed files: open(2), O_TMPFILE.
_NO_UNNAMED_FILES = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL)


class FileAccessError(ValueError):
    """A file cannot be read, locked or written; the message names the file, the problem and the remedy."""


def is_masked(path: str) -> bool:
    """Return whether the file is disabled by a link to /dev/null (modules-load.d(5))."""
    return os.path.realpath(path) == "/dev/null"


def read_text(path: str) -> Optional[str]:
    """Return the text of a file, or None if it does not exist. Bytes that are not UTF-8 survive being written again.

    Raises FileAccessError if it cannot be read.
    """
    try:
        with open(path, "rb") as stream:
            return stream.read().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise FileAccessError(f"{path}: cannot be read: {exc.strerror}") from exc


def make_printable(text: str) -> str:
    """Return the text for a diff: each byte that is not UTF-8 is replaced."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


@contextlib.contextmanager
def lock_directory_of(path: str, check_mode: bool = False) -> Iterator[None]:
    """Keep other runs on this node from changing the file meanwhile.

    The lock is one on the directory, which leaves no lock file behind. Every user who may read the directory can hold
    it, therefore the wait is limited. In check mode nothing is locked.

    Raises FileAccessError if the directory cannot be locked, or stays locked for LOCK_TIMEOUT seconds.
    """
    directory = os.path.dirname(path)
    if check_mode or not os.path.isdir(directory):
        yield
        return
    try:
        handle = os.open(directory, os.O_RDONLY)
    except OSError as exc:
        raise _lock_error(directory, exc) from exc
    try:
        _wait_for_lock(handle, directory)
        yield
    finally:
        os.close(handle)


def _wait_for_lock(handle: int, directory: str) -> None:
    end = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as exc:
            if exc.errno not in (errno.EAGAIN, errno.EACCES):
                raise _lock_error(directory, exc) from exc
        if time.monotonic() >= end:
            raise FileAccessError(
                f"{directory}: another process has held its lock for {LOCK_TIMEOUT:g} seconds; "
                f"find the process with 'lsof {directory}' or 'fuser {directory}'"
            )
        time.sleep(POLL_INTERVAL)


def _lock_error(directory: str, exc: OSError) -> FileAccessError:
    return FileAccessError(f"{directory}: cannot be locked: {exc.strerror}")


def ensure_writable(path: str, text: str) -> None:
    """Raise FileAccessError if this text cannot be written there. Used before anything is changed, and in check mode.

    An unnamed file with this text is written in the same directory (open(2), O_TMPFILE); no other process sees it. On a
    file system without such files (NFS, or kernels before 3.11) only the write itself shows whether it works.
    """
    target = os.path.realpath(path)
    directory = os.path.dirname(target)
    while not os.path.isdir(directory):
        directory = os.path.dirname(directory)
    for place in (directory, target):
        # Root may write everywhere except to what is mounted read-only or immutable (chattr +i).
        if os.path.exists(place) and not os.access(place, os.W_OK):
            raise FileAccessError(
                f"{path}: cannot be written, because {place} is read-only or immutable; "
                "check its mount options, and its attributes with lsattr"
            )
    if not text:
        return
    try:
        handle = os.open(directory, os.O_TMPFILE | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(_encode(text))
    except OSError as exc:
        if exc.errno not in _NO_UNNAMED_FILES:
            raise _write_error(path, exc) from exc


def write_text(
    path: str,
    text: str,
    temporary_directory: str,
    atomic_move: Callable[[str, str], None],
    keep_empty: bool = False,
) -> None:
    """Write the file whole or not at all, or remove it if the text is empty. A link is followed and preserved.

    :param temporary_directory: where the new content is written first.
    :param atomic_move: C(AnsibleModule.atomic_move), which keeps owner, mode and SELinux label of the replaced file.
    :param keep_empty: whether to keep the file if the text is empty.

    Raises FileAccessError if the file cannot be written.
    """
    try:
        _write_text(path, text, temporary_directory, atomic_move, keep_empty)
    except OSError as exc:
        raise _write_error(path, exc) from exc


def _write_text(
    path: str, text: str, temporary_directory: str, atomic_move: Callable[[str, str], None], keep_empty: bool
) -> None:
    target = os.path.realpath(path)
    if not text and not keep_empty and not os.path.islink(path):
        os.unlink(target)
        return
    is_new = not os.path.exists(target)
    if not os.path.isdir(os.path.dirname(target)):
        os.makedirs(os.path.dirname(target), 0o755)
    handle, temporary = tempfile.mkstemp(dir=temporary_directory)
    with os.fdopen(handle, "wb") as stream:
        if is_new:
            os.fchmod(handle, 0o644)
        stream.write(_encode(text))
        stream.flush()
        # Otherwise a power failure may leave the new name without the content (rename(2)).
        os.fsync(stream.fileno())
    atomic_move(temporary, target)
    if is_new:
        os.chmod(target, 0o644)


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _write_error(path: str, exc: OSError) -> FileAccessError:
    return FileAccessError(f"{path}: cannot be written: {exc.strerror}")
