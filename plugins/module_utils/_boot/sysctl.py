# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""sysctl.d(5): what the node sets at boot that keeps the kernel from loading modules on demand.

systemd-sysctl.service starts after systemd-modules-load.service: what the boot list names is loaded before.
"""

from ansible_collections.nodeprep.istio.plugins.module_utils._files import VOLATILE, conf_files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.proc import cmdline_values, is_program
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Cause

# systemd: src/basic/constants.h, CONF_PATHS; /lib for systems without merged /usr. Those below /run do not outlive this boot.
DIRECTORIES = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
DISABLED, HELPER = "kernel/modules_disabled", "kernel/modprobe"


def parse(text):
    """Yield (line number, key with slashes, value) of one file; a dash before the key only says that it may fail (sysctl.d(5))."""
    for number, line in enumerate(text.split("\n"), 1):
        key, equals, value = line.strip().partition("=")
        key = key.strip().lstrip("-")
        if equals and key and key[0] not in "#;":
            # The first separator tells which of the two it is.
            slash, dot = key.find("/"), key.find(".")
            dotted = dot >= 0 and (slash < 0 or dot < slash)
            yield number, key.translate({46: "/", 47: "."}) if dotted else key, value.strip()


def _on_the_command_line(cmdline, key):
    """Return the value that the kernel gives one of its settings before anything else is started, or None (fs/proc/proc_sysctl.c: do_sysctl_args())."""
    values = [value for form in (key, key.replace("/", ".")) for value in cmdline_values(cmdline, "sysctl." + form)]
    return values[-1] if values else None


def is_disabled_by_the_kernel(cmdline):
    """Whether the command line switches loading off before even the boot list is read."""
    return _on_the_command_line(cmdline, DISABLED) == "1"


def denial(files, cmdline):
    """Return the cause for which, once the node has booted, the kernel loads nothing on demand any more, or None.

    Its code is "unreadable" where that cannot be told.
    """
    settings = {}
    helper = _on_the_command_line(cmdline, HELPER)
    if helper is not None:
        settings[HELPER] = (helper, "/proc/cmdline")
    directories = [directory for directory in DIRECTORIES if not directory.startswith(VOLATILE)]
    paths = conf_files(files, directories)[0]
    for path in paths:
        for number, key, value in parse(files.read(path) or ""):
            if key in (DISABLED, HELPER):
                settings[key] = (value, "{0}:{1}".format(path, number))
    value, where = settings.get(DISABLED, ("0", None))
    if value == "1":
        return Cause("autoload_disabled_at_boot", "kernel.modules_disabled=1", where)
    helper, where = settings.get(HELPER, (None, None))
    if helper is not None and is_program(files, helper) is False:
        return Cause("autoload_disabled_at_boot", "kernel.modprobe={0} cannot be started".format(helper[:100]), where)
    unread = next((path for path in directories + paths if path in files.unreadable), None)
    return Cause("unreadable", "what may be set at boot cannot be read", unread) if unread else None
