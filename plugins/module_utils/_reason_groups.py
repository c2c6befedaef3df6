# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""The reasons of all modules as they travel: what many modules have in common is said once, so that the facts stay small on a node with much to tell."""

import re

from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import AXES

# What a reason may name a place in: of all but these no two modules share more than the file or the directory.
PLACES = ("where", "listed")
_LINE = re.compile(r"(.+):([1-9][0-9]{0,8})")
_MODULE_FILE = re.compile(r"(.*)/([^/]+\.ko[^/]*)")


def grouped(reasons, modules):
    """Return the groups, a list of dicts, from a dict of module name to its reasons, which are in the order of the axes.

    A group has all that its reasons have in common, a file without the line and a directory without the module's file in
    C(where) and C(listed), and C(modules), a dict of module name to what is left of each: a line number, a file's name, or None.
    With C(dependents), which is True, they hold for all modules that need one of these as well.

    What comes first of a module's reasons on an axis stays first; the order of the others may change.

    :param modules: the C(modules) of the facts, for what each needs.
    """
    shared = _shared(reasons, modules)
    carried = [_of_dependent(name, reason) for name, reason in shared]
    groups = []
    for name in reasons:
        last = -1
        for reason in reasons[name]:
            if reason in carried and not _is_first(reason, reasons[name]):
                continue
            common, rest = _split(reason)
            if (name, reason) in shared:
                common["dependents"] = True
            last = _group(groups, common, last + 1)
            groups[last][1][name] = rest
    # A module's own reasons have that order already.
    groups.sort(key=lambda group: AXES.index(group[0]["axis"]))
    return [dict(common, modules=names) for common, names in groups]


def _shared(reasons, modules):
    """Return the (module name, reason) pairs that each module which needs that one has too."""
    dependents = {name: _dependents(name, modules) for name in reasons}
    return [
        (name, reason)
        for name in reasons
        for reason in reasons[name]
        if dependents[name] and "needs" not in reason and all(_of_dependent(name, reason) in reasons[other] for other in dependents[name])
    ]


def _dependents(name, modules):
    return [other for other, entry in modules.items() if name in entry.get("depends", ())]


def _of_dependent(name, reason):
    """Return a module's reason as one of a module that needs it; the line that lists the module is its own."""
    return dict({key: value for key, value in reason.items() if key != "listed"}, needs=name)


def _is_first(reason, reasons):
    return reason is next(other for other in reasons if other["axis"] == reason["axis"])


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
    """Return dict of module name to its reasons, a list of dicts, out of what :func:`grouped` returned; for the controller."""
    said = {name: [] for name in modules}
    shared = []
    for group in groups:
        common = {key: value for key, value in group.items() if key not in ("modules", "dependents")}
        places = [key for key in PLACES if key in group]
        for name, rest in group["modules"].items():
            reason = dict(common, **{key: _joined(group[key], own) for key, own in zip(places, rest)})
            said[name].append(reason)
            if group.get("dependents"):
                shared += [(other, _of_dependent(name, reason)) for other in _dependents(name, modules)]
    for other, reason in shared:
        if reason not in said[other]:
            said[other].append(reason)
    return {name: sorted(reasons, key=lambda reason: AXES.index(reason["axis"])) for name, reasons in said.items()}


def _joined(where, own):
    return where if own is None else "{0}{1}{2}".format(where, ":" if isinstance(own, int) else "/", own)
