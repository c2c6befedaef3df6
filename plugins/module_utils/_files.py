# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""The one way to the node's files. Below another root the same code reads an unpacked image or a recorded tree."""

import errno
import gzip
import os


class Files:
    """Read-only view of the file system below I(root).

    :ivar unreadable: dict of path to the error text of each file that exists but could not be read.
    """

    def __init__(self, root="/"):
        self.root = root.rstrip("/")
        self.unreadable = {}

    def real(self, path):
        """Return where I(path), absolute on the node, lies for this process."""
        return self.root + path

    def read_bytes(self, path):
        """Return the content, or None where there is no such file or it may not be read (then it is noted)."""
        try:
            with open(self.real(path), "rb") as handle:
                return handle.read()
        except OSError as exc:
            if exc.errno not in (errno.ENOENT, errno.ENOTDIR):
                self.unreadable[path] = exc.strerror or str(exc)
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
            return gzip.decompress(content).decode("utf-8", "replace")
        except (OSError, EOFError) as exc:
            self.unreadable[path] = str(exc)
            return None

    def exists(self, path):
        return os.path.exists(self.real(path))

    def is_dir(self, path):
        return os.path.isdir(self.real(path))

    def listdir(self, path):
        """Return the sorted names in a directory; empty where there is none or it may not be read."""
        try:
            return sorted(os.listdir(self.real(path)))
        except OSError as exc:
            if exc.errno not in (errno.ENOENT, errno.ENOTDIR):
                self.unreadable[path] = exc.strerror or str(exc)
            return []

    def is_masked(self, path):
        """Whether this is a link to /dev/null: how a vendor's configuration file is switched off."""
        try:
            return os.readlink(self.real(path)) == "/dev/null"
        except OSError:
            return False


def effective_conf_files(files, directories):
    """Return the paths of the C(*.conf) files that count, in the order in which they are read.

    Of files with one name the earliest directory wins, and the names sort across directories: the rule of
    modprobe.d(5) and modules-load.d(5).

    :param directories: directories in falling precedence.
    """
    chosen = {}
    for directory in directories:
        for name in files.listdir(directory):
            if name.endswith(".conf") and name not in chosen:
                chosen[name] = directory + "/" + name
    return [chosen[name] for name in sorted(chosen)]
