# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document as metrics, for the textfile collector of node_exporter (Prometheus text format 0.0.4). Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import PROFILES, VERDICTS, Document
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import parse_time

PREFIX = "nodeprep_istio_"
# Labels and value.
Sample = tuple[dict[str, str], float]


def render(document: Document) -> Iterator[str]:
    """Yield the text. Times are values: the collector rejects samples with timestamps."""
    yield from _render_totals(document)
    yield from _render_nodes(document)
    gaps = Counter(row.id for node in document.nodes for row in node.gaps)
    yield from _render_metric(
        "requirement_gaps",
        "Nodes that the requirement keeps from being ready.",
        [({"requirement": id_}, gaps[id_]) for id_ in document.requirements],
    )
    expired = sum(waiver.expired for waiver in document.waivers)
    yield from _render_metric(
        "waivers",
        "Waivers, in force or expired.",
        [({"expired": "false"}, len(document.waivers) - expired), ({"expired": "true"}, expired)],
    )
    generated_at = parse_time(document.generated_at)
    yield from _render_metric(
        "report_timestamp_seconds",
        "Time of the report, in seconds since 1970.",
        [({}, generated_at.timestamp() if generated_at else 0)],
    )


def _render_totals(document: Document) -> Iterator[str]:
    totals = document.totals
    yield from _render_metric(
        "nodes", "Nodes by verdict.", [({"verdict": verdict}, totals[verdict]) for verdict in VERDICTS]
    )
    for profile in PROFILES:
        if any(node.get_verdict(profile) for node in document.nodes):
            totals = document.count_verdicts_of(profile)
            yield from _render_metric(
                f"nodes_{profile}",
                f"Nodes by the verdict of profile {profile}.",
                [({"verdict": verdict}, totals[verdict]) for verdict in VERDICTS],
            )


def _render_nodes(document: Document) -> Iterator[str]:
    verdicts: list[Sample] = []
    failures: list[Sample] = []
    gaps: list[Sample] = []
    times: list[Sample] = []
    for node in document.nodes:
        labels = {"node": node.name}
        verdicts.append(({**labels, "verdict": node.verdict}, 1))
        for part, _text in node.failures:
            failures.append(({**labels, "part": part}, 1))
        if not node.no_data:
            gaps.append((labels, len(node.gaps)))
        observed_at = parse_time(node.observed_at)
        if observed_at:
            times.append((labels, observed_at.timestamp()))
    yield from _render_metric("node_verdict", "The verdict of each node; the value is always 1.", verdicts)
    yield from _render_metric(
        "node_failed",
        "Nodes with data on which the run or the probe failed; the value is always 1.",
        failures,
    )
    yield from _render_metric("node_gaps", "Requirements that keep the node from being ready.", gaps)
    yield from _render_metric(
        "node_observed_timestamp_seconds", "Time of the node's facts, in seconds since 1970.", times
    )


def _render_metric(name: str, description: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {PREFIX}{name} {description}\n# TYPE {PREFIX}{name} gauge\n"
    for labels, value in samples:
        pairs = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
        yield f"{PREFIX}{name}{{{pairs}}} {value:.15g}\n" if pairs else f"{PREFIX}{name} {value:.15g}\n"


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
