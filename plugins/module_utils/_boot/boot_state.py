# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide for each module whether it is present after a reboot, by what the boot list loads."""

from typing import Dict, NamedTuple, Optional, Tuple

from ansible_collections.nodeprep.istio.plugins.module_utils._boot.boot_list import BootLine, BootList
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.modprobe import Modprobe
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import COMMAND_LINE, Cause, Code

# The C(boot) value of a module, and the cause.
BootAnswer = Tuple[str, Optional[Cause]]


class _Loaded(NamedTuple):
    """A module that is loaded at boot: the line that does so, and the listed module that loads it as well, or None."""

    line: BootLine
    loaded_by: Optional[str]


class NextBoot:
    """What the boot list loads with one kernel.

    :param modprobe: the answers for the next boot, see :meth:`Modprobe.for_next_boot`.
    :param container: the Cause if the host of this container decides what its kernel loads, or None.
    :param unread_tree: the Cause if the modules tree could not be read, or None.
    """

    def __init__(
        self, boot: BootList, modprobe: Modprobe, container: Optional[Cause], unread_tree: Optional[Cause]
    ) -> None:
        self._boot = boot
        self._modprobe = modprobe
        self._container = container
        self._unread_tree = unread_tree
        self._loaded: Dict[str, _Loaded] = {}
        self._blocked: Dict[str, Cause] = {}
        self._load_lines()

    def _load_lines(self) -> None:
        loaded_with: Dict[str, _Loaded] = {}
        for line in self._boot.lines:
            targets, block = self._modprobe.lookup(line.name)
            if not targets:
                unknown = f"{self._modprobe.tree.path} has no such module; remove the line"
                self._block(line, line.name, block or Cause(Code.UNKNOWN_BOOT_ENTRY, unknown))
            for target in targets:
                block = self._modprobe.find_block(target.module)
                # modprobe without -b: kmod, libkmod-module.c, KMOD_PROBE_APPLY_BLACKLIST_ALIAS_ONLY.
                if target.by_alias or not line.ignores_blacklist:
                    block = self._modprobe.conf.find_blacklist(target.module) or block
                if block:
                    self._block(line, target.module, block)
                    self._block(line, line.name, block)
                    continue
                self._loaded.setdefault(target.module, _Loaded(line, None))
                for name in self._modprobe.list_loaded_with(target.module):
                    loaded_with.setdefault(name, _Loaded(line, target.module))
        for name, loaded in loaded_with.items():
            self._loaded.setdefault(name, loaded)

    def _block(self, line: BootLine, name: str, cause: Cause) -> None:
        self._blocked.setdefault(name, cause._replace(listed_in=line.where))

    def decide(self, name: str, state: str) -> BootAnswer:
        """Return (C(boot), cause) of a module; I(state) is its state with the kernel that boots."""
        if state == "builtin":
            return "not_applicable", None
        if state == "merged":
            return "not_applicable", self._blocked.get(name)
        if self._container:
            return "unknown", self._container
        if name in self._loaded:
            return self._decide_loaded(name)
        return self._decide_not_loaded(name)

    def _decide_loaded(self, name: str) -> BootAnswer:
        line, loaded_by = self._loaded[name]
        uncertainty = self._modprobe.find_uncertainty(name) or line.uncertainty
        if uncertainty:
            return "unknown", uncertainty
        if loaded_by:
            return "yes", Cause(Code.DEPENDENCY, f"loaded together with {loaded_by}", line.where)
        return "yes", None

    def _decide_not_loaded(self, name: str) -> BootAnswer:
        listed = next((line for line in self._boot.lines if line.name == name), None)
        if listed and self._unread_tree:
            return "unknown", self._unread_tree._replace(listed_in=listed.where)
        if name in self._blocked:
            return "ineffective", self._blocked[name]
        if self._boot.unreadable_path:
            text = "a file or directory that may list it is unreadable"
            return "unknown", Cause(Code.UNREADABLE, text, self._boot.unreadable_path)
        if name in self._boot.initramfs_names:
            text = "listed only in rd.modules-load=, which applies to the initramfs"
            return "unknown", Cause(Code.INITRAMFS_ONLY, text, COMMAND_LINE)
        return self._decide_unlisted(name)

    def _decide_unlisted(self, name: str) -> BootAnswer:
        for line in self._boot.ineffective_lines:
            if line.name == name and line.ineffective:
                is_masked = line.ineffective.code == Code.BOOT_FILE_MASKED
                return ("no" if is_masked else "ineffective"), line.ineffective
        return ("unknown", self._boot.doubt) if self._boot.doubt else ("no", None)
