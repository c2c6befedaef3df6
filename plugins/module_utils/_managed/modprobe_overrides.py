# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Overrides: modprobe.d files of this collection that take precedence over blacklist and install lines. Format only.

No other file is edited. A blacklist line outside /etc is overridden by a copy of its file without that line, under the
same name in /etc/modprobe.d, which modprobe then reads instead. An install line is overridden by an earlier one.
"""

import hashlib
import os
import re
from typing import Iterable, List, NamedTuple, Optional, Tuple

from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.conf_lines import (
    remove_continuations,
    split_raw_lines,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.modprobe_conf import DIRECTORIES, SUFFIXES
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import canonicalize

DIRECTORY = "/etc/modprobe.d"
SEARCH_PATH = DIRECTORIES
# Of several install lines for one module only the first counts (kmod: libkmod/libkmod-module.c,
# kmod_module_get_install_commands()), and files are read in the order of their names.
INSTALL_OVERRIDE_FILE = DIRECTORY + "/00-nodeprep-istio.conf"
# An override begins with these lines, in this order: the mark, the source if it is a copy, the digest, the overridden
# lines, the end. The rest belongs to the copied file, and may look like any of them.
MARK = "# nodeprep.istio: written by Ansible, removed by state absent"
_SOURCE = "# Copy, without the lines below, of "
_DIGEST = "# SHA-256 of all other lines: "
_LINE = "#- "
_END = "#- end of the overridden lines"
# Stored and compared characters of a line. It bounds the facts.
_MAX_LINE_CHARS = 200
_NOT_UTF8 = re.compile("[\ud800-\udfff]")


class Override(NamedTuple):
    """One override.

    :ivar path: where it is.
    :ivar source: path of the file that it is a copy of; None for the file that overrides install lines.
    :ivar lines: the overridden lines, "blacklist NAME" or "install NAME COMMAND", see :func:`normalize_line`.
    :ivar edited: whether it was changed since this collection wrote it. It then stays as it is.
    """

    path: str
    source: Optional[str]
    lines: Tuple[str, ...]
    edited: bool = False


def is_read_by_modprobe(name: str) -> bool:
    """Return whether modprobe reads a file of this name."""
    return name.endswith(SUFFIXES)


def parse_override(path: str, text: str) -> Optional[Override]:
    """Return the override that a file's text is, or None if it does not begin with the mark."""
    lines = text.split("\n")
    if lines[0] != MARK:
        return None
    source = None
    digest_at = 1
    if len(lines) > 1 and lines[1].startswith(_SOURCE):
        source = lines[1][len(_SOURCE) :]
        digest_at = 2
    overridden = []
    for line in lines[digest_at + 1 :]:
        if line == _END or not line.startswith(_LINE):
            break
        overridden.append(line[len(_LINE) :])
    expected = _DIGEST + _hash_lines(lines[:digest_at] + lines[digest_at + 1 :])
    edited = lines[digest_at : digest_at + 1] != [expected]
    return Override(path, source, tuple(overridden), edited)


def render_override(override: Override, source_text: Optional[str]) -> str:
    """Return the content that an override should have; empty if the source has none of its lines any more.

    :param source_text: content of C(override.source), or None if there is none.
    """
    head = [MARK]
    if override.source is None:
        body = _render_install_lines(override.lines)
    else:
        head.append(_SOURCE + override.source)
        original = [raw for _number, raw in split_raw_lines(source_text or "")]
        kept = [raw for raw in original if normalize_line(raw) not in override.lines]
        if len(kept) == len(original):
            return ""
        body = "".join(kept)
    rest = [_LINE + line for line in override.lines] + [_END, body]
    return "\n".join(head + [_DIGEST + _hash_lines(head + rest)] + rest)


def _render_install_lines(lines: Iterable[str]) -> str:
    modules = sorted({canonicalize(line.split()[1]) for line in lines})
    return "".join(f"install {name} /sbin/modprobe --ignore-install {name} $CMDLINE_OPTS\n" for name in modules)


def _hash_lines(lines: List[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def target_for(path: str) -> str:
    """Return the path of the copy that overrides blacklist lines of this file."""
    return f"{DIRECTORY}/{os.path.basename(path)}"


def normalize_line(raw: str) -> str:
    """Return a line in the form in which the facts show it and lines are compared.

    Its words are joined by one blank, continuation marks are removed, each byte that is not UTF-8 becomes U+FFFD, and
    only the first 200 characters count.
    """
    text = " ".join(remove_continuations(raw).split())
    return _NOT_UTF8.sub("\ufffd", text)[:_MAX_LINE_CHARS].rstrip()
