# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Describe a selection in words. Pure."""

from __future__ import annotations

from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection


def describe_selection(selection: Selection) -> str:
    """Return for example "iptables, ambient, dual, DNS capture on, Istio 1.30, profile combined".

    Options with Istio's usual value are left out: redirect interception, the variant "auto", DNS capture of sidecars.
    """
    parts = [selection.backend, " and ".join(selection.mode), selection.ip_family]
    if selection.interception != ("redirect",):
        parts.append(" and ".join(selection.interception))
    parts.append(_describe_dns_capture(selection))
    if selection.iptables_variant != "auto":
        parts.append(f"{selection.iptables_variant} iptables")
    parts.append(_describe_release(selection))
    parts.append(f"profile {selection.profile}")
    return ", ".join(part for part in parts if part)


def _describe_dns_capture(selection: Selection) -> str:
    if selection.dns_capture is None:
        # Istio's default: off for sidecars, on in ambient mode since 1.25.
        return "DNS capture on" if selection.mode == ("ambient",) and selection.ambient_dns else ""
    return "DNS capture on" if selection.dns_capture else "DNS capture off"


def _describe_release(selection: Selection) -> str:
    """Return the requested release, and the release whose rules are used if that is another one."""
    release = selection.release
    if release.used == release.requested:
        return f"Istio {release.requested}"
    return f"Istio {release.requested} (assessed as {release.used})"
