# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Istio's releases: how they differ in what they need of a node. Read from istio/istio's release branches."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError

OLDEST = "1.22"
NEWEST = "1.32"

VersionKey = tuple[int, int, int]

_VERSION = re.compile(r"^v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?:[-+.][0-9A-Za-z.+-]*)?$")
# YAML reads 1.30 without quotes as the number 1.3. There has been no Istio 1.1 to 1.9 for years.
_LOST_ZERO = re.compile(r"1\.[1-9]")
_NEWEST_PATCH = 10_000

Variant = Literal["legacy", "nft"]

# A change that several branches got, each in a patch release: the first one of each minor release. Newer minor releases
# have it from their first patch on.
Gate = Mapping[tuple[int, int], int]
# istio/istio#61024, which fixes #61020: release notes of 1.30.5 and 1.31.1; #61761 is on the branch of 1.29.
RULES_DECIDE: Gate = {(1, 29): 8, (1, 30): 5, (1, 31): 1}
# istio/istio#61224 removed the pin of nft 1.1.1 in docker/iptables.yaml, which 1.28.3 had introduced.
NFT_UNPINNED: Gate = {(1, 29): 7, (1, 30): 4, (1, 31): 0}

# The first release in which the CNI agent recognizes a process as the kubelet, by the name of the process
# (cni/pkg/nftables/kubeletuid_linux.go). A name that is not here is never recognized.
KUBELET_SINCE: Mapping[str, str] = {"kubelet": "1.28.0", "kubelite": "1.29.0", "k3s": "1.32.0"}


# The versions in this file are few, and each assessment compares them with its release many times.
@lru_cache(maxsize=256)
def _split_version(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


@dataclass(frozen=True)
class Release:
    """A release of Istio: the requested version, the version whose rules are used, and a note if they differ.

    A version without a patch number means the newest patch of that minor release. ``is_too_old`` is whether the
    requested version is older than the oldest known one, whose rules say little about it.
    """

    requested: str
    used: str
    note: str | None
    key: VersionKey
    is_too_old: bool = False

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
            return cls._replaced_by(OLDEST, requested, key, "older than the oldest", is_too_old=True)
        return cls(requested, requested, None, key)

    @classmethod
    def _replaced_by(
        cls, used: str, requested: str, key: VersionKey, comparison: str, is_too_old: bool = False
    ) -> Release:
        note = f"Istio {key[0]}.{key[1]} is {comparison} release known to this collection: assessed as {used}"
        if is_too_old:
            note += ", and the verdict is never better than unknown"
        return cls(requested, used, note, _newest_patch_of(used), is_too_old)

    def is_at_least(self, version: str) -> bool:
        """Return whether this is the version ("1.27.2") or a newer one."""
        return self.key >= _split_version(version)

    def _has_passed(self, gate: Gate) -> bool:
        """Return whether this release has a change that several branches got."""
        minor, patch = self.key[:2], self.key[2]
        if minor in gate:
            return patch >= gate[minor]
        return minor > max(gate)

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
    def rules_decide(self) -> bool:
        """Whether only rules of iptables-legacy make Istio pick legacy, and an existing table without rules does not.

        Source: tools/istio-iptables/pkg/dependencies/implementation_linux.go; only lines with -A or -I are rules.
        """
        return self._has_passed(RULES_DECIDE)

    @property
    def plain_variant(self) -> Variant:
        """Variant of the command "iptables" in the default images (docker/Dockerfile.base, istio/istio#59193).

        The distroless images, which the profile "ambient" uses, have iptables-legacy under that name in each release.
        """
        return "nft" if self.is_at_least("1.31.0") else "legacy"

    @property
    def has_old_iptables(self) -> bool:
        """Whether the images contain iptables 1.8.7 or older (docker/Dockerfile.base: Ubuntu 22.04)."""
        return not self.is_at_least("1.23.0")

    @property
    def reads_forced_binary(self) -> bool:
        """Whether istio-iptables and the CNI agent read FORCE_IPTABLES_BINARY (tools/common/config/config.go)."""
        return self.is_at_least("1.28.0")

    @property
    def reconciles(self) -> bool:
        """Default of cni.ambient.reconcileIptablesOnStartup. compatibilityVersion 1.28 and older sets it to false."""
        return self.is_at_least("1.29.0")

    @property
    def captures_ambient_dns(self) -> bool:
        """Default of cni.ambient.dnsCapture (manifests/charts/istio-cni/values.yaml)."""
        return self.is_at_least("1.25.0")

    @property
    def has_ambient_ipv6(self) -> bool:
        """Whether ambient mode has IPv6 rules and the value cni.ambient.ipv6: 1.22 has neither."""
        return self.is_at_least("1.23.0")

    @property
    def ambient_uses_tproxy(self) -> bool:
        """Whether ambient mode redirects by TPROXY by default (cni/pkg/cmd/root.go, cni/pkg/iptables/iptables.go)."""
        return not self.is_at_least("1.24.0")

    @property
    def ambient_dns_uses_zones(self) -> bool:
        """Whether the DNS capture of ambient mode separates connections by conntrack zones, in table raw."""
        return self.is_at_least("1.24.0")

    @property
    def excludes_udp_ports(self) -> bool:
        """Whether sidecars exclude outbound ports for UDP as well as TCP (tools/istio-iptables/pkg/capture/run.go)."""
        return self.is_at_least("1.25.0")

    @property
    def native_rules_have_counters(self) -> bool:
        """Whether each native nftables rule has a counter (tools/istio-nftables, cni/pkg/nftables)."""
        return self.is_at_least("1.28.0")

    @property
    def ignores_ambient_ipv6(self) -> bool:
        """Whether native nftables rules of ambient mode use the IPv6 set even if it is not created.

        Only 1.28.0 does (istio/istio#58249): CreateHostRulesForHealthChecks in cni/pkg/nftables/nftables.go.
        """
        return self.key == (1, 28, 0)

    @property
    def detects_old_ipsets(self) -> bool:
        """Whether the CNI agent keeps to iptables if Istio's ipset exists (nodeagent/detect_artifacts_linux.go)."""
        return self.is_at_least("1.28.2")

    @property
    def image_has_new_nft(self) -> bool:
        """Whether the image may contain nft 1.1.2 or newer: 1.28.0 to 1.28.2, and again since August 2026."""
        if self.is_at_least("1.28.0") and not self.is_at_least("1.28.3"):
            return True
        return self._has_passed(NFT_UNPINNED)

    @property
    def enters_user_namespaces(self) -> bool:
        """Whether the CNI plugin runs nsenter to write the rules of a pod with a user namespace (istio/istio#60005)."""
        return self.is_at_least("1.30.0")

    @property
    def openshift_uses_nftables(self) -> bool:
        """Whether the platform profile of OpenShift sets global.nativeNftables (istio/istio#61432)."""
        return self.is_at_least("1.32.0")

    @property
    def kubelet_names(self) -> tuple[str, ...]:
        """The process names by which the CNI agent finds the kubelet for the native nftables rules of ambient mode."""
        return tuple(name for name, since in KUBELET_SINCE.items() if self.is_at_least(since))


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
