# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The init system, and which scripts it starts at boot."""

import re
from typing import Callable, Dict, List, NamedTuple, Optional

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files

SYSTEMD_RUNS = "/run/systemd/system"  # sd_booted(3)
SYSTEMD_INSTALLED = (
    "/usr/lib/systemd/systemd",
    "/lib/systemd/systemd",
    "/run/current-system/systemd/lib/systemd/systemd",  # NixOS: nixos/modules/system/boot/systemd.nix
)
MODULES_LOAD_PROGRAMS = (
    "/usr/lib/systemd/systemd-modules-load",
    "/lib/systemd/systemd-modules-load",
    "/run/current-system/systemd/lib/systemd/systemd-modules-load",
)
# What only a running init system leaves, in this order: Debian's OpenRC is started by the init of sysvinit.
_RUNNING = (
    (SYSTEMD_RUNS, "systemd"),
    ("/run/openrc", "openrc"),  # OpenRC: src/librc/rc.h.in, RC_SVCDIR
    ("/run/runit", "runit"),  # Void: void-runit's link /etc/runit/runsvdir/current and its stopit
    ("/run/runit.stopit", "runit"),  # Debian: runit's /etc/runit/1
)
# /proc/1/comm, and the name at the end of the link /sbin/init, of programs that are one init system only.
_PROGRAMS = {
    "systemd": "systemd",
    "openrc-init": "openrc",
    "runit": "runit",
    "runit-init": "runit",
    "busybox": "busybox",
}
_PROCESS_NAME = "/proc/1/comm"
_PROCESS_PROGRAM = "/proc/1/exe"
_LINKS = ("/sbin/init", "/usr/sbin/init")
INITTAB = "/etc/inittab"
RUNLEVELS = "/etc/runlevels"
_RUNIT_STAGE_1 = "/etc/runit/1"
_RUNIT_CORE = "/etc/runit/core-services"
_SYSV_BOOT = "/etc/rcS.d"
# What an installed system has that runs none of the programs above.
_INSTALLED = tuple((path, "systemd") for path in SYSTEMD_INSTALLED + MODULES_LOAD_PROGRAMS) + (
    (RUNLEVELS, "openrc"),
    (_RUNIT_STAGE_1, "runit"),
    (_RUNIT_CORE, "runit"),
    (_SYSV_BOOT, "sysvinit"),
)
# The runlevels of the boot (OpenRC: src/openrc/rc.c; src/openrc-init/openrc-init.c starts all of them).
_BOOT_LEVELS = ("sysinit", "boot", "default")
# Debian's inittab starts OpenRC by these scripts of its package openrc. They leave out the runlevel boot.
_OPENRC_STARTERS = ("/etc/init.d/rcS", "/etc/init.d/rc")
_OPENRC_LEVEL = re.compile(r"^[^#\n]*\bopenrc[ \t]+([\w-]+)", re.MULTILINE)
# inittab(5): id:runlevels:action:process
_INITTAB_ENTRY = re.compile(r"^[^#:\n]*:([^:\n]*):[^:\n]*:(\S+)", re.MULTILINE)
_START_LINK = re.compile(r"S[0-9]{2}.+")


class Script(NamedTuple):
    """A script that the boot starts, or may start.

    :ivar text: its content.
    :ivar level: the runlevel that has it, if it is not certain that the boot starts that runlevel; else None.
    """

    path: str
    text: str
    level: Optional[str] = None


def find_init(files: Files) -> Optional[str]:
    """Return the init system that runs, or that is installed in an image.

    It is "systemd", "openrc", "runit", "sysvinit" or "busybox"; None if it is another one, or unknown.
    """
    for path, init in _RUNNING:
        if files.exists(path):
            return init
    process = (files.read(_PROCESS_NAME) or "").strip()
    if process in _PROGRAMS:
        return _refine(files, _PROGRAMS[process])
    link = _find_program(files)
    if process:
        # /sbin/init of systemd is not what runs here: systemd would have left SYSTEMD_RUNS.
        return _refine(files, link if link != "systemd" else None) if process == "init" else None
    if link:
        return _refine(files, link)
    return _find_by_inittab(files) or next((init for path, init in _INSTALLED if files.exists(path)), None)


def _find_program(files: Files) -> Optional[str]:
    for path in (_PROCESS_PROGRAM,) + _LINKS:
        target = files.read_link(path)
        files.unreadable.pop(path, None)
        name = (target or "").rpartition("/")[2]
        if name in _PROGRAMS:
            return _PROGRAMS[name]
    return None


def _refine(files: Files, init: Optional[str]) -> Optional[str]:
    """Return the init system: the init of busybox or sysvinit may only start another one."""
    if init in (None, "busybox"):
        by_inittab = _find_by_inittab(files)
        return by_inittab if init is None or by_inittab == "openrc" else init
    return init


def _find_by_inittab(files: Files) -> Optional[str]:
    """Return the init system that inittab(5) is for, or that it starts; None if there is no such file."""
    text = files.read(INITTAB)
    if text is None:
        return None
    entries = _INITTAB_ENTRY.findall(text)
    if any("openrc" in process for _runlevels, process in entries):
        return "openrc"
    # busybox: init/init.c, parse_inittab(): it has no runlevels.
    if entries:
        return "sysvinit" if any(runlevels for runlevels, _process in entries) else "busybox"
    return None


def list_started_scripts(files: Files, init: Optional[str]) -> Optional[List[Script]]:
    """Return the scripts that an init system starts at boot; None if that cannot be determined."""
    list_paths = _START_LISTS.get(init or "")
    paths = list_paths(files) if list_paths else {}
    if not paths:
        return None
    uncertain = _list_uncertain_levels(files) if init == "openrc" else []
    scripts = []
    for path, link in paths.items():
        text = files.read(link)
        if text is not None or link in files.unreadable:
            directory = link.rpartition("/")[0].rpartition("/")[2]
            scripts.append(Script(path, text or "", directory if directory in uncertain else None))
    return scripts


def _list_openrc(files: Files) -> Dict[str, str]:
    """Return dict of script to the link in a runlevel, for the runlevels of the boot.

    A directory in a runlevel is another runlevel that it includes.
    """
    paths: Dict[str, str] = {}
    uncertain = _list_uncertain_levels(files)
    levels = [level for level in _BOOT_LEVELS if level not in uncertain] + uncertain
    pending = list(levels)
    while pending:
        level = pending.pop(0)
        for name in files.listdir(f"{RUNLEVELS}/{level}"):
            link = f"{RUNLEVELS}/{level}/{name}"
            if not files.is_dir(link):
                paths.setdefault(f"/etc/init.d/{name}", link)
            elif name not in levels:
                levels.append(name)
                pending.append(name)
    return paths


def _list_uncertain_levels(files: Files) -> List[str]:
    """Return the runlevels of the boot that inittab does not start, itself or by a script; none if it names none.

    OpenRC starts the services of the runlevel boot together with those of default (src/openrc/rc.c: main()). With
    Debian's scripts, which do not name that runlevel, a machine started some of them and others not.
    """
    inittab = files.read(INITTAB) or ""
    texts = [inittab] + [files.read(path) or "" for path in _OPENRC_STARTERS if path in inittab]
    started = _OPENRC_LEVEL.findall("\n".join(texts))
    return [level for level in _BOOT_LEVELS if started and level not in started]


def _list_sysv(files: Files) -> Dict[str, str]:
    """Return dict of script to the link that starts it, without the links of the runlevels after the boot."""
    paths = {}
    for name in files.listdir(_SYSV_BOOT):
        link = f"{_SYSV_BOOT}/{name}"
        if _START_LINK.fullmatch(name):
            target = files.read_link(link) or link
            paths["/etc/init.d/" + target.rpartition("/")[2] if target != link else link] = link
    # Buildroot: package/initscripts/init.d/rcS
    for name in files.listdir("/etc/init.d"):
        if _START_LINK.fullmatch(name):
            paths["/etc/init.d/" + name] = "/etc/init.d/" + name
    return paths


def _list_runit(files: Files) -> Dict[str, str]:
    """Return the scripts of stage 1: those of Void, or those of Debian, which are the ones of sysvinit."""
    stage_1 = files.read(_RUNIT_STAGE_1)
    paths = {}
    for name in files.listdir(_RUNIT_CORE):
        if name.endswith(".sh"):
            paths[f"{_RUNIT_CORE}/{name}"] = f"{_RUNIT_CORE}/{name}"
    if stage_1 is None or _SYSV_BOOT not in stage_1:
        return paths
    if files.exists("/etc/runit/native.boot.run") and files.is_dir("/etc/runit/boot-run"):
        for name in files.listdir("/etc/runit/boot-run"):
            paths[f"/etc/runit/boot-run/{name}"] = f"/etc/runit/boot-run/{name}"
        return paths
    for path, link in _list_sysv(files).items():
        name = path.rpartition("/")[2]
        blocks = (f"override-sysv.d/{name}.block", f"override-sysv.d/{name}.pkgblock", f"no.emulate.sysv.d/{name}")
        if not any(files.exists("/etc/runit/" + block) for block in blocks):
            paths[path] = link
    return paths


def _list_busybox(files: Files) -> Dict[str, str]:
    paths = {}
    # busybox: init/init.c starts this script if there is no inittab.
    for _runlevels, process in _INITTAB_ENTRY.findall(files.read(INITTAB) or "::sysinit:/etc/init.d/rcS"):
        path = process.lstrip("-")
        if files.exists(path) and path.startswith("/etc/"):
            paths[path] = path
    return dict(paths, **_list_sysv(files)) if paths else {}


_START_LISTS: Dict[str, Callable[[Files], Dict[str, str]]] = {
    "openrc": _list_openrc,
    "runit": _list_runit,
    "sysvinit": _list_sysv,
    "busybox": _list_busybox,
}
