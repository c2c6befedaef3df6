# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The boot list: the lines that list modules for the boot, whichever program reads them."""

from typing import Dict, List, NamedTuple, Optional, Set

from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Cause


class BootLine(NamedTuple):
    """A line that lists a module for the boot.

    :ivar name: canonical name, of a module or an alias.
    :ivar where: "path:line".
    :ivar ineffective: the Cause if the line loads nothing with any kernel; None if it counts.
    :ivar uncertainty: the Cause if it cannot be determined whether the line is read, or None.
    :ivar ignores_blacklist: whether a blacklisted module loads if the line has its own name and not an alias.
    """

    name: str
    where: str
    ineffective: Optional[Cause] = None
    uncertainty: Optional[Cause] = None
    ignores_blacklist: bool = False

    @property
    def path(self) -> str:
        """The file of the line."""
        path, colon, _number = self.where.rpartition(":")
        return path if colon else self.where


class BootList:
    """What the node loads at boot.

    :ivar lines: the lines that count, in the order in which they are read.
    :ivar ineffective_lines: the lines that load nothing, each with its cause.
    :ivar doubt: the Cause if more may be loaded at boot than these lines list; None if the list is complete.
    :ivar initramfs_names: names that only the initramfs loads.
    :ivar names_by_file: dict of path to the module names that it lists, in order.
    :ivar unreadable_path: a file or directory that is unreadable, so nothing is certain; None if all were read.
    :ivar boot_files_read: whether /etc/modules-load.d is read at boot; None if that is unknown.
    :ivar boot_files_mask: what keeps it from being read, or None: a unit file that masks systemd-modules-load, words of
        the kernel command line that do so, or an init script that would read it and that no runlevel starts.
    """

    def __init__(self) -> None:
        self.lines: List[BootLine] = []
        self.ineffective_lines: List[BootLine] = []
        self.doubt: Optional[Cause] = None
        self.initramfs_names: Set[str] = set()
        self.names_by_file: Dict[str, List[str]] = {}
        self.unreadable_path: Optional[str] = None
        self.boot_files_read: Optional[bool] = True
        self.boot_files_mask: Optional[str] = None

    def add_line(self, line: BootLine) -> None:
        """Add a line of a file to the list in which it belongs."""
        if line.ineffective:
            self.ineffective_lines.append(line)
        else:
            self.lines.append(line)
            self.names_by_file.setdefault(line.path, []).append(line.name)

    def note_unreadable(self, path: str) -> None:
        """Note that a file or directory is unreadable; the first one is kept."""
        self.unreadable_path = self.unreadable_path or path

    def disable_lines(self, cause: Cause) -> None:
        """Make all lines ineffective: nothing reads them."""
        self.boot_files_read = False
        for line in self.lines:
            self.ineffective_lines.append(line._replace(ineffective=cause._replace(listed_in=line.where)))
        self.lines = []

    def doubt_lines(self, cause: Cause) -> None:
        """Make all lines uncertain: it is unknown whether anything reads them."""
        self.boot_files_read = None
        lines = []
        for line in self.lines:
            # The place of a cause about another file is that file.
            uncertainty = cause if cause.where else cause._replace(listed_in=line.where)
            lines.append(line._replace(uncertainty=uncertainty))
        self.lines = lines
