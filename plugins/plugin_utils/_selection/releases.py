# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Istio's releases, as far as they differ in what they need of a node. Read from istio/istio's release branches."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInput

OLDEST = "1.25"
NEWEST = "1.31"

_VERSION = re.compile(r"^v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?:[-+.][0-9A-Za-z.+-]*)?$")
_NEWEST_PATCH = 10_000


@dataclass(frozen=True)
class Release:
    """A release of Istio: the version asked for, the one that is used in its place, and why they differ.

    A version without a patch number means the newest patch of that minor release.
    """

    asked: str
    used: str
    note: str | None
    key: tuple[int, int, int]

    @classmethod
    def of(cls, asked: Any) -> Release:
        """Return the release to judge by. Raises InvalidInput for what is no version."""
        if not isinstance(asked, str):
            raise InvalidInput(
                f"istio_version: {asked!r} is no text; quote the version, as in '1.30', since 1.30 without quotes is the number 1.3"
            )
        key = _key(asked)
        if key is None:
            raise InvalidInput(f"istio_version: {asked!r} is no version such as 1.30 or 1.30.3")
        if re.fullmatch(r"1\.[1-9]", asked):
            raise InvalidInput(
                f"istio_version: {asked!r} is what is left of {asked}0 without quotes; quote the version, as in '{asked}0'"
            )
        minor = f"{key[0]}.{key[1]}"
        if key[:2] > _known(NEWEST)[:2]:
            return cls(
                asked,
                NEWEST,
                f"Istio {minor} is newer than the newest release known here: judged as {NEWEST}",
                _known(NEWEST),
            )
        if key[:2] < _known(OLDEST)[:2]:
            return cls(
                asked,
                OLDEST,
                f"Istio {minor} is older than the oldest release known here: judged as {OLDEST}",
                _known(OLDEST),
            )
        return cls(asked, asked, None, key)

    def since(self, version: str) -> bool:
        """Whether this is the version ("1.27.2") or a newer one."""
        return self.key >= tuple(int(part) for part in version.split("."))

    @property
    def probe_table(self) -> Literal["filter", "nat"] | None:
        """Table of the rule by which Istio tries an iptables binary; None where it does not (tools/istio-iptables/pkg/dependencies)."""
        if not self.since("1.25.4"):
            return None
        return "nat" if self.since("1.27.1") else "filter"

    @property
    def probe_has_comment(self) -> bool:
        """Whether that rule carries "-m comment": 1.25.4 and 1.25.5, 1.26.0 to 1.26.6, 1.27.0 to 1.27.2."""
        gone = {25: "1.26.0", 26: "1.26.7"}.get(self.key[1], "1.27.3")
        return self.probe_table is not None and not self.since(gone)

    @property
    def needs_ipv6_probe(self) -> bool:
        """Whether the probe for IPv6 must work even where IPv6 is off (istio/istio#57200)."""
        return not self.since("1.27.2")

    @property
    def plain_variant(self) -> Literal["legacy", "nft"]:
        """What "iptables" without a suffix is in Istio's images (istio/istio#59193)."""
        return "nft" if self.since("1.31.0") else "legacy"

    @property
    def reconciles(self) -> bool:
        """Default of cni.ambient.reconcileIptablesOnStartup."""
        return self.since("1.29.0")

    @property
    def image_has_new_nft(self) -> bool:
        """Whether the image may bring nft 1.1.2 or newer: 1.28.3 pinned 1.1.1, the branches dropped the pin in August 2026."""
        return self.since("1.28.0") and not (self.since("1.28.3") and not self.since("1.29.0"))


def _key(version: str) -> tuple[int, int, int] | None:
    match = _VERSION.match(version)
    if match is None:
        return None
    major, minor, patch = match.groups()
    return int(major), int(minor), int(patch) if patch is not None else _NEWEST_PATCH


def _known(minor: str) -> tuple[int, int, int]:
    major, number = minor.split(".")
    return int(major), int(number), _NEWEST_PATCH
