# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the owner of the fleet sees at the end of a play, as text. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

VERDICTS = ("ready", "on_demand", "at_risk", "not_ready", "unknown", "no_data")
HEADINGS = ("NODE", "SYSTEM", "VERDICT", "WHY, AND WHAT WAS DONE")


def summary(title: str, outcomes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the lines of the summary.

    :param outcomes: for each node the role's outcome (C(facts), C(assessment), C(act)) or C(failure), a text; a node
        without an assessment has no data and is never left out.
    """
    rows = [_row(node, outcome) for node, outcome in outcomes.items()]
    widths = [max(len(row[column]) for row in [HEADINGS, *rows]) for column in range(3)]
    lines = [f"Istio node readiness: {title}"]
    lines += ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]).rstrip() for row in [HEADINGS, *rows]]
    return [*lines, _totals(row[2] for row in rows)]


def _totals(verdicts: Any) -> str:
    counts = Counter(verdicts)
    return ", ".join(f"{counts[name]} {name}" for name in VERDICTS if counts[name]) or "no node"


def _row(node: str, outcome: Mapping[str, Any]) -> tuple[str, str, str, str]:
    failure = _one_line(outcome.get("failure") or "")
    assessment = outcome.get("assessment")
    if not assessment:
        return node, "", "no_data", failure or "no answer"
    facts = outcome["facts"]
    system = f"{facts['os'].get('name') or 'unknown system'}, {facts['kernel']['release']}"
    parts = [_done(outcome.get("act") or {}), failure or _why(assessment["requirements"])]
    return node, _one_line(system), assessment["verdict"], "; ".join(part for part in parts if part)


def _why(requirements: Sequence[Mapping[str, Any]]) -> str:
    """Name the requirements that keep the node from ready."""
    parts: list[str] = []
    for grade, column, words in (
        ("unmet", "now", "not there"),
        ("unknown", "now", "cannot be told"),
        ("on_demand", "now", "the kernel loads on demand"),
        ("unmet", "after_reboot", "gone after a reboot"),
    ):
        rows = [row for row in requirements if row[column] == grade and row["level"] == "must"]
        named = [f"{row['name']} ({row['state']})" if row["state"] in ("missing", "blocked") else row["name"] for row in rows if row["kind"] == "module"]
        modules = list(dict.fromkeys(named))
        if modules and (column == "now" or not parts):
            parts.append(f"{words}: {', '.join(modules)}")
        if column == "now":
            parts += [row["reason"] for row in rows if row["kind"] != "module"]
    return _one_line("; ".join(parts))


def _done(act: Mapping[str, Any]) -> str:
    would = act.get("check_mode")
    parts: list[str] = []
    if act.get("loaded"):
        parts.append(f"{'would load' if would else 'loaded'} {', '.join(act['loaded'])}")
    if act.get("persisted"):
        parts.append(f"{'would persist' if would else 'persisted'} {len(act['persisted'])} in {act['boot_file']}")
    return "; ".join(parts)


def _one_line(text: str) -> str:
    """Keep text from a node on one line and without control characters: it is untrusted."""
    return "".join(character if character.isprintable() else " " for character in " ".join(str(text).split()))[:2000]
