# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""The reasons of all modules as they travel: what many modules have in common is said once, so that the facts stay small on a node with much to tell."""

import re

from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import AXES, place, with_reasons

# What a reason may name a place in: of all but these no two modules share more than the file or the directory.
PLACES = ("where", "listed")
# For these a module is refused whoever asks, and for the sake of whichever other one.
REFUSED_TO_ALL = ("install_override", "module_blacklist")
_LINE = re.compile(r"(.+):([1-9][0-9]{0,8})")
_MODULE_FILE = re.compile(r"(.*)/([^/]+\.ko[^/]*)")


def grouped(reasons, modules):
    """Return the groups, a list of dicts, from a dict of module name to its reasons, which are in the order of the axes.

    A group has all that its reasons have in common, a file without the line and a directory without the module's file in
    C(where) and C(listed), and C(modules), a dict of module name to what is left of each: a line number, a file's name, or None.
    Of one module's reasons the order stays. Why another one is refused that a module needs is said of that other one, but for
    what comes first on its axis.

    :param modules: the C(modules) of the facts, for what each needs.
    """
    groups = []
    for name in reasons:
        last = -1
        for reason in _own(reasons[name], _of_needed(modules[name], reasons)):
            common, rest = _split(reason)
            last = _group(groups, common, last + 1)
            groups[last][1][name] = rest
    # A module's own reasons have that order already.
    groups.sort(key=lambda group: AXES.index(group[0]["axis"]))
    return [dict(common, modules=names) for common, names in groups]


def _own(reasons, of_needed):
    """Return the reasons that are to be said of the module itself."""
    first = {reason["axis"]: reason for reason in reversed(reasons)}
    places = [place(reason) for reason in reasons]
    return [reason for reason in reasons if reason not in of_needed or reason is first[reason["axis"]] or places.count(place(reason)) > 1]


def _of_needed(entry, reasons):
    """Return the reasons for which what a module needs is refused, as reasons of that module."""
    needed = entry.get("depends", ()) if entry["state"] not in ("builtin", "merged") else ()
    return [dict(reason, needs=name) for name in needed for reason in reasons.get(name, ()) if reason["code"] in REFUSED_TO_ALL and "needs" not in reason]


def _group(groups, common, start):
    """Return the index of the first group, from one on, that has this in common; a module is never twice in one."""
    for index in range(start, len(groups)):
        if groups[index][0] == common:
            return index
    groups.append((common, {}))
    return len(groups) - 1


def _split(reason):
    """Return (what other modules' reasons may have too, what is left of the places)."""
    common, rest = dict(reason), []
    for key in PLACES:
        if key in reason:
            common[key], own = _split_place(reason[key])
            rest.append(own)
    return common, rest


def _split_place(where):
    line = _LINE.fullmatch(where)
    if line:
        return line.group(1), int(line.group(2))
    found = _MODULE_FILE.fullmatch(where)
    return found.groups() if found else (where, None)


def ungrouped(groups, modules):
    """Return dict of module name to its reasons, a list of dicts; the opposite of :func:`grouped`, for the controller."""
    said = {name: [] for name in modules}
    for group in groups:
        common = {key: value for key, value in group.items() if key != "modules"}
        places = [key for key in PLACES if key in group]
        for name, rest in group["modules"].items():
            said[name].append(dict(common, **{key: _joined(group[key], own) for key, own in zip(places, rest)}))
    for name, entry in modules.items():
        told = [place(reason) for reason in said[name]]
        said[name] = with_reasons(said[name], [reason for reason in _of_needed(entry, said) if place(reason) not in told])
    return said


def _joined(where, own):
    return where if own is None else "{0}{1}{2}".format(where, ":" if isinstance(own, int) else "/", own)
