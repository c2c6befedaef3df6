# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Istio's releases: how they differ in what they need of a node. Read from istio/istio's release branches."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError

OLDEST = "1.25"
NEWEST = "1.31"

VersionKey = tuple[int, int, int]

_VERSION = re.compile(r"^v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?:[-+.][0-9A-Za-z.+-]*)?$")
# YAML reads 1.30 without quotes as the number 1.3. There has been no Istio 1.1 to 1.9 for years.
_LOST_ZERO = re.compile(r"1\.[1-9]")
_NEWEST_PATCH = 10_000


@dataclass(frozen=True)
class Release:
    """A release of Istio: the requested version, the version whose rules are used, and a note if they differ.

    A version without a patch number means the newest patch of that minor release.
    """

    requested: str
    used: str
    note: str | None
    key: VersionKey

    @classmethod
    def from_version(cls, requested: Any) -> Release:
        """Return the release for a version such as "1.30" or "1.30.3". Raises InvalidInputError if it is not one."""
        if not isinstance(requested, str):
            raise InvalidInputError(
                f"istio_version: {requested!r} is not a string; quote the version, as in '1.30', "
                "since YAML reads 1.30 without quotes as the number 1.3"
            )
        key = _parse_version(requested)
        if key is None:
            raise InvalidInputError(
                f"istio_version: invalid version {requested!r}; give a version such as 1.30 or 1.30.3"
            )
        if _LOST_ZERO.fullmatch(requested):
            raise InvalidInputError(
                f"istio_version: {requested!r} is probably {requested}0 without quotes; "
                f"quote the version, as in '{requested}0'"
            )
        if key[:2] > _newest_patch_of(NEWEST)[:2]:
            return cls._replaced_by(NEWEST, requested, key, "newer than the newest")
        if key[:2] < _newest_patch_of(OLDEST)[:2]:
            return cls._replaced_by(OLDEST, requested, key, "older than the oldest")
        return cls(requested, requested, None, key)

    @classmethod
    def _replaced_by(cls, used: str, requested: str, key: VersionKey, comparison: str) -> Release:
        note = f"Istio {key[0]}.{key[1]} is {comparison} release known to this collection: assessed as {used}"
        return cls(requested, used, note, _newest_patch_of(used))

    def is_at_least(self, version: str) -> bool:
        """Return whether this is the version ("1.27.2") or a newer one."""
        return self.key >= tuple(int(part) for part in version.split("."))

    @property
    def probe_table(self) -> Literal["filter", "nat"] | None:
        """Table of the rule by which Istio tests an iptables binary, or None if the release does not test it.

        Source: tools/istio-iptables/pkg/dependencies.
        """
        if not self.is_at_least("1.25.4"):
            return None
        return "nat" if self.is_at_least("1.27.1") else "filter"

    @property
    def probe_has_comment(self) -> bool:
        """Whether that rule has "-m comment": 1.25.4 and 1.25.5, 1.26.0 to 1.26.6, 1.27.0 to 1.27.2."""
        first_without = {25: "1.26.0", 26: "1.26.7"}.get(self.key[1], "1.27.3")
        return self.probe_table is not None and not self.is_at_least(first_without)

    @property
    def needs_ipv6_probe(self) -> bool:
        """Whether the test for IPv6 must succeed even if IPv6 is off (istio/istio#57200)."""
        return not self.is_at_least("1.27.2")

    @property
    def plain_variant(self) -> Literal["legacy", "nft"]:
        """Variant of the command "iptables" without a suffix in Istio's images (istio/istio#59193)."""
        return "nft" if self.is_at_least("1.31.0") else "legacy"

    @property
    def reconciles(self) -> bool:
        """Default of cni.ambient.reconcileIptablesOnStartup."""
        return self.is_at_least("1.29.0")

    @property
    def image_has_new_nft(self) -> bool:
        """Whether the image may contain nft 1.1.2 or newer.

        1.28.3 pinned nft 1.1.1; the release branches removed the pin in August 2026.
        """
        if not self.is_at_least("1.28.0"):
            return False
        is_pinned = self.is_at_least("1.28.3") and not self.is_at_least("1.29.0")
        return not is_pinned


def _parse_version(version: str) -> VersionKey | None:
    match = _VERSION.match(version)
    if match is None:
        return None
    major, minor, patch = match.groups()
    if patch is None:
        return _newest_patch_of(f"{major}.{minor}")
    return int(major), int(minor), int(patch)


def _newest_patch_of(release: str) -> VersionKey:
    major, minor = release.split(".")
    return int(major), int(minor), _NEWEST_PATCH
