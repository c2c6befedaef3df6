# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare forecasts and verdicts with what Istio does: judge_auto.py [--without-gate] [--at-least N] RECORD.jsonl...

A record is the output of run_auto.py on one machine. The exit code is 1 if a forecast or a verdict is wrong, or if
gathering the facts changed the machine. --without-gate judges as if an existing table decided in every release with a
probe, to check that the comparison notices it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import auto_cases
import cases
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.iptables_forecast import forecast_variant
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import parse_facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection import releases
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from judge import VERDICTS, Record, default_variant, do_rules_decide, has_ipv6_rules

# Istio takes so many lines of iptables-save for a table in use.
LINES_OF_A_TABLE = 3
# What Istio picks, and what the forecast says. "none": Istio finds no binary that works. "mixed": one for each family.
PICKED = ("legacy", "nft", "mixed", "none")
FORECASTS = ("legacy", "nft", "unknown")
TRUTHS = ("works", "fails")


@dataclass
class Comparison:
    """The comparison of one machine, or of all."""

    variants: Counter[tuple[str, str]] = field(default_factory=Counter)
    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    states: int = 0
    impossible: int = 0
    seconds: float = 0

    def add(self, other: Comparison) -> None:
        self.variants += other.variants
        self.verdicts += other.verdicts
        self.wrong += other.wrong
        self.states += other.states
        self.impossible += other.impossible
        self.seconds += other.seconds

    def format(self) -> list[str]:
        lines = [f"{self.states} states in {self.seconds:.0f} s; {self.impossible} more are impossible"]
        lines += _format_matrix("picked \\ forecast", PICKED, FORECASTS, self.variants)
        lines += _format_matrix("really \\ verdict", TRUTHS, VERDICTS, self.verdicts)
        false_ready = sum(self.verdicts["fails", verdict] for verdict in VERDICTS[:3])
        return [*lines, f"{false_ready} false ready, {self.verdicts['works', 'not_ready']} false alarm"]


def _format_matrix(
    title: str, rows: tuple[str, ...], columns: tuple[str, ...], counts: Mapping[tuple[str, str], int]
) -> list[str]:
    lines = [title.ljust(18) + "".join(column.rjust(11) for column in columns)]
    for row in rows:
        lines.append(row.ljust(18) + "".join(str(counts.get((row, column), 0)).rjust(11) for column in columns))
    return lines


def compare_machine(machine: str, records: list[Record]) -> Comparison:
    """Compare all states of one machine."""
    found = Comparison()
    for record in records:
        found.seconds += record["seconds"]
        if "impossible" in record:
            found.impossible += 1
            continue
        found.states += 1
        where = f"{machine}: {record['name']}"
        if "error" in record:
            found.wrong.append(f"{where}: {record['error']}")
            continue
        facts = parse_facts(record["facts"])
        found.wrong += [f"{where}: {text}" for text in check_facts(record, facts)]
        for case in auto_cases.list_auto_cases(record["host_iptables"]):
            compare_case(f"{where}: {case.name}", record, facts, case, found)
    return found


def check_facts(record: Record, facts: Facts) -> Iterator[str]:
    """Yield what is wrong with the facts themselves, compared with what Istio sees in the host's namespace."""
    for path in record["changed"]:
        yield f"gathering the facts changed {path}"
    for family, seen in record["host"].items():
        before = seen["legacy"]["before"]
        has_tables = bool(facts.netfilter.legacy_tables.get(family))
        has_rules = has_tables and bool(facts.netfilter.legacy_rules.get(family))
        if has_tables != (before["lines"] >= LINES_OF_A_TABLE) or has_rules != (before["rules"] > 0):
            yield f"{family}: facts: tables {has_tables}, rules {has_rules}; iptables-legacy-save: {before}"
        has_nft_tables = facts.netfilter.nft_tables.get(family)
        before = seen["nft"]["before"]
        if has_nft_tables is not (before["lines"] >= LINES_OF_A_TABLE):
            yield f"{family}: facts: nft tables {has_nft_tables}; iptables-nft-save: {before}"


def compare_case(where: str, record: Record, facts: Facts, case: cases.AutoCase, found: Comparison) -> None:
    """Compare the forecast and the verdict of one selection with what Istio picks and what then loads."""
    ((mode, mesh),) = case.mesh_by_mode.items()
    selection = Selection.from_options({**case.options, "profile": "effective"})
    forecast = forecast_variant(facts, selection, mode)
    by_family = pick_variants(record, case.options, mode, "before")
    picked = join_variants(by_family)
    found.variants[picked, forecast.variant] += 1
    if picked in FORECASTS and forecast.variant != picked:
        found.wrong.append(f"{where}: Istio picks {picked}, forecast {forecast.variant} ({forecast.reason})")
    if mode == "ambient" and picked == "nft":
        flips = "legacy" in pick_variants(record, case.options, mode, "after").values()
        if flips != forecast.is_legacy_after_restart:
            found.wrong.append(f"{where}: legacy after a restart: {flips}, forecast {not flips}")
    truth = find_truth(record, by_family, mesh)
    if truth is not None:
        verdict = assess(facts, selection).verdict
        found.verdicts[truth, verdict] += 1
        if (truth == "fails") != (verdict == "not_ready"):
            found.wrong.append(f"{where}: {picked}, {truth}, verdict {verdict}")


def join_variants(by_family: Mapping[str, str | None]) -> str:
    variants = set(by_family.values())
    if None in variants:
        return "none"
    return str(variants.pop()) if len(variants) == 1 else "mixed"


def find_truth(record: Record, by_family: Mapping[str, str | None], mesh: str) -> str | None:
    """Return whether the rules of a mesh load with these variants; None if this machine did not try it."""
    if "rule_sets" not in record:
        return None
    if None in by_family.values():
        return "fails"
    works = True
    for family, variant in by_family.items():
        case = cases.Case(str(variant), mesh, {**cases.ENGINES[str(variant)], **cases.MESHES[mesh]})
        if record["host_iptables"] and variant == "nft" and case.options.get("mode") == "ambient":
            # This iptables-nft is older than the one in Istio's image.
            return None
        names = [name for name in case.rule_sets if name.split("/")[1] == family]
        works = works and all(record["rule_sets"][name] for name in names)
    return "works" if works else "fails"


def pick_variants(record: Record, options: Mapping[str, Any], mode: str, moment: str) -> dict[str, str | None]:
    """Return the variant that Istio picks for each IP family in which it writes rules; None if none works.

    tools/istio-iptables/pkg/capture/run.go and cni/pkg/iptables/iptables.go: Istio detects the binaries of both
    families. Before 1.27.2 a failure for IPv6 is fatal without IPv6 rules too.
    """
    release = tuple(int(part) for part in options["istio_version"].split("."))
    plain = default_variant(record, release, mode, options)
    seen = record["host" if mode == "ambient" else "pod"]
    picked = {family: pick_variant(seen[family], release, plain, moment) for family in ("ipv4", "ipv6")}
    if not has_ipv6_rules(mode, options) and (picked["ipv6"] is not None or release >= (1, 27, 2)):
        del picked["ipv6"]
    return picked


def pick_variant(seen: Mapping[str, Any], release: tuple[int, ...], plain: str, moment: str) -> str | None:
    """Repeat the steps of DetectIptablesVersion() in tools/istio-iptables/pkg/dependencies/implementation.go.

    :param seen: what run_auto.py found with each variant in one network namespace.
    :param plain: the variant of the binary that is called iptables.
    :param moment: "before" Istio has tried its rules in this namespace, or "after".
    """
    if release < (1, 25, 4):
        # These releases try no rule. So an agent that starts again sees the same.
        for variant in ("nft", "legacy"):
            if seen[variant]["before"]["lines"] >= LINES_OF_A_TABLE:
                return variant
        return plain
    probe = name_probe(release)
    legacy = seen["legacy"][moment]
    exists = legacy["rules"] > 0 if do_rules_decide(release) else legacy["lines"] >= LINES_OF_A_TABLE
    if exists and seen["legacy"]["works"][probe]:
        return "legacy"
    if seen["nft"]["works"][probe]:
        return "nft"
    return plain if seen[plain]["works"][probe] else None


def name_probe(release: tuple[int, ...]) -> str:
    """Return the rule of run_auto.py with which a release tries a binary."""
    table = "filter" if release < (1, 27, 1) else "nat"
    has_comment = release < {25: (1, 26), 26: (1, 26, 7)}.get(release[1], (1, 27, 3))
    return f"{table}, comment" if has_comment else table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records", nargs="+", type=Path)
    parser.add_argument("--without-gate", action="store_true")
    parser.add_argument("--at-least", type=int, default=0, help="the required number of states")
    options = parser.parse_args()
    if options.without_gate:
        releases.RULES_DECIDE = {(9, 0): 0}
    total = Comparison()
    for path in options.records:
        found = compare_machine(path.stem, [json.loads(line) for line in path.read_text().splitlines()])
        print("\n".join([f"\n{path.stem}", *found.format()]))
        total.add(found)
    if len(options.records) > 1:
        print("\n".join(["\nall machines", *total.format()]))
    for text in total.wrong:
        print(f"WRONG: {text}")
    if total.states < options.at_least:
        print(f"Only {total.states} states; {options.at_least} are required.")
    return 1 if total.wrong or total.states < options.at_least else 0


if __name__ == "__main__":
    sys.exit(main())
