# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The menus of boot loaders, read from their own files: which kernels they know, and which one boots by default.

Only what these files say counts as known. A default that depends on a condition, or on a file that names no release, is
None.
"""

import fnmatch
import re
from typing import Callable, Dict, FrozenSet, List, Match, NamedTuple, Optional, Sequence, Set, Tuple

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.modules_tree import MODULES_DIRECTORIES

GRUB_DIRECTORIES = ("/boot/grub2", "/boot/grub")
BLS_ENTRIES = "/boot/loader/entries"
# The partitions where systemd-boot looks (loader.conf(5), bootctl(1)).
EFI_PARTITIONS = ("/efi", "/boot/efi", "/boot")
EXTLINUX_CONFIGS = ("/boot/extlinux/extlinux.conf", "/boot/extlinux.conf", "/extlinux/extlinux.conf")
# Set by bootctl set-oneshot and set-default (systemd: src/boot/boot.c).
EFI_DEFAULTS = tuple(
    f"/sys/firmware/efi/efivars/{name}-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
    for name in ("LoaderEntryOneShot", "LoaderEntryDefault")
)
# The attributes before the value of an EFI variable (Documentation/filesystems/efivarfs.rst).
_EFI_ATTRIBUTES = 4

_IMAGE = re.compile(r"^(?:vmlinu[xz]|(?:bz|z)?Image|kernel|linux)-(.+?)(?:\.(?:gz|efi))?$")
# NixOS copies images as HASH-linux-RELEASE-bzImage, and names the release in a sentence (nixpkgs:
# systemd-boot-builder.py, install-grub.pl).
_STORE_IMAGE = re.compile(r"-linux-(\d+\.\d\S*?)-(?:bz|z)?Image(?:\.efi)?$")
_STORE_VERSION = re.compile(r"\bLinux Kernel (\d+\.\d[^\s,)]*)")
# A rescue kernel of RHEL is "0-rescue-MACHINE".
_RELEASE = re.compile(r"\d+\.\d\S*$")
_GRUB_VARIABLE = re.compile(r"^(next_entry|saved_entry)=(.*\S)\s*$", re.MULTILINE)
_GRUB_DEFAULT = re.compile(r"^\s*set\s+default=[\"']?([^\"'\n]*?)[\"']?\s*$", re.MULTILINE)
_GRUB_ITEM = re.compile(r"^\s*(menuentry|submenu)\s+(?:'([^']*)'|\"([^\"]*)\"|(\S+))(.*)$")
_GRUB_ID = re.compile(r"(?:--id|\$\{?menuentry_id_option\}?)[\s=]+(?:'([^']*)'|\"([^\"]*)\"|(\S+))")
_GRUB_LINUX = re.compile(r"^\s*linux(?:16|efi)?\s+(\S+)")
_BLS_LINE = re.compile(r"^(title|version|linux|efi)\s+(.*\S)\s*$", re.MULTILINE)
_BOOT_COUNT = re.compile(r"\+\d+(?:-\d+)?$")
_LOADER_DEFAULT = re.compile(r"^default\s+(.*\S)\s*$", re.MULTILINE)
_EXTLINUX_LINE = re.compile(r"^\s*(default|label|linux|kernel|fit)\s+(\S+)", re.MULTILINE | re.IGNORECASE)


class LoaderMenu(NamedTuple):
    """What the files of one boot loader say.

    :ivar source: the file with the default entry, in words.
    :ivar release: the release of the default entry's kernel, or None if the files do not say it.
    :ivar releases: the releases of all its entries.
    """

    source: str
    release: Optional[str]
    releases: FrozenSet[str]


class _Entry(NamedTuple):
    """An entry of a menu; I(children) are those of a submenu."""

    ids: Tuple[str, ...]
    release: Optional[str]
    children: Optional[List["_Entry"]] = None


def read_menus(files: Files, installed: Sequence[str]) -> List[LoaderMenu]:
    """Return the menus of all boot loaders whose files are here.

    :param installed: the releases of the kernels that have a modules tree.
    """
    readers: Tuple[Callable[[Files, "_Images"], Optional[LoaderMenu]], ...] = (
        _read_grub,
        _read_systemd_boot,
        _read_extlinux,
    )
    images = _Images(files, installed)
    return [menu for menu in (reader(files, images) for reader in readers) if menu is not None]


def list_images(files: Files) -> Set[str]:
    """Return the releases of the kernel images in /boot whose name has the release."""
    releases = set()
    for name in files.listdir("/boot"):
        release = find_release_in_name(name)
        if release and not files.read_link("/boot/" + name):
            releases.add(release)
    return releases


def find_release_in_name(path: str) -> Optional[str]:
    """Return the release in the name of a kernel image, such as "/boot/vmlinuz-6.1.0-42-amd64", or None."""
    name = path.rpartition("/")[2]
    match = _STORE_IMAGE.search(name) or _IMAGE.match(name)
    return match.group(1) if match and _RELEASE.match(match.group(1)) else None


class _Images:
    """Finds the release of a kernel image that a menu names."""

    def __init__(self, files: Files, installed: Sequence[str]) -> None:
        self._files = files
        self._installed = installed

    def find_release(self, path: str) -> Optional[str]:
        """Return the release of a kernel image, or None if its path does not show it.

        Its name has the release, or it is a link to such an image, or its directory is the release (kernel-install(8)),
        or its name has the flavour of exactly one installed kernel: that of its package in Arch Linux
        ("vmlinuz-linux"), or the end of the release in Alpine ("vmlinuz-lts").
        """
        release = find_release_in_name(path)
        if release:
            return release
        for prefix in ("", "/boot", "/boot/"):
            release = find_release_in_name(self._files.read_link(prefix + path) or "")
            if release:
                return release
        directory, _slash, name = path.rpartition("/")
        folder = directory.rpartition("/")[2]
        if _RELEASE.match(folder):
            return folder
        match = _IMAGE.match(name)
        return self._find_by_flavour(match.group(1)) if match else None

    def _find_by_flavour(self, flavour: str) -> Optional[str]:
        found = [release for release in self._installed if release.endswith("-" + flavour)]
        if not found:
            found = [release for release in self._installed if self._read_package(release) == flavour]
        return found[0] if len(found) == 1 else None

    def _read_package(self, release: str) -> Optional[str]:
        """Return the package of a kernel in Arch Linux, which its modules tree names."""
        for parent in MODULES_DIRECTORIES:
            text = self._files.read(f"{parent}/{release}/pkgbase")
            if text:
                return text.strip()
        return None

    def match_unified_image(self, name: str) -> Optional[str]:
        """Return the release of a unified kernel image, which is the end of its name (kernel-install(8))."""
        stem = _BOOT_COUNT.sub("", name[: -len(".efi")])
        found = [release for release in self._installed if stem == release or stem.endswith("-" + release)]
        return max(found, key=len) if found else None


def _read_grub(files: Files, images: _Images) -> Optional[LoaderMenu]:
    """Return GRUB's menu: grub.cfg, the entries that its command blscfg reads, and the variables that it saves.

    Without a readable grub.cfg (on EFI systems of RHEL 8 it is in the EFI partition) the default is the saved entry.
    """
    for directory in GRUB_DIRECTORIES:
        path = directory + "/grub.cfg"
        config = files.read(path)
        variables: Dict[str, str] = dict(_GRUB_VARIABLE.findall(files.read(directory + "/grubenv") or ""))
        if config is None and not variables:
            continue
        has_bls = config is None or re.search(r"^\s*blscfg\b", config, re.MULTILINE)
        entries = _parse_grub_menu(config or "", images)
        if has_bls:
            entries += _read_bls_entries(files, BLS_ENTRIES, images)
        value, source = _find_grub_default(directory, config, variables)
        release = None
        if value is not None and path not in files.unreadable:
            release = _choose_grub_entry(entries, value, is_ordered=not has_bls)
        return LoaderMenu(source, release, frozenset(_list_releases(entries)))
    releases = _list_releases(_read_bls_entries(files, BLS_ENTRIES, images))
    return LoaderMenu(BLS_ENTRIES, None, frozenset(releases)) if releases else None


def _find_grub_default(directory: str, config: Optional[str], variables: Dict[str, str]) -> Tuple[Optional[str], str]:
    """Return the default entry, None if it depends on more than these files, and the file that has it."""
    saved = f"saved_entry in {directory}/grubenv"
    if variables.get("next_entry"):
        return variables["next_entry"], f"next_entry in {directory}/grubenv"
    if config is None:
        return variables.get("saved_entry"), saved
    values = {value for value in _GRUB_DEFAULT.findall(config) if "next_entry" not in value}
    if any("saved_entry" in value for value in values):
        return variables.get("saved_entry"), saved
    # GRUB starts the first entry if there is no default.
    return (values.pop() if len(values) == 1 else None if values else "0"), f"default entry in {directory}/grub.cfg"


def _parse_grub_menu(config: str, images: _Images) -> List[_Entry]:
    """Return the entries of grub.cfg."""
    menu: List[_Entry] = []
    # For each open brace the list that entries within it belong to, and the entry that it belongs to.
    stack: List[Tuple[List[_Entry], bool]] = []
    current = menu
    for line in config.splitlines():
        item = _GRUB_ITEM.match(line)
        if item:
            entry = _make_grub_entry(item, line)
            current.append(entry)
        linux = _GRUB_LINUX.match(line)
        if linux and stack and stack[-1][1] and current[-1].release is None:
            current[-1] = current[-1]._replace(release=images.find_release(linux.group(1)))
        if line.rstrip().endswith("{"):
            stack.append((current, bool(item) and item is not None and item.group(1) == "menuentry"))
            if item and current[-1].children is not None:
                current = current[-1].children
        elif line.strip() == "}" and stack:
            current = stack.pop()[0]
    return menu


def _make_grub_entry(item: Match[str], line: str) -> _Entry:
    title = item.group(2) or item.group(3) or item.group(4) or ""
    found = _GRUB_ID.search(line)
    name = next((group for group in found.groups() if group), None) if found else None
    return _Entry(tuple(one for one in (title, name) if one), None, [] if item.group(1) == "submenu" else None)


def _choose_grub_entry(entries: List[_Entry], value: str, is_ordered: bool) -> Optional[str]:
    """Return the release of the entry that a default names: a number, a title, an ID, or a path of these with ">".

    :param is_ordered: whether the entries are in the order of the menu.
    """
    chosen: Optional[_Entry] = None
    for part in value.split(">"):
        if chosen is not None:
            entries = chosen.children or []
        if part.isdigit():
            chosen = entries[int(part)] if is_ordered and int(part) < len(entries) else None
        else:
            chosen = next((entry for entry in entries if part in entry.ids), None)
        if chosen is None:
            return None
    return chosen.release if chosen else None


def _list_releases(entries: Sequence[_Entry]) -> List[str]:
    releases = []
    # Not recursive: a file may nest more submenus than Python allows calls.
    pending = list(entries)
    while pending:
        entry = pending.pop()
        if entry.release:
            releases.append(entry.release)
        pending += entry.children or []
    return releases


def _read_bls_entries(files: Files, directory: str, images: _Images) -> List[_Entry]:
    """Return the entries of the Boot Loader Specification in a directory."""
    entries = []
    for name in files.listdir(directory):
        if not name.endswith(".conf"):
            continue
        fields: Dict[str, str] = dict(_BLS_LINE.findall(files.read(f"{directory}/{name}") or ""))
        version = fields.get("version", "")
        sentence = _STORE_VERSION.search(version)
        release: Optional[str] = sentence.group(1) if sentence else version
        if not release or not _RELEASE.match(release):
            release = images.find_release(fields.get("linux", fields.get("efi", "")))
        stem = _BOOT_COUNT.sub("", name[: -len(".conf")])
        ids = (stem, stem + ".conf", fields.get("title", stem))
        entries.append(_Entry(ids, release))
    return entries


def _read_systemd_boot(files: Files, images: _Images) -> Optional[LoaderMenu]:
    """Return the menu of systemd-boot: loader.conf, the entries, the unified images, and its EFI variables."""
    for partition in EFI_PARTITIONS:
        path = partition + "/loader/loader.conf"
        config = files.read(path)
        if config is None:
            continue
        entries = _read_bls_entries(files, partition + "/loader/entries", images)
        if partition != "/boot":
            # The extended boot partition.
            entries += _read_bls_entries(files, BLS_ENTRIES, images)
        for name in files.listdir(partition + "/EFI/Linux"):
            if name.endswith(".efi"):
                stem = _BOOT_COUNT.sub("", name[: -len(".efi")])
                entries.append(_Entry((name, stem, stem + ".efi"), images.match_unified_image(name)))
        pattern, source = _find_systemd_boot_default(files, path, config)
        releases = frozenset(_list_releases(entries))
        return LoaderMenu(source, _match_entry(entries, pattern), releases)
    return None


def _find_systemd_boot_default(files: Files, path: str, config: str) -> Tuple[Optional[str], str]:
    """Return the pattern of the default entry, or None, and what has it."""
    for variable in EFI_DEFAULTS:
        content = files.read_bytes(variable)
        if content is not None:
            text = content[_EFI_ATTRIBUTES:].decode("utf-16-le", "replace").rstrip("\0")
            return text, "EFI variable " + variable.rpartition("/")[2].partition("-")[0]
    found = _LOADER_DEFAULT.search(config)
    return found.group(1) if found else None, f"default in {path}"


def _match_entry(entries: Sequence[_Entry], pattern: Optional[str]) -> Optional[str]:
    """Return the release if all entries that match the pattern have the same one."""
    if pattern is None or pattern.startswith("@"):
        return None
    found = {entry.release for entry in entries if any(fnmatch.fnmatchcase(one, pattern) for one in entry.ids)}
    return found.pop() if len(found) == 1 else None


def _read_extlinux(files: Files, images: _Images) -> Optional[LoaderMenu]:
    """Return the menu of extlinux.conf, which extlinux and U-Boot read (U-Boot: doc/README.pxe)."""
    for path in EXTLINUX_CONFIGS:
        config = files.read(path)
        if config is None:
            continue
        default: Optional[str] = None
        by_label: Dict[str, Optional[str]] = {}
        label: Optional[str] = None
        for key, value in _EXTLINUX_LINE.findall(config):
            if key.lower() == "default":
                default = value
            elif key.lower() == "label":
                label = value
                by_label[value] = None
            elif label is not None:
                by_label[label] = images.find_release(value)
        if default is None and len(by_label) == 1:
            default = label
        releases = frozenset(release for release in by_label.values() if release)
        return LoaderMenu(f"default label in {path}", by_label.get(default or ""), releases)
    return None
