# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""modprobe.d(5): what the node's configuration says about modules, with file and line."""

import fnmatch
import os
import re
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files, find_conf_files, is_volatile
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.conf_lines import (
    parse_pattern,
    split_logical_lines,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.proc import list_cmdline_values
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import canonicalize
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import (
    COMMAND_LINE,
    Cause,
    Code,
    describe_install_override,
)

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
# A reason quotes this many characters of a command.
_MAX_COMMAND_CHARS = 100
# This many lines per module have their own reason; usually there is one.
_MAX_PLACES = 5
_WILDCARDS = re.compile(r"[*?[]")


class InstallLine(NamedTuple):
    """An C(install) line."""

    pattern: str
    command: str
    where: str


class AliasLine(NamedTuple):
    """An C(alias) line."""

    pattern: str
    module: str
    where: str


class SoftdepLine(NamedTuple):
    """A C(softdep) line: the names that modprobe loads together with the modules of the pattern."""

    pattern: str
    names: List[str]


class ModprobeConf:
    """The effective configuration.

    The lists have the order in which the lines are read.

    :ivar blacklist: dict of module name to the places that blacklist it.
    :ivar kernel_blacklist: names of the modules that the kernel itself rejects (module_blacklist=).
    :ivar modules_disabled: whether the kernel command line itself disables module loading, at every boot.
    :ivar unreadable_path: a file or directory that is unreadable, so nothing is certain; None if all were read.
    """

    def __init__(self, modules_disabled: bool = False) -> None:
        self.blacklist: Dict[str, List[str]] = {}
        self.install: List[InstallLine] = []
        self.aliases: List[AliasLine] = []
        self.softdeps: List[SoftdepLine] = []
        self.kernel_blacklist: Set[str] = set()
        self.modules_disabled = modules_disabled
        self.unreadable_path: Optional[str] = None

    def find_alias_targets(self, name: str) -> List[AliasLine]:
        """Return the C(alias) lines for this name; they take precedence over everything else."""
        return [line for line in self.aliases if _matches(line.pattern, name)]

    def find_softdeps(self, name: str) -> Sequence[str]:
        """Return the soft dependencies of a module: those of the first line that matches it."""
        return next((line.names for line in self.softdeps if _matches(line.pattern, name)), ())

    def has_install_line(self, name: str) -> bool:
        """Return whether an install line has exactly this name.

        modprobe then accepts the name even if the module does not exist (libkmod-module.c:
        lookup_alias_from_commands()).
        """
        return any(line.pattern == name for line in self.install)

    def find_blocker(self) -> Optional[Cause]:
        """Return the cause if this kernel loads no module at any boot, or None."""
        if not self.modules_disabled:
            return None
        return Cause(Code.MODULES_DISABLED_AT_BOOT, "sysctl.kernel.modules_disabled=1", COMMAND_LINE)

    def find_block(self, name: str) -> Optional[Cause]:
        """Return the cause if neither modprobe nor the kernel would load this one module, or None."""
        return self.find_blocker() or next(iter(self.find_blocks(name)), None)

    def find_blocks(self, name: str) -> List[Cause]:
        """Return all causes for which this one module would not load, even by an explicit modprobe."""
        causes = []
        if name in self.kernel_blacklist:
            causes.append(Cause(Code.MODULE_BLACKLIST, "named by module_blacklist=", COMMAND_LINE))
        return causes + self.find_install_overrides(name)

    def find_install_override(self, name: str) -> Optional[Cause]:
        """Return the cause if modprobe runs a command instead of loading this name, or None."""
        return next(iter(self.find_install_overrides(name)), None)

    def find_install_overrides(self, name: str) -> List[Cause]:
        """Return such a cause for the install line in effect, and for each that takes effect without those before."""
        causes = []
        for line in self._find_install_lines(name):
            if _loads_the_module(line.command, name):
                break
            text = describe_install_override(line.command[:_MAX_COMMAND_CHARS])
            causes.append(Cause(Code.INSTALL_OVERRIDE, text, line.where))
        more = len(causes) - _MAX_PLACES
        if more > 0:
            rest = Cause(Code.INSTALL_OVERRIDE, f"install overrides in {more} more places")
            causes = causes[:_MAX_PLACES] + [rest]
        return causes

    def find_custom_install(self, name: str) -> Optional[Cause]:
        """Return the cause that reports that an install command loads this module, or None."""
        line = next(self._find_install_lines(name), None)
        if line is None or not _loads_the_module(line.command, name):
            return None
        return Cause(Code.CUSTOM_INSTALL, "loaded by a custom install command", line.where)

    def _find_install_lines(self, name: str) -> Iterator[InstallLine]:
        """Yield the matching install lines.

        Only the first counts (libkmod-module.c: kmod_module_get_install_commands()).
        """
        return (line for line in self.install if _matches(line.pattern, name))

    def find_blacklist(self, name: str) -> Optional[Cause]:
        """Return the cause if the module is blacklisted, so it does not load by an alias or a boot file, or None."""
        return next(iter(self.find_blacklists(name)), None)

    def find_blacklists(self, name: str) -> List[Cause]:
        """Return such a cause for each place. The module loads only if all are removed."""
        places = self.blacklist.get(name, [])
        causes = [Cause(Code.BLACKLIST, "blacklisted", where) for where in places[:_MAX_PLACES]]
        more = len(places) - len(causes)
        if more:
            causes.append(Cause(Code.BLACKLIST, f"blacklisted in {more} more places"))
        return causes

    def note_unreadable(self, path: str) -> None:
        """Note that a file or directory is unreadable; the first one is kept."""
        self.unreadable_path = self.unreadable_path or path

    def apply_directive(self, words: Sequence[str], where: str) -> None:
        """Add one line, split at its blanks.

        Incomplete lines and those with a broken pattern are skipped, as in libkmod-config.c: kmod_config_parse().
        """
        words = [word for word in words if word]
        if not words[1:]:
            return
        keyword, pattern, arguments = words[0], parse_pattern(words[1]), words[2:]
        if pattern is None:
            return
        if keyword == "blacklist":
            self.blacklist.setdefault(pattern, []).append(where)
        elif keyword == "install" and arguments:
            self.install.append(InstallLine(pattern, " ".join(arguments).strip(), where))
        elif keyword == "alias" and arguments:
            self.aliases.append(AliasLine(pattern, canonicalize(arguments[0]), where))
        elif keyword == "softdep":
            names = [canonicalize(word) for word in arguments if word not in ("pre:", "post:")]
            self.softdeps.append(SoftdepLine(pattern, names))

    def apply_command_line(self, cmdline: str) -> None:
        """Add the blacklists of the kernel command line.

        Both options need the module's real name, with underscores (kernel/module/main.c: blacklisted();
        libkmod-config.c: kcmdline_parse_result()).
        """
        for value in list_cmdline_values(cmdline, "modprobe.blacklist"):
            for name in value.split(","):
                places = self.blacklist.setdefault(name, [])
                if COMMAND_LINE not in places:
                    places.append(COMMAND_LINE)
        # The last one counts: it is a charp parameter.
        for value in list_cmdline_values(cmdline, "module_blacklist")[-1:]:
            self.kernel_blacklist.update(value.split(","))


def _matches(pattern: str, name: str) -> bool:
    if pattern == name:
        return True
    # Most lines are about other modules: compiling each pattern would cost more than everything else.
    wildcard = _WILDCARDS.search(pattern)
    return wildcard is not None and name.startswith(pattern[: wildcard.start()]) and fnmatch.fnmatchcase(name, pattern)


def _loads_the_module(command: str, name: str) -> bool:
    """Return whether an install command still loads the module: "modprobe --ignore-install NAME"."""
    words = [canonicalize(word) for word in command.replace(";", " ; ").split()]
    return ("__ignore_install" in words or "_i" in words) and name in words


def has_volatile_conf(files: Files) -> bool:
    """Return whether there is configuration that a reboot removes."""
    return any(files.listdir(directory) for directory in DIRECTORIES if is_volatile(directory))


def read_conf(
    files: Files, cmdline: str, tree_path: str, live: bool = True, modules_disabled: bool = False
) -> ModprobeConf:
    """Read the configuration of the node behind I(files).

    :param cmdline: the kernel command line.
    :param tree_path: directory of the kernel's modules: modprobe reads its modules.softdep as configuration too.
    :param live: whether to read the configuration of now; otherwise only what remains after a reboot.
    :param modules_disabled: see :class:`ModprobeConf`.
    """
    conf = ModprobeConf(modules_disabled)
    directories = [directory for directory in DIRECTORIES if live or not is_volatile(directory)]
    paths = find_conf_files(files, directories, SUFFIXES, directories_win=False).paths
    for path, text in _read_in_order(files, paths + [tree_path + "/modules.softdep"]):
        if text is None and path in files.unreadable:
            conf.note_unreadable(path)
        for number, line in split_logical_lines(text or ""):
            conf.apply_directive(line.replace("\t", " ").split(" "), f"{path}:{number}")
    for directory in directories:
        if directory in files.unreadable:
            conf.note_unreadable(directory)
    conf.apply_command_line(cmdline)
    return conf


def _read_in_order(files: Files, paths: Sequence[str]) -> Iterator[Tuple[str, Optional[str]]]:
    """Yield (path, text) in the order of the names.

    modules.softdep has its place among the others (libkmod-config.c: kmod_config_new()): of softdeps the first counts.
    """
    for path in sorted(paths, key=os.path.basename):
        yield path, files.read(path)
