# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modprobe(8) would do for a name. It is not run: its exit code proves nothing, and each process costs time."""

import copy
from typing import Collection, Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.modprobe_conf import AliasLine, ModprobeConf
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.module_file import SignatureCheck, find_format_error
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.modules_tree import ModulesTree
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Cause, Code


class Target(NamedTuple):
    """A module that a name resolves to, and whether by an alias."""

    module: str
    by_alias: bool


class Lookup(NamedTuple):
    """The modules that a name resolves to, or the cause if a line prevents that.

    Both are empty for an unknown name.
    """

    targets: List[Target]
    block: Optional[Cause] = None


class Modprobe:
    """The answers for one kernel.

    :param loaded: names of the modules that are loaded already.
    :param signatures: how to find out which modules are signed; None if the kernel accepts unsigned modules.
    """

    def __init__(
        self,
        files: Files,
        conf: ModprobeConf,
        tree: ModulesTree,
        loaded: Collection[str],
        signatures: Optional[SignatureCheck] = None,
    ) -> None:
        self._files = files
        self.conf = conf
        self.tree = tree
        self._loaded = loaded
        self._signatures = signatures
        self._own_blocks: Dict[str, Optional[Cause]] = {}
        self._neighbors: Dict[str, List[str]] = {}

    def lookup(self, name: str) -> Lookup:
        """Return what a name resolves to, in the order of libkmod-module.c: kmod_module_new_from_lookup()."""
        alias_lines = self.conf.find_alias_targets(name)
        if alias_lines:
            modules = [line.module for line in alias_lines]
            targets = [Target(name, True) for name in modules if name in self.tree.paths or name in self.tree.builtin]
            return Lookup(targets, None if targets else _alias_cause(name, alias_lines[0]))
        if name in self.tree.paths:
            return Lookup([Target(name, False)])
        override = self.conf.find_install_override(name)
        if override and self.conf.has_install_line(name):
            return Lookup([], override)
        if name in self.tree.aliases:
            return Lookup([Target(target, True) for target in self.tree.aliases[name]])
        return Lookup([Target(name, False)] if name in self.tree.builtin else [])

    def resolve_request(self, request: str, name: str, blacklisted: bool) -> Tuple[bool, Optional[Cause]]:
        """Return whether the request for a name or an alias leads to module I(name), and the cause if it does not.

        Without a cause, the request resolves to nothing.

        :param blacklisted: whether a blacklist holds for real names as well, as it does for systemd-modules-load.
        """
        targets, block = self.lookup(request)
        by_alias = dict(targets).get(name)
        if by_alias is None:
            alias_lines = self.conf.find_alias_targets(request)
            if targets and alias_lines:
                block = _alias_cause(request, alias_lines[0])
            return False, block
        blacklist = self.conf.find_blacklist(name) if by_alias or blacklisted else None
        return blacklist is None, blacklist

    def find_block(self, name: str) -> Optional[Cause]:
        """Return the cause if this module, or a dependency, does not load even by an explicit modprobe, or None."""
        cause = self._find_own_block(name)
        if cause:
            return cause
        for dependency in self._list_unloaded_dependencies(name):
            cause = self._find_own_block(dependency)
            if cause:
                return _of_dependency(dependency, cause)
        return None

    def find_conflicts(self, name: str) -> List[Cause]:
        """Return all causes in the configuration that keep this module from loading. It loads only without them.

        A blacklisted module that would be loaded with this one is among them. modprobe loads it nevertheless, but this
        collection loads neither without consent.
        """
        causes = self.conf.find_blacklists(name) + self.conf.find_blocks(name)
        for dependency in self._list_unloaded_dependencies(name):
            causes += [_of_dependency(dependency, cause) for cause in self.conf.find_blocks(dependency)]
        return causes + self.find_blacklisted_with(name)

    def find_blacklisted_with(self, name: str) -> List[Cause]:
        """Return the causes of the blacklisted modules that are not loaded and that loading this one would load too."""
        blacklisted = {other for other in self.conf.blacklist if other in self.tree.paths} - set(self._loaded)
        if not blacklisted:
            return []
        causes = []
        # A dependency that is blocked as well may be unblocked.
        for other in dict.fromkeys(self.tree.list_dependencies(name) + self.list_loaded_with(name)):
            if other in blacklisted:
                causes += [_of_dependency(other, cause) for cause in self.conf.find_blacklists(other)]
        return causes

    def find_uncertainty(self, name: str) -> Optional[Cause]:
        """Return the cause if it cannot be determined whether this module would load, or None."""
        if self.conf.unreadable_path:
            text = "a configuration file that may affect it is unreadable"
            return Cause(Code.UNREADABLE, text, self.conf.unreadable_path)
        if name not in self._loaded:
            cause = self._find_file_uncertainty(name)
            if cause:
                return cause
        for dependency in self._list_unloaded_dependencies(name):
            cause = self._find_file_uncertainty(dependency)
            if cause:
                return _of_dependency(dependency, cause)
        return None

    def _find_file_uncertainty(self, name: str) -> Optional[Cause]:
        path = self.tree.find_file(name)
        if path is None:
            return None
        if self._files.exists(path) is None:
            return Cause(Code.UNREADABLE, "no permission to see its file", path)
        if self._signatures and self._signatures.is_signed(path) is None:
            return Cause(Code.UNSIGNED_MODULE, "whether its file is signed cannot be determined", path)
        return None

    def for_next_boot(self, conf: ModprobeConf) -> "Modprobe":
        """Return the answers for the next boot, with nothing loaded yet and with I(conf)."""
        other = copy.copy(self)
        other.conf = conf
        other._loaded = frozenset()
        if conf is not self.conf:
            other._own_blocks = {}
            other._neighbors = {}
        return other

    def list_loaded_with(self, name: str) -> List[str]:
        """Return the names of all modules that loading this one loads too.

        A blacklist stops neither its dependencies nor its soft dependencies. An install override stops only the latter,
        silently (libkmod-module.c: kmod_module_probe_insert_module()).
        """
        found: List[str] = []
        queue = list(self._list_neighbors(name))
        while queue:
            module = queue.pop(0)
            if module not in found and module != name and not self.find_block(module):
                found.append(module)
                queue += self._list_neighbors(module)
        return found

    def _list_neighbors(self, name: str) -> List[str]:
        """Return the dependencies and the soft dependencies of a module.

        Soft dependencies may be given by an alias (libkmod-module.c: lookup_softdep()).
        """
        if name not in self._neighbors:
            neighbors = self.tree.list_dependencies(name)
            for soft_dependency in self.conf.find_softdeps(name):
                neighbors += [target.module for target in self.lookup(soft_dependency).targets]
            self._neighbors[name] = neighbors
        return self._neighbors[name]

    def _list_unloaded_dependencies(self, name: str) -> List[str]:
        return [dependency for dependency in self.tree.list_dependencies(name) if dependency not in self._loaded]

    def _find_own_block(self, name: str) -> Optional[Cause]:
        """Return the cause if this module itself does not load, regardless of its dependencies, or None."""
        if name not in self._own_blocks:
            self._own_blocks[name] = self.conf.find_block(name) or self._find_file_block(name)
        return self._own_blocks[name]

    def _find_file_block(self, name: str) -> Optional[Cause]:
        path = self.tree.find_file(name)
        if path is None:
            return None
        if self._files.exists(path) is False:
            return Cause(Code.MODULE_FILE_MISSING, "modules.dep lists its file, but the file is missing", path)
        if self._signatures and self._signatures.is_signed(path) is False:
            return Cause(Code.UNSIGNED_MODULE, "it is not signed, and this kernel accepts only signed modules")
        return find_format_error(self._files, path, self.tree.release)


def _alias_cause(name: str, line: AliasLine) -> Cause:
    return Cause(Code.ALIAS_OVERRIDE, f"alias {name} {line.module}", line.where)


def _of_dependency(dependency: str, cause: Cause) -> Cause:
    return Cause(cause.code, cause.text, cause.where, dependency)
