# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the verdicts with the truth, and print the confusion matrix: judge.py [--without ROW_ID]... RECORD.jsonl...

A record is the output of run_states.py on one machine. The exit code is 1 if a verdict differs from what really loaded.
--without removes a row from the effective catalogue first, to check that the comparison notices it.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import cases
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue import effective
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import parse_facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection

README = Path(__file__).parents[3] / "README.md"
# The README says on which kernel and how many rule sets fail with the page's modules.
README_CLAIM = re.compile(
    r"on kernel (?P<kernel>\d+\.\d+), with (?P<total>\d+) rule sets like Istio's\."
    r".*? (?P<failed>\d+) of the rule sets fail"
)
VERDICTS = ("ready", "on_demand", "at_risk", "not_ready", "unknown")

Record = dict[str, Any]


class Answers(NamedTuple):
    """Whether the rules of a case load. After the boot: None if they were not tried.

    :ivar plain: without the kernel loading modules.
    :ivar works: with the kernel loading modules, if the state lets it.
    """

    plain: bool
    works: bool
    plain_after: bool | None
    works_after: bool | None


class Row(NamedTuple):
    """One case in one state: the true verdict, and the verdict of the assessment."""

    state: str
    case: str
    truth: str
    verdict: str


@dataclass
class Comparison:
    """The comparison of the records of all machines."""

    rows: list[Row] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    readme_is_right: bool = True

    def add_machine(self, machine: str, records: list[Record]) -> None:
        """Add the records of one machine, and print its matrix."""
        finished = []
        for record in records:
            error = record.get("error") or find_error(record)
            if error:
                self.errors.append(f"{machine}: {record['name']}: {error}")
            if "error" not in record:
                finished.append(record)
        rows = [row for record in finished for row in compare_state(record)]
        print_summary(machine, finished)
        print("\n".join(format_matrix(rows)))
        self.rows += rows
        # The page describes kernels that have everything.
        if not any(record["custom_kernel"] for record in finished):
            text, is_right = compare_page(finished)
            print(text)
            self.readme_is_right = self.readme_is_right and is_right
        for row in rows:
            if row.truth != row.verdict:
                self.wrong.append(f"{machine}: {row.state}: {row.case}: really {row.truth}, verdict {row.verdict}")


def compare_state(record: Record) -> list[Row]:
    """Return the rows of all cases in one state."""
    facts = parse_facts(record["facts"])
    answers_by_case: dict[str, tuple[Mapping[str, Any], Answers]] = {}
    for case in cases.list_cases(record["host_iptables"]):
        if case.name in record["answers"]:
            answers_by_case[case.name] = (case.options, Answers(*record["answers"][case.name]))
    for auto_case in cases.list_auto_cases(record["host_iptables"]):
        answers = find_auto_answers(record, auto_case)
        if answers:
            answers_by_case[auto_case.name] = (auto_case.options, answers)
    rows = []
    for name, (options, answers) in answers_by_case.items():
        selection = Selection.from_options({**options, "profile": "effective"})
        rows.append(Row(record["name"], name, true_verdict(answers), assess(facts, selection).verdict))
    return rows


def true_verdict(answers: Answers) -> str:
    if not answers.works:
        return "not_ready"
    if not answers.works_after:
        return "at_risk"
    return "ready" if answers.plain and answers.plain_after else "on_demand"


def find_auto_answers(record: Record, case: cases.AutoCase) -> Answers | None:
    """Return the answers for the binaries that Istio chooses, or None if its rules were not tried."""
    by_mode = []
    for mode, mesh in case.mesh_by_mode.items():
        variants = [choose_variant(record, moment, mode, case.options) for moment in ("now", "after")]
        if None in variants:
            return None
        found = [record["answers"].get(cases.case_name(str(variant), mesh)) for variant in variants]
        if None in found:
            return None
        now, after = found
        by_mode.append([*now[:2], *after[2:]])
    # The rules of all modes must load.
    columns = zip(*by_mode, strict=True)
    plain, works, *after_boot = (all(column) if None not in column else None for column in columns)
    return Answers(bool(plain), bool(works), *after_boot)


def choose_variant(record: Record, moment: str, mode: str, options: Mapping[str, Any]) -> str | None:
    """Return the variant that Istio chooses on this machine, in its own steps; None if each IP family has another one.

    tools/istio-iptables/pkg/dependencies
    """
    families = ["ipv4", "ipv6"] if has_ipv6_rules(mode, options) else ["ipv4"]
    variants = {choose_variant_of_family(record, moment, mode, options, family) for family in families}
    return variants.pop() if len(variants) == 1 else None


def choose_variant_of_family(record: Record, moment: str, mode: str, options: Mapping[str, Any], family: str) -> str:
    release = tuple(int(part) for part in options["istio_version"].split("."))
    found = record["tables"][moment]["host" if mode == "ambient" else "pod"][family]
    default = default_variant(record, release, mode, options)
    if release < (1, 25, 4):
        return "legacy" if found["tables"] else default
    decides = found["rules"] if do_rules_decide(release) else found["tables"]
    table = "filter" if release < (1, 27, 1) else "nat"
    if decides and variant_works(record, moment, [cases.check_name("legacy", family, table)]):
        return "legacy"
    if variant_works(record, moment, [cases.check_name("nft", family, table)]):
        return "nft"
    return default


def do_rules_decide(release: tuple[int, ...]) -> bool:
    """Whether an existing table without rules does not count: since these patches, and since 1.32."""
    first_patches: dict[tuple[int, ...], int] = {(1, 29): 8, (1, 30): 5, (1, 31): 1}
    first_patch = first_patches.get(release[:2])
    return release >= (1, 32) if first_patch is None else release >= (*release[:2], first_patch)


def default_variant(record: Record, release: tuple[int, ...], mode: str, options: Mapping[str, Any]) -> str:
    """Return the variant of the binary that is called iptables."""
    if options.get("cni_plugin") and mode == "sidecar":
        return str(record["facts"]["tools"]["iptables"]["variant"])
    # The profile ambient uses the distroless images.
    is_distroless = "ambient" in options.get("mode", "sidecar")
    return "nft" if release >= (1, 31) and not is_distroless else "legacy"


def has_ipv6_rules(mode: str, options: Mapping[str, Any]) -> bool:
    if mode == "ambient":
        return bool(options.get("ambient_ipv6", True))
    return bool(options.get("ip_family", "ipv4") != "ipv4")


def variant_works(record: Record, moment: str, checks: list[str]) -> bool:
    """Whether all rules load with which Istio checks a binary."""
    for check in checks:
        answers = Answers(*record["answers"][check])
        if not (answers.works if moment == "now" else answers.works_after):
            return False
    return True


def find_error(record: Record) -> str:
    """Return what is wrong with the answers of a state, or an empty text.

    A state may try only some cases. It must try one at least, and no others.
    """
    names = {case.name for case in cases.list_cases(record["host_iptables"])}
    unknown = set(record["answers"]) - names - set(cases.list_binary_checks())
    if unknown:
        return f"unknown selection {', '.join(sorted(unknown))}"
    return "" if set(record["answers"]) & names else "no selection has a result"


def print_summary(machine: str, records: list[Record]) -> None:
    loads = sum(record["loads"] for record in records)
    capabilities = ", ".join(sorted({text for record in records for text in record["capabilities"]}))
    release = records[0]["facts"]["kernel"]["release"]
    print(f"\n{machine}, {release}: {len(records)} states, {loads} rule sets loaded with CapEff {capabilities}")


def format_matrix(rows: list[Row]) -> list[str]:
    """Return the lines of the matrix: one line per true verdict, one column per verdict of the assessment."""
    counts = Counter((row.truth, row.verdict) for row in rows)
    lines = ["really \\ verdict".ljust(18) + "".join(name.rjust(11) for name in VERDICTS)]
    for truth in VERDICTS[:-1]:
        lines.append(truth.ljust(18) + "".join(str(counts[truth, verdict]).rjust(11) for verdict in VERDICTS))
    false_ready = false_alarm = 0
    for row in rows:
        if row.truth == "not_ready" and row.verdict not in ("not_ready", "unknown"):
            false_ready += 1
        if row.truth != "not_ready" and row.verdict == "not_ready":
            false_alarm += 1
    return [*lines, f"{len(rows)} states x selections: {false_ready} false ready, {false_alarm} false alarm"]


def compare_page(records: list[Record]) -> tuple[str, bool]:
    """Return what happens with the page's modules alone, and whether the README is right about it.

    The documented profile must call the node ready although most rule sets fail.
    """
    by_state = {record["name"]: record for record in records if "rule_sets" in record}
    if not {cases.PAGE_ALONE, cases.PAGE_AND_MORE} <= set(by_state):
        return "the page's modules alone: not tried", False
    page = by_state[cases.PAGE_ALONE]
    total = len(page["rule_sets"])
    failed = [name for name, loads in page["rule_sets"].items() if not loads]
    failed_with_more = [name for name, loads in by_state[cases.PAGE_AND_MORE]["rule_sets"].items() if not loads]
    options = {"profile": "documented", "mode": ["sidecar", "ambient"], "ip_family": "dual"}
    verdict = assess(parse_facts(page["facts"]), Selection.from_options(options)).verdict
    text = (
        f"the page's modules alone: documented verdict {verdict}, {len(failed)} of {total} rule sets fail; "
        f"with the modules that it leaves out {len(failed_with_more)}"
    )
    claim = README_CLAIM.search(" ".join(README.read_text(encoding="utf-8").split()))
    if claim is None:
        return f"{text}; the README does not have these numbers", False
    is_same_kernel = page["facts"]["kernel"]["release"].startswith(f"{claim['kernel']}.")
    if is_same_kernel and [len(failed), total] != [int(claim["failed"]), int(claim["total"])]:
        return f"{text}; the README says {claim['failed']} of {claim['total']}", False
    native = set()
    for case in cases.list_cases(page["host_iptables"]):
        if case.engine == "native" and case.name in page["answers"]:
            native.add(true_verdict(Answers(*page["answers"][case.name])))
    most_fail = 2 * len(failed) > total and not failed_with_more
    return text, verdict == "ready" and native == {"not_ready"} and most_fail


def remove_rows(row_ids: list[str]) -> None:
    """Remove rows from the effective catalogue. Raises ValueError if there is no such row."""
    unknown = set(row_ids) - {row.requirement.id for row in effective.ROWS}
    if unknown:
        raise ValueError(f"no row of the effective catalogue has the id {', '.join(sorted(unknown))}")
    effective.ROWS = tuple(row for row in effective.ROWS if row.requirement.id not in row_ids)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records", nargs="+", type=Path)
    parser.add_argument("--without", action="append", default=[], metavar="ROW_ID")
    parser.add_argument("--at-least", type=int, default=0, help="the required number of states x selections")
    options = parser.parse_args()
    try:
        remove_rows(options.without)
    except ValueError as exc:
        parser.error(str(exc))
    comparison = Comparison()
    for path in options.records:
        comparison.add_machine(path.stem, [json.loads(line) for line in path.read_text().splitlines()])
    if len(options.records) > 1:
        print("\nall machines\n" + "\n".join(format_matrix(comparison.rows)))
    for text in comparison.wrong:
        print(f"WRONG: {text}")
    for text in comparison.errors:
        print(f"ERROR: {text}")
    is_enough = len(comparison.rows) >= options.at_least
    if not is_enough:
        print(f"Only {len(comparison.rows)} states x selections; {options.at_least} are required.")
    if not comparison.readme_is_right:
        print("The README is wrong about the modules of the page.")
    failed = comparison.wrong or comparison.errors or not comparison.readme_is_right or not is_enough
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
