# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold the verdicts against the truth: judge.py [--without ROW_ID]... RECORD.jsonl... prints the confusion matrix.

A record is what node.py printed on one machine. The exit code is 1 where a verdict and what really loaded disagree.
With --without a row is taken out of the effective catalogue first, to see that its absence is noticed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import cases
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue import effective
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import checked
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection

README = Path(__file__).parents[3] / "README.md"
# What the README says of the page's modules, of how many rule sets fail on which kernel.
TOLD = re.compile(r"(\d+) of this project's (\d+) rule sets like Istio's fail on kernel (\d+\.\d+)")
VERDICTS = ("ready", "on_demand", "at_risk", "not_ready", "unknown")


def judged(record: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return (state, selection, truth, verdict) of each selection in one state."""
    facts = checked(record["facts"])
    asked = {
        name: (options, outcome(*answers))
        for name, options in selections(record).items()
        if (answers := record["answers"].get(name))
    }
    for name, (options, by_mode) in cases.automatic(record["host_iptables"]).items():
        answers = picked_by_istio(record, options, by_mode)
        if answers:
            asked[name] = (options, outcome(*answers))
    return [
        (
            record["name"],
            name,
            truth,
            assess(facts, Selection.from_options({**options, "profile": "effective"})).verdict,
        )
        for name, (options, truth) in asked.items()
    ]


def selections(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return cases.selections(record["host_iptables"])


def outcome(plain: bool, works: bool, plain_after: bool | None, works_after: bool | None) -> str:
    """Return the true verdict: whether the rules load as the node is, whether with the kernel loading modules, and both after a boot."""
    if not works:
        return "not_ready"
    if not works_after:
        return "at_risk"
    return "ready" if plain and plain_after else "on_demand"


def picked_by_istio(record: dict[str, Any], options: dict[str, Any], by_mode: dict[str, str]) -> list[Any] | None:
    """Return the answers of the rules that Istio loads by the binary that it picks, or None where they were not tried."""
    found = []
    for mode, name in by_mode.items():
        now, after = (pick(record, moment, mode, options) for moment in ("now", "after"))
        answers = [record["answers"].get(f"{variant}, {name}") for variant in (now, after)]
        if None in answers:
            return None
        found.append([*answers[0][:2], *answers[1][2:]])
    return [all(column) if None not in column else None for column in zip(*found, strict=True)]


def pick(record: dict[str, Any], moment: str, mode: str, options: dict[str, Any]) -> str:
    """Return the variant that Istio picks, by what its own steps find on the machine: tools/istio-iptables/pkg/dependencies."""
    release = tuple(int(part) for part in options["istio_version"].split("."))
    tables = record["tables"][moment]["host" if mode == "ambient" else "pod"]
    plain = (
        record["facts"]["tools"]["iptables"]["variant"]
        if options.get("cni_plugin")
        else "nft"
        if release >= (1, 31)
        else "legacy"
    )
    if release == (1, 25, 3):
        return "legacy" if tables else plain
    ipv6 = release < (1, 27) or (
        options.get("ambient_ipv6", True) if mode == "ambient" else options.get("ip_family", "ipv4") != "ipv4"
    )
    works = {"now": 1, "after": 3}[moment]
    tried = {
        variant: all(
            record["answers"][f"probe {variant} {family} {'filter' if release < (1, 27) else 'nat'}"][works]
            for family in ("ipv4", "ipv6")
            if family == "ipv4" or ipv6
        )
        for variant in ("legacy", "nft")
    }
    return "legacy" if tables and tried["legacy"] else "nft" if tried["nft"] else plain


def unjudged(record: dict[str, Any]) -> str:
    """Return what is wrong with a state's answers; where a state tried only some selections it holds fewer, never none or others."""
    strange = set(record["answers"]) - set(selections(record)) - set(cases.PROBES)
    if strange:
        return f"no selection is called {', '.join(sorted(strange))}"
    return "" if set(record["answers"]) & set(selections(record)) else "nothing came of any selection"


def matrix(rows: list[tuple[str, str, str, str]]) -> list[str]:
    """Return the lines of the matrix: the truth downwards, the verdict across."""
    counts = Counter((truth, verdict) for _state, _selection, truth, verdict in rows)
    lines = ["really \\ verdict".ljust(18) + "".join(name.rjust(11) for name in VERDICTS)]
    lines += [
        truth.ljust(18) + "".join(str(counts[truth, verdict]).rjust(11) for verdict in VERDICTS)
        for truth in VERDICTS[:-1]
    ]
    false_ready = sum(
        number
        for (truth, verdict), number in counts.items()
        if truth == "not_ready" and verdict not in ("not_ready", "unknown")
    )
    false_alarm = sum(
        number for (truth, verdict), number in counts.items() if verdict == "not_ready" and truth != "not_ready"
    )
    return [*lines, f"{len(rows)} states x selections: {false_ready} false ready, {false_alarm} false alarm"]


def claim(records: list[dict[str, Any]]) -> tuple[str, bool]:
    """Return what came of the page's modules alone, and whether it is what the README says: judged ready, and yet it fails."""
    found = {record["name"]: record for record in records if "rule_sets" in record}
    if not {cases.PAGE_ALONE, cases.PAGE_AND_MORE} <= set(found):
        return "the page's modules alone: not tried", False
    page, more = found[cases.PAGE_ALONE], found[cases.PAGE_AND_MORE]["rule_sets"]
    failed = [name for name, loads in page["rule_sets"].items() if not loads]
    native = {outcome(*answers) for name, answers in page["answers"].items() if name.startswith("native")}
    verdict = assess(
        checked(page["facts"]),
        Selection.from_options({"profile": "documented", "mode": ["sidecar", "ambient"], "ip_family": "dual"}),
    ).verdict
    left = [name for name, loads in more.items() if not loads]
    text = f"the page's modules alone: documented verdict {verdict}, {len(failed)} of {len(page['rule_sets'])} rule sets fail; with what it leaves out {len(left)}"
    told = TOLD.search(" ".join(README.read_text(encoding="utf-8").split()))
    if told is None:
        return f"{text}; the README no longer tells how many", False
    if page["facts"]["kernel"]["release"].startswith(f"{told[3]}.") and [len(failed), len(page["rule_sets"])] != [
        int(told[1]),
        int(told[2]),
    ]:
        return f"{text}; the README says {told[1]} of {told[2]}", False
    return text, verdict == "ready" and native == {"not_ready"} and 2 * len(failed) > len(
        page["rule_sets"]
    ) and not left


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records", nargs="+", type=Path)
    parser.add_argument("--without", action="append", default=[], metavar="ROW_ID")
    parser.add_argument("--at-least", type=int, default=0, help="how many states x selections there have to be")
    options = parser.parse_args()
    unknown = set(options.without) - {row.requirement.id for row in effective.ROWS}
    if unknown:
        parser.error(f"no row of the effective catalogue has the id {', '.join(sorted(unknown))}")
    effective.ROWS = tuple(row for row in effective.ROWS if row.requirement.id not in options.without)
    every = []
    wrong = []
    errors: list[str] = []
    claims: list[bool] = []
    for path in options.records:
        records = [json.loads(line) for line in path.read_text().splitlines()]
        errors += [f"{path.stem}: {record['name']}: {record['error']}" for record in records if "error" in record]
        records = [record for record in records if "error" not in record]
        errors += [f"{path.stem}: {record['name']}: {text}" for record in records if (text := unjudged(record))]
        rows = [row for record in records for row in judged(record)]
        loads = sum(record["loads"] for record in records)
        capabilities = ", ".join(sorted({text for record in records for text in record["capabilities"]}))
        release = records[0]["facts"]["kernel"]["release"]
        print(f"\n{path.stem}, {release}: {len(records)} states, {loads} rule sets loaded with CapEff {capabilities}")
        print("\n".join(matrix(rows)))
        text, true = claim(records)
        print(text)
        every += rows
        claims.append(true)
        wrong += [(path.stem, *row) for row in rows if row[2] != row[3]]
    if len(options.records) > 1:
        print("\nall machines\n" + "\n".join(matrix(every)))
    for machine, state, selection, truth, verdict in wrong:
        print(f"WRONG: {machine}: {state}: {selection}: really {truth}, verdict {verdict}")
    for error in errors:
        print(f"ERROR: {error}")
    if len(every) < options.at_least:
        print(f"Only {len(every)} states x selections; {options.at_least} were to be judged.")
    if not all(claims):
        print("What the README says of the page's modules is not what came of them.")
    return 1 if wrong or errors or not all(claims) or len(every) < options.at_least else 0


if __name__ == "__main__":
    sys.exit(main())
