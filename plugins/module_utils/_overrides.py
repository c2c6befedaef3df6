# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Files of our own in /etc/modprobe.d that take back what keeps modules from loading. Nobody else's file is edited."""

import os

from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import canonical, is_valid

DIRECTORY = "/etc/modprobe.d"
# Of several install lines for one module only the first counts (kmod: libkmod/libkmod-module.c,
# kmod_module_get_install_commands()), and files are read in the order of their names.
BEATING = DIRECTORY + "/00-nodeprep-istio.conf"
MARK = "# nodeprep.istio: written by Ansible, goes with state absent"
_COPY_OF = "# A copy without the lines below of "
_WITHOUT = "#- "


class Refused(ValueError):
    """What was asked cannot be done by a file of ours; the message names file, line and remedy."""


class Override:
    """One of our files.

    :ivar path: where it is.
    :ivar of: path of the file that it stands in for, or None for the file that beats install lines.
    :ivar lines: the lines of others that it takes back: "blacklist NAME" or "install NAME COMMAND", in order.
    """

    def __init__(self, path, of, lines):
        self.path = path
        self.of = of
        self.lines = lines

    def text(self, files):
        """Return the content that the file is to have; empty where nothing is left to take back."""
        if self.of is None:
            modules = sorted({canonical(line.split()[1]) for line in self.lines})
            install = "install {0} /sbin/modprobe --ignore-install {0} $CMDLINE_OPTS\n"
            return "".join([MARK + "\n"] + [_WITHOUT + line + "\n" for line in self.lines] + [install.format(name) for name in modules])
        original = list(_logical_lines(read(files, self.of) or ""))
        kept = [raw for raw, line in original if line not in self.lines]
        if len(kept) == len(original):
            return ""
        return "".join([MARK + "\n", _COPY_OF + self.of + "\n"] + [_WITHOUT + line + "\n" for line in self.lines] + kept)


def parse(path, text):
    """Return the Override that a file's text is, or None where it is not ours."""
    lines = text.split("\n")
    if lines[0] != MARK:
        return None
    of = lines[1][len(_COPY_OF) :] if len(lines) > 1 and lines[1].startswith(_COPY_OF) else None
    return Override(path, of, [line[len(_WITHOUT) :] for line in lines if line.startswith(_WITHOUT)])


def read(files, path):
    """Return a file's text, or None where there is none; bytes that are no UTF-8 survive being written again."""
    content = files.read_bytes(path)
    return None if content is None else content.decode("utf-8", "surrogateescape")


def existing(files):
    """Return our files on the node, by path."""
    found = {}
    for name in files.listdir(DIRECTORY):
        path = "{0}/{1}".format(DIRECTORY, name)
        override = parse(path, read(files, path) or "") if name.endswith(".conf") and not files.is_dir(path) else None
        if override:
            found[path] = override
    return found


def wanted(files, present, asked):
    """Return our files as they are to be, by path: those that are there, and what is asked.

    :param present: what :func:`existing` returned.
    :param asked: list of (path, line), effective lines of others that keep a module from loading.

    Raises Refused.
    """
    result = {path: Override(path, override.of, list(override.lines)) for path, override in present.items()}
    for path, line in asked:
        target, of = _place(files, present, path, line)
        override = result.setdefault(target, Override(target, of, []))
        if line not in override.lines:
            override.lines.append(line)
    return result


def _place(files, present, path, line):
    """Return (path of our file, path that it stands in for) to take back one line."""
    text = read(files, path)
    if text is None or line not in [found for _raw, found in _logical_lines(text)]:
        raise Refused("{0} has no line '{1}' any more: observe the node again".format(path, line))
    if line.split()[0] == "install":
        if not is_valid(line.split()[1]):
            raise Refused("{0}: no file of ours can take back its line '{1}', since it names more than one module; remove it there".format(path, line))
        if os.path.basename(path) < os.path.basename(BEATING):
            raise Refused("{0}: no file of ours can come before it; remove its line '{1}'".format(path, line))
        return BEATING, None
    if path in present:
        return path, present[path].of
    if path.startswith(DIRECTORY + "/"):
        raise Refused("{0}: no other file can take back its line '{1}'; remove it there".format(path, line))
    target = "{0}/{1}".format(DIRECTORY, os.path.basename(path))
    if files.exists(target):
        raise Refused("{0} is there already and is not ours: remove the line '{1}' from {2}".format(target, line, path))
    return target, path


def _logical_lines(text):
    """Yield (raw text, words joined by one blank) of each line; a backslash at its end joins the next one."""
    raw = ""
    for physical in text.splitlines(True):
        raw += physical
        if not physical.rstrip("\r\n").endswith("\\"):
            yield raw, normal(raw)
            raw = ""
    if raw:
        yield raw, normal(raw)


def normal(raw):
    """Return a line in one form: its words joined by one blank, continuations taken out."""
    return " ".join(raw.replace("\\\n", " ").split())
