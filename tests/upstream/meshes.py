# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the golden files of a release, and group them by the mesh whose rules they show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.nodeprep.istio.tests.upstream.checkout import Checkout, Tag, UpstreamError, parse_version
from ansible_collections.nodeprep.istio.tests.upstream.differences import Differences
from ansible_collections.nodeprep.istio.tests.upstream.goldens import (
    FOLDERS,
    GOLDENS,
    IPSET_FILE,
    SUFFIX,
    Folder,
    Goldens,
)
from ansible_collections.nodeprep.istio.tests.upstream.needs import Need, find_ipset_needs
from ansible_collections.nodeprep.istio.tests.upstream.rules import (
    IptablesRule,
    NftCommand,
    RuleError,
    read_iptables,
    read_nft,
)


@dataclass(frozen=True)
class Golden:
    """A golden file: what is known of it, and its rules. One of the two kinds of rules is empty."""

    name: str
    folder: Folder
    goldens: Goldens
    iptables_rules: tuple[IptablesRule, ...] = ()
    nft_commands: tuple[NftCommand, ...] = ()

    @property
    def options(self) -> Mapping[str, object]:
        """The options that select its mesh."""
        folder = self.folder
        return {"backend": folder.backend, "mode": folder.mode, **folder.options, **self.goldens.options}


@dataclass(frozen=True)
class Mesh:
    """A mesh of one release: the options that select it, its golden files, and what its ipsets need."""

    options: Mapping[str, object]
    goldens: tuple[Golden, ...]
    ipset_needs: frozenset[Need] = frozenset()


def read_meshes(checkout: Checkout, tag: Tag, differences: Differences) -> list[Mesh]:
    """Return the meshes that the golden files of a release show. Files that are new or cannot be read are differences.

    Raises UpstreamError if the checkout does not have the files.
    """
    goldens = []
    for folder in FOLDERS:
        if _is_in_range(tag, folder):
            goldens += _read_folder(checkout, tag, folder, differences)
    ipset_needs = find_ipset_needs(_read_file(checkout, tag, IPSET_FILE))
    pods: dict[str, list[Golden]] = {}
    for golden in goldens:
        if not golden.goldens.is_host:
            pods.setdefault(repr(sorted(golden.options.items())), []).append(golden)
    hosts = [golden for golden in goldens if golden.goldens.is_host]
    return [_build_mesh(members, hosts, ipset_needs) for members in pods.values()]


def _build_mesh(pods: list[Golden], hosts: list[Golden], ipset_needs: set[Need]) -> Mesh:
    """Return the mesh of some pods. The rules of the host that belong to it have a part of its options."""
    options = pods[0].options
    of_mesh = [golden for golden in hosts if golden.options.items() <= options.items()]
    return Mesh(options, (*pods, *of_mesh), frozenset(ipset_needs))


def _is_in_range(tag: Tag, known: Folder | Goldens) -> bool:
    is_old_enough = not known.until or tag.version < parse_version(known.until)
    return is_old_enough and tag.version >= parse_version(known.since)


def _read_folder(checkout: Checkout, tag: Tag, folder: Folder, differences: Differences) -> list[Golden]:
    files = checkout.list_files(tag, folder.path)
    names = {path[len(folder.path) + 1 : -len(SUFFIX)]: path for path in files if path.endswith(SUFFIX)}
    if not names:
        raise UpstreamError(
            f"{tag.name}: no file matches {folder.path}/*{SUFFIX}; "
            "if Istio has moved its golden files, change FOLDERS in tests/upstream/goldens.py"
        )
    found = []
    for name, path in names.items():
        goldens = _find_goldens(tag, folder, name)
        if goldens is None:
            differences.add(f"golden file {path} is new; add its mesh to GOLDENS in tests/upstream/goldens.py")
        elif not goldens.ignored:
            text = checkout.read_blob(tag, path, files[path])
            try:
                found.append(_parse_golden(name, folder, goldens, text))
            except RuleError as exc:
                differences.add(f"golden file {path}: {exc}; teach tests/upstream/rules.py its form")
    return found


def _find_goldens(tag: Tag, folder: Folder, name: str) -> Goldens | None:
    for goldens in GOLDENS:
        if goldens.mode == folder.mode and name in goldens.names and _is_in_range(tag, goldens):
            return goldens
    return None


def _parse_golden(name: str, folder: Folder, goldens: Goldens, text: str) -> Golden:
    if folder.backend == "nftables":
        return Golden(name, folder, goldens, nft_commands=tuple(read_nft(text)))
    return Golden(name, folder, goldens, iptables_rules=tuple(read_iptables(text)))


def _read_file(checkout: Checkout, tag: Tag, path: str) -> str:
    files = checkout.list_files(tag, path)
    if path not in files:
        raise UpstreamError(f"{tag.name}: no file {path}; if Istio has moved it, change tests/upstream/goldens.py")
    return checkout.read_blob(tag, path, files[path])
