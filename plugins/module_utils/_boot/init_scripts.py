# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The init scripts that load modules at boot without systemd, and the rules of each, as its source has them.

The script that is started decides, and not the init system: Debian starts its own script with sysvinit, OpenRC and
runit. To add a script, add a row to SCRIPTS.
"""

import re
import stat
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from ansible_collections.nodeprep.istio.plugins.module_utils._boot.boot_list import BootLine, BootList
from ansible_collections.nodeprep.istio.plugins.module_utils._boot.init_system import Script
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files, is_volatile
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import canonicalize
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import COMMAND_LINE, Cause, Code

ETC_MODULES = "/etc/modules"
CONF_D_MODULES = "/etc/conf.d/modules"
BOOT_DIRECTORY = "/etc/modules-load.d"
# A script of an unknown project with one of these words may read the lists.
_READS_LISTS = re.compile(r"modules-load|/etc/modules\b")
# The file /etc/modules, and not the directory /etc/modules-load.d.
_ETC_MODULES = re.compile(r"/etc/modules(?![\w.-])")
_ALPINE = re.compile(r"^ID=[\"']?(?:alpine|postmarketos)\b", re.MULTILINE)
_VARIABLE = re.compile(r"^[ \t]*(modules(?:_\w+)?)=(?:\"([^\"]*)\"|'([^']*)'|(\S*))", re.MULTILINE)
_OWN_VALUE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


class Rules(NamedTuple):
    """How a script reads the lists.

    :ivar title: the script in words.
    :ivar directories: those of modules-load.d that it reads, the first of them in precedence.
    :ivar replaced_by: which file replaces another one with the same name: "first" for that in the first directory,
        "etc" for that in /etc only, "none" if all are read.
    :ivar regular_only: whether only regular files are read and replace others, so a link to /dev/null masks nothing.
    :ivar hidden: whether files whose name begins with a dot are read.
    :ivar etc_modules: whether it reads /etc/modules.
    :ivar whole_line: whether a whole line is the name, as for systemd, but with the blanks; otherwise its first word.
    :ivar comment: pattern of what is removed from each line.
    :ivar needs_line_feed: whether a last line without a line feed is not read.
    :ivar ignores_blacklist: whether it calls modprobe without -b.
    :ivar read_more: function that reads the script's own list, with the kernel command line and the release of the
        kernel that boots; None if it has none.
    """

    title: str
    directories: Tuple[str, ...]
    replaced_by: str = "first"
    regular_only: bool = False
    hidden: bool = False
    etc_modules: bool = False
    whole_line: bool = False
    comment: str = r"^\s*#.*"
    needs_line_feed: bool = False
    ignores_blacklist: bool = True
    read_more: Optional[Callable[[BootList, Files, str, str], None]] = None


def _read_conf_d(boot: BootList, files: Files, _cmdline: str, release: str) -> None:
    """Read /etc/conf.d/modules (OpenRC: init.d/modules.in, Linux_modules()).

    Of the variables for a kernel version only the most specific one counts that is not empty.
    """
    variables = _read_variables(boot, files.read(CONF_D_MODULES) or "")
    versions = [release]
    version = release.partition("-")[0]
    while version not in versions[1:]:
        versions.append(version)
        version = version.rpartition(".")[0] or version
    for key in ["modules_" + re.sub(r"\W", "_", version) for version in versions] + ["modules"]:
        if key in variables and variables[key].is_set:
            for name, number in variables[key].words:
                boot.add_line(BootLine(canonicalize(name), f"{CONF_D_MODULES}:{number}"))
            return


class _Value(NamedTuple):
    """The value of a shell variable: whether it is not empty, and its words, each with the number of its line."""

    is_set: bool
    words: List[Tuple[str, int]]


def _read_variables(boot: BootList, text: str) -> Dict[str, _Value]:
    variables: Dict[str, _Value] = {}
    for match in _VARIABLE.finditer(text):
        group = next(number for number in (2, 3, 4) if match.group(number) is not None)
        is_set = bool(_OWN_VALUE.sub("", match.group(group)))
        words: List[Tuple[str, int]] = []
        for word in re.finditer(r"\S+", match.group(group)):
            other = _OWN_VALUE.fullmatch(word.group())
            if other:
                value = variables.get(other.group(1) or other.group(2), _Value(False, []))
                is_set = is_set or value.is_set
                words += value.words
            elif "$" in word.group() or "`" in word.group():
                boot.doubt = Cause(Code.UNREADABLE, "the shell computes names in that file", CONF_D_MODULES)
            else:
                words.append((word.group(), text.count("\n", 0, match.start(group) + word.start()) + 1))
        variables[match.group(1)] = _Value(is_set, words)
    return variables


def _read_void_options(boot: BootList, _files: Files, cmdline: str, _release: str) -> None:
    """Read the kernel command line: the last modules-load= or rd.modules-load= counts (void-runit: modules-load)."""
    values = [word.partition("=")[2] for word in cmdline.split() if re.match(r"(?:rd\.)?modules-load=", word)]
    for name in values[-1].split(",") if values else []:
        if name:
            boot.add_line(BootLine(canonicalize(name), COMMAND_LINE))


# OpenRC: init.d/modules.in, find_modfiles() and load_modules(); since 0.37.
OPENRC = Rules(
    "OpenRC's service modules",
    ("/etc/modules-load.d", "/usr/lib/modules-load.d"),
    comment=r"^\s*[#;].*",
    needs_line_feed=True,
    ignores_blacklist=False,
    read_more=_read_conf_d,
)
# Alpine: aports, main/openrc/modules.initd.
ALPINE = Rules(
    "Alpine's service modules",
    ("/etc/modules-load.d", "/usr/lib/modules-load.d", "/lib/modules-load.d"),
    replaced_by="etc",
    regular_only=True,
    etc_modules=True,
    comment=r"#.*",
    needs_line_feed=True,
)
# Debian: /etc/init.d/kmod of the packages kmod (12 and before) and initscripts (13).
DEBIAN = Rules(
    "Debian's script kmod",
    ("/etc/modules-load.d", "/usr/local/lib/modules-load.d", "/usr/lib/modules-load.d", "/lib/modules-load.d"),
    regular_only=True,
    hidden=True,
    etc_modules=True,
    comment=r"^#.*",
)
# Void: void-runit, core-services/02-kmods.sh and modules-load.
VOID = Rules(
    "Void's modules-load",
    ("/etc/modules-load.d", "/usr/lib/modules-load.d"),
    hidden=True,
    whole_line=True,
    comment=r"^[#;].*",
    ignores_blacklist=False,
    read_more=_read_void_options,
)
# OpenEmbedded: meta/recipes-kernel/modutils-initscripts/files/modutils.sh.
OPENEMBEDDED = Rules("OpenEmbedded's script modutils.sh", (BOOT_DIRECTORY,), etc_modules=True)
# Buildroot: package/initscripts/init.d/S11modules.
BUILDROOT = Rules("Buildroot's script S11modules", (BOOT_DIRECTORY,), needs_line_feed=True)


def _choose_openrc(files: Files, text: str) -> Rules:
    """Return the rules of /etc/init.d/modules, which is OpenRC's or Alpine's."""
    if _ETC_MODULES.search(text):
        # Before 2023 Alpine's script read all files, whatever their names.
        is_first = "modprobe" in text and "##*/" not in text
        return ALPINE._replace(replaced_by="none") if is_first else ALPINE
    if "find_modfiles" not in text and _ALPINE.search(files.read("/etc/os-release") or ""):
        return ALPINE
    if "Linux_modules" in text and "modules-load" not in text:
        return OPENRC._replace(directories=())  # before 0.37
    return OPENRC


def _choose(rules: Rules) -> Callable[[Files, str], Rules]:
    """Return a function that returns these rules, whatever the text of the script is."""
    return lambda _files, _text: rules


# Path of a script as a pattern, and the function that returns its rules by its text.
SCRIPTS: Tuple[Tuple[str, Callable[[Files, str], Rules]], ...] = (
    (r"/etc/init\.d/modules", _choose_openrc),
    (r"/etc/init\.d/modules-load", _choose(OPENRC._replace(read_more=None))),  # before 0.37
    (r"/etc/init\.d/kmod", _choose(DEBIAN)),
    (r"/etc/runit/core-services/[0-9]*-?kmods\.sh", _choose(VOID)),
    (r"/etc/init\.d/modutils\.sh", _choose(OPENEMBEDDED)),
    (r"/etc/init\.d/S[0-9]+modules", _choose(BUILDROOT)),
)
# Scripts that read the lists once they are started, and that a system has though it does not start them.
INSTALLED_SCRIPTS = ("/etc/init.d/modules", "/etc/init.d/kmod", "/etc/init.d/modutils.sh")


def find_rules(files: Files, script: Script) -> Optional[Rules]:
    """Return the rules of a script, or None if it is not in SCRIPTS."""
    for path, choose in SCRIPTS:
        if re.fullmatch(path, script.path):
            return choose(files, script.text)
    return None


def may_read_lists(script: Script) -> bool:
    """Return whether the text of an unknown script names one of the lists."""
    return _READS_LISTS.search(script.text) is not None


def apply_rules(boot: BootList, files: Files, rules: Rules, cmdline: str, release: str) -> None:
    """Add what a script with these rules loads.

    :param release: the kernel that boots.
    """
    paths, shadowed = _find_files(files, rules)
    if rules.etc_modules and files.exists(ETC_MODULES) and not _is_linked(files, paths):
        paths.append(ETC_MODULES)
    for path in paths:
        text = files.read(path)
        if text is None and path in files.unreadable:
            boot.note_unreadable(path)
        for line in _parse_file(path, text or "", rules):
            boot.add_line(line)
    for path, winner in shadowed.items():
        cause = Cause(Code.BOOT_FILE_MASKED, f"{winner} takes that file's place")
        for line in _parse_file(path, files.read(path) or "", rules):
            ineffective = line.ineffective or cause._replace(listed_in=line.where)
            boot.ineffective_lines.append(line._replace(ineffective=ineffective))
    for directory in rules.directories:
        if directory in files.unreadable:
            boot.note_unreadable(directory)
    if rules.read_more:
        rules.read_more(boot, files, cmdline, release)
    _add_unread_files(boot, files, rules)


def read_etc_modules(files: Files) -> List[BootLine]:
    """Return the lines of /etc/modules, as most scripts would read them."""
    return list(_parse_file(ETC_MODULES, files.read(ETC_MODULES) or "", DEBIAN))


def _add_unread_files(boot: BootList, files: Files, rules: Rules) -> None:
    """Add the lines of /etc/modules if the script does not read it."""
    if rules.etc_modules or _is_linked(files, _find_files(files, rules).paths):
        return
    cause = Cause(Code.BOOT_FILE_NOT_READ, f"{rules.title} does not read that file")
    for line in read_etc_modules(files):
        boot.ineffective_lines.append(line._replace(ineffective=cause._replace(listed_in=line.where)))


def _is_linked(files: Files, paths: List[str]) -> bool:
    """Return whether one of the files is a link to /etc/modules."""
    real_path = files.real_path(ETC_MODULES)
    return any(files.real_path(path) == real_path for path in paths)


class _Found(NamedTuple):
    """The files that a script reads, and dict of each other file to the one that replaces it."""

    paths: List[str]
    shadowed: Dict[str, str]


def _find_files(files: Files, rules: Rules) -> _Found:
    found = _Found([], {})
    first: Dict[str, str] = {}
    seen = set()
    for directory in rules.directories:
        real_path = files.real_path(directory)
        if real_path in seen or is_volatile(directory):  # /lib is /usr/lib on most systems
            continue
        seen.add(real_path)
        for name in files.listdir(directory):
            path = f"{directory}/{name}"
            if not name.endswith(".conf") or (name.startswith(".") and not rules.hidden):
                continue
            mode = files.get_mode(path)
            is_regular = mode is not None and stat.S_ISREG(mode)
            if rules.regular_only and not is_regular:
                continue
            if name in first and rules.replaced_by != "none":
                found.shadowed[path] = first[name]
                continue
            if rules.replaced_by == "first" or directory == BOOT_DIRECTORY:
                first[name] = path
            if is_regular:
                found.paths.append(path)
    return found


def _parse_file(path: str, text: str, rules: Rules) -> Iterator[BootLine]:
    """Yield the lines of a file by the rules of a script."""
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        rest = re.sub(rules.comment, "", line)
        if not rest.strip(" \t"):
            continue
        where = f"{path}:{number}"
        words = rest.split() if rules.whole_line else rest.split(None, 1)[:1]
        cause = _find_fault(rest, number == len(lines), rules)
        for word in words:
            name = canonicalize(word.lstrip("\ufeff"))
            ineffective = cause._replace(listed_in=where) if cause else None
            yield BootLine(name, where, ineffective, ignores_blacklist=rules.ignores_blacklist)


def _find_fault(line: str, is_unended: bool, rules: Rules) -> Optional[Cause]:
    """Return the cause if the script does not load what a line names, or None."""
    name = line if rules.whole_line else line.strip(" \t").replace("\t", " ").partition(" ")[0]
    if is_unended and rules.needs_line_feed:
        text = f"it is the last line and has no line feed at its end, so {rules.title} does not read it"
    elif name.endswith("\r"):
        text = "a carriage return is part of the name"
    elif name.startswith("\ufeff"):
        text = "a byte order mark is part of the name"
    elif name != name.strip() or len(name.split()) > 1:
        text = "the whole line is one name, with its blanks"
    else:
        return None
    return Cause(Code.MALFORMED_BOOT_ENTRY, text)
