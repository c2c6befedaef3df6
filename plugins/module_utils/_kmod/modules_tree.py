# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules tree of one kernel, /lib/modules/RELEASE, as depmod(8) indexed it."""

import re
from typing import Collection, Dict, List, Optional

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import canonicalize

# kmod is built for /lib/modules, or by some distributions for /usr/lib/modules; mostly one is a link to the other. That
# of NixOS is built for the first two here; the third is the system of the next boot (nixpkgs: pkgs/by-name/km/kmod,
# nixos/modules/system/boot/kernel.nix). Other systems have none of the three.
MODULES_DIRECTORIES = (
    "/run/booted-system/kernel-modules/lib/modules",
    "/run/current-system/kernel-modules/lib/modules",
    "/nix/var/nix/profiles/system/kernel-modules/lib/modules",
    "/lib/modules",
    "/usr/lib/modules",
)
_DEFAULT_DIRECTORY = "/lib/modules"

# The folders of a tree that hold the modules of KERNEL_OPTIONS. They are read only to find a file that depmod missed.
MODULE_FOLDERS = (
    "kernel/net/netfilter",
    "kernel/net/netfilter/ipset",
    "kernel/net/ipv4/netfilter",
    "kernel/net/ipv6/netfilter",
    "kernel/net/bridge",
    "extra",
    "updates",
    "updates/dkms",
    "weak-updates",
)

_MODULE_SUFFIXES = (".ko", ".ko.gz", ".ko.xz", ".ko.zst")

# Literal aliases only. Most lines are patterns of devices, and none of those matches a request for a netfilter module.
_ALIAS = re.compile(r"^alias ([^ *?\[\n]+) (\S+)$", re.MULTILINE)


class ModulesTree:
    """What the indexes of a tree say.

    :ivar release: the kernel's release.
    :ivar path: the tree's directory on the node.
    :ivar present: whether the directory is there.
    :ivar indexed: whether modprobe finds its index there.
    :ivar empty: whether the directory has neither modules nor a folder for them: their package was removed, or never
        installed.
    :ivar flat_directory: the directory above that has the modules itself, if there is no tree, or None. Neither depmod
        nor modprobe looks there, so that no module is found by its name.
    :ivar paths: dict of module name to its file, relative to the tree.
    :ivar builtin: dict of module name to its path in modules.builtin.
    :ivar aliases: dict of each wanted alias to the names of its modules.
    """

    def __init__(self, files: Files, release: str) -> None:
        self.release = release
        self.path = find_directory(files, release)
        self.present = files.is_dir(self.path)
        self.indexed = False
        self.empty = False
        self.flat_directory: Optional[str] = None
        self.paths: Dict[str, str] = {}
        self.builtin: Dict[str, str] = {}
        self.aliases: Dict[str, List[str]] = {}
        self._files = files
        self._dependencies: Dict[str, str] = {}
        self._module_files: Optional[Dict[str, str]] = None

    def list_dependencies(self, name: str) -> List[str]:
        """Return the names of all modules that modprobe loads before this one, as modules.dep lists them."""
        return [parse_module_name(path) for path in self._dependencies.get(name, "").split()]

    def find_file(self, name: str) -> Optional[str]:
        """Return the module's file on the node, or None if the index does not list the name."""
        return f"{self.path}/{self.paths[name]}" if name in self.paths else None

    def find_unindexed_file(self, name: str) -> Optional[str]:
        """Return the module's file on the node if the index does not list it, or None."""
        if name in self.paths or not self.present:
            return None
        if self._module_files is None:
            self._module_files = self._find_module_files()
        return self._module_files.get(name)

    def _find_module_files(self) -> Dict[str, str]:
        found: Dict[str, str] = {}
        for folder in MODULE_FOLDERS:
            for entry in self._files.listdir(f"{self.path}/{folder}"):
                if ".ko" in entry:
                    found.setdefault(parse_module_name(entry), f"{self.path}/{folder}/{entry}")
        return found

    def read_builtin(self) -> None:
        """Read modules.builtin: one path for each line."""
        for line in (self._files.read(self.path + "/modules.builtin") or "").split("\n"):
            if line:
                self.builtin[parse_module_name(line)] = line

    def read_index(self) -> None:
        """Read modules.dep: for each line a module's path, a colon, and the paths of its dependencies."""
        text = self._files.read(self.path + "/modules.dep")
        if text is None:
            return
        # kmod reads only the binary index, busybox only the text.
        has_binary_index = self._files.exists(self.path + "/modules.dep.bin") is not False
        self.indexed = has_binary_index or _has_busybox_modprobe(self._files)
        if not self.indexed:
            return
        for line in text.split("\n"):
            path, colon, dependencies = line.partition(":")
            if colon:
                name = parse_module_name(path)
                self.paths[name] = path
                self._dependencies[name] = dependencies

    def read_aliases(self, wanted: Collection[str]) -> None:
        """Read the aliases of loadable modules, modules.alias, and of built-in ones, modules.builtin.modinfo."""
        for alias, name in _ALIAS.findall(self._files.read(self.path + "/modules.alias") or ""):
            if canonicalize(alias) in wanted:
                self.aliases.setdefault(canonicalize(alias), []).append(canonicalize(name))
        for entry in (self._files.read(self.path + "/modules.builtin.modinfo") or "").split("\0"):
            key, _equals, alias = entry.partition("=")
            if key.endswith(".alias") and canonicalize(alias) in wanted:
                name = canonicalize(key[: -len(".alias")])
                self.builtin.setdefault(name, "modules.builtin.modinfo")
                self.aliases.setdefault(canonicalize(alias), []).append(name)


def parse_module_name(path: str) -> str:
    """Return the name of the module in a .ko file: "kernel/net/xt-foo.ko.xz" is "xt_foo"."""
    base = path.rsplit("/", 1)[-1]
    return canonicalize(base.split(".ko", 1)[0])


def find_directory(files: Files, release: str) -> str:
    """Return the tree's directory on the node."""
    paths = [f"{parent}/{release}" for parent in MODULES_DIRECTORIES]
    return next((path for path in paths if files.is_dir(path)), f"{_DEFAULT_DIRECTORY}/{release}")


def read_tree(files: Files, release: str, wanted: Collection[str]) -> ModulesTree:
    """Read the tree of kernel I(release).

    :param wanted: canonical names; the other aliases, which are many, are dropped.
    """
    tree = ModulesTree(files, release)
    if not tree.present:
        tree.flat_directory = _DEFAULT_DIRECTORY if _has_modules(files, _DEFAULT_DIRECTORY) else None
        return tree
    has_folder = any(files.is_dir(f"{tree.path}/{folder}") for folder in ("kernel", "extra", "updates"))
    tree.empty = not has_folder and not _has_modules(files, tree.path)
    tree.read_builtin()
    tree.read_index()
    tree.read_aliases(wanted)
    return tree


def _has_modules(files: Files, directory: str) -> bool:
    """Return whether modules lie directly in a directory."""
    return any(name.endswith(_MODULE_SUFFIXES) for name in files.listdir(directory))


def _has_busybox_modprobe(files: Files) -> bool:
    return any((files.read_link(path) or "").endswith("busybox") for path in ("/sbin/modprobe", "/usr/sbin/modprobe"))
