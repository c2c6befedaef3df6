# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Why something is said of a module: a code for programs, a sentence for people, and the file and line it rests on."""

AXES = ("now", "autoload", "boot")


class Cause:
    """One cause, not yet tied to an axis.

    :ivar code: one word, stable.
    :ivar text: a sentence without its full stop, with file and line where there are any.
    :ivar where: "path:line" or another short place, or None.
    :ivar needs: name of the other module that it is about, one that this module needs; None where it is about the module itself.
    """

    def __init__(self, code, text, where=None, needs=None):
        self.code = code
        self.text = text
        self.where = where
        self.needs = needs

    def reason(self, axis):
        """Return the cause as an entry of the C(reasons) of the facts; I(axis) is "now", "autoload" or "boot"."""
        reason = {"axis": axis, "code": self.code, "text": self.text}
        if self.where:
            reason["where"] = self.where
        if self.needs:
            reason["needs"] = self.needs
        return reason


def listed(causes):
    """Return the C(reasons) of the facts from a dict of axis to Cause or None.

    What already explains one axis is not said again of the next: where a module is blocked, the same cause denies
    autoload, and on a node where it holds for every module the facts would double.
    """
    reasons = []
    for axis in AXES:
        cause = causes.get(axis)
        if cause and not any((cause.code, cause.text) == (reason["code"], reason["text"]) for reason in reasons):
            reasons.append(cause.reason(axis))
    return reasons


def with_others(reasons, axis_of, causes):
    """Return reasons and, in the order of the axes, those of the causes that they do not name yet, on that axis or on one before.

    :param axis_of: function that takes a Cause and returns its axis.
    """
    found = list(reasons)
    for cause in causes:
        reason = cause.reason(axis_of(cause))
        before = AXES[: AXES.index(reason["axis"]) + 1]
        if not any(_place(reason) == _place(other) and other["axis"] in before for other in found):
            found.append(reason)
    return sorted(found, key=lambda reason: AXES.index(reason["axis"]))


def _place(reason):
    return reason["code"], reason.get("where"), reason.get("needs")


def texts(reasons):
    """Return the texts of C(reasons) on one line, each with its axis unless that is "now"."""
    return "; ".join(reason["text"] if reason["axis"] == "now" else "{0}: {1}".format(reason["axis"], reason["text"]) for reason in reasons)
