# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way to the node's files. Below another root the same code reads an unpacked image or a recorded tree."""

import errno
import os
import stat
import zlib
from typing import Dict, FrozenSet, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple, Union

# A tmpfs: a reboot clears it, also in an image.
VOLATILE_DIRECTORY = "/run/"

# Far above the size of each file that is read here: on real nodes modules.alias has 2 MiB, dpkg's status file 10 MiB.
MAX_FILE_BYTES = 64 * 1024 * 1024
_MAX_ANSWER_BYTES = 4096
# Linux gives up after as many links (include/linux/namei.h: MAXSYMLINKS).
_MAX_LINKS = 40

NULL_DEVICE = "/dev/null"
_NULL = os.makedev(1, 3)  # (Documentation/admin-guide/devices.txt)
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class Files:
    """Read-only view of the file system below I(root).

    The methods whose names begin with an underscore are the only ones that touch the file system. A recording has the
    same view with other ones (RecordedFiles).

    :ivar is_live: whether these are the files of the running system.
    :ivar unreadable: dict of path to the error text of each file that exists but could not be read.
    :ivar covered_modules: the modules that these files tell about; None if they tell about all modules.
    """

    def __init__(self, root: str = "/") -> None:
        self.root = root.rstrip("/")
        self.is_live = not self.root
        self.unreadable: Dict[str, str] = {}
        self.covered_modules: Optional[FrozenSet[str]] = None

    def covers(self, names: Iterable[str]) -> bool:
        """Return whether these files tell about all these modules, by their canonical names."""
        return self.covered_modules is None or self.covered_modules.issuperset(names)

    def resolve(self, path: str) -> str:
        """Return the path by which this process opens I(path), which is absolute on the node.

        Absolute links of an image mean files of the image, so below another root each link is resolved here.
        """
        if self.is_live:
            return path
        parts = path.split("/")
        resolved = ""
        links = 0
        while parts:
            part = parts.pop(0)
            if part in ("", "."):
                continue
            if part == "..":
                resolved = resolved.rpartition("/")[0]
                continue
            target = self._read_target(f"{self.root}{resolved}/{part}") if links < _MAX_LINKS else None
            if target is None:
                resolved += "/" + part
                continue
            links += 1
            if target.startswith("/"):
                resolved = ""
            parts = target.split("/") + parts
        return self.root + resolved

    def real_path(self, path: str) -> str:
        """Return the path on the node, with all links followed. The file need not exist."""
        if self.is_live:
            return os.path.realpath(path)
        return self.resolve(path)[len(self.root) :] or "/"

    def read_bytes(self, path: str, tail: Optional[int] = None) -> Optional[bytes]:
        """Return the content of a file, or its last I(tail) bytes.

        Returns None if the file is absent, or if it is unreadable, which is then noted.
        """
        try:
            return self._read_content(self.resolve(path), tail)
        except (OSError, ValueError) as exc:
            self._note(path, exc)
            return None

    def read(self, path: str) -> Optional[str]:
        """Return the text of a file, or None as in :meth:`read_bytes`. Bytes that are not UTF-8 are replaced."""
        content = self.read_bytes(path)
        return None if content is None else content.decode("utf-8", "replace")

    def read_gzip(self, path: str) -> Optional[str]:
        """Return the unpacked text of a gzip file, or None if it is absent, unreadable or damaged."""
        content = self.read_bytes(path)
        if content is None:
            return None
        try:
            return gunzip(content).decode("utf-8", "replace")
        except (EOFError, zlib.error) as exc:
            self.unreadable[path] = str(exc)
            return None

    def transact(self, path: str, request: bytes) -> Optional[bytes]:
        """Write a request to a kernel file and return its answer; None if that is not possible.

        Raises OSError if the kernel rejects the request itself (EINVAL).
        """
        if not self.is_live:
            return None
        try:
            handle = os.open(path, os.O_RDWR)
        except OSError as exc:
            self._note(path, exc)
            return None
        try:
            os.write(handle, request)
            return os.read(handle, _MAX_ANSWER_BYTES)
        finally:
            os.close(handle)

    def exists(self, path: str) -> Optional[bool]:
        """Return whether the file exists; None if permission is missing."""
        found = self.get_mode(path) is not None  # notes a path for which permission is missing
        return None if path in self.unreadable else found

    def get_mode(self, path: str) -> Optional[int]:
        """Return the mode bits of a file, links followed; None if it is absent or permission is missing."""
        try:
            return self._stat_mode(self.resolve(path))
        except (OSError, ValueError) as exc:
            self._note(path, exc)
            return None

    def is_dir(self, path: str) -> bool:
        """Return whether this is a directory, links followed. A path for which permission is missing is noted."""
        mode = self.get_mode(path)
        return mode is not None and stat.S_ISDIR(mode)

    def listdir(self, path: str) -> List[str]:
        """Return the sorted names in a directory.

        The list is empty if the directory is absent, or if it is unreadable or not a directory, which is then noted.
        """
        try:
            return sorted(self._list_names(self.resolve(path)))
        except (OSError, ValueError) as exc:
            if getattr(exc, "errno", None) == errno.ENOTDIR and self.get_mode(path) is not None:
                self.unreadable[path] = "not a directory"
            self._note(path, exc)
            return []

    def read_link(self, path: str) -> Optional[str]:
        """Return the target of a symbolic link as it is written, or None if this is not a link."""
        directory, _slash, name = path.rpartition("/")
        return self._read_target(f"{self.resolve(directory)}/{name}")

    def is_masked(self, path: str) -> bool:
        """Return whether this is a link that ends at /dev/null, which masks a vendor's configuration file."""
        return self.read_link(path) is not None and self.real_path(path) == NULL_DEVICE

    def _read_content(self, location: str, tail: Optional[int]) -> bytes:
        """Return the content of a file, or its end; that of /dev/null is empty.

        Raises OSError for any other special file, which might block or never end.
        """
        with open(location, "rb", opener=_open_at_once) as handle:
            status = os.fstat(handle.fileno())
            if stat.S_ISCHR(status.st_mode) and status.st_rdev == _NULL:
                return b""
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, "not a regular file")
            if tail is not None:
                handle.seek(-min(tail, status.st_size), os.SEEK_END)
            elif status.st_size > MAX_FILE_BYTES:
                raise OSError(errno.EFBIG, f"larger than {MAX_FILE_BYTES >> 20} MiB")
            return handle.read()

    def _stat_mode(self, location: str) -> int:
        return os.stat(location).st_mode

    def _list_names(self, location: str) -> List[str]:
        return os.listdir(location)

    def _read_target(self, location: str) -> Optional[str]:
        try:
            return os.readlink(location)
        except (OSError, ValueError):
            return None

    def _note(self, path: str, exc: Exception) -> None:
        if getattr(exc, "errno", None) not in _ABSENT:
            self.unreadable[path] = getattr(exc, "strerror", None) or str(exc)


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting: the other end of a FIFO may never be opened."""
    return os.open(path, flags | os.O_NONBLOCK)


def gunzip(content: bytes, limit: Optional[int] = None) -> bytes:
    """Return the unpacked bytes of a gzip file.

    :param limit: by default MAX_FILE_BYTES.

    Raises zlib.error or EOFError if it is damaged, or larger than the limit.
    """
    limit = limit or MAX_FILE_BYTES
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    unpacked = unpacker.decompress(content, limit)
    if unpacker.eof:
        return unpacked
    if len(unpacked) >= limit:
        raise EOFError(f"it is larger than {limit >> 20} MiB")
    raise EOFError("it ends too early")


def is_volatile(path: str) -> bool:
    """Return whether a reboot removes this file."""
    return path.startswith(VOLATILE_DIRECTORY)


class ConfFiles(NamedTuple):
    """The configuration files of several directories.

    :ivar paths: the files that count, in the order in which they are read.
    :ivar shadowed: dict of the path of each other file to the path that takes its place.
    """

    paths: List[str]
    shadowed: Dict[str, str]


def find_conf_files(
    files: Files,
    directories: Sequence[str],
    suffixes: Union[str, Tuple[str, ...]] = (".conf",),
    directories_win: bool = True,
) -> ConfFiles:
    """Find the configuration files in several directories, as modprobe.d(5) and modules-load.d(5) describe.

    Of files with the same name only that in the first directory counts. The names sort across directories. Hidden files
    do not count.

    :param directories: directories in the order of their precedence, the highest first.
    :param directories_win: whether a directory takes the place of a file with the same name, as it does in some
        releases of systemd (src/basic/conf-files.c: files_add()); kmod skips it (libkmod-config.c:
        conf_files_filter_out()).
    """
    chosen: Dict[str, str] = {}
    shadowed: Dict[str, str] = {}
    unread: Set[str] = set()
    for path in _list_conf_files(files, directories, suffixes):
        name = os.path.basename(path)
        if name in chosen:
            shadowed[path] = chosen[name]
        elif not files.is_dir(path):
            chosen[name] = path
        elif directories_win:
            chosen[name] = path
            unread.add(name)
    return ConfFiles([chosen[name] for name in sorted(chosen) if name not in unread], shadowed)


def _list_conf_files(files: Files, directories: Sequence[str], suffixes: Union[str, Tuple[str, ...]]) -> List[str]:
    paths = []
    seen = set()
    for directory in directories:
        real_path = files.real_path(directory)
        if real_path in seen:  # /lib is /usr/lib on most systems
            continue
        seen.add(real_path)
        for name in files.listdir(directory):
            if name.endswith(suffixes) and not name.startswith("."):
                paths.append(f"{directory}/{name}")
    return paths
