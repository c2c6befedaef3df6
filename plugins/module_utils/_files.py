# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""The one way to the node's files. Below another root the same code reads an unpacked image or a recorded tree."""

import errno
import os
import stat
import zlib

# Gone after a reboot: a tmpfs, whatever an image holds there.
VOLATILE = "/run/"

# Many times what any file that is read here has on a real node: modules.alias has 2 MiB, the list of dpkg's packages 10.
MOST_BYTES = 64 * 1024 * 1024

_NULL = os.makedev(1, 3)  # /dev/null (Documentation/admin-guide/devices.txt)
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class Files:
    """Read-only view of the file system below I(root).

    :ivar unreadable: dict of path to the error text of each file that exists but could not be read.
    """

    def __init__(self, root="/"):
        self.root = root.rstrip("/")
        self.unreadable = {}

    def real(self, path):
        """Return where I(path), absolute on the node, lies for this process.

        An image's absolute links mean files of the image, so below another root each link is followed by hand.
        """
        if not self.root:
            return path
        parts, done, links = path.split("/"), "", 0
        while parts:
            part = parts.pop(0)
            if part == "..":
                done = done.rpartition("/")[0]
            elif part not in ("", "."):
                target = _link(self.root + done + "/" + part) if links < 40 else None
                if target is None:
                    done += "/" + part
                    continue
                links += 1
                done = "" if target.startswith("/") else done
                parts = target.split("/") + parts
        return self.root + done

    def read_bytes(self, path, tail=None):
        """Return the content, or its last I(tail) bytes; None where there is no such file or it may not be read (then it is noted)."""
        try:
            with open(self.real(path), "rb", opener=_open_at_once) as handle:
                kind = os.fstat(handle.fileno())
                if not stat.S_ISREG(kind.st_mode) or (tail is None and kind.st_size > MOST_BYTES):
                    return self._refuse(path, kind)
                if tail is not None:
                    handle.seek(-min(tail, kind.st_size), os.SEEK_END)
                return handle.read()
        except (OSError, ValueError) as exc:
            self._note(path, exc)
            return None

    def _refuse(self, path, kind):
        """Return the content of what is no file: none of /dev/null; anything else might have no end, or wait for a writer, or fill the memory."""
        if stat.S_ISREG(kind.st_mode):
            self.unreadable[path] = "larger than {0} MiB".format(MOST_BYTES >> 20)
            return None
        if stat.S_ISCHR(kind.st_mode) and kind.st_rdev == _NULL:
            return b""
        self.unreadable[path] = "not a regular file"
        return None

    def read(self, path):
        """Return the text, or None as in :meth:`read_bytes`; bytes that are not UTF-8 are replaced, never fatal."""
        content = self.read_bytes(path)
        return None if content is None else content.decode("utf-8", "replace")

    def read_gzip(self, path):
        """Return the unpacked text of a gzip file, or None where it is absent, unreadable or damaged."""
        content = self.read_bytes(path)
        if content is None:
            return None
        try:
            return gunzip(content).decode("utf-8", "replace")
        except (EOFError, zlib.error) as exc:
            self.unreadable[path] = str(exc)
            return None

    def transact(self, path, request):
        """Write a request to a kernel file and return its answer, both bytes; None where that cannot be done.

        Raises OSError where the kernel refuses the request itself (EINVAL).
        """
        if self.root:
            return None
        try:
            handle = os.open(path, os.O_RDWR)
        except OSError as exc:
            self._note(path, exc)
            return None
        try:
            os.write(handle, request)
            return os.read(handle, 4096)
        finally:
            os.close(handle)

    def exists(self, path):
        """Whether there is such a file; None where that may not be looked at."""
        there = self.mode(path) is not None  # notes a path that may not be looked at
        return None if path in self.unreadable else there

    def mode(self, path):
        """Return the mode bits of a file, links followed, or None where there is none or it may not be looked at."""
        try:
            return os.stat(self.real(path)).st_mode
        except (OSError, ValueError) as exc:
            self._note(path, exc)
            return None

    def is_dir(self, path):
        """Whether this is a directory, links followed; where that may not be looked at it is noted."""
        mode = self.mode(path)
        return mode is not None and stat.S_ISDIR(mode)

    def listdir(self, path):
        """Return the sorted names in a directory; empty where there is none, or it may not be read or is something else (then it is noted)."""
        try:
            return sorted(os.listdir(self.real(path)))
        except (OSError, ValueError) as exc:
            if getattr(exc, "errno", None) == errno.ENOTDIR and self.mode(path) is not None:
                self.unreadable[path] = "not a directory"
            self._note(path, exc)
            return []

    def link(self, path):
        """Return where a symbolic link points, as it is written, or None where this is none."""
        directory, _slash, name = path.rpartition("/")
        return _link(self.real(directory) + "/" + name)

    def is_masked(self, path):
        """Whether this is a link that ends at /dev/null, however it is written: how a vendor's configuration file is switched off."""
        if self.link(path) is None:
            return False
        return os.path.realpath(path) == "/dev/null" if not self.root else self.real(path) == self.root + "/dev/null"

    def _note(self, path, exc):
        if getattr(exc, "errno", None) not in _ABSENT:
            self.unreadable[path] = getattr(exc, "strerror", None) or str(exc)


def _open_at_once(path, flags):
    """Open a file without waiting for anybody: a FIFO's other end may never come."""
    return os.open(path, flags | os.O_NONBLOCK)


def gunzip(content):
    """Return the unpacked bytes of a gzip file. Raises zlib.error or EOFError where it is damaged, or larger than MOST_BYTES."""
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    unpacked = unpacker.decompress(content, MOST_BYTES)
    if not unpacker.eof:
        raise EOFError("it ends too early, or is larger than {0} MiB".format(MOST_BYTES >> 20))
    return unpacked


def _link(path):
    try:
        return os.readlink(path)
    except (OSError, ValueError):
        return None


def conf_files(files, directories, suffixes=(".conf",), directories_win=True):
    """Return the configuration files that count, in the order in which they are read, and those that do not.

    Of files with one name the earliest directory wins, and the names sort across directories: the rule of
    modprobe.d(5) and modules-load.d(5). Hidden files do not count.

    :param directories: directories in falling precedence.
    :param directories_win: whether a directory takes the place of a file with its name and is then not read, as with some
        releases of systemd (src/basic/conf-files.c: files_add()); kmod passes over it (libkmod-config.c: conf_files_filter_out()).
    :returns: (list of paths, dict of the path of each losing file to the path that wins over it).
    """
    chosen, losers, seen, unread = {}, {}, set(), set()
    for directory in directories:
        real = os.path.realpath(files.real(directory))
        if real in seen:  # /lib is /usr/lib on most systems
            continue
        seen.add(real)
        for name in files.listdir(directory):
            path = directory + "/" + name
            if not name.endswith(suffixes) or name.startswith("."):
                continue
            if name in chosen:
                losers[path] = chosen[name]
            elif not files.is_dir(path):
                chosen[name] = path
            elif directories_win:
                chosen[name] = path
                unread.add(name)
    return [chosen[name] for name in sorted(set(chosen) - unread)], losers
