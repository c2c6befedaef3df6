# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Explain the verdict of a node in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import (
    GOOD_VERDICTS,
    Document,
    Node,
    Profile,
    ProfileVerdict,
    ReportRequirement,
    RootCause,
    Row,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import abbreviate, pluralize

Requirements = Mapping[str, ReportRequirement]


@dataclass(frozen=True)
class ProfileWords:
    """How a sentence describes what a profile requires, and what no other profile requires."""

    profile: Profile
    requires: str
    alone: str


PROFILE_WORDS = (
    ProfileWords("documented", "Istio's page requires", "no rule uses them"),
    ProfileWords("effective", "the rules use", "Istio's page does not list them"),
)
# For each verdict of a profile that differs from the verdict of the node: what its requirements have in common.
VERDICT_WORDS: Mapping[str, str] = {
    "not_ready": "missing now",
    "unknown": "cannot be determined",
    "at_risk": "missing after a reboot",
}


def explain(node: Node, causes: Mapping[str, RootCause], requirements: Requirements) -> str:
    """Return why a node has its verdict, on one line: no data, failures, causes of its gaps, alternatives, notes."""
    if node.no_data:
        return node.no_data.text
    parts = list_failures(node)
    for cause in dict.fromkeys(row.cause for row in node.gaps):
        parts.append(causes[cause].text)
    parts += [*describe_alternatives(node), *describe_target(node)]
    return "; ".join([*parts, *list_secondary_notes(node, requirements)])


def describe_alternatives(node: Node) -> list[str]:
    """Return the changes that would make the node ready, as one text; none if there is none."""
    if not node.alternatives:
        return []
    return [f"{'alternative' if len(node.alternatives) == 1 else 'alternatives'}: {', or '.join(node.alternatives)}"]


def describe_target(node: Node) -> list[str]:
    """Return why the node would no longer work after the change to the target selection, as one text, if it would not.

    If the node does not work now either, only its own gaps are described.
    """
    if node.target is None or not node.is_lost_by_target:
        return []
    return [f"after the change {node.target.verdict}: {abbreviate(node.target.reasons)}"]


def summarize_targets(document: Document) -> list[str]:
    """Return one sentence for each target selection: how many nodes that work now would not work after the change."""
    working: dict[str, list[Node]] = {}
    for node in document.nodes:
        if node.target is not None and node.verdict in GOOD_VERDICTS:
            working.setdefault(node.target.text, []).append(node)
        elif node.target is not None:
            working.setdefault(node.target.text, [])
    sentences = []
    for text, nodes in working.items():
        if not nodes:
            sentences.append(f"After the change to {text}: no node is ready or on_demand now.")
            continue
        lost = [node.name for node in nodes if node.is_lost_by_target]
        names = f": {abbreviate(lost)}" if lost else ""
        total = f"{pluralize(len(nodes), 'node')} that {'is' if len(nodes) == 1 else 'are'} ready or on_demand now"
        sentences.append(f"After the change to {text}: {len(lost):,} of {total} would not be{names}.")
    return sentences


def list_failures(node: Node) -> list[str]:
    """Return the failures on a node that has data, each as a text."""
    return [f"{part} failed: {text}" for part, text in node.failures]


def list_secondary_notes(node: Node, requirements: Requirements) -> list[str]:
    """Return notes on a node, which may have no gap: modules that are loaded on demand, worse verdicts of a profile."""
    notes = []
    on_demand = list_on_demand(node)
    if on_demand:
        notes.append(f"the kernel loads {abbreviate(_list_labels(on_demand, requirements))} on demand")
    return [*notes, *describe_profile_differences(node, requirements)]


def list_on_demand(node: Node) -> list[Row]:
    """Return the requirements that make the verdict of the node on_demand."""
    if node.verdict != "on_demand":
        return []
    return [row for row in node.rows if row.level == "must" and "on_demand" in (row.now, row.after_reboot)]


def describe_profile_differences(node: Node, requirements: Requirements) -> Iterator[str]:
    """Yield, for each profile whose bad verdict differs from the node's, the requirements that cause it."""
    for words in PROFILE_WORDS:
        verdict = node.get_verdict(words.profile)
        if verdict == node.verdict or verdict not in VERDICT_WORDS:
            continue
        rows = []
        for row in node.rows:
            if words.profile in row.profiles and not row.is_gap and _causes_verdict(row, verdict):
                rows.append(row)
        names = _list_labels(rows, requirements)
        is_alone = all(len(row.profiles) == 1 for row in rows)
        if not names and words.profile == "effective":
            # A node assessed by profile documented has no rows for requirements that only the rules use.
            names = [other.name for other in node.disagreements if other.required_by == "effective"]
        if names:
            suffix = f", and {words.alone}" if is_alone else ""
            yield f"{words.requires} {abbreviate(names)}: {VERDICT_WORDS[verdict]}{suffix}"


def _causes_verdict(row: Row, verdict: ProfileVerdict) -> bool:
    """Return whether a requirement of level must in this state causes the verdict."""
    if verdict == "not_ready":
        return row.now == "unmet"
    if verdict == "at_risk":
        return row.after_reboot == "unmet"
    return "unknown" in (row.now, row.after_reboot)


def _list_labels(rows: Iterable[Row], requirements: Requirements) -> list[str]:
    return [requirements[row.id].label for row in rows]
