# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that load rule sets: find them on the node, and run them in the sandbox."""

import os
from typing import NamedTuple, Optional

from ansible_collections.nodeprep.istio.plugins.module_utils._observe import tools
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import sandbox
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.rule_sets import NFT, RuleSet


class Loading(NamedTuple):
    """Whether rules loaded, and what the program printed."""

    succeeded: bool
    message: str


def find_program(rule_set: RuleSet) -> Optional[str]:
    """Return the path of the program that loads a rule set, or None if the node does not have it.

    Some systems have the variants of iptables only under the name of plain iptables, which leads to the file of the
    variant in use.
    """
    path = _find_executable(rule_set.program)
    plain_name = rule_set.tool.plain_programs.get(rule_set.family)
    if path or not plain_name:
        return path
    plain_path = _find_executable(plain_name)
    if plain_path and os.path.basename(os.path.realpath(plain_path)) in rule_set.tool.multi_call:
        return plain_path
    return None


def _find_executable(name: str) -> Optional[str]:
    for directory in tools.DIRECTORIES:
        path = os.path.join(directory, name)
        if os.access(path, os.X_OK):
            return path
    return None


def load_rules(path: str, rules: str, context: Optional[str] = None) -> Loading:
    """Load rules in this network namespace.

    :param path: of the program, as :func:`find_program` returns it.
    :param context: see :func:`sandbox.run_program`.
    """
    name = os.path.basename(path)
    options = ["-f", "-"] if name == NFT.name else ["--noflush"]
    try:
        code, output = sandbox.run_program([path] + options, rules, context)
    except OSError as exc:
        return Loading(False, f"{path} cannot be started: {exc.strerror or exc}")
    message = _shorten(output)
    if code != 0 and not message:
        message = f"{name}: exit code {code}"
    return Loading(code == 0, message)


def _shorten(output: str) -> str:
    """Return the output in one line, without the reference to the help."""
    lines = []
    for line in output.splitlines():
        if line.strip() and not line.startswith("Try `"):
            lines.append(line.strip())
    return "; ".join(lines)


def read_capabilities() -> Optional[str]:
    """Return the effective capabilities of a program in the sandbox, as /proc/self/status shows them, or None."""
    for line in sandbox.run_program(["/bin/cat", "/proc/self/status"])[1].splitlines():
        if line.startswith("CapEff:"):
            return line.split()[1]
    return None
