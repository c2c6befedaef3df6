# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""modules-load.d(5): the modules that systemd loads at boot, and the lines that do not work."""

import os
from typing import Iterator, List, Optional, Tuple

from ansible_collections.nodeprep.istio.plugins.module_utils._boot.boot_list import BootLine, BootList
from ansible_collections.nodeprep.istio.plugins.module_utils._boot.init_system import MODULES_LOAD_PROGRAMS
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
# systemd.unit(5), without the directories below /run, which a reboot clears. The first file that exists counts.
UNIT_FILES = (
    "/etc/systemd/system/" + MODULES_LOAD_UNIT,
    "/usr/local/lib/systemd/system/" + MODULES_LOAD_UNIT,
    "/usr/lib/systemd/system/" + MODULES_LOAD_UNIT,
    "/lib/systemd/system/" + MODULES_LOAD_UNIT,
)
# systemd reads it only through a link in modules-load.d.
ETC_MODULES = "/etc/modules"


def parse_lines(text: str) -> Iterator[Tuple[int, str]]:
    """Yield (line number, the name that systemd reads) of one file.

    The whole line is the name. Only a line whose first character after blanks is "#" or ";" is a comment (systemd:
    src/modules-load/modules-load.c, apply_file()).
    """
    for number, line in enumerate(text.split("\n"), 1):
        name = line.strip(" \t\r")
        if name and name[0] not in "#;":
            yield number, name


def read_files(boot: BootList, files: Files) -> List[str]:
    """Add the lines of the files as systemd reads them; return the files that count."""
    paths, shadowed = find_conf_files(files, PERSISTENT_DIRECTORIES)
    for path in paths:
        text = files.read(path)
        if text is None and path in files.unreadable:
            boot.note_unreadable(path)
        uncertainty = _find_shadow(files, path)
        for line in _parse_file(path, text or ""):
            boot.add_line(line._replace(uncertainty=uncertainty))
    for directory in DIRECTORIES:
        if directory in files.unreadable:
            boot.note_unreadable(directory)
    for path, winner in sorted(shadowed.items()):
        _apply_shadowed(boot, files, path, winner)
    for path in find_conf_files(files, VOLATILE_DIRECTORIES).paths:
        cause = Cause(Code.BOOT_FILE_VOLATILE, "a reboot removes that file")
        boot.ineffective_lines += _read_ineffective(files, path, cause)
    return paths


def apply_systemd(boot: BootList, files: Files, cmdline: str) -> None:
    """Add what systemd loads at boot: modules-load.d and options of the kernel command line."""
    paths = read_files(boot, files)
    _apply_command_line(boot, cmdline)
    _apply_service(boot, files, cmdline)
    real_path = files.real_path(ETC_MODULES)
    is_linked = any(files.real_path(path) == real_path for path in paths)
    if files.exists(ETC_MODULES) and not is_linked:
        cause = Cause(Code.BOOT_FILE_NOT_READ, "no link in /etc/modules-load.d leads to that file")
        boot.ineffective_lines += _read_ineffective(files, ETC_MODULES, cause)


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
        boot.add_line(BootLine(name, COMMAND_LINE))
    boot.initramfs_names.update(_list_cmdline_names(cmdline, "rd.modules-load"))


def _list_cmdline_names(cmdline: str, key: str) -> List[str]:
    names: List[str] = []
    for value in list_cmdline_values(cmdline, key):
        names += [canonicalize(name) for name in value.split(",") if name]
    return names


def _apply_service(boot: BootList, files: Files, cmdline: str) -> None:
    """Apply what keeps systemd-modules-load from loading the lines: a mask, or a systemd without it."""
    mask = boot.boot_files_mask = _find_mask(files, cmdline)
    unreadable = next((path for path in UNIT_FILES if path in files.unreadable), None)
    if mask:
        boot.disable_lines(Cause(Code.SERVICE_MASKED, f"systemd-modules-load is masked by {mask}"))
    elif unreadable:
        text = "a unit file that may mask systemd-modules-load is unreadable"
        boot.doubt_lines(Cause(Code.UNREADABLE, text, unreadable))
    elif not any(files.exists(path) for path in MODULES_LOAD_PROGRAMS):
        boot.doubt = Cause(Code.NO_BOOT_READER, "systemd runs, but its program systemd-modules-load was not found")
        boot.doubt_lines(boot.doubt)


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
