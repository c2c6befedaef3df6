# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conflicts: text and owner of the modprobe.d lines that keep modules from loading."""

import re
from typing import Any, Dict, Iterable, Mapping, Optional, Set

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.conf_lines import split_raw_lines
from ansible_collections.nodeprep.istio.plugins.module_utils._managed.modprobe_overrides import normalize_line
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.managed import read_exact
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.tools import RPM, CommandRunner, has_rpm
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Code, reconstruct_line

DPKG_LISTS = "/var/lib/dpkg/info"

# Codes of the reasons that are lines of modprobe.d files.
LINE_CODES = (Code.BLACKLIST, Code.INSTALL_OVERRIDE)
# These bound the facts.
_MAX_COMMENT_CHARS = 100
_MAX_COMMENT_LINES = 5
_PLACE = re.compile(r"^(/(?:etc|run|usr|lib)/.*):(\d+)$")

# Line number to the lines that the reasons at that place usually come from; None for a reason without such a line.
_UsualLines = Dict[str, Set[Optional[str]]]


def observe(
    files: Files, reasons: Mapping[str, Iterable[Mapping[str, Any]]], run: Optional[CommandRunner]
) -> Dict[str, Any]:
    """Return dict of path to C(package), C(comment) and C(lines).

    C(package) is the package that owns the file, or None. C(comment) is the file's first comment, in which hardening
    baselines and administrators usually name themselves. C(lines) is a dict of line number to line. It has only lines
    that differ from what :func:`_reasons.reconstruct_line` returns for their reasons.

    :param reasons: dict of module name to its reasons. Each blacklist and install line that they name is looked at.
    :param run: see :func:`tools.observe`; None if no program may be started.
    """
    places: Dict[str, _UsualLines] = {}
    for name, reasons_of_module in reasons.items():
        for reason in reasons_of_module:
            match = _PLACE.match(reason.get("where", ""))
            if match and reason["code"] in LINE_CODES:
                path, number = match.groups()
                places.setdefault(path, {}).setdefault(number, set()).add(reconstruct_line(reason, name))
    owners = _find_dpkg_owners(files, places) if places else {}
    result = {}
    for path, usual_lines in sorted(places.items()):
        package = owners.get(path) or _find_rpm_owner(files, path, run)
        result[path] = _describe_file(files, path, usual_lines, package)
    return result


def _describe_file(files: Files, path: str, usual_lines: _UsualLines, package: Optional[str]) -> Dict[str, Any]:
    text = read_exact(files, path) or ""
    lines = {str(number): normalize_line(raw) for number, raw in split_raw_lines(text)}
    unusual = {}
    for number in sorted(usual_lines, key=int):
        if number in lines and usual_lines[number] != {lines[number]}:
            unusual[number] = lines[number]
    return {"package": package, "comment": _find_comment(text), "lines": unusual}


def _find_comment(text: str) -> Optional[str]:
    for line in text.split("\n")[:_MAX_COMMENT_LINES]:
        if line.startswith("#"):
            comment = normalize_line(line).strip("# ")
            if comment:
                return comment[:_MAX_COMMENT_CHARS]
    return None


def _find_dpkg_owners(files: Files, paths: Iterable[str]) -> Dict[str, str]:
    """Return dict of path to package. Each package has a list of its files; they are read once for all paths."""
    recorded = {}
    for path in paths:
        if path.startswith("/usr/lib/"):
            # dpkg records the path that the package has, which may be the one before /usr was merged.
            recorded[path[len("/usr") :]] = path
    recorded.update({path: path for path in paths})
    owners: Dict[str, str] = {}
    for name in files.listdir(DPKG_LISTS):
        if not name.endswith(".list"):
            continue
        package = name[: -len(".list")].split(":")[0]
        listed = set((files.read(f"{DPKG_LISTS}/{name}") or "").split("\n"))
        for path in listed & set(recorded):
            owners.setdefault(recorded[path], package)
    return owners


def _find_rpm_owner(files: Files, path: str, run: Optional[CommandRunner]) -> Optional[str]:
    if run is None or not has_rpm(files):
        return None
    code, output = run([RPM, "-qf", "--qf", "%{NAME}\\n", path])
    if code != 0:
        return None
    return output.split("\n")[0].strip() or None
