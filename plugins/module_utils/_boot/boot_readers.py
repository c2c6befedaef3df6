# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The boot list of a node: what the program that its init system starts reads, and what a reboot keeps of it."""

from typing import Optional

from ansible_collections.nodeprep.istio.plugins.module_utils._boot import init_scripts, modules_load
from ansible_collections.nodeprep.istio.plugins.module_utils._boot.boot_list import BootList
from ansible_collections.nodeprep.istio.plugins.module_utils._boot.init_system import (
    Script,
    find_init,
    list_started_scripts,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._boot.mounts import find_persistence, is_from_image
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Cause, Code

BOOT_DIRECTORY = "/etc/modules-load.d"
# Files that a system writes anew at each boot, before they are read. Bottlerocket: sources/shared-defaults, the
# configuration file modules-load, from settings.kernel.modules.
WRITTEN_AT_BOOT = ("/etc/modules-load.d/modules-load.conf",)
WRITING_SYSTEM = "bottlerocket"
# Why a line in /etc is uncertain, by what find_persistence() returns.
DOUBTS = {
    "volatile": "/etc is kept in memory, so a reboot removes that file",
    "unknown": "whether a reboot keeps that file cannot be determined: the upper directory of the root is not visible",
}


def read_boot_list(files: Files, cmdline: str, release: str = "") -> BootList:
    """Read the boot list of the node behind I(files).

    :param cmdline: the kernel command line.
    :param release: the kernel that boots; the configuration of OpenRC may depend on it.
    """
    boot = BootList()
    init = find_init(files)
    if init == "systemd":
        modules_load.apply_systemd(boot, files, cmdline)
    else:
        _apply_init_scripts(boot, files, init, cmdline, release)
    doubt = DOUBTS.get(find_persistence(files, BOOT_DIRECTORY))
    if doubt:
        _doubt_lines_of_etc(boot, files, Cause(Code.BOOT_FILE_VOLATILE, doubt))
    return boot


def _apply_init_scripts(boot: BootList, files: Files, init: Optional[str], cmdline: str, release: str) -> None:
    scripts = list_started_scripts(files, init)
    boot.boot_files_read = False
    unknown: Optional[Script] = None
    is_any_known = False
    for script in scripts or ():
        rules = init_scripts.find_rules(files, script)
        if script.level and (rules or init_scripts.may_read_lists(script)):
            unknown = unknown or script
        elif rules:
            is_any_known = True
            init_scripts.apply_rules(boot, files, rules, cmdline, release)
            boot.boot_files_read = boot.boot_files_read or bool(rules.directories)
        elif unknown is None and init_scripts.may_read_lists(script):
            unknown = script
    if unknown:
        text = "this script may load modules at boot, and its rules are not known"
        if unknown.level:
            text = f"whether the boot starts this script of the runlevel {unknown.level} cannot be determined"
        boot.doubt = Cause(Code.NO_BOOT_READER, text, unknown.path)
    elif scripts is None:
        system = f"the init system {init}" if init else "an unknown init system"
        boot.doubt = Cause(Code.NO_BOOT_READER, f"what {system} loads at boot cannot be determined")
    if not is_any_known:
        _apply_no_reader(boot, files)


def _apply_no_reader(boot: BootList, files: Files) -> None:
    """Add the lines of the lists as systemd reads them, since no script is known that does."""
    modules_load.read_files(boot, files)
    for line in init_scripts.read_etc_modules(files):
        boot.add_line(line)
    if boot.doubt:
        boot.doubt_lines(boot.doubt)
        return
    text = "no script that the init system starts reads that file"
    idle = next((path for path in init_scripts.INSTALLED_SCRIPTS if files.exists(path)), None)
    if idle:
        boot.boot_files_mask = idle
        text = f"{idle} would read that file, but no runlevel starts it"
    boot.disable_lines(Cause(Code.NO_BOOT_READER, text))


def _doubt_lines_of_etc(boot: BootList, files: Files, cause: Cause) -> None:
    """Make the lines uncertain that a reboot may remove, unless the system writes them at each boot."""
    is_rewritten = f"ID={WRITING_SYSTEM}\n" in (files.read("/etc/os-release") or "").replace('"', "") + "\n"
    lines = []
    for line in boot.lines:
        is_kept = not line.path.startswith("/etc/") or (is_rewritten and line.path in WRITTEN_AT_BOOT)
        if not is_kept and not is_from_image(files, line.path):
            line = line._replace(uncertainty=cause._replace(listed_in=line.where))
            boot.names_by_file.pop(line.path, None)
        lines.append(line)
    boot.lines = lines
