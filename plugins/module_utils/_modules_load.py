# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""modules-load.d(5): what the node is told to load at boot, and which of those lines will not work."""

from ansible_collections.nodeprep.istio.plugins.module_utils._files import effective_conf_files
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import canonical

# systemd: src/basic/constants.h, CONF_PATHS; /lib for systems without merged /usr.
DIRECTORIES = (
    "/etc/modules-load.d",
    "/run/modules-load.d",
    "/usr/local/lib/modules-load.d",
    "/usr/lib/modules-load.d",
    "/lib/modules-load.d",
)
SERVICES = ("/usr/lib/systemd/systemd-modules-load", "/lib/systemd/systemd-modules-load")


class BootList:
    """What will be loaded at boot.

    :ivar entries: dict of module name to the list of "file:line" that name it.
    :ivar broken: dict of module name to (where, line) of a line that begins with it but names no module.
    :ivar files: dict of path to the module names that it lists, in order.
    :ivar supported: whether the node has the service that reads these files.
    """

    def __init__(self, supported):
        self.supported = supported
        self.entries = {}
        self.broken = {}
        self.files = {}


def parse(text):
    """Yield (line number, what systemd takes as the module's name) of one file.

    The whole line is the name; only a line whose first character beyond blanks is "#" or ";" is a comment
    (systemd: src/modules-load/modules-load.c, apply_file()).
    """
    for number, line in enumerate(text.split("\n"), 1):
        name = line.strip()
        if name and name[0] not in "#;":
            yield number, name


def read(files, cmdline):
    """Read the boot list of the node behind I(files); I(cmdline) is the kernel command line."""
    boot = BootList(any(files.exists(path) for path in SERVICES))
    for path in effective_conf_files(files, DIRECTORIES):
        if not files.is_masked(path):
            _take(boot, path, files.read(path) or "")
    for word in cmdline.split():
        key, _equals, value = word.partition("=")
        if canonical(key) == "modules_load":
            for name in value.split(","):
                boot.entries.setdefault(canonical(name), []).append("modules-load= on the kernel command line")
    return boot


def _take(boot, path, text):
    for number, line in parse(text):
        words = line.split()
        where = "{0}:{1}".format(path, number)
        if len(words) > 1:
            for word in words:
                boot.broken.setdefault(canonical(word), (where, line))
            continue
        name = canonical(line)
        boot.entries.setdefault(name, []).append(where)
        boot.files.setdefault(path, []).append(name)
