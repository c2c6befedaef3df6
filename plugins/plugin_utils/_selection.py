# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The selection: what is asked of a node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class InvalidInput(ValueError):
    """An option value or a set of facts that cannot be used; the message names it and the remedy."""


CHOICES: dict[str, tuple[str, ...]] = {
    "backend": ("iptables", "nftables"),
    "mode": ("sidecar", "ambient"),
    "ip_family": ("ipv4", "ipv6", "dual"),
    "interception": ("redirect", "tproxy"),
    "profile": ("documented",),
}


@dataclass(frozen=True)
class Selection:
    """What is asked of a node, validated. The defaults are Istio's own.

    ``mode`` and ``interception`` are chosen per pod in real meshes, so they hold one or more values.
    ``dns_capture`` of None means Istio's default: off in sidecar mode, on in ambient mode.
    """

    backend: str = "iptables"
    mode: tuple[str, ...] = ("sidecar",)
    ip_family: str = "ipv4"
    interception: tuple[str, ...] = ("redirect",)
    dns_capture: bool | None = None
    profile: str = "documented"

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Selection:
        """Build a selection from a plugin's options; options that are absent or None keep their default.

        Raises InvalidInput for an unknown option or value.
        """
        values: dict[str, Any] = {}
        for name, value in options.items():
            if name not in cls.__dataclass_fields__:
                raise InvalidInput(f"there is no option '{name}'; there are {', '.join(cls.__dataclass_fields__)}")
            if value is None:
                continue
            if name == "dns_capture":
                if not isinstance(value, bool):
                    raise InvalidInput(f"dns_capture: {value!r} is not true or false")
                values[name] = value
            elif name in ("mode", "interception"):
                values[name] = tuple(_one_of(name, item) for item in (value if isinstance(value, (list, tuple)) else [value]))
                if not values[name]:
                    raise InvalidInput(f"{name}: the list is empty; name at least one of {', '.join(CHOICES[name])}")
            else:
                values[name] = _one_of(name, value)
        return cls(**values)

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


def _one_of(name: str, value: Any) -> str:
    if not isinstance(value, str) or value not in CHOICES[name]:
        raise InvalidInput(f"{name}: {value!r} is not one of {', '.join(CHOICES[name])}")
    return str(value)
