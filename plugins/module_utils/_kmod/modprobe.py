# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""What modprobe(8) would do for a name, without running it: its exit code proves nothing, and one process a module is too many."""

import copy

from ansible_collections.nodeprep.istio.plugins.module_utils._kmod import module_file
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KERNEL_OPTIONS
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Cause


class Modprobe:
    """The answers for one kernel.

    :param files: a :class:`_files.Files`.
    :param conf: a :class:`_modprobe_conf.ModprobeConf`.
    :param tree: a :class:`_modules_tree.ModulesTree`.
    :param release: the kernel's release.
    :param loaded: names that need no loading.
    :param signatures: whether the kernel takes signed modules only.
    :param signed: function that takes paths and returns those whose files are signed, for what Python cannot unpack; None
        where there is no such function.
    """

    def __init__(self, files, conf, tree, release, loaded, signatures=False, signed=None):
        self._files = files
        self.conf = conf
        self.tree = tree
        self._release = release
        self._loaded = loaded
        self._signatures = signatures
        self._signed = signed
        self._own = {}
        self._signed_elsewhere = None

    def lookup(self, name):
        """Return (targets, refusal): the (module, whether by an alias) that a name stands for, or why it stands for none.

        The order is that of libkmod-module.c: kmod_module_new_from_lookup(). Both are empty for a name that nothing knows.
        """
        aliased = self.conf.alias_targets(name)
        if aliased:
            targets = [
                (target, True) for target, _where in aliased if target in self.tree.paths or target in self.tree.builtin
            ]
            target, where = aliased[0]
            return targets, None if targets else Cause("alias_override", "alias {0} {1}".format(name, target), where)
        if name in self.tree.paths:
            return [(name, False)], None
        if self.conf.is_command(name) and self.conf.override(name):
            return [], self.conf.override(name)
        if name in self.tree.aliases:
            return [(target, True) for target in self.tree.aliases[name]], None
        return ([(name, False)] if name in self.tree.builtin else []), None

    def reaches(self, request, name, blacklisted):
        """Whether asking for I(request) loads module I(name), as far as names go.

        :param blacklisted: whether the blacklist holds for real names too, as it does for systemd-modules-load.
        :returns: (True, None), (False, cause), or (False, None) where the request stands for nothing.
        """
        targets, refusal = self.lookup(request)
        by_alias = dict(targets).get(name)
        if by_alias is None:
            if targets and not refusal and self.conf.alias_targets(request):
                target, where = self.conf.alias_targets(request)[0]
                refusal = Cause("alias_override", "alias {0} {1}".format(request, target), where)
            return False, refusal
        refusal = self.conf.blacklisting(name) if by_alias or blacklisted else None
        return refusal is None, refusal

    def refusal(self, name):
        """Return the cause for which this module, or one that it needs, is not loaded whoever asks, until a reboot and after."""
        cause = self._own_refusal(name)
        for needed in () if cause else self.tree.dependencies(name):
            cause = None if needed in self._loaded else self._own_refusal(needed)
            if cause:
                return _of_needed(needed, cause)
        return cause

    def obstacles(self, name):
        """Return all causes in the configuration that keep this module from being loaded: each of them must go."""
        causes = self.conf.blacklistings(name) + self.conf.refusals(name)
        for needed in self.tree.dependencies(name):
            if needed not in self._loaded:
                causes += [_of_needed(needed, cause) for cause in self.conf.refusals(needed)]
        return causes

    def doubt(self, name):
        """Return the cause for which it cannot be told whether this module would load, or None."""
        if self.conf.unread:
            return Cause("unreadable", "what may be about it cannot be read", self.conf.unread)
        for one in [name] + self.tree.dependencies(name):
            if one in self.tree.paths and one not in self._loaded:
                doubt = self._doubt_of_file(one, self.tree.file(one))
                if doubt:
                    return doubt if one == name else _of_needed(one, doubt)
        return None

    def _doubt_of_file(self, name, path):
        if self._files.exists(path) is None:
            return Cause("unreadable", "its file cannot be looked at", path)
        if self._signatures and self._is_signed(name) is None:
            return Cause("unsigned_module", "cannot tell whether its file is signed", path)
        return None

    def after_reboot(self, conf):
        """Return the answers for the next boot, when nothing is loaded yet; I(conf) is the configuration that there will be."""
        other = copy.copy(self)
        other.conf = conf
        other._loaded = frozenset()
        other._own = self._own if conf is self.conf else {}
        return other

    def comes_along(self, name):
        """Return the names of all modules that loading this one loads too.

        A blacklist keeps back neither what it depends on nor its soft dependencies; an install override keeps back the
        latter alone, and nobody hears of it (libkmod-module.c: kmod_module_probe_insert_module()).
        """
        found, todo = [], self._next_to(name)
        while todo:
            one = todo.pop(0)
            if one not in found and one != name and not self.refusal(one):
                found.append(one)
                todo += self._next_to(one)
        return found

    def _next_to(self, name):
        """Return what a module depends on and its soft dependencies, which may be given by an alias (libkmod-module.c: lookup_softdep())."""
        return self.tree.dependencies(name) + [
            target for soft in self.conf.softdeps_of(name) for target, _by_alias in self.lookup(soft)[0]
        ]

    def _own_refusal(self, name):
        if name not in self._own:
            self._own[name] = self.conf.load_refusal(name) or self._file_refusal(name)
        return self._own[name]

    def _file_refusal(self, name):
        path = self.tree.file(name)
        if path is None:
            return None
        if self._files.exists(path) is False:
            return Cause("module_file_missing", "its file is not there, though modules.dep lists it", path)
        if self._signatures and self._is_signed(name) is False:
            return Cause("unsigned_module", "not signed, and this kernel takes signed modules only")
        return module_file.format_refusal(self._files, path, self._release)

    def _is_signed(self, name):
        path = self.tree.file(name)
        signed = module_file.is_signed(self._files, path)
        if signed is None and self._signed and path.endswith((".xz", ".zst")):
            if self._signed_elsewhere is None:
                names = [one for one in KERNEL_OPTIONS if one in self.tree.paths]
                self._signed_elsewhere = self._signed([self.tree.file(one) for one in names])
            signed = path in self._signed_elsewhere
        return signed


def _of_needed(needed, cause):
    return Cause(cause.code, cause.text, cause.where, needed)
