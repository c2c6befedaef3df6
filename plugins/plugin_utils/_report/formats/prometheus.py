# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document as metrics, for the textfile collector of node_exporter (Prometheus text format 0.0.4). Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.builder import instant
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import VERDICTS, Document

PREFIX = "nodeprep_istio_"
Sample = tuple[dict[str, str], float]


def render(document: Document) -> Iterator[str]:
    """Yield the text. Times are in the values: the collector refuses samples with timestamps."""
    unmet = Counter(row.id for node in document.nodes for row in node.gaps)
    nodes = document.nodes
    yield from _metric(
        "nodes", "Nodes by verdict.", [({"verdict": verdict}, document.totals[verdict]) for verdict in VERDICTS]
    )
    for profile in ("documented", "effective"):
        if any(getattr(node, profile) for node in nodes):
            totals = document.totals_of(profile)
            yield from _metric(
                f"nodes_{profile}",
                f"Nodes by the verdict of profile {profile}.",
                [({"verdict": v}, totals[v]) for v in VERDICTS],
            )
    yield from _metric(
        "node_verdict",
        "The verdict of each node; the value is always 1.",
        (({"node": n.name, "verdict": n.verdict}, 1) for n in nodes),
    )
    yield from _metric(
        "node_failed",
        "Nodes that have data and on which something failed, the run or the probe's proof; the value is always 1.",
        (({"node": n.name, "part": part}, 1) for n in nodes for part, _text in n.failures),
    )
    yield from _metric(
        "node_gaps",
        "Requirements that keep the node from ready.",
        (({"node": n.name}, len(n.gaps)) for n in nodes if not n.no_data),
    )
    yield from _metric(
        "node_observed_timestamp_seconds",
        "When the node was observed, in seconds since 1970.",
        (({"node": n.name}, seen.timestamp()) for n in nodes if (seen := instant(n.observed_at))),
    )
    yield from _metric(
        "requirement_gaps",
        "Nodes that a requirement keeps from ready.",
        [({"requirement": id_}, unmet[id_]) for id_ in document.requirements],
    )
    yield from _metric(
        "waivers",
        "Waivers, in force or expired.",
        [({"expired": str(e).lower()}, sum(w.expired is e for w in document.waivers)) for e in (False, True)],
    )
    made = instant(document.generated_at)
    yield from _metric(
        "report_timestamp_seconds",
        "When the report was made, in seconds since 1970.",
        [({}, made.timestamp() if made else 0)],
    )


def _metric(name: str, told: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {PREFIX}{name} {told}\n# TYPE {PREFIX}{name} gauge\n"
    for labels, value in samples:
        inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        yield f"{PREFIX}{name}{'{' + inner + '}' if inner else ''} {value:.15g}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
