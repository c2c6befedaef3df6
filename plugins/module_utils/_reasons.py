# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Why something is said of a module: a code for programs, a sentence for people, and the file and line it rests on."""

AXES = ("now", "autoload", "boot")
# The codes of reasons that are lines of somebody's configuration: they keep a module from loading whether or not a boot file lists it.
REFUSALS = ("blacklist", "install_override", "module_blacklist")


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
        more = {"where": self.where, "needs": self.needs, "listed": self.listed}
        return dict({"axis": axis, "code": self.code, "text": self.text}, **{key: value for key, value in more.items() if value})

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
    if reason.get("needs"):
        text = "needs {0}: {1}".format(reason["needs"], text)
    return "{0} lists it, but: {1}".format(reason["listed"], text) if reason.get("listed") else text


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
    return reason["code"], reason.get("where"), reason.get("needs")


def texts(reasons):
    """Return the sentences of reasons on one line, each with its axis unless that is "now"."""
    return "; ".join(sentence(reason) if reason["axis"] == "now" else "{0}: {1}".format(reason["axis"], sentence(reason)) for reason in reasons)
