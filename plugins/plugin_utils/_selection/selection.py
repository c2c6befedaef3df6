# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The selection: the mesh that a node must support. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.releases import NEWEST, Release
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.site_checks import ExtraCheck, parse_checks
from ansible_collections.nodeprep.istio.plugins.plugin_utils._values import (
    check_choice,
    check_option_names,
    to_bool,
    write_list_option,
)

# The values of each option that has choices. Documentation and argument specs have copies, which a test compares.
CHOICES: dict[str, tuple[str, ...]] = {
    "backend": ("iptables", "nftables"),
    "mode": ("sidecar", "ambient"),
    "ip_family": ("ipv4", "ipv6", "dual"),
    "interception": ("redirect", "tproxy"),
    "iptables_variant": ("auto", "legacy", "nft"),
    "profile": ("documented", "effective", "combined"),
}
# Options that take one choice or a list of them.
LIST_OPTIONS = ("mode", "interception")
BOOLEAN_OPTIONS = ("dns_capture", "invalid_drop", "reconcile", "ambient_ipv6", "cni_plugin")

# The first release with native nftables rules for each mode (tools/istio-nftables, cni/pkg/nftables).
NATIVE_NFTABLES_SINCE = {"sidecar": "1.27", "ambient": "1.28"}


@dataclass(frozen=True)
class Selection:
    """The validated options that describe the mesh. The defaults are Istio's own.

    ``mode`` and ``interception`` are chosen per pod in real meshes, so they hold one or more values.
    ``dns_capture`` of None means Istio's default: off in sidecar mode, on in ambient mode since Istio 1.25.
    ``reconcile`` of None means Istio's default, too: on in ambient mode since Istio 1.29. ``cni_plugin`` is whether
    Istio's CNI plugin programs the rules of sidecars.
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
    extra_checks: tuple[ExtraCheck, ...] = ()

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Selection:
        """Build a selection from the options of a plugin. An option that is absent or None keeps its default.

        Raises InvalidInputError for an unknown option or value, and for values that contradict each other.
        """
        check_option_names(options, cls.__dataclass_fields__)
        values = {}
        for name, given in options.items():
            value = to_bool(given) if name in BOOLEAN_OPTIONS else given
            if value is not None:
                values[name] = _parse_value(name, value)
        selection = cls(**values)
        selection._check_nftables()
        return selection

    def _check_nftables(self) -> None:
        if self.backend != "nftables":
            return
        for mode in self.mode:
            since = NATIVE_NFTABLES_SINCE[mode]
            if not self.release.is_at_least(since):
                raise InvalidInputError(
                    f"backend: Istio {self.istio_version} has no nftables rules for {mode} mode; "
                    f"select iptables, or Istio {since} or newer"
                )

    def as_dict(self) -> dict[str, Any]:
        """Return the options with the types of JSON and Ansible."""
        options = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}
        options["extra_checks"] = [dict(vars(check)) for check in self.extra_checks]
        return options

    @property
    def release(self) -> Release:
        """The Istio release whose rules are used."""
        return _find_release(self.istio_version)

    @property
    def reconciles(self) -> bool:
        """Whether Istio replaces rules that differ, in any of the modes."""
        if self.reconcile is not None:
            return self.reconcile
        return self.ambient and self.release.reconciles

    @property
    def ipv6(self) -> bool:
        """Whether the cluster has IPv6 addresses."""
        return self.ip_family in ("ipv6", "dual")

    @property
    def ambient(self) -> bool:
        """Whether there are pods in ambient mode."""
        return "ambient" in self.mode

    @property
    def ambient_dns(self) -> bool:
        """Whether there are pods in ambient mode with DNS capture."""
        captures = self.release.captures_ambient_dns if self.dns_capture is None else self.dns_capture
        return self.ambient and captures

    @property
    def captured_dns(self) -> bool | None:
        """Whether pods have DNS capture, or None if it is off in sidecar mode and on in ambient mode."""
        if self.dns_capture is None and not self.release.captures_ambient_dns:
            return False
        return self.dns_capture

    @property
    def allows_ambient_ipv6(self) -> bool:
        """Whether ambient mode, if there is any, writes IPv6 rules."""
        return self.ambient_ipv6 and self.release.has_ambient_ipv6

    @property
    def ambient_writes_ipv6(self) -> bool:
        """Whether ambient mode writes IPv6 rules."""
        return self.ambient and self.allows_ambient_ipv6

    @property
    def runs_host_tools(self) -> bool:
        """Whether Istio runs the host's iptables or nft: its CNI plugin does so for sidecars, with both backends."""
        return self.cni_plugin and "sidecar" in self.mode

    def reads_forced_binary(self, mode: str) -> bool:
        """Return whether FORCE_IPTABLES_BINARY has an effect in a mode.

        The CNI plugin does not pass it on for sidecars (cni/pkg/plugin/sidecar_iptables_linux.go), and native nftables
        uses no iptables.
        """
        is_by_plugin = mode == "sidecar" and self.cni_plugin
        return self.backend == "iptables" and self.release.reads_forced_binary and not is_by_plugin

    @property
    def sidecar_tproxy(self) -> bool:
        """Whether there are sidecars with TPROXY interception."""
        return "sidecar" in self.mode and "tproxy" in self.interception

    @property
    def sidecar_dns(self) -> bool:
        """Whether there are sidecars with DNS capture."""
        return "sidecar" in self.mode and self.dns_capture is True


# Each assessment asks for the release of its selection many times.
@lru_cache(maxsize=256)
def _find_release(version: str) -> Release:
    return Release.from_version(version)


def _parse_value(name: str, value: Any) -> Any:
    """Return the value of an option as Selection holds it. Raises InvalidInputError for an invalid one."""
    if name in BOOLEAN_OPTIONS:
        if not isinstance(value, bool):
            raise InvalidInputError(f"{name}: unknown value {value!r}; valid values: true, false")
        return value
    if name in LIST_OPTIONS:
        return _parse_list(name, value)
    if name == "istio_version":
        return Release.from_version(value).requested
    if name == "extra_checks":
        return parse_checks(value)
    check_choice(name, value, CHOICES[name])
    return str(value)


def _parse_list(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str) and "," in value:
        raise InvalidInputError(
            f"{name}: '{value}' is not a list; give one value, or a list, "
            f"on the command line {write_list_option(name, CHOICES[name])}"
        )
    items = value if isinstance(value, (list, tuple)) else [value]
    if not items:
        raise InvalidInputError(f"{name}: the list is empty; valid values: {', '.join(CHOICES[name])}")
    for item in items:
        check_choice(name, item, CHOICES[name])
    return tuple(dict.fromkeys(str(item) for item in items))
