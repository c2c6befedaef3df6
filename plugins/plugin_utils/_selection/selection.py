# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The selection: what is asked of a node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInput
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection import site_checks
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.releases import NEWEST, Release
from ansible_collections.nodeprep.istio.plugins.plugin_utils._values import truth

CHOICES: dict[str, tuple[str, ...]] = {
    "backend": ("iptables", "nftables"),
    "mode": ("sidecar", "ambient"),
    "ip_family": ("ipv4", "ipv6", "dual"),
    "interception": ("redirect", "tproxy"),
    "iptables_variant": ("auto", "legacy", "nft"),
    "profile": ("documented", "effective", "combined"),
}
LISTS = ("mode", "interception")
SWITCHES = ("dns_capture", "invalid_drop", "reconcile", "ambient_ipv6", "cni_plugin")

# Native nftables rules came in these releases (tools/istio-nftables, cni/pkg/nftables).
NATIVE_NFTABLES_SINCE = {"sidecar": "1.27.0", "ambient": "1.28.0"}


@dataclass(frozen=True)
class Selection:
    """What is asked of a node, validated. The defaults are Istio's own.

    ``mode`` and ``interception`` are chosen per pod in real meshes, so they hold one or more values.
    ``dns_capture`` of None means Istio's default: off in sidecar mode, on in ambient mode; ``reconcile`` of None likewise:
    on in ambient mode since Istio 1.29. ``cni_plugin`` says that sidecars get their rules from Istio's CNI plugin.
    """

    backend: str = "iptables"
    mode: tuple[str, ...] = ("sidecar",)
    ip_family: str = "ipv4"
    interception: tuple[str, ...] = ("redirect",)
    dns_capture: bool | None = None
    invalid_drop: bool = False
    reconcile: bool | None = None
    ambient_ipv6: bool = True
    cni_plugin: bool = False
    iptables_variant: str = "auto"
    istio_version: str = NEWEST
    profile: str = "combined"
    extra_checks: tuple[site_checks.ExtraCheck, ...] = ()

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Selection:
        """Build a selection from a plugin's options; options that are absent or None keep their default.

        Raises InvalidInput for an unknown option or value, and for values that contradict each other.
        """
        for name in options:
            if name not in cls.__dataclass_fields__:
                raise InvalidInput(f"there is no option '{name}'; there are {', '.join(cls.__dataclass_fields__)}")
        said = {name: truth(value) if name in SWITCHES else value for name, value in options.items()}
        selection = cls(**{name: _value(name, value) for name, value in said.items() if value is not None})
        if selection.backend == "nftables":
            for mode in selection.mode:
                since = NATIVE_NFTABLES_SINCE[mode]
                if not selection.release.since(since):
                    raise InvalidInput(
                        f"backend: Istio {selection.istio_version} has no nftables rules for {mode} mode; they came with {since[:-2]}"
                    )
        return selection

    def as_dict(self) -> dict[str, Any]:
        """Return the options as JSON and Ansible have them."""
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}
        return {**plain, "extra_checks": [dict(vars(check)) for check in self.extra_checks]}

    @property
    def release(self) -> Release:
        return Release.of(self.istio_version)

    @property
    def reconciles(self) -> bool:
        """Whether Istio replaces rules that differ in any of the modes."""
        return self.ambient and self.release.reconciles if self.reconcile is None else self.reconcile

    @property
    def ipv6(self) -> bool:
        return self.ip_family in ("ipv6", "dual")

    @property
    def ambient(self) -> bool:
        return "ambient" in self.mode

    @property
    def sidecar_tproxy(self) -> bool:
        return "sidecar" in self.mode and "tproxy" in self.interception

    @property
    def sidecar_dns(self) -> bool:
        return "sidecar" in self.mode and self.dns_capture is True


def _value(name: str, value: Any) -> Any:
    if name in SWITCHES:
        if not isinstance(value, bool):
            raise InvalidInput(f"{name}: {value!r} is not true or false")
        return value
    if name in LISTS:
        items = value if isinstance(value, (list, tuple)) else [value]
        if not items:
            raise InvalidInput(f"{name}: the list is empty; name at least one of {', '.join(CHOICES[name])}")
        return tuple(dict.fromkeys(_one_of(name, item) for item in items))
    if name == "istio_version":
        return str(Release.of(value).asked)
    if name == "extra_checks":
        return site_checks.from_option(value)
    return _one_of(name, value)


def _one_of(name: str, value: Any) -> str:
    if not isinstance(value, str) or value not in CHOICES[name]:
        raise InvalidInput(
            f"{name}: {value!r} is not one of {', '.join(CHOICES[name])}{', or a list of them' if name in LISTS else ''}"
        )
    return str(value)
