# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document as one HTML file. The role has the template with its style and script; this prepares their data."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.causes import describe_main_cause
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.drift import group_changes
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.explanation import explain, summarize_targets
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.heat_map import (
    STATUS_SIGNS,
    UNFOLDED_PATTERNS,
    build_heat_map,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.html_data import (
    VERDICT_SIGNS,
    build_script_data,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import (
    PROFILES,
    SCHEMA,
    VERDICTS,
    Document,
    Verdict,
    count_verdicts,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.outliers import find_outliers
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import pluralize, shorten_system
from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError
from markupsafe import Markup

MAX_CHANGES = 500
WORST_SEVERITY_FIRST = ("error", "warning", "info")
VERDICT_MEANINGS = {
    "ready": "every requirement is met, now and after a reboot",
    "on_demand": "the kernel loads what is missing on demand",
    "at_risk": "every requirement is met now; at least one is not met after a reboot",
    "not_ready": "a requirement is not met",
    "unknown": "the verdict cannot be determined",
    "no_data": "no facts of the node are available",
    "skipped": "the host is not a Linux node",
}


def render(document: Document, templates: Path) -> Iterator[str]:
    """Yield the HTML text. Raises ReportError if a template cannot be used."""
    try:
        style = (templates / "report.css").read_text(encoding="utf-8")
        script = (templates / "report.js").read_text(encoding="utf-8")
        environment = Environment(
            loader=FileSystemLoader(templates),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.filters.update(number=_format_number, pluralize=pluralize, shorten_system=shorten_system)
        yield from environment.get_template("report.html.j2").generate(
            style=Markup(style),
            script=Markup(script),
            policy=_build_policy(style, script),
            **_build_view(document),
        )
    except (OSError, TemplateError) as exc:
        raise ReportError(f"{templates}: the HTML report cannot be built from these templates ({exc})") from exc


def _format_number(value: int) -> str:
    return f"{value:,}"


def _build_policy(style: str, script: str) -> str:
    """Return a Content-Security-Policy that allows this style and this script, but no network access."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src 'sha256-{_hash(style)}'",
            f"script-src 'sha256-{_hash(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _build_view(document: Document) -> dict[str, object]:
    """Return the variables of the template."""
    heat_map = build_heat_map(document)
    causes = document.causes_by_id
    has_profiles = document.has_profile_verdicts
    return {
        "document": document,
        "schema": SCHEMA,
        "verdicts": VERDICTS,
        "verdict_signs": VERDICT_SIGNS,
        "verdict_meanings": VERDICT_MEANINGS,
        "status_signs": STATUS_SIGNS,
        "totals": document.totals,
        "bars": _list_bars(document),
        "headline": describe_main_cause(document.causes),
        "targets": summarize_targets(document),
        "gaps": sum(cause.gaps for cause in document.causes),
        "systems": _list_systems(document),
        "outliers": find_outliers(document),
        "findings": _list_findings(document),
        "columns": [document.requirements[id_] for id_ in heat_map.columns],
        "must_count": heat_map.must_count,
        "patterns": heat_map.list_shown(),
        "unfolded_patterns": UNFOLDED_PATTERNS,
        "pattern_count": len(heat_map.patterns),
        "changes": group_changes(document.drift) if document.drift else (),
        "max_changes": MAX_CHANGES,
        "explanations": {node.name: explain(node, causes, document.requirements) for node in document.nodes},
        "has_profiles": has_profiles,
        "probe_failed": [node.name for node in document.nodes if node.probe_contradicts_verdict],
        "data": Markup(build_script_data(document, heat_map)),
    }


def _list_bars(document: Document) -> list[tuple[str, Mapping[Verdict, int]]]:
    """Return the bars of the verdicts, each with its label."""
    bars: list[tuple[str, Mapping[Verdict, int]]] = [("Verdict", document.totals)]
    if document.has_profile_verdicts:
        for profile in PROFILES:
            bars.append((profile.capitalize(), document.count_verdicts_of(profile)))
    return bars


@dataclass(frozen=True)
class SystemTotals:
    """The number of nodes of one system and kernel, by verdict."""

    system: str
    kernel: str
    totals: Mapping[Verdict, int]
    nodes: int


def _list_systems(document: Document) -> list[SystemTotals]:
    groups: dict[tuple[str, str], list[Verdict]] = {}
    for node in document.nodes:
        if not node.no_data:
            groups.setdefault((node.system, node.kernel), []).append(node.verdict)
    systems = []
    for (system, kernel), verdicts in sorted(groups.items()):
        systems.append(SystemTotals(system, kernel, count_verdicts(verdicts), len(verdicts)))
    return systems


@dataclass(frozen=True)
class FindingTotal:
    """A finding, and the number of nodes that have it."""

    severity: str
    message: str
    nodes: int


def _list_findings(document: Document) -> list[FindingTotal]:
    """Return the findings, the worst severity first, then those of most nodes."""
    counts = Counter((finding.severity, finding.message) for node in document.nodes for finding in set(node.findings))
    findings = [FindingTotal(severity, message, nodes) for (severity, message), nodes in counts.items()]
    return sorted(findings, key=_rank_finding)


def _rank_finding(finding: FindingTotal) -> tuple[int, int, str]:
    rank = len(WORST_SEVERITY_FIRST)
    if finding.severity in WORST_SEVERITY_FIRST:
        rank = WORST_SEVERITY_FIRST.index(finding.severity)
    return rank, -finding.nodes, finding.message
