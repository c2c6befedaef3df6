# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""modprobe.d(5): which modules the node's configuration keeps from loading, and where it says so."""

from ansible_collections.nodeprep.istio.plugins.module_utils._files import effective_conf_files
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import canonical
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Cause

# libkmod/libkmod.c: default_config_paths; /usr/local/lib since kmod 29, /lib for systems without merged /usr.
DIRECTORIES = ("/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d")


class ModprobeConf:
    """The effective configuration.

    :ivar blacklist: dict of module name to where it is blacklisted.
    :ivar install: dict of module name to (command, where) of its install override.
    :ivar kernel_blacklist: module names that the kernel itself refuses (module_blacklist=).
    """

    def __init__(self):
        self.blacklist = {}
        self.install = {}
        self.kernel_blacklist = set()

    def load_refusal(self, name):
        """Return the cause for which an explicit modprobe of this one module would not load it, or None."""
        if name in self.kernel_blacklist:
            return Cause("module_blacklist", "module_blacklist= on the kernel command line", "/proc/cmdline")
        if name in self.install:
            command, where = self.install[name]
            if not _loads_the_module_itself(command, name):
                return Cause("install_override", "install override '{0}' ({1})".format(command, where), where)
        return None

    def autoload_refusal(self, name):
        """Return the cause for which a request of the kernel, or systemd-modules-load, would not load it, or None."""
        if name in self.blacklist:
            return Cause("blacklist", "blacklisted ({0})".format(self.blacklist[name]), self.blacklist[name])
        return self.load_refusal(name)


def _loads_the_module_itself(command, name):
    """Whether an install command is a wrapper that still loads the module: "modprobe --ignore-install NAME"."""
    words = [canonical(word) for word in command.replace(";", " ; ").split()]
    return ("__ignore_install" in words or "_i" in words) and name in words


def read(files, cmdline):
    """Read the configuration of the node behind I(files); I(cmdline) is the kernel command line."""
    conf = ModprobeConf()
    for path in effective_conf_files(files, DIRECTORIES):
        for number, line in _logical_lines(files.read(path) or ""):
            _take(conf, line.split(), "{0}:{1}".format(path, number))
    for word in cmdline.split():
        key, _equals, value = word.partition("=")
        names = [canonical(name) for name in value.split(",") if name]
        if canonical(key) == "modprobe.blacklist":
            for name in names:
                conf.blacklist.setdefault(name, "/proc/cmdline")
        elif canonical(key) == "module_blacklist":
            conf.kernel_blacklist.update(names)
    return conf


def _logical_lines(text):
    """Yield (first line's number, text); a backslash at the end of a line joins the next one."""
    joined = ""
    first = 1
    for number, line in enumerate(text.splitlines(), 1):
        if not joined:
            first = number
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        yield first, joined + line
        joined = ""
    if joined:
        yield first, joined


def _take(conf, words, where):
    if len(words) >= 2 and words[0] == "blacklist":
        conf.blacklist.setdefault(canonical(words[1]), where)
    elif len(words) >= 3 and words[0] == "install":
        conf.install.setdefault(canonical(words[1]), (" ".join(words[2:]), where))
