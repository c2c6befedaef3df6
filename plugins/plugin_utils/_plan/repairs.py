# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the owner is to mend where no package, no line that can be taken back and no reboot helps. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import Assessment
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.reason_codes import KINDS
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan import packages
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import Step

CODES = (
    *("alias_override", "module_file_missing", "invalid_module_file", "unsigned_module", "modules_disabled_at_boot"),
    *("index_missing", "not_in_tree", "not_built", "provider_missing", "container", "transient", "unreadable"),
)


def steps(facts: Mapping[str, Any], assessment: Assessment) -> Iterator[Step]:
    """Yield a step for each thing that keeps required modules from being there, whoever asks for them."""
    found: dict[tuple[str, str], list[tuple[str, Mapping[str, str]]]] = {}
    for row in assessment.requirements:
        if row.kind == "module" and row.level == "must" and row.now in ("unmet", "unknown"):
            name = str(facts["modules"][row.name].get("provider") or row.name)
            if reason := _deciding(facts["modules"][name]):
                file = reason.get("where", "").rpartition(":")[0] if reason["code"] == "alias_override" else ""
                found.setdefault((reason["code"], file), []).append((name, reason))
    for (code, file), about in found.items():
        _name, first = about[0]
        names = ", ".join(dict.fromkeys(name for name, _reason in about))
        what = KINDS[code].remedy.format_map({"file": file})
        yield Step("repair", what[:1].lower() + what[1:], f"{names}: {first['text']}", "owner", first.get("where"))


def _deciding(entry: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Return the reason for which a module is not there now and nobody can load it, or None."""
    if entry["state"] not in ("blocked", "missing", "unknown") or packages.is_curable(entry):
        return None
    return next((reason for reason in entry["reasons"] if reason["axis"] == "now" and reason["code"] in CODES), None)
