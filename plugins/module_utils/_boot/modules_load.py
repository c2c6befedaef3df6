# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""modules-load.d(5): the modules that the node's configuration loads at boot, and the lines that do not work."""

import os
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files, find_conf_files, is_volatile
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.proc import list_cmdline_values
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import canonicalize
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import (
    COMMAND_LINE,
    MODULES_LOAD_UNIT,
    Cause,
    Code,
)

# systemd: src/basic/constants.h, CONF_PATHS; /lib for systems without merged /usr.
DIRECTORIES = (
    "/etc/modules-load.d",
    "/run/modules-load.d",
    "/usr/local/lib/modules-load.d",
    "/usr/lib/modules-load.d",
    "/lib/modules-load.d",
)
PERSISTENT_DIRECTORIES = tuple(directory for directory in DIRECTORIES if not is_volatile(directory))
VOLATILE_DIRECTORIES = tuple(directory for directory in DIRECTORIES if is_volatile(directory))
SERVICES = ("/usr/lib/systemd/systemd-modules-load", "/lib/systemd/systemd-modules-load")
# systemd.unit(5), without the directories below /run, which a reboot clears. The first file that exists counts.
UNIT_FILES = (
    "/etc/systemd/system/" + MODULES_LOAD_UNIT,
    "/usr/local/lib/systemd/system/" + MODULES_LOAD_UNIT,
    "/usr/lib/systemd/system/" + MODULES_LOAD_UNIT,
    "/lib/systemd/system/" + MODULES_LOAD_UNIT,
)
# Debian's and OpenRC's init scripts read it; systemd reads it only through a link in modules-load.d.
ETC_MODULES = "/etc/modules"
SCRIPTS = ("/etc/init.d/kmod", "/etc/init.d/modules")


class BootLine(NamedTuple):
    """A line that lists a module for the boot.

    :ivar name: canonical name, of a module or an alias.
    :ivar where: "path:line".
    :ivar ineffective: the Cause if the line loads nothing with any kernel; None if it counts.
    :ivar uncertainty: the Cause if it cannot be determined whether the line is read, or None.
    :ivar read_by_script: whether an init script reads the line.
    """

    name: str
    where: str
    ineffective: Optional[Cause] = None
    uncertainty: Optional[Cause] = None
    read_by_script: bool = False


class BootList:
    """What the node loads at boot.

    :ivar certain: whether all lines are read for certain; without systemd only those of /etc/modules are.
    :ivar lines: the lines that count, in the order in which they are read.
    :ivar ineffective_lines: the lines that load nothing, each with its cause.
    :ivar initramfs_names: names that only the initramfs loads.
    :ivar names_by_file: dict of path to the module names that it lists, in order.
    :ivar unreadable_path: a file or directory that is unreadable, so nothing is certain; None if all were read.
    :ivar boot_files_read: whether modules-load.d is read at boot; None if that is unknown, as without systemd.
    :ivar boot_files_mask: what masks the service, a unit file's path or words of the kernel command line, or None.
    """

    def __init__(self) -> None:
        self.certain = True
        self.lines: List[BootLine] = []
        self.ineffective_lines: List[BootLine] = []
        self.initramfs_names: Set[str] = set()
        self.names_by_file: Dict[str, List[str]] = {}
        self.unreadable_path: Optional[str] = None
        self.boot_files_read: Optional[bool] = True
        self.boot_files_mask: Optional[str] = None

    def add_line(self, path: str, line: BootLine) -> None:
        """Add a line of a file to the list in which it belongs."""
        if line.ineffective:
            self.ineffective_lines.append(line)
        else:
            self.lines.append(line)
            self.names_by_file.setdefault(path, []).append(line.name)

    def note_unreadable(self, path: str) -> None:
        """Note that a file or directory is unreadable; the first one is kept."""
        self.unreadable_path = self.unreadable_path or path


def parse_lines(text: str) -> Iterator[Tuple[int, str]]:
    """Yield (line number, the name that systemd reads) of one file.

    The whole line is the name. Only a line whose first character after blanks is "#" or ";" is a comment (systemd:
    src/modules-load/modules-load.c, apply_file()).
    """
    for number, line in enumerate(text.split("\n"), 1):
        name = line.strip(" \t\r")
        if name and name[0] not in "#;":
            yield number, name


def read_boot_list(files: Files, cmdline: str) -> BootList:
    """Read the boot list of the node behind I(files); I(cmdline) is the kernel command line."""
    boot = BootList()
    paths, shadowed = find_conf_files(files, PERSISTENT_DIRECTORIES)
    for path in paths:
        text = files.read(path)
        if text is None and path in files.unreadable:
            boot.note_unreadable(path)
        uncertainty = _find_shadow(files, path)
        for line in _parse_file(path, text or ""):
            boot.add_line(path, line._replace(uncertainty=uncertainty))
    for directory in DIRECTORIES:
        if directory in files.unreadable:
            boot.note_unreadable(directory)
    for path, winner in sorted(shadowed.items()):
        _apply_shadowed(boot, files, path, winner)
    for path in find_conf_files(files, VOLATILE_DIRECTORIES).paths:
        cause = Cause(Code.BOOT_FILE_VOLATILE, "a reboot removes that file")
        boot.ineffective_lines += _read_ineffective(files, path, cause)
    _apply_command_line(boot, cmdline)
    if any(files.exists(path) for path in SERVICES):
        apply_systemd(boot, files, paths, cmdline)
    else:
        apply_init_scripts(boot, files)
    return boot


def _find_shadow(files: Files, path: str) -> Optional[Cause]:
    """Return the cause if an unreadable directory may hold a file that takes this one's place, or None."""
    directory = os.path.dirname(path)
    for before in PERSISTENT_DIRECTORIES[: PERSISTENT_DIRECTORIES.index(directory)]:
        if before in files.unreadable:
            return Cause(Code.UNREADABLE, "a directory that may shadow that file is unreadable", before)
    return None


def _apply_shadowed(boot: BootList, files: Files, path: str, winner: str) -> None:
    """Add the lines of a file that another one replaces."""
    if not files.is_dir(winner):
        cause = Cause(Code.BOOT_FILE_MASKED, f"{winner} takes that file's place")
        boot.ineffective_lines += _read_ineffective(files, path, cause)
        return
    # It replaces the file in systemd 247 and 252; 262 reads the file.
    cause = Cause(Code.BOOT_FILE_MASKED_BY_DIRECTORY, f"some systemd releases read the directory {winner} instead")
    for line in _parse_file(path, files.read(path) or ""):
        if not line.ineffective:
            boot.lines.append(line._replace(uncertainty=cause._replace(listed_in=line.where)))


def _apply_command_line(boot: BootList, cmdline: str) -> None:
    for name in _list_cmdline_names(cmdline, "modules-load"):
        boot.add_line(COMMAND_LINE, BootLine(name, COMMAND_LINE))
    boot.initramfs_names.update(_list_cmdline_names(cmdline, "rd.modules-load"))


def _list_cmdline_names(cmdline: str, key: str) -> List[str]:
    names: List[str] = []
    for value in list_cmdline_values(cmdline, key):
        names += [canonicalize(name) for name in value.split(",") if name]
    return names


def apply_systemd(boot: BootList, files: Files, paths: Sequence[str], cmdline: str) -> None:
    """Apply what systemd-modules-load does with the lines: it may be masked, and it reads modules-load.d only.

    :param paths: the files of modules-load.d that count.
    """
    mask = boot.boot_files_mask = _find_mask(files, cmdline)
    unreadable = next((path for path in UNIT_FILES if path in files.unreadable), None)
    if mask:
        boot.boot_files_read = False
        cause = Cause(Code.SERVICE_MASKED, f"systemd-modules-load is masked by {mask}")
        for line in boot.lines:
            boot.ineffective_lines.append(line._replace(ineffective=cause._replace(listed_in=line.where)))
        boot.lines = []
    elif unreadable:
        boot.boot_files_read = None
        cause = Cause(Code.UNREADABLE, "a unit file that may mask systemd-modules-load is unreadable", unreadable)
        boot.lines = [line._replace(uncertainty=cause) for line in boot.lines]
    real_path = os.path.realpath(files.resolve(ETC_MODULES))
    is_linked = any(os.path.realpath(files.resolve(path)) == real_path for path in paths)
    if files.exists(ETC_MODULES) and not is_linked:
        cause = Cause(Code.BOOT_FILE_NOT_READ, "no link in /etc/modules-load.d leads to that file")
        boot.ineffective_lines += _read_ineffective(files, ETC_MODULES, cause)


def _find_mask(files: Files, cmdline: str) -> Optional[str]:
    """Return what masks systemd-modules-load, or None.

    An empty unit file does so as well as a link to /dev/null (systemd.unit(5)).
    """
    for value in list_cmdline_values(cmdline, "systemd.mask"):
        if value in (MODULES_LOAD_UNIT, MODULES_LOAD_UNIT[: -len(".service")]):  # src/debug-generator/debug-generator.c
            return f"systemd.mask={value} on the kernel command line"
    for path in UNIT_FILES:
        if files.is_masked(path):
            return path
        content = files.read_bytes(path)
        if content is not None:
            return None if content else path
    return None


def apply_init_scripts(boot: BootList, files: Files) -> None:
    """Apply what init scripts do: they read /etc/modules, and without systemd modules-load.d may not be read at all.

    Each line of /etc/modules is a name and its options.
    """
    boot.certain = False
    boot.boot_files_read = None
    if not any(files.exists(path) for path in SCRIPTS):
        return
    for number, line in parse_lines(files.read(ETC_MODULES) or ""):
        name = canonicalize(line.split()[0])
        boot.add_line(ETC_MODULES, BootLine(name, f"{ETC_MODULES}:{number}", read_by_script=True))


def _read_ineffective(files: Files, path: str, cause: Cause) -> List[BootLine]:
    """Return the lines of a file that does not count, each with the cause."""
    lines = []
    for line in _parse_file(path, files.read(path) or ""):
        lines.append(line._replace(ineffective=line.ineffective or cause._replace(listed_in=line.where)))
    return lines


def _parse_file(path: str, text: str) -> Iterator[BootLine]:
    """Yield the lines of a file; a line of several words is one malformed name, and yields one line for each word."""
    for number, line in parse_lines(text):
        where = f"{path}:{number}"
        words = line.lstrip("\ufeff").split()
        if words and words[0] != line:
            cause = Cause(Code.MALFORMED_BOOT_ENTRY, "the whole line is one name", listed_in=where)
            for word in words:
                yield BootLine(canonicalize(word), where, cause)
        elif words:
            yield BootLine(canonicalize(line), where)
