# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Whose the lines are that keep modules from loading: the files' text and owners, for those that reasons name."""

import re

from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.modprobe_conf import raw_lines
from ansible_collections.nodeprep.istio.plugins.module_utils._managed import modprobe_overrides
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import usual_line

DPKG_LISTS = "/var/lib/dpkg/info"
RPM = "/usr/bin/rpm"
RPM_DATABASES = ("/var/lib/rpm", "/usr/lib/sysimage/rpm")

LINES = ("blacklist", "install_override")
_PLACE = re.compile(r"^(/(?:etc|run|usr|lib)/.*):(\d+)$")


def observe(files, reasons, run):
    """Return dict of path to C(package), C(comment) and C(lines), a dict of line number to the line, but for those that
    are what :func:`_modprobe_conf.usual_line` makes of their reasons.

    C(package) is the package that the file belongs to, or None; C(comment) the file's first comment, where a
    hardening baseline or an admin tends to say who wrote it.

    :param reasons: dict of module name to its reasons; every line of C(blacklist) and C(install) that they name is looked at.
    :param run: see :func:`_tools.observe`.
    """
    places = {}
    for name, about in reasons.items():
        for reason in about:
            match = _PLACE.match(reason.get("where", ""))
            if match and reason["code"] in LINES:
                places.setdefault(match.group(1), {}).setdefault(match.group(2), set()).add(usual_line(reason, name))
    owners = _dpkg_owners(files, places) if places else {}
    return {
        path: _file(files, path, lines, owners.get(path) or _rpm_owner(files, path, run))
        for path, lines in sorted(places.items())
    }


def _file(files, path, usual, package):
    """Return what is told of a file; I(usual) is a dict of line number to what its reasons make of the line."""
    text = modprobe_overrides.read(files, path) or ""
    lines = {str(number): modprobe_overrides.normal(raw) for number, raw in raw_lines(text)}
    first = [modprobe_overrides.normal(line).strip("# ") for line in text.split("\n")[:5] if line.startswith("#")]
    comment = next((line for line in first if line), None)
    return {
        "package": package,
        "comment": comment[:100] if comment else None,
        "lines": {
            number: lines[number]
            for number in sorted(usual, key=int)
            if number in lines and usual[number] != {lines[number]}
        },
    }


def _dpkg_owners(files, paths):
    """Return dict of path to package; the lists, one for each package, are read once for all paths."""
    # dpkg records a path as the package has it, which may be the one before /usr was merged.
    recorded = dict(
        {path[4:]: path for path in paths if path.startswith("/usr/lib/")}, **{path: path for path in paths}
    )
    owners = {}
    for name in files.listdir(DPKG_LISTS):
        if name.endswith(".list"):
            for path in set((files.read("{0}/{1}".format(DPKG_LISTS, name)) or "").split("\n")) & set(recorded):
                owners.setdefault(recorded[path], name[: -len(".list")].split(":")[0])
    return owners


def _rpm_owner(files, path, run):
    if run is None or not files.exists(RPM) or not any(files.is_dir(database) for database in RPM_DATABASES):
        return None
    code, output = run([RPM, "-qf", "--qf", "%{NAME}\\n", path])
    return output.split("\n")[0].strip() or None if code == 0 else None
