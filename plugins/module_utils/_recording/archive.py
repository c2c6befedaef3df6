# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The members of a recording, in an archive or in a directory. Nothing is unpacked to a disk.

A recording comes from a node that nobody has to trust. So this accepts files, directories and symbolic links only, and
bounds their number and size. Python's tarfile accepts much more, and that of old releases has known holes.
"""

import os
import re
import stat
import zlib
from itertools import islice
from typing import Dict, Iterator, NamedTuple

from ansible_collections.nodeprep.istio.plugins.module_utils._files import gunzip

GZIP_MAGIC = b"\x1f\x8b"
MAX_MEMBERS = 20000
# A recording has at most 4 MiB.
MAX_ARCHIVE_BYTES = 32 * 1024 * 1024
# The recorder unpacks to less. Parsing a text may need a hundred times its size.
MAX_UNPACKED_BYTES = 16 * 1024 * 1024
# What tools other than the recorder may have made of it.
_OTHER_FORMATS = ((b"\xfd7zXZ\x00", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh", "bzip2"), (b"PK\x03\x04", "zip"))

# The header of a member: POSIX, pax(1), "ustar Interchange Format". Numbers are octal digits.
_BLOCK = 512
_MAGIC = slice(257, 263)
_NAME = slice(0, 100)
_MODE = slice(100, 108)
_SIZE = slice(124, 136)
_CHECKSUM = slice(148, 156)
_KIND = slice(156, 157)
_TARGET = slice(157, 257)
_PREFIX = slice(345, 500)
_POSIX_MAGIC = b"ustar\0"

_TRUNCATED = "it cannot be unpacked (it ends too early)"
_DAMAGED = "it is not a tar archive, or the archive is damaged"
_TYPES = {b"0": stat.S_IFREG, b"\0": stat.S_IFREG, b"5": stat.S_IFDIR, b"2": stat.S_IFLNK}
_REJECTED_TYPES = {
    b"1": "a hard link",
    b"3": "a device",
    b"4": "a device",
    b"6": "a FIFO",
    b"S": "a sparse file",
}
# Members that describe the next one: GNU tar's long names (its manual, "Basic Tar Format"), and records of pax.
_GNU_RECORDS = {b"L": "path", b"K": "linkpath"}
_PAX_RECORDS = b"x"
_GLOBAL_PAX_RECORDS = b"g"
_MAX_RECORD_BYTES = 65536
# As PATH_MAX of Linux, and far deeper than the files of any node: a path implies all directories above it.
_MAX_PATH_CHARS = 4096
_MAX_PATH_PARTS = 64
_OCTAL = re.compile(rb"[0-7]+")
_PAX_RECORD = re.compile(rb"(\d{1,6}) ([^=\n]+)=")


class ArchiveError(ValueError):
    """A recording that is damaged or has something that no recording has; the message says what."""


class Member(NamedTuple):
    """A file, a directory or a symbolic link.

    :ivar name: its path in the recording, without a slash at the beginning.
    :ivar mode: type and permissions, as in os.stat_result.
    :ivar content: of a file.
    :ivar target: of a symbolic link, as it is written.
    """

    name: str
    mode: int
    content: bytes = b""
    target: str = ""


Members = Dict[str, Member]


def read_archive(content: bytes) -> Members:
    """Return the members of a tar.gz file by name. Raises ArchiveError."""
    return _index(_read_tar(_unpack(content)))


def read_directory(path: str) -> Members:
    """Return the members of a recording that was unpacked. Raises ArchiveError or OSError."""
    return _index(_walk(path))


def _index(members: Iterator[Member]) -> Members:
    """Return dict of name to member. Raises ArchiveError if there are too many, or two of one name."""
    found: Members = {}
    for member in members:
        check_path(member.name)
        check_path(member.target)
        if member.name in found:
            raise ArchiveError(f"it has two members {member.name!r}")
        if len(found) >= MAX_MEMBERS:
            raise ArchiveError(f"it has more than {MAX_MEMBERS} members")
        found[member.name] = member
    return found


def _unpack(content: bytes) -> bytes:
    if not content.startswith(GZIP_MAGIC):
        for magic, name in _OTHER_FORMATS:
            if content.startswith(magic):
                raise ArchiveError(f"it is compressed with {name} instead of gzip")
        raise ArchiveError("it is empty" if not content else "it is not a gzip file")
    try:
        return gunzip(content, MAX_UNPACKED_BYTES)
    except (EOFError, zlib.error) as exc:
        raise ArchiveError(f"it cannot be unpacked ({exc})")


def _read_tar(content: bytes) -> Iterator[Member]:
    """Yield the members of a tar file up to the block of zeros at its end."""
    offset = 0
    records: Dict[str, bytes] = {}
    while True:
        header = content[offset : offset + _BLOCK]
        if len(header) < _BLOCK:
            raise ArchiveError(_TRUNCATED)
        if not any(header):
            return
        _check_header(header)
        size = _parse_number(header[_SIZE])
        body = content[offset + _BLOCK : offset + _BLOCK + size]
        if len(body) < size:
            raise ArchiveError(_TRUNCATED)
        offset += _BLOCK + -(-size // _BLOCK) * _BLOCK
        kind = header[_KIND]
        if kind in _GNU_RECORDS or kind == _PAX_RECORDS:
            if size > _MAX_RECORD_BYTES:
                raise ArchiveError("it has a path that is too long")
            records.update({_GNU_RECORDS[kind]: body.rstrip(b"\0")} if kind in _GNU_RECORDS else _parse_pax(body))
            continue
        if kind != _GLOBAL_PAX_RECORDS:
            member = _build_member(header, body, records)
            if member.name:
                yield member
        records = {}


def _check_header(header: bytes) -> None:
    """Raise ArchiveError if the checksum, for which its own bytes count as blanks, is wrong."""
    expected = sum(header) - sum(header[_CHECKSUM]) + len(header[_CHECKSUM]) * ord(" ")
    if _parse_number(header[_CHECKSUM]) != expected:
        raise ArchiveError(_DAMAGED)


def _parse_number(field: bytes) -> int:
    digits = field.strip(b" \0") or b"0"
    if not _OCTAL.fullmatch(digits):  # int() also accepts a sign
        raise ArchiveError(_DAMAGED)
    return int(digits, 8)


def _parse_pax(body: bytes) -> Dict[str, bytes]:
    """Return the records of a pax header; each is "LENGTH KEY=VALUE" and a line feed."""
    records = {}
    offset = 0
    while offset < len(body):
        match = _PAX_RECORD.match(body, offset)
        end = offset + int(match.group(1)) if match else 0
        if not match or not match.end() < end <= len(body):
            raise ArchiveError(_DAMAGED)
        records[match.group(2).decode("ascii", "replace")] = body[match.end() : end - 1]
        offset = end
    return records


def _build_member(header: bytes, body: bytes, records: Dict[str, bytes]) -> Member:
    raw_name = records.get("path")
    if raw_name is None:
        raw_name = header[_NAME].split(b"\0")[0]
        prefix = header[_PREFIX].split(b"\0")[0]
        if header[_MAGIC] == _POSIX_MAGIC and prefix:
            raw_name = prefix + b"/" + raw_name
    name = normalize_name(_decode(raw_name))
    kind = _TYPES.get(header[_KIND])
    if kind is None or any(key == "size" or key.startswith("GNU.sparse") for key in records):
        described = _REJECTED_TYPES.get(header[_KIND], "a sparse file" if kind else "of an unknown type")
        raise ArchiveError(f"its member {name!r} is {described}")
    target = _decode(records.get("linkpath", header[_TARGET].split(b"\0")[0]))
    mode = kind | stat.S_IMODE(_parse_number(header[_MODE]))
    is_file = kind == stat.S_IFREG
    return Member(name, mode, body if is_file else b"", target if kind == stat.S_IFLNK else "")


def normalize_name(raw_name: str) -> str:
    """Return the path of a member without needless dots and slashes. Raises ArchiveError if it leads outside."""
    parts = [part for part in raw_name.split("/") if part not in ("", ".")]
    if raw_name.startswith("/") or ".." in parts or "\0" in raw_name:
        raise ArchiveError(f"its member {raw_name!r} lies outside the recording")
    return "/".join(parts)


def check_path(path: str) -> None:
    """Raise ArchiveError if following a path would take much time or memory."""
    if len(path) > _MAX_PATH_CHARS or path.count("/") > _MAX_PATH_PARTS:
        raise ArchiveError("it has a path that is too long")


def _decode(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _walk(path: str) -> Iterator[Member]:
    """Yield what is below a directory; no link is followed."""
    total = 0
    pending = [""]
    while pending:
        parent = pending.pop()
        with os.scandir(os.path.join(path, parent)) as entries:
            listed = sorted(islice(entries, MAX_MEMBERS + 1), key=_get_name)
        for entry in listed:
            name = f"{parent}/{entry.name}" if parent else entry.name
            status = entry.stat(follow_symlinks=False)
            content, target = b"", ""
            if stat.S_ISLNK(status.st_mode):
                target = os.readlink(entry.path)
            elif stat.S_ISDIR(status.st_mode):
                pending.append(name)
            elif stat.S_ISREG(status.st_mode):
                total += status.st_size
                if total > MAX_UNPACKED_BYTES:
                    raise ArchiveError(f"its files are larger than {MAX_UNPACKED_BYTES >> 20} MiB")
                content = _read_file(entry.path)
            else:
                raise ArchiveError(f"its member {name!r} is neither a file nor a directory nor a link")
            yield Member(name, status.st_mode, content, target)


def _get_name(entry: "os.DirEntry[str]") -> str:
    return entry.name


def _read_file(path: str) -> bytes:
    with open(path, "rb") as handle:
        return handle.read(MAX_UNPACKED_BYTES)
