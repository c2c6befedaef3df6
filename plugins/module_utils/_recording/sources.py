# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where recordings are: a directory, an archive, or a text with one or many base64 blocks, such as the logs of pods."""

import base64
import binascii
import os
import re
from functools import partial
from typing import Callable, Iterable, Iterator, NamedTuple

from ansible_collections.nodeprep.istio.plugins.module_utils._recording.archive import (
    GZIP_MAGIC,
    MAX_ARCHIVE_BYTES,
    ArchiveError,
    Members,
    read_archive,
    read_directory,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.recording import (
    FORMAT_KEY,
    MANIFEST,
    REMEDY,
    Recording,
    RecordingError,
    parse_recording,
)

ARCHIVE_SUFFIXES = (".tar.gz", ".tgz")

_MARKER = b"-----BEGIN NODEPREP RECORDING "
# Other programs may have put something before a line: kubectl logs --prefix, or a time.
_BEGIN = re.compile(rb"-----BEGIN NODEPREP RECORDING ([^\s]{1,253})-----$")
_END = re.compile(rb"-----END NODEPREP RECORDING ([^\s]{1,253})-----$")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
_MAX_LINE_BYTES = 65536


class Block(NamedTuple):
    """The base64 text of a recording.

    :ivar name: of the node, as the first line has it.
    :ivar text: the base64 text without line feeds.
    :ivar is_complete: whether it has a last line.
    """

    name: str
    text: bytes
    is_complete: bool

    def decode(self) -> bytes:
        """Return the archive. Raises ArchiveError."""
        if not self.is_complete:
            raise ArchiveError("it has no END line, so the text was cut off")
        try:
            return base64.b64decode(self.text)
        except binascii.Error as exc:
            raise ArchiveError(f"its base64 text is damaged ({exc})")

    def read_members(self) -> Members:
        """Return the members of the recording. Raises ArchiveError."""
        return read_archive(self.decode())


class FoundRecording(NamedTuple):
    """A recording that is not read yet.

    :ivar where: the file, and if that has several, the recording in it.
    :ivar name: what the file says of the node's name; the recording itself knows it better.
    """

    where: str
    name: str
    read_members: Callable[[], Members]

    def read(self) -> Recording:
        """Return the recording. Raises RecordingError."""
        try:
            return parse_recording(self.read_members())
        except ArchiveError as exc:
            raise RecordingError(f"{self.where}: {exc}; {REMEDY}")
        except OSError as exc:
            raise RecordingError(f"{self.where}: cannot be read ({exc.strerror}); check its permissions")


def is_recording(path: str) -> bool:
    """Return whether this is a directory, an archive or a text with recordings, possibly damaged ones."""
    if os.path.isdir(path):
        return _starts_with(os.path.join(path, MANIFEST), FORMAT_KEY.encode())
    return os.path.isfile(path) and (
        path.endswith(ARCHIVE_SUFFIXES) or _starts_with(path, GZIP_MAGIC) or _has_text(path)
    )


def find_recordings(path: str) -> Iterator[FoundRecording]:
    """Yield the recordings of a file, or of the directory of one recording, in which :func:`is_recording` found some.

    Raises RecordingError if it cannot be read.
    """
    name = os.path.basename(path.rstrip("/"))
    for suffix in ARCHIVE_SUFFIXES:
        if name.endswith(suffix):
            name = name[: -len(suffix)]
    if os.path.isdir(path):
        yield FoundRecording(path, name, partial(read_directory, path))
    elif path.endswith(ARCHIVE_SUFFIXES) or not _has_text(path):
        yield FoundRecording(path, name, partial(_read_archive_file, path))
    else:
        for block in find_blocks(_read_lines(path)):
            yield FoundRecording(f"{path} (recording of {block.name})", block.name, block.read_members)


def open_recording(path: str) -> Recording:
    """Return the one recording of a file or directory. Raises RecordingError, also if there are several."""
    found = find_recordings(path)
    first, second = next(found, None), next(found, None)
    if first is None:
        raise RecordingError(f"{path}: has no recording with a valid first line; {REMEDY}")
    if second is not None:
        raise RecordingError(
            f"{path}: it has several recordings ({first.name}, {second.name}, ...); give a file with one"
        )
    return first.read()


def _starts_with(path: str, start: bytes) -> bool:
    try:
        with open(path, "rb") as handle:
            return handle.read(len(start)) == start
    except OSError:
        return False


def _has_text(path: str) -> bool:
    """Return whether a file has the first line of a base64 block. A JSON file has none."""
    try:
        with open(path, "rb") as handle:
            if handle.read(1) == b"{":
                return False
        return any(_MARKER in line for line in _read_lines(path))
    except OSError:
        return False


def _read_archive_file(path: str) -> Members:
    with open(path, "rb") as handle:
        content = handle.read(MAX_ARCHIVE_BYTES + 1)
    if len(content) > MAX_ARCHIVE_BYTES:
        raise ArchiveError(f"it is larger than {MAX_ARCHIVE_BYTES >> 20} MiB")
    return read_archive(content)


def find_blocks(lines: Iterable[bytes]) -> Iterator[Block]:
    """Yield the blocks of a text with one or many recordings. Other lines, also within a block, are skipped."""
    name = b""
    text = bytearray()
    for line in lines:
        line = line.rstrip()
        begin, end = _BEGIN.search(line), _END.search(line)
        if begin or end:
            if name:
                yield Block(_decode(name), bytes(text), end is not None and end.group(1) == name)
            name = begin.group(1) if begin else b""
            text.clear()
        elif name and len(text) <= MAX_ARCHIVE_BYTES:
            word = line.split()[-1:]
            if word and _BASE64.fullmatch(word[0]):
                text += word[0]
    if name:
        yield Block(_decode(name), bytes(text), False)


def _read_lines(path: str) -> Iterator[bytes]:
    """Yield the lines of a file, which may be larger than the memory."""
    with open(path, "rb") as handle:
        yield from iter(partial(handle.readline, _MAX_LINE_BYTES), b"")


def _decode(name: bytes) -> str:
    return name.decode("ascii", "replace")
