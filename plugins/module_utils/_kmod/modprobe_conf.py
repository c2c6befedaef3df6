# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""modprobe.d(5): what the node's configuration says about modules, and where."""

import fnmatch
import itertools
import os
import re

from ansible_collections.nodeprep.istio.plugins.module_utils._files import VOLATILE, conf_files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.proc import cmdline_values
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import canonical
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import OVERRIDE_TEXT, Cause

# libkmod/libkmod.c: default_config_paths; /usr/local/lib since kmod 29, /lib for systems without merged /usr.
DIRECTORIES = (
    "/etc/modprobe.d",
    "/run/modprobe.d",
    "/usr/local/lib/modprobe.d",
    "/usr/lib/modprobe.d",
    "/lib/modprobe.d",
)
# libkmod/libkmod-config.c: conf_files_filter_out()
SUFFIXES = (".conf", ".alias")
COMMAND_LINE = "/proc/cmdline"
# What the reason quotes of a command.
_QUOTED = 100
# So many places of one module's blacklisting are told; one is the rule.
_MOST_PLACES = 5
_WILDCARDS = re.compile(r"[*?[]")
_ESCAPE = re.compile(r"\\(.|\n)")


class ModprobeConf:
    """The effective configuration.

    :ivar blacklist: dict of module name to the places where it is blacklisted, in the order in which they are read.
    :ivar install: list of (pattern of module names, command, where), in the order in which they are read.
    :ivar aliases: list of (pattern, module name, where).
    :ivar softdeps: list of (pattern of module names, names that come along with such a module), in the order in which they are read.
    :ivar kernel_blacklist: module names that the kernel itself refuses (module_blacklist=).
    :ivar disabled: whether the kernel command line itself switches loading off, at every boot.
    :ivar unread: path of a file that may not be read, so that nothing certain can be said; None where all were read.
    """

    def __init__(self):
        self.blacklist = {}
        self.install = []
        self.aliases = []
        self.softdeps = []
        self.kernel_blacklist = set()
        self.disabled = False
        self.unread = None

    def alias_targets(self, name):
        """Return the (module name, where) that C(alias) lines give for this name: they come before all else."""
        return [(target, where) for pattern, target, where in self.aliases if _matches(pattern, name)]

    def softdeps_of(self, name):
        """Return the names that come along with a module: those of the first line that matches it."""
        return next((names for pattern, names in self.softdeps if _matches(pattern, name)), [])

    def is_command(self, name):
        """Whether an install line names exactly this, so that modprobe knows a name that is no module (libkmod-module.c: lookup_alias_from_commands())."""
        return any(pattern == name for pattern, _command, _where in self.install)

    def switched_off(self):
        """Return the cause for which this kernel loads nothing at any boot, or None."""
        return (
            Cause("modules_disabled_at_boot", "sysctl.kernel.modules_disabled=1", COMMAND_LINE)
            if self.disabled
            else None
        )

    def load_refusal(self, name):
        """Return the cause for which neither modprobe nor the kernel would load this one module, or None."""
        return self.switched_off() or next(iter(self.refusals(name)), None)

    def refusals(self, name):
        """Return all causes for which this one module alone would not be loaded, whoever asks."""
        return (
            [Cause("module_blacklist", "named by module_blacklist=", COMMAND_LINE)]
            if name in self.kernel_blacklist
            else []
        ) + self.overrides(name)

    def override(self, name):
        """Return the cause for which modprobe runs something else than loading this name, or None."""
        return next(iter(self.overrides(name)), None)

    def overrides(self, name):
        """Return such a cause for the line that counts, and for each that would count once those before it are gone."""
        lines = itertools.takewhile(lambda line: not _loads_the_module_itself(line[0], name), self._install_lines(name))
        causes = [Cause("install_override", OVERRIDE_TEXT.format(command[:_QUOTED]), where) for command, where in lines]
        more = len(causes) - _MOST_PLACES
        return causes[:_MOST_PLACES] + (
            [Cause("install_override", "install overrides in {0} more places".format(more))] if more > 0 else []
        )

    def wrapper(self, name):
        """Return the cause to tell that a command of the owner's loads this module, or None."""
        command, where = next(self._install_lines(name), (None, None))
        if command is not None and _loads_the_module_itself(command, name):
            return Cause("custom_install", "loaded by a command of the owner's", where)
        return None

    def _install_lines(self, name):
        """Yield (command, where) of the install lines that match; only the first counts (libkmod-module.c: kmod_module_get_install_commands())."""
        return ((command, where) for pattern, command, where in self.install if _matches(pattern, name))

    def blacklisting(self, name):
        """Return the cause for which modprobe would not load what an alias stands for, or a boot file lists, or None."""
        return next(iter(self.blacklistings(name)), None)

    def blacklistings(self, name):
        """Return such a cause for each place: all of them must go before the module loads."""
        places = self.blacklist.get(name, ())
        causes = [Cause("blacklist", "blacklisted", where) for where in places[:_MOST_PLACES]]
        more = len(places) - len(causes)
        return causes + ([Cause("blacklist", "blacklisted in {0} more places".format(more))] if more else [])

    def autoload_refusal(self, name):
        """Return the cause for which systemd-modules-load, or a request by alias, would not load it, or None."""
        return self.blacklisting(name) or self.load_refusal(name)


def _matches(pattern, name):
    if pattern == name:
        return True
    # Most lines are of other modules: to compile each pattern would cost more than all the rest.
    wildcard = _WILDCARDS.search(pattern)
    return wildcard is not None and name.startswith(pattern[: wildcard.start()]) and fnmatch.fnmatchcase(name, pattern)


def _pattern(word):
    """Return a word as a pattern of fnmatch; None where kmod passes over the line.

    Outside of brackets a dash and an underscore are one (libkmod-util.c: underscores()); in them C takes "^" for "!" too.
    Two stars in a row mean one, and fnmatch before Python 3.9 tries each way to share a name among them.
    """
    parts = re.split(r"(\[[^]]*\])", word)
    if any("[" in part or "]" in part for part in parts[::2]):
        return None
    return "".join(
        "[!" + part[2:] if part.startswith("[^") else part if number % 2 else re.sub(r"\*+", "*", canonical(part))
        for number, part in enumerate(parts)
    )


def _loads_the_module_itself(command, name):
    """Whether an install command is a wrapper that still loads the module: "modprobe --ignore-install NAME"."""
    words = [canonical(word) for word in command.replace(";", " ; ").split()]
    return ("__ignore_install" in words or "_i" in words) and name in words


def is_volatile(files):
    """Whether there is configuration that does not outlive this boot."""
    return any(files.listdir(directory) for directory in DIRECTORIES if directory.startswith(VOLATILE))


def read(files, cmdline, tree_path, live=True, disabled=False):
    """Read the configuration of the node behind I(files).

    :param cmdline: the kernel command line.
    :param tree_path: directory of the kernel's modules: modprobe reads its modules.softdep as configuration too.
    :param live: whether to read what holds now; else only what outlives this boot.
    :param disabled: see :class:`ModprobeConf`.
    """
    conf = ModprobeConf()
    conf.disabled = disabled
    directories = [directory for directory in DIRECTORIES if live or not directory.startswith(VOLATILE)]
    paths, _losers = conf_files(files, directories, SUFFIXES, directories_win=False)
    # That file has its place among the others by its name (libkmod-config.c: kmod_config_new()): of softdeps the first counts.
    for path in sorted(paths + [tree_path + "/modules.softdep"], key=os.path.basename):
        text = files.read(path)
        if text is None and path in files.unreadable:
            conf.unread = conf.unread or path
        for number, line in logical_lines(text or ""):
            _take(conf, line.replace("\t", " ").split(" "), "{0}:{1}".format(path, number))
    for directory in directories:
        if directory in files.unreadable:
            conf.unread = conf.unread or directory
    # Both take names as they are written: only a module's real name, with underscores, matches
    # (kernel/module/main.c: blacklisted(); libkmod-config.c: kcmdline_parse_result()).
    for value in cmdline_values(cmdline, "modprobe.blacklist"):
        for name in value.split(","):
            places = conf.blacklist.setdefault(name, [])
            if COMMAND_LINE not in places:
                places.append(COMMAND_LINE)
    # The last one counts: a charp parameter.
    conf.kernel_blacklist.update(
        name for value in cmdline_values(cmdline, "module_blacklist")[-1:] for name in value.split(",")
    )
    return conf


def logical_lines(text):
    """Yield (first line's number, text) as libkmod-util.c: getline_wrapped() reads them.

    A backslash joins the next line, and before anything else it vanishes. Only a line feed ends a line, so that a
    carriage return stays with the last word. What follows a NUL is lost, as ever in C.
    """
    for number, raw in raw_lines(text):
        line = raw[:-1] if raw.endswith("\n") and not _is_joint(raw[:-1]) else raw
        yield (
            number,
            _ESCAPE.sub(lambda escape: "" if escape.group(1) == "\n" else escape.group(1), line).split("\0", 1)[0],
        )


def raw_lines(text):
    """Yield (first line's number, text) of the same lines as they are written, with the line feeds at their ends and within."""
    first, parts = 1, []
    lines = text.split("\n")
    last = len(lines)
    for number, line in enumerate(lines, 1):
        parts.append(line if number == last else line + "\n")
        if number == last or not _is_joint(line):
            raw = "".join(parts)
            if raw:
                yield first, raw
            first, parts = number + 1, []


def _is_joint(line):
    """Whether a line without its line feed ends with a backslash that joins the next one: of two the first takes the second's meaning away."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def without_joints(raw):
    """Return a line as it is written, but for the joints of its parts, which mean nothing at all."""
    return _ESCAPE.sub(lambda escape: "" if escape.group(1) == "\n" else escape.group(), raw)


def _take(conf, words, where):
    words = [word for word in words if word]
    if len(words) < 2:
        return
    keyword, name = words[0], _pattern(words[1])
    if name is None:
        return
    if keyword == "blacklist":
        conf.blacklist.setdefault(name, []).append(where)
    elif keyword == "install" and len(words) > 2:
        conf.install.append((name, " ".join(words[2:]).strip(), where))
    elif keyword == "alias" and len(words) > 2:
        conf.aliases.append((name, canonical(words[2]), where))
    elif keyword == "softdep":
        conf.softdeps.append((name, [canonical(word) for word in words[2:] if word not in ("pre:", "post:")]))
