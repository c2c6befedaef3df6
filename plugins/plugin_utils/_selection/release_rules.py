# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the rules of a release differ from those of the newest one, as interception_probe takes it. Pure."""

from __future__ import annotations

from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.releases import Release


def describe_release_rules(release: Release) -> dict[str, object]:
    """Return the suboptions of C(release_rules) of interception_probe for the rules of a release."""
    return {
        "ambient_dns_zones": release.ambient_dns_uses_zones,
        "ambient_interception": "tproxy" if release.ambient_uses_tproxy else "redirect",
        "counters": release.native_rules_have_counters,
        "detection_comment": release.probe_has_comment,
        "detection_table": release.probe_table or "none",
    }
