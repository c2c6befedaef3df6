# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate of a report: the nodes that istio_report_fail_on does not accept. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.explanation import explain
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import URGENCY, VERDICTS, Document, Node
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import to_one_line

# The probe failed although the verdict is not not_ready.
PROBE_FAILED = "probe_failed"
# A host that is not a Linux node fails no gate.
GATES = (*(verdict for verdict in VERDICTS if verdict != "skipped"), PROBE_FAILED)
OPTION = "istio_report_fail_on"

MAX_NODES = 10
MAX_REASON_CHARS = 300


@dataclass(frozen=True)
class Gate:
    """The gate of a document; ``fail_on`` are those of GATES that fail it."""

    document: Document
    fail_on: Collection[str]

    def list_failing(self) -> list[Node]:
        """Return the nodes that fail the gate, the most urgent first."""
        failing = [node for node in self.document.nodes if self._list_gates(node)]
        return sorted(failing, key=lambda node: (URGENCY[node.verdict], node.name))

    def describe(self) -> str:
        """Return one sentence on the nodes that fail the gate, or an empty string."""
        return self._describe_nodes(self.list_failing())

    def collect_failures(self, failures: Mapping[str, str], hosts: Iterable[str], fallback_host: str) -> dict[str, str]:
        """Return for each host with a failure its text.

        Nodes that fail the gate and are not hosts of the run are named on a host that fails anyway, or else on
        ``fallback_host``.

        :param failures: what failed in the run, by host; the gate adds nothing to these.
        :param hosts: the hosts of the run.
        """
        causes = self.document.causes_by_id
        host_of = {to_one_line(host): host for host in hosts}
        texts = {host: [text] for host, text in failures.items()}
        outside = []
        for node in self.list_failing():
            host = host_of.get(node.name)
            if host is None:
                outside.append(node)
            elif host not in failures:
                reason = to_one_line(explain(node, causes, self.document.requirements), MAX_REASON_CHARS)
                text = f"{OPTION} matched {' and '.join(self._list_gates(node))}"
                texts[host] = [f"{text}: {reason}" if reason else text]
        if outside:
            host = next(iter(texts), fallback_host)
            text = f"{OPTION} also matched nodes outside this run: {self._describe_nodes(outside)}"
            texts.setdefault(host, []).append(text)
        return {host: "; ".join(parts) for host, parts in texts.items()}

    def _list_gates(self, node: Node) -> list[str]:
        """Return the gates that a node fails."""
        gates = []
        if node.verdict in self.fail_on:
            gates.append(str(node.verdict))
        if node.probe_contradicts_verdict and PROBE_FAILED in self.fail_on:
            gates.append(PROBE_FAILED)
        return gates

    def _describe_nodes(self, nodes: Sequence[Node]) -> str:
        if not nodes:
            return ""
        counts = Counter(gate for node in nodes for gate in self._list_gates(node))
        totals = [f"{counts[gate]:,} {gate}" for gate in sorted(counts, key=_rank_gate)]
        names = []
        for node in nodes[:MAX_NODES]:
            states = dict.fromkeys([node.verdict, *self._list_gates(node)])
            names.append(f"{node.name} ({', '.join(states)})")
        more = f" and {len(nodes) - MAX_NODES:,} more" if len(nodes) > MAX_NODES else ""
        return f"{', '.join(totals)}: {', '.join(names)}{more}"


def _rank_gate(gate: str) -> int:
    # A probe that contradicts a verdict comes first.
    return URGENCY.get(gate, -1)
