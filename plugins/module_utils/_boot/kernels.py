# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kernels are installed, and which of them boots next."""

import re
from typing import Iterable, List, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.nodeprep.istio.plugins.module_utils._boot import boot_loaders
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.modules_tree import MODULES_DIRECTORIES

KERNEL_LINKS = ("/vmlinuz", "/boot/vmlinuz")
# Any of these makes a directory a modules tree.
_TREE_FILES = ("modules.dep", "modules.order", "modules.builtin", "kernel")

_VERSION_PART = re.compile(r"[0-9]{1,18}|[A-Za-z]+")
_WORD = re.compile(r"[A-Za-z0-9]+")
# A distribution's release, a build or a commit within a kernel's release: neither distinguishes flavours.
_BUILD = re.compile(r"(?:el|fc|deb|bpo|amzn|azl|cm|arch|rc)(?:(?=\d)\d+|$)|g[0-9a-f]{7,40}$")


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


def read_next_kernel(
    files: Files, releases: Sequence[str], running: Optional[str] = None, is_container: bool = False
) -> Optional[NextKernel]:
    """Return the kernel that boots next, or None if nothing shows it.

    It is certain if the files of the boot loader say so, and if that boot loader also knows the running kernel: a
    machine whose running kernel is in no menu and no image in /boot was booted by something else (a hypervisor, PXE,
    kexec, the firmware of a board), and what that boots next is not on this disk. It is certain as well if the only
    installed kernel is the running one. Otherwise it is a guess: the link that the distribution keeps (Debian, SUSE),
    or the highest version, of the running kernel's flavour if there is one.

    :param releases: what :func:`list_installed` returned.
    :param running: the running kernel's release; None for an image, in which no kernel runs.
    :param is_container: whether another system starts the kernel, so that no file here decides.
    """
    menus = boot_loaders.read_menus(files, releases)
    chosen = next((menu for menu in menus if menu.release), None)
    if chosen is not None and chosen.release:
        is_known = running is None or running in chosen.releases | boot_loaders.list_images(files)
        is_agreed = all(menu.release in (None, chosen.release) for menu in menus)
        return NextKernel(chosen.release, chosen.source, is_known and is_agreed and not is_container)
    on_disk = boot_loaders.list_images(files).union(releases)
    for menu in menus:
        on_disk.update(menu.releases)
    if running is not None and on_disk == {running}:
        return NextKernel(running, "the only installed kernel", not is_container)
    return _read_kernel_link(files, running is None) or _guess_next_kernel(on_disk, running)


def _read_kernel_link(files: Files, is_certain: bool) -> Optional[NextKernel]:
    """Return the kernel to which the distribution's link leads.

    :param is_certain: whether it counts as certain: in an image nothing else can have booted a kernel.
    """
    for path in KERNEL_LINKS:
        release = boot_loaders.find_release_in_name(files.read_link(path) or "")
        if release:
            return NextKernel(release, f"link {path}", is_certain)
    return None


def _guess_next_kernel(releases: Iterable[str], running: Optional[str]) -> Optional[NextKernel]:
    ordered = sort_by_likelihood(releases, running)
    if not ordered:
        return None
    text = "highest version"
    if running is not None and find_flavour(ordered[0]) == find_flavour(running):
        text += " of the running kernel's flavour"
    return NextKernel(ordered[0], text, False)


def sort_by_likelihood(releases: Iterable[str], running: Optional[str]) -> List[str]:
    """Return the releases, those of the running kernel's flavour first, and of these the highest version first."""
    ordered = sorted(releases, key=make_version_key, reverse=True)
    if running is None:
        return ordered
    flavour = find_flavour(running)
    return sorted(ordered, key=lambda release: find_flavour(release) != flavour)


def find_flavour(release: str) -> str:
    """Return what distinguishes kernels of the same version: "v7l", "cloud-amd64", "x86-rt", "uek-x86", or ""."""
    words = [_BUILD.sub("", word, 1) if _BUILD.match(word) else word for word in _WORD.findall(release)]
    return "-".join(word for word in words if word and not word.isdigit())


def make_version_key(release: str) -> List[Tuple[int, int, str]]:
    """Return a sort key of a release that compares numbers as numbers: 6.1.0-9 comes before 6.1.0-10."""
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in _VERSION_PART.findall(release)]
