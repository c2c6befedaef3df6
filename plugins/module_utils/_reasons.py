# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Why something is said of a module: a code for programs, a sentence for people, and the file and line it rests on."""

import re

AXES = ("now", "autoload", "boot")
# The codes of reasons that are lines of somebody's configuration: they keep a module from loading whether or not a boot file lists it.
REFUSALS = ("blacklist", "install_override", "module_blacklist")
OVERRIDE_TEXT = "install override '{0}'"
PLACES = ("where", "listed_in")
_LINE = re.compile(r"(.+):([1-9][0-9]{0,8})")
_MODULE_FILE = re.compile(r"(.*)/([^/]+\.ko[^/]*)")


class Cause:
    """One cause, not yet tied to an axis.

    :ivar code: one word, stable.
    :ivar text: what holds for each module with this cause, in words and without a full stop; the places are not in it.
    :ivar where: "path:line" or another short place that the cause rests on, or None.
    :ivar needs: name of the other module that it is about, one that this module needs; None where it is about the module itself.
    :ivar listed: "path:line" of the boot list's line that it is about, or None.
    """

    def __init__(self, code, text, where=None, needs=None, listed=None):
        self.code = code
        self.text = text
        self.where = where
        self.needs = needs
        self.listed = listed

    def reason(self, axis):
        """Return the cause as an entry of the C(reasons) of a module; I(axis) is "now", "autoload" or "boot"."""
        more = {"where": self.where, "dependency": self.needs, "listed_in": self.listed}
        return dict(
            {"axis": axis, "code": self.code, "text": self.text}, **{key: value for key, value in more.items() if value}
        )

    def sentence(self):
        """Return all of the cause in words."""
        return sentence(self.reason("now"))


def sentence(reason):
    """Return all that a reason tells but its axis, in words: for example
    "/etc/modules-load.d/a.conf:1 lists it, but: needs nf_nat: blacklisted (/etc/modprobe.d/b.conf:2)".
    """
    text = reason["text"]
    if reason.get("where"):
        text = "{0} ({1})".format(text, reason["where"])
    if reason.get("dependency"):
        text = "needs {0}: {1}".format(reason["dependency"], text)
    return "{0} lists it, but: {1}".format(reason["listed_in"], text) if reason.get("listed_in") else text


def of_axes(causes):
    """Return the C(reasons) of a module from a dict of axis to Cause or None.

    What already explains one axis is not said again of the next: where a module is blocked, the same cause denies
    autoload, and on a node where it holds for every module the facts would double.
    """
    reasons = []
    for axis in AXES:
        reason = causes[axis].reason(axis) if causes.get(axis) else None
        if reason and not any(dict(other, axis=axis) == reason for other in reasons):
            reasons.append(reason)
    return reasons


def with_reasons(reasons, others):
    """Return reasons and, in the order of the axes, those of the others that they do not name yet, on that axis or on one before."""
    found = list(reasons)
    for reason in others:
        before = AXES[: AXES.index(reason["axis"]) + 1]
        if not any(place(reason) == place(other) and other["axis"] in before for other in found):
            found.append(reason)
    return sorted(found, key=lambda reason: AXES.index(reason["axis"]))


def place(reason):
    """Return what a reason is about: of two alike one is enough."""
    return reason["code"], reason.get("where"), reason.get("dependency")


def texts(reasons):
    """Return the sentences of reasons on one line, each with its axis unless that is "now"."""
    return "; ".join(
        sentence(reason) if reason["axis"] == "now" else "{0}: {1}".format(reason["axis"], sentence(reason))
        for reason in reasons
    )


def usual_line(reason, name):
    """Return the line that a reason rests on, as it is written most often; None where it is no such line.

    :param reason: of module I(name), or of one that needs another.
    """
    name = reason.get("dependency") or name
    if reason["code"] == "blacklist":
        return "blacklist {0}".format(name)
    before, after = OVERRIDE_TEXT.split("{0}")
    return (
        "install {0} {1}".format(name, reason["text"][len(before) : -len(after)])
        if reason["code"] == "install_override"
        else None
    )


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
                common["includes_dependents"] = True
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
        if dependents[name]
        and "dependency" not in reason
        and all(_of_dependent(name, reason) in reasons[other] for other in dependents[name])
    ]


def _dependents(name, modules):
    return [other for other, entry in modules.items() if name in entry.get("depends", ())]


def _of_dependent(name, reason):
    """Return a module's reason as one of a module that needs it; the line that lists the module is its own."""
    return dict({key: value for key, value in reason.items() if key != "listed_in"}, dependency=name)


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
        common = {key: value for key, value in group.items() if key not in ("modules", "includes_dependents")}
        places = [key for key in PLACES if key in group]
        for name, rest in group["modules"].items():
            reason = dict(common, **{key: _joined(group[key], own) for key, own in zip(places, rest)})
            said[name].append(reason)
            if group.get("includes_dependents"):
                shared += [(other, _of_dependent(name, reason)) for other in _dependents(name, modules)]
    for other, reason in shared:
        if reason not in said[other]:
            said[other].append(reason)
    return {name: sorted(reasons, key=lambda reason: AXES.index(reason["axis"])) for name, reasons in said.items()}


def _joined(where, own):
    return where if own is None else "{0}{1}{2}".format(where, ":" if isinstance(own, int) else "/", own)
