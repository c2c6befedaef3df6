# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options with which a kernel was built."""

import re
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod import modules_tree
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import (
    KERNEL_OPTIONS,
    MERGED_INTO,
    OPTION_BUILDS,
    OPTION_VERSIONS,
    RETAINED_OPTIONS,
    VersionRange,
)

# Options that are not set have a line, too, unless others hide them (scripts/kconfig/confdata.c: conf_write()).
_OPTION = re.compile(r"^(?:CONFIG_(\w+)=(y|m)|# CONFIG_(\w+) is not set)\s*$", re.MULTILINE)
_PROC_CONFIG = "/proc/config.gz"


class KernelConfig(NamedTuple):
    """The options of a kernel; both values are None if no configuration can be read.

    :ivar options: dict of option name without CONFIG_ to "y", "m" or "n". An option that is not in it is not set.
    :ivar path: the file that they were read from.
    """

    options: Optional[Dict[str, str]]
    path: Optional[str]


class ModuleOption(NamedTuple):
    """What the options of a kernel show about a module.

    :ivar name: the option without CONFIG_, or None.
    :ivar value: "y" or "m"; "n" if no option of the module is set; "absent" if this version of Linux has no option for
        the module; None if nothing is known.
    """

    name: Optional[str] = None
    value: Optional[str] = None


def read_kernel_config(files: Files, release: str, running: bool) -> KernelConfig:
    """Return the options of one kernel. The path of each file has the release, except that of the running kernel.

    :param running: whether that kernel runs, and /proc therefore describes it.
    """
    if running:
        text = files.read_gzip(_PROC_CONFIG)
        if text is not None:
            return _parse(text, _PROC_CONFIG)
    # Debian and Ubuntu store it in /boot, Fedora and RHEL (and Debian since 7.2) in the modules tree.
    for path in ("/boot/config-" + release, modules_tree.find_directory(files, release) + "/config"):
        text = files.read(path)
        if text is not None:
            return _parse(text, path)
    return KernelConfig(None, None)


def _parse(text: str, path: str) -> KernelConfig:
    if not text:
        return KernelConfig(None, None)
    options = {name or unset: value or "n" for name, value, unset in _OPTION.findall(text)}
    return KernelConfig(options, path)


def find_module_option(
    options: Optional[Mapping[str, str]], version: Sequence[int], name: str, has_tree: bool
) -> ModuleOption:
    """Return the option that shows most about a module: one that is "y", or else one that is "m", or else an unset one.

    :param options: those of :class:`KernelConfig`.
    :param version: the numbers of the kernel's release; a kernel without any counts as the newest.
    :param has_tree: whether the modules tree was read. A module that it lacks may then have been merged by a backport,
        so that the version proves nothing about its option.
    """
    if options is None:
        return ModuleOption()
    candidates = _list_candidates(options, version, name)
    for value in ("y", "m"):
        for option in candidates:
            if options.get(option) == value:
                return ModuleOption(option, value)
    for option in candidates:
        is_in_version = is_in_range(version, OPTION_VERSIONS.get(option, (None, None)))
        if option in options or (is_in_version and not (has_tree and name in MERGED_INTO)):
            return ModuleOption(option, "n")
    return ModuleOption(None, "absent" if name in MERGED_INTO or name in KERNEL_OPTIONS else None)


def _list_candidates(options: Mapping[str, str], version: Sequence[int], name: str) -> List[str]:
    """Return the options that build this module in this version of Linux."""
    candidates = []
    for option in KERNEL_OPTIONS.get(name, ()):
        is_retained = name in MERGED_INTO and option in RETAINED_OPTIONS and options.get(option) == "m"
        if not is_retained and is_in_range(version, OPTION_BUILDS.get((name, option), (None, None))):
            candidates.append(option)
    return candidates


def is_in_range(version: Sequence[int], versions: VersionRange) -> bool:
    """Return whether a version of Linux is one of these; an empty one counts as the newest."""
    first, end = versions
    if not version:
        return end is None
    return (first is None or tuple(version) >= first) and (end is None or tuple(version) < end)


def describe_absence(version: Sequence[int], name: str) -> str:
    """Return why kernels of this version have no option for a module."""
    ranges = []
    for option in KERNEL_OPTIONS.get(name, ()):
        ranges.append(OPTION_BUILDS.get((name, option)) or OPTION_VERSIONS.get(option, (None, None)))
    for first, end in ranges:
        if first is not None and version and tuple(version) < first:
            return f"kernels before {first[0]}.{first[1]} do not have it"
        if end is not None and not is_in_range(version, (None, end)):
            return f"kernels since {end[0]}.{end[1]} do not have it"
    return "this kernel does not have it"
