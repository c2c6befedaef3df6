# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kernels are installed, and which of them boots next."""

import re
from typing import List, NamedTuple, Optional, Pattern, Sequence, Tuple

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.modules_tree import MODULES_DIRECTORIES

LOADER_ENTRIES = "/boot/loader/entries"
GRUB_ENVIRONMENTS = ("/boot/grub2/grubenv", "/boot/grub/grubenv")
KERNEL_LINKS = ("/vmlinuz", "/boot/vmlinuz")
# Any of these makes a directory a modules tree.
_TREE_FILES = ("modules.dep", "modules.order", "modules.builtin", "kernel")

_SAVED_ENTRY = re.compile(r"^saved_entry=(\S+)$", re.MULTILINE)
_ENTRY_VERSION = re.compile(r"^version\s+(\S+)\s*$", re.MULTILINE)
_KERNEL_IMAGE = re.compile(r"(?:^|/)vmlinu[xz]-([^/]+)$")
_VERSION_PART = re.compile(r"[0-9]{1,18}|[A-Za-z]+")


class NextKernel(NamedTuple):
    """The kernel that boots next.

    :ivar source: its evidence, in words.
    :ivar certain: whether that is certain; otherwise it is a guess.
    """

    release: str
    source: str
    certain: bool


def list_installed(files: Files) -> List[str]:
    """Return the releases of the kernels that have a modules tree, the lowest first."""
    releases = set()
    for parent in MODULES_DIRECTORIES:
        for release in files.listdir(parent):
            if any(files.exists(f"{parent}/{release}/{name}") for name in _TREE_FILES):
                releases.add(release)
    return sorted(releases, key=make_version_key)


def read_next_kernel(files: Files, releases: Sequence[str]) -> Optional[NextKernel]:
    """Return the kernel that boots next, or None if that cannot be determined.

    The boot loader's own records come first: the entry that GRUB saved as the default (Fedora, RHEL), then the link
    that the distribution keeps for the kernel that it boots (Debian, Ubuntu, SUSE). Without either, the highest version
    is a guess.

    :param releases: what :func:`list_installed` returned.
    """
    return _read_saved_entry(files) or _read_kernel_link(files) or _guess_next_kernel(files, releases)


def _read_saved_entry(files: Files) -> Optional[NextKernel]:
    for path in GRUB_ENVIRONMENTS:
        saved = _search(_SAVED_ENTRY, files.read(path))
        if saved is None or "/" in saved:
            continue
        release = _search(_ENTRY_VERSION, files.read(f"{LOADER_ENTRIES}/{saved}.conf"))
        if release:
            return NextKernel(release, f"saved_entry in {path}", True)
    return None


def _read_kernel_link(files: Files) -> Optional[NextKernel]:
    for path in KERNEL_LINKS:
        release = _search(_KERNEL_IMAGE, files.read_link(path))
        if release:
            return NextKernel(release, f"link {path}", True)
    return None


def _guess_next_kernel(files: Files, releases: Sequence[str]) -> Optional[NextKernel]:
    versions = []
    for name in files.listdir(LOADER_ENTRIES):
        if name.endswith(".conf"):
            versions.append(_search(_ENTRY_VERSION, files.read(f"{LOADER_ENTRIES}/{name}")))
    known = [version for version in versions if version]
    if known:
        return NextKernel(sorted(known, key=make_version_key)[-1], f"highest version in {LOADER_ENTRIES}", False)
    if releases:
        return NextKernel(releases[-1], "highest version of the modules trees", False)
    return None


def _search(pattern: Pattern[str], text: Optional[str]) -> Optional[str]:
    match = pattern.search(text or "")
    return match.group(1) if match else None


def make_version_key(release: str) -> List[Tuple[int, int, str]]:
    """Return a sort key of a release that compares numbers as numbers: 6.1.0-9 comes before 6.1.0-10."""
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in _VERSION_PART.findall(release)]
