# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""modules-load.d(5): what the node is told to load at boot, and which of those lines will not work."""

import os

from ansible_collections.nodeprep.istio.plugins.module_utils._files import VOLATILE, conf_files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.proc import cmdline_values
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import canonical
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Cause

# systemd: src/basic/constants.h, CONF_PATHS; /lib for systems without merged /usr.
DIRECTORIES = (
    "/etc/modules-load.d",
    "/run/modules-load.d",
    "/usr/local/lib/modules-load.d",
    "/usr/lib/modules-load.d",
    "/lib/modules-load.d",
)
SERVICES = ("/usr/lib/systemd/systemd-modules-load", "/lib/systemd/systemd-modules-load")
UNIT = "systemd-modules-load.service"
# systemd.unit(5), without those below /run, which do not outlive this boot. The first file that is there counts.
UNIT_DIRECTORIES = (
    "/etc/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
# Read by Debian's and OpenRC's own scripts where there is no systemd, and by systemd through a link in modules-load.d.
ETC_MODULES = "/etc/modules"
SCRIPTS = ("/etc/init.d/kmod", "/etc/init.d/modules")
COMMAND_LINE = "/proc/cmdline"


class Line:
    """A line that is to load something at boot.

    :ivar name: canonical name, of a module or an alias.
    :ivar where: "path:line".
    :ivar sure: whether it is read although there is no systemd.
    :ivar dead: the Cause for which the line loads nothing, whatever the kernel has; None where it counts.
    :ivar doubt: the Cause for which it cannot be told whether the line is read, or None.
    """

    sure = False
    doubt = None

    def __init__(self, name, where, dead=None):
        self.name = name
        self.where = where
        self.dead = dead


class BootList:
    """What will be loaded at boot.

    :ivar certain: whether all lines are sure to be read; without systemd only those of /etc/modules are.
    :ivar lines: list of the :class:`Line` that count, in the order in which they are read.
    :ivar dead: list of the :class:`Line` that load nothing, each with its cause.
    :ivar initramfs: names that only the initramfs is told to load.
    :ivar files: dict of path to the module names that it lists, in order.
    :ivar unread: path of a file that may not be read, so that nothing certain can be said; None where all were read.
    :ivar heeded: whether lines in modules-load.d are read at boot at all; None where that cannot be told, as without systemd.
    :ivar mask: what switches their service off, a unit file's path or words of the kernel command line, or None.
    """

    def __init__(self):
        self.certain = True
        self.lines = []
        self.dead = []
        self.initramfs = set()
        self.files = {}
        self.unread = None
        self.heeded = True
        self.mask = None

    @property
    def entries(self):
        """The lines that count, as dict of module name to the list of "path:line" that name it."""
        entries = {}
        for line in self.lines:
            entries.setdefault(line.name, []).append(line.where)
        return entries


def parse(text):
    """Yield (line number, what systemd takes as the module's name) of one file.

    The whole line is the name; only a line whose first character beyond blanks is "#" or ";" is a comment
    (systemd: src/modules-load/modules-load.c, apply_file()).
    """
    for number, line in enumerate(text.split("\n"), 1):
        name = line.strip(" \t\r")
        if name and name[0] not in "#;":
            yield number, name


def read(files, cmdline):
    """Read the boot list of the node behind I(files); I(cmdline) is the kernel command line."""
    boot = BootList()
    paths, losers = conf_files(files, [directory for directory in DIRECTORIES if not directory.startswith(VOLATILE)])
    for path in paths:
        text = files.read(path)
        if text is None and path in files.unreadable:
            boot.unread = boot.unread or path
        _take(boot, path, _lines(path, text or ""), _hiding(files, path))
    boot.unread = boot.unread or next((directory for directory in DIRECTORIES if directory in files.unreadable), None)
    for path, winner in sorted(losers.items()):
        if files.is_dir(winner):
            # It does with systemd 247 and 252; 262 reads the file all the same.
            boot.lines += _in_doubt(
                files,
                path,
                "boot_file_masked_by_directory",
                "some releases of systemd take the directory {0} for it".format(winner),
            )
            continue
        boot.dead += _dead(files, path, "boot_file_masked", "{0} takes that file's place".format(winner))
    for path in conf_files(files, [directory for directory in DIRECTORIES if directory.startswith(VOLATILE)])[0]:
        boot.dead += _dead(files, path, "boot_file_volatile", "that file is gone after a reboot")
    for value in cmdline_values(cmdline, "modules-load"):
        _take(boot, COMMAND_LINE, [Line(canonical(name), COMMAND_LINE) for name in value.split(",") if name])
    for value in cmdline_values(cmdline, "rd.modules-load"):
        boot.initramfs.update(canonical(name) for name in value.split(",") if name)
    if any(files.exists(path) for path in SERVICES):
        _heed_systemd(boot, files, paths, cmdline)
    else:
        _heed_scripts(boot, files)
    return boot


def _hiding(files, path):
    """Return the cause for which another file may take this one's place unseen, or None."""
    before = DIRECTORIES[: DIRECTORIES.index(os.path.dirname(path))]
    unread = next(
        (directory for directory in before if directory in files.unreadable and not directory.startswith(VOLATILE)),
        None,
    )
    return Cause("unreadable", "what may take that file's place cannot be read", unread) if unread else None


def _take(boot, path, lines, doubt=None):
    for line in lines:
        line.doubt = doubt
        if line.dead:
            boot.dead.append(line)
        else:
            boot.lines.append(line)
            boot.files.setdefault(path, []).append(line.name)


def _unit_files():
    return ["{0}/{1}".format(directory, UNIT) for directory in UNIT_DIRECTORIES]


def _mask(files, cmdline):
    """Return what switches systemd-modules-load off, or None: an empty unit file does it as well as a link to /dev/null (systemd.unit(5))."""
    for value in cmdline_values(cmdline, "systemd.mask"):
        if value in (UNIT, UNIT[: -len(".service")]):  # src/debug-generator/debug-generator.c
            return "systemd.mask={0} on the kernel command line".format(value)
    for path in _unit_files():
        if files.is_masked(path):
            return path
        content = files.read_bytes(path)
        if content is not None:
            return None if content else path
    return None


def _heed_systemd(boot, files, paths, cmdline):
    mask = boot.mask = _mask(files, cmdline)
    if mask:
        boot.heeded = False
        for line in boot.lines:
            line.dead = Cause(
                "service_masked", "systemd-modules-load is switched off by {0}".format(mask), listed=line.where
            )
        boot.dead += boot.lines
        boot.lines = []
    unread = next((path for path in _unit_files() if path in files.unreadable), None)
    if unread and not mask:
        boot.heeded = None
    for line in boot.lines if unread else ():
        line.doubt = Cause("unreadable", "whether systemd-modules-load runs cannot be read", unread)
    if files.exists(ETC_MODULES) and not any(
        os.path.realpath(files.real(path)) == os.path.realpath(files.real(ETC_MODULES)) for path in paths
    ):
        boot.dead += _dead(
            files, ETC_MODULES, "boot_file_not_read", "no link in /etc/modules-load.d leads to that file"
        )


def _heed_scripts(boot, files):
    """Without systemd nobody is sure to read modules-load.d; a script reads /etc/modules, a name and its options on a line."""
    boot.certain = False
    boot.heeded = None
    if any(files.exists(path) for path in SCRIPTS):
        for number, line in parse(files.read(ETC_MODULES) or ""):
            entry = Line(canonical(line.split()[0]), "{0}:{1}".format(ETC_MODULES, number))
            entry.sure = True
            _take(boot, ETC_MODULES, [entry])


def _dead(files, path, code, why):
    """Return the lines of a file that does not count."""
    lines = list(_lines(path, files.read(path) or ""))
    for line in lines:
        line.dead = line.dead or Cause(code, why, listed=line.where)
    return lines


def _in_doubt(files, path, code, why):
    """Return the lines of a file that may not count."""
    lines = [line for line in _lines(path, files.read(path) or "") if not line.dead]
    for line in lines:
        line.doubt = Cause(code, why, listed=line.where)
    return lines


def _lines(path, text):
    for number, line in parse(text):
        where = "{0}:{1}".format(path, number)
        words = line.lstrip("\ufeff").split()
        if words and words[0] != line:
            cause = Cause("malformed_boot_entry", "the whole line counts as one name", listed=where)
            for word in words:
                yield Line(canonical(word), where, cause)
        elif words:
            yield Line(canonical(line), where)
