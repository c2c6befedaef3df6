# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Files of our own in /etc/modprobe.d that take back what keeps modules from loading. Nobody else's file is edited."""

import hashlib
import os
import re

from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.modprobe_conf import (
    DIRECTORIES,
    SUFFIXES,
    raw_lines,
    without_joints,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import canonical, is_valid

DIRECTORY = "/etc/modprobe.d"
SEARCH_PATH = DIRECTORIES
# Of several install lines for one module only the first counts (kmod: libkmod/libkmod-module.c,
# kmod_module_get_install_commands()), and files are read in the order of their names.
BEATING = DIRECTORY + "/00-nodeprep-istio.conf"
# Our files begin with these lines, in this order: the mark, what it is a copy of (where it is one), the digest, the lines
# that are taken back, the end. Whatever follows belongs to the copied file, and may look like any of them.
MARK = "# nodeprep.istio: written by Ansible, goes with state absent"
_COPY_OF = "# A copy without the lines below of "
_DIGEST = "# SHA-256 of all but this line: "
_WITHOUT = "#- "
_END = "#- end of the lines that are taken back"
# What of a line is kept and compared: lines without end would make facts without end.
_MOST_CHARACTERS = 200
_NO_TEXT = re.compile("[\ud800-\udfff]")


class Refused(ValueError):
    """What was asked cannot be done by a file of ours; the message names file, line and remedy."""


class Override:
    """One of our files.

    :ivar path: where it is.
    :ivar of: path of the file that it stands in for, or None for the file that beats install lines.
    :ivar lines: the lines of others that it takes back, as :func:`normal` returns them: "blacklist NAME" or "install NAME COMMAND", in order.
    :ivar edited: whether somebody else changed it since it was written: it is theirs too, and is left as it is.
    """

    def __init__(self, path, of, lines, edited=False):
        self.path = path
        self.of = of
        self.lines = lines
        self.edited = edited

    def text(self, files):
        """Return the content that the file is to have; empty where nothing is left to take back."""
        if self.edited:
            return read(files, self.path) or ""
        body = self._body(files)
        if body is None:
            return ""
        head = [MARK, _COPY_OF + self.of] if self.of else [MARK]
        rest = [_WITHOUT + line for line in self.lines] + [_END, body]
        return "\n".join(head + [_DIGEST + _digest(head + rest)] + rest)

    def _body(self, files):
        """Return what follows our own lines; None where nothing is left to take back."""
        if self.of is None:
            modules = sorted({canonical(line.split()[1]) for line in self.lines})
            return "".join(
                "install {0} /sbin/modprobe --ignore-install {0} $CMDLINE_OPTS\n".format(name) for name in modules
            )
        original = [raw for _number, raw in raw_lines(read(files, self.of) or "")]
        kept = [raw for raw in original if normal(raw) not in self.lines]
        return None if len(kept) == len(original) else "".join(kept)


def parse(path, text):
    """Return the Override that a file's text is, or None where it is not ours."""
    lines = text.split("\n")
    if lines[0] != MARK:
        return None
    at = 2 if len(lines) > 1 and lines[1].startswith(_COPY_OF) else 1
    of = lines[1][len(_COPY_OF) :] if at == 2 else None
    taken = []
    for line in lines[at + 1 :]:
        if line == _END or not line.startswith(_WITHOUT):
            break
        taken.append(line[len(_WITHOUT) :])
    written = _DIGEST + _digest(lines[:at] + lines[at + 1 :])
    return Override(path, of, taken, edited=lines[at : at + 1] != [written])


def _digest(lines):
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def read(files, path):
    """Return a file's text, or None where there is none; bytes that are no UTF-8 survive being written again."""
    content = files.read_bytes(path)
    return None if content is None else content.decode("utf-8", "surrogateescape")


def existing(files):
    """Return our files on the node, by path."""
    found = {}
    for name in files.listdir(DIRECTORY):
        path = "{0}/{1}".format(DIRECTORY, name)
        override = parse(path, read(files, path) or "") if name.endswith(SUFFIXES) and not files.is_dir(path) else None
        if override:
            found[path] = override
    return found


def wanted(files, present, asked):
    """Return our files as they are to be, by path: those that are there, and what is asked.

    :param present: what :func:`existing` returned.
    :param asked: list of (path, line), effective lines of others that keep a module from loading, as :func:`normal` returns them.

    Raises Refused.
    """
    result = {
        path: Override(path, override.of, list(override.lines), override.edited) for path, override in present.items()
    }
    for path, line in asked:
        target, of = _place(files, present, path, line)
        override = result.setdefault(target, Override(target, of, []))
        if override.edited:
            words = "{0} was changed since it was written, so that it cannot take back '{1}' of {2}: move what was added to a file of its own, and remove {0}"
            raise Refused(words.format(target, line, path))
        if line not in override.lines:
            override.lines.append(line)
    return result


def _place(files, present, path, line):
    """Return (path of our file, path that it stands in for) to take back one line."""
    text = read(files, path)
    if text is None or line not in [normal(raw) for _number, raw in raw_lines(text)]:
        raise Refused("{0} has no line '{1}' any more: observe the node again".format(path, line))
    if line.split()[0] == "install":
        if not is_valid(line.split()[1]):
            raise Refused(
                "{0}: no file of ours can take back its line '{1}', since it names more than one module; remove it there".format(
                    path, line
                )
            )
        if os.path.basename(path) < os.path.basename(BEATING):
            raise Refused("{0}: no file of ours can come before it; remove its line '{1}'".format(path, line))
        _see_free(files, present, BEATING, path, line)
        return BEATING, None
    if path in present:
        return path, present[path].of
    if path.startswith(DIRECTORY + "/"):
        raise Refused("{0}: no other file can take back its line '{1}'; remove it there".format(path, line))
    target = copy_of(path)
    _see_free(files, present, target, path, line)
    return target, path


def copy_of(path):
    """Return where our copy of somebody else's file is, which takes its place."""
    return "{0}/{1}".format(DIRECTORY, os.path.basename(path))


def in_the_way(files, paths):
    """Return what is where a file of ours would be to take back lines of these files, and is not ours: a directory, or a file whose mark is gone."""
    ours = existing(files)
    targets = (
        [BEATING] + [copy_of(path) for path in sorted(paths) if not path.startswith(DIRECTORY + "/")] if paths else []
    )
    return [target for target in targets if target not in ours and files.exists(target)]


def _see_free(files, present, target, path, line):
    if target not in present and files.exists(target):
        raise Refused("{0} is there already and is not ours: remove the line '{1}' from {2}".format(target, line, path))


def normal(raw):
    """Return a line in the one form in which facts tell it and lines are compared: its words joined by one blank, continuations
    taken out, U+FFFD for each byte that is no UTF-8, and its first 200 characters."""
    return _NO_TEXT.sub("\ufffd", " ".join(without_joints(raw).split()))[:_MOST_CHARACTERS].rstrip()
