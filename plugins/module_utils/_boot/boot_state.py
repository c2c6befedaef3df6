# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Decide for a module whether it will be there after a reboot, as systemd-modules-load would load it."""

from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Cause


class Outcome:
    """What the lines of the boot list come to with one kernel.

    :ivar modprobe: the :class:`_modprobe.Modprobe` of the next boot, which decided.
    :ivar arrivals: dict of module name to (line, name of the module it comes along with or None).
    :ivar refusals: dict of name to the Cause for which the line that lists it loads nothing.
    """

    def __init__(self, boot, modprobe):
        self.modprobe = modprobe
        self.arrivals = {}
        self.refusals = {}
        along = {}
        for line in boot.lines:
            targets, refusal = modprobe.lookup(line.name)
            if not targets:
                refusal = refusal or Cause(
                    "unknown_boot_entry", "{0} has no such module: take it out".format(modprobe.tree.path)
                )
                self._refuse(line, line.name, refusal)
            for target, _by_alias in targets:
                refusal = modprobe.conf.blacklisting(target) or modprobe.refusal(target)
                if refusal:
                    self._refuse(line, target, refusal)
                    self._refuse(line, line.name, refusal)
                    continue
                self.arrivals.setdefault(target, (line, None))
                for name in modprobe.comes_along(target):
                    along.setdefault(name, (line, target))
        for name, arrival in along.items():
            self.arrivals.setdefault(name, arrival)

    def _refuse(self, line, name, cause):
        self.refusals.setdefault(name, Cause(cause.code, cause.text, cause.where, cause.needs, line.where))


def decide(node, name, state):
    """Return (boot, cause) of a module; I(state) is its state with the kernel that I(node) describes."""
    if state == "builtin":
        return "not_applicable", None
    listed = next((line for line in node.boot.lines if line.name == name), None)
    if node.outcome is None:
        node.outcome = Outcome(node.boot, node.modprobe.after_reboot(node.conf))
    arrivals, refusals = node.outcome.arrivals, node.outcome.refusals
    if state == "merged":
        return "not_applicable", refusals.get(name)
    if node.foreign:
        return "unknown", node.foreign
    if name in arrivals:
        line, via = arrivals[name]
        doubt = node.outcome.modprobe.doubt(name) or _unsure(node, line)
        comes = Cause("dependency", "comes with {0}".format(via), line.where) if via else None
        return ("unknown", doubt) if doubt else ("yes", comes)
    if listed and not node.tree.indexed and node.modules_supported is not False:
        return "unknown", Cause(*node.tree_unread(), listed=listed.where)
    if name in refusals:
        return "ineffective", refusals[name]
    unread = node.boot.unread
    if unread:
        return "unknown", Cause("unreadable", "what may list it cannot be read", unread)
    if name in node.boot.initramfs:
        return "unknown", Cause(
            "initramfs_only", "rd.modules-load= lists it, which only the initramfs heeds", "/proc/cmdline"
        )
    dead = next((line.dead for line in node.boot.dead if line.name == name), None)
    if dead:
        return ("no" if dead.code == "boot_file_masked" else "ineffective"), dead
    return (
        ("no", None)
        if node.boot.certain
        else ("unknown", Cause("no_systemd", "without systemd nothing tells what is loaded at boot"))
    )


def _unsure(node, line):
    """Return the cause for which nobody may read a line, or None."""
    if line.doubt:
        return line.doubt
    if node.boot.certain or line.sure:
        return None
    return Cause("no_systemd", "there is no systemd to read it", listed=line.where)
