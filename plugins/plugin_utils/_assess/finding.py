# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A finding: something that the owner of a node should know besides the requirements. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["info", "warning", "error"]

# The id of every finding. Reports and users rely on them, so they stay stable.
FindingId = Literal[
    # of an assessment (findings.py)
    "istio_version",
    "legacy_retired",
    "legacy_tables",
    "mixed_backends",
    "legacy_flip",
    "variant_changes",
    "variant_after_restart",
    "variant_not_picked",
    "ambient_ipv6",
    "ambient_ipv6_off",
    "old_ipsets",
    "nft_set_crash",
    "ztunnel_ipv6",
    "kubelet_not_found",
    "openshift_nftables",
    "nsenter_missing",
    "selinux_denied",
    "selinux_denials_unknown",
    "conflicts_truncated",
    # of a comparison with a probe (probe_comparison.py)
    "prediction_contradicted",
    "passed_by_loading",
    "requirement_not_listed",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """``message`` is for the owner; ``source`` is the file, page or code that the finding is based on."""

    id: FindingId
    severity: Severity
    message: str
    source: str

    def as_dict(self) -> dict[str, str]:
        return {"id": self.id, "severity": self.severity, "message": self.message, "source": self.source}
