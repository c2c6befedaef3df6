# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Output of package managers: the kernels that a simulated installation includes, unknown names, and errors. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# A line for each package of the transaction: "Inst NAME (VERSION ...)" of apt-get --simulate (apt-pkg/algorithms.cc,
# pkgSimulate::Install), "Installed: NAME-VERSION" in the results of ansible.builtin.dnf in check mode.
INSTALL_LINE = re.compile(r"(?:Inst |Installed: )(\S+)")
# Packages of kernels and their modules: linux-image-* and linux-modules-* on Debian and Ubuntu, kernel* on Fedora.
KERNEL_PREFIXES = ("linux-image", "linux-modules", "kernel")

# apt-get update only warns about a list that it cannot download, and exits with 0 (apt-pkg/update.cc, AcquireUpdate).
APT_ERROR = re.compile(r"(?:E: |W: (?=Failed to fetch))(.*)")
# The summary after such warnings. It names no cause.
APT_SUMMARY = "Some index files failed"


# How package managers report a name that no repository has: apt-get (apt-private/private-cacheset.cc,
# CacheSetHelperAPTGet), dnf (the failures of ansible.builtin.dnf), and dnf5 (libdnf5, "No match for argument").
UNKNOWN_PACKAGE = re.compile(
    r"Unable to locate package (\S+)"
    r"|Package '?([^\s']+)'? has no installation candidate"
    r"|Version '[^']*' for '([^']+)' was not found"
    r"|No package (\S+) available"
    r"|(\S+) No match for argument"
    r"|No match for argument:? (\S+)"
)


def find_unknown_packages(lines: Iterable[str], names: Iterable[str]) -> list[str]:
    """Return the names of packages that no repository of the node has, in the order of I(names).

    :param lines: lines of stderr of ``apt-get install``, or ``failures`` of ``ansible.builtin.dnf``.
    :param names: the names that were to be installed.
    """
    unknown: set[str] = set()
    for line in _split_lines(lines):
        for match in UNKNOWN_PACKAGE.finditer(line):
            unknown.update(group.rstrip(".") for group in match.groups() if group)
    return [name for name in names if name in unknown]


def find_other_kernels(lines: Iterable[str], release: str) -> list[str]:
    """Return the packages of other kernels than the running one that a simulated installation includes.

    :param lines: lines of ``apt-get --simulate install``, or results of ``ansible.builtin.dnf`` in check mode.
    :param release: the running kernel's release as it appears in names or versions of packages (6.12.43+deb13-amd64).
    """
    kernels = []
    for line in _split_lines(lines):
        match = INSTALL_LINE.match(line)
        if match and match.group(1).startswith(KERNEL_PREFIXES) and release not in match.group(1):
            kernels.append(match.group(1))
    return kernels


def find_apt_errors(lines: Iterable[str]) -> list[str]:
    """Return the errors in the lines that apt-get wrote to stderr, each once, without their prefix.

    A list that cannot be downloaded is an error, too, although apt-get only warns about it.
    """
    messages: dict[str, None] = {}  # without values: each message once, in the order of the lines
    for line in _split_lines(lines):
        match = APT_ERROR.match(line)
        if match and APT_SUMMARY not in match.group(1):
            messages[match.group(1)] = None
    return list(messages)


def _split_lines(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from str(text).splitlines()
