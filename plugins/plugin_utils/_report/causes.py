# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root causes: what one thing, put right, closes gaps on many nodes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import MERGED_INTO
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import REFUSALS
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import RULES_ALONE
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.reason_codes import DECLARE, KINDS, PREPARE, TELLING
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations import formats
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import BAD, Cause, Node, Requirement, Row
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import count, one_line

# Names of requirements that a line has room for.
NAMES = 4
# Which package has the modules where the kernel has them and the node has not: (start of os id, part of release, package).
# RHEL 10 moved them out of what is installed by default; Oracle's UEK, and Ubuntu's kernels for clouds, have such packages too.
_PACKAGES = (
    ("ol", "uek", "kernel-uek-modules-extra-netfilter is"),
    ("", ".el10", "kernel-modules-extra is"),
    ("", ".el", "kernel-modules is"),
    ("fedora", ".fc", "kernel-modules-core is"),
    ("ubuntu", "", "linux-modules-extra is"),
    ("sles", "", "kernel-default is"),
    ("opensuse", "", "kernel-default is"),
)


def cause_of(facts: Mapping[str, Any], requirement: Requirement, row: Row) -> Cause:
    """Return the one cause of a requirement that is not there, not yet counted."""
    if requirement.kind != "module":
        return _told(requirement.kind, row.reason, row.remedy)
    # Of any_of the one that was judged, which is the one in this state.
    entries = [facts["modules"][name] for name in requirement.any_of or (requirement.name,)]
    entry = next((entry for entry in entries if entry["state"] == row.state), entries[0])
    if entry["state"] == "merged":
        entry = facts["modules"][entry["provider"]]
    if any(reason["code"] == "provider_missing" for reason in entry["reasons"]):
        # One gap with that of the module which took its code over, not another.
        entry = facts["modules"].get(MERGED_INTO.get(requirement.name, ""), entry)
    code, where, text = _deciding_reason(entry, row)
    kind = KINDS.get(code)
    if kind is None:
        general = one_line(
            text.replace(requirement.name, "the module").replace(
                str(facts["kernel"].get("release")), "the running kernel"
            )
        )
        return _told(code, general[:1].upper() + general[1:], row.remedy)
    words = {
        "file": _file(where),
        "package": _package(facts),
        "system": one_line((facts.get("os") or {}).get("name") or "this system"),
    }
    text = kind.text.format_map(words)
    if kind.remedy == PREPARE and formats.managed(facts):
        # The role refuses these nodes: their owners declare what is to be there.
        return _told(code, f"{text}, on systems that are not changed file by file", DECLARE)
    return _told(code, text, kind.remedy.format_map({**words, "package": words["package"].rsplit(" ", 1)[0]}))


def _told(code: str, text: str, remedy: str) -> Cause:
    return Cause(one_line(f"{code}: {text}"), one_line(text), one_line(remedy[:1].upper() + remedy[1:]))


def _deciding_reason(entry: Mapping[str, Any], row: Row) -> tuple[str, str, str]:
    """Return code, place and text of the reason that comes first for what is wrong: now before after a reboot."""
    reasons = [reason for reason in entry["reasons"] if reason["code"] not in TELLING]
    if row.now in BAD or (row.now == "not_needed" and entry["state"] not in ("loaded", "builtin")):
        # What is needed after a reboot only lacks what keeps it from being there then.
        axes = ("now", "autoload") if row.now in BAD else ("boot", "now", "autoload")
        chosen = [reason for axis in axes for reason in reasons if reason["axis"] == axis]
        otherwise = "not_loaded" if entry["state"] == "loadable" else entry["state"]
    else:
        chosen = [reason for reason in reasons if reason["axis"] == "boot" or reason["code"] in REFUSALS]
        otherwise = "not_persisted"
    if not chosen:
        return otherwise, "", one_line(row.reason) or otherwise
    code = one_line(chosen[0]["code"])
    doubtful = f"{code}_unknown" if "unknown" in (row.now, row.after_reboot) and f"{code}_unknown" in KINDS else code
    return doubtful, one_line(chosen[0].get("where")), one_line(chosen[0]["text"])


def _file(where: str) -> str:
    path, _colon, line = where.rpartition(":")
    return (path if line.isdecimal() else where) or "A file"


def _package(facts: Mapping[str, Any]) -> str:
    os_id = str((facts.get("os") or {}).get("id") or "")
    release = str(facts["kernel"].get("release") or "")
    found = (package for part, mark, package in _PACKAGES if os_id.startswith(part) and mark in release)
    return next(found, "packages of the running kernel are")


def counted(
    nodes: Iterable[Node], told: Mapping[str, Cause], requirements: Mapping[str, Requirement]
) -> tuple[Cause, ...]:
    """Return the causes of all nodes' gaps, the one that explains most gaps first; nodes without data come last.

    :param told: for each cause's id its text and remedy.
    """
    names: dict[str, list[str]] = {}
    rows: dict[str, set[str]] = {}
    gaps: dict[str, int] = {}
    for node in nodes:
        for cause, row in _caused(node):
            listed = names.setdefault(cause, [])
            if not listed or listed[-1] != node.name:
                listed.append(node.name)
            if row:
                rows.setdefault(cause, set()).add(requirements[row.id].name)
                gaps[cause] = gaps.get(cause, 0) + 1
    causes = [
        replace(
            told[cause],
            gaps=gaps.get(cause, 0),
            nodes=tuple(sorted(set(listed))),
            requirements=tuple(sorted(rows.get(cause, ()))),
        )
        for cause, listed in names.items()
    ]
    return tuple(sorted(causes, key=lambda cause: (-cause.gaps, -len(cause.nodes), cause.id)))


def _caused(node: Node) -> Iterator[tuple[str, Row | None]]:
    if node.no_data:
        yield no_data_cause(node).id, None
    for row in node.gaps:
        yield row.cause, row


def no_data_cause(node: Node) -> Cause:
    """Return the cause of a node without data, not yet counted."""
    code = node.no_data.code if node.no_data else ""
    text, remedy = {
        "unreachable": ("Unreachable", "See that the node is up and that Ansible can log in"),
        "not_selected": ("Not asked in this run", "Run without --limit, or leave them out of istio_report_nodes"),
        "no_answer": ("No answer in this run", "Look at the run's output for the node"),
        "stale": ("The recorded facts are too old", "Gather them again"),
        "unusable": ("What was recorded of the node cannot be used", "Gather its facts again"),
    }.get(code, ("The run failed on the node", "Look at the run's output for the node"))
    return Cause(f"no_data: {code}", text, remedy)


def why(node: Node, causes: Mapping[str, Cause], requirements: Mapping[str, Requirement]) -> str:
    """Return why a node is not as it should be, on one line: no data, what failed, its gaps' causes, and what is not there yet."""
    if node.no_data:
        return node.no_data.text
    told = [
        *(f"{part} failed: {text}" for part, text in node.failures),
        *(causes[id_].text for id_ in dict.fromkeys(row.cause for row in node.gaps)),
    ]
    return "; ".join([*told, *less(node, requirements)])


def less(node: Node, requirements: Mapping[str, Requirement]) -> list[str]:
    """Return what else there is to say of a node that may have no gap: what waits to be loaded, and why page or rules judge it worse."""
    waiting = on_demand(node)
    loads = [f"the kernel loads {some([requirements[row.id].label for row in waiting])} when needed"] if waiting else []
    return loads + apart(node, requirements)


def some(names: Sequence[str]) -> str:
    """Return names as one text, the first of them where there are many."""
    return (
        ", ".join(names)
        if len(names) <= NAMES
        else f"{', '.join(names[: NAMES - 1])} and {len(names) - NAMES + 1} more"
    )


def apart(node: Node, requirements: Mapping[str, Requirement]) -> list[str]:
    """Return why page or rules on their own judge a node worse than its verdict says, a sentence for each."""
    sentences = []
    for told, profile, verdict, nobody in (
        ("the page asks for", "documented", node.documented, "no rule uses it"),
        ("the rules use", "effective", node.effective, "the page does not name it"),
    ):
        if verdict == node.verdict or verdict not in _DECIDES:
            continue
        rows = [row for row in node.rows if profile in row.profiles and not row.gap and _DECIDES[verdict](row)]
        names = [requirements[row.id].label for row in rows]
        if not names and profile == "effective":
            # The page's own profile has no rows of what it does not name; the assessment tells them all the same.
            names = [text.partition(": ")[0] for text in node.disagreements if RULES_ALONE in text]
        if names:
            alone = all(len(row.profiles) == 1 for row in rows)
            sentences.append(f"{told} {some(names)}: {_NOT_THERE[verdict]}{f', and {nobody}' if alone else ''}")
    return sentences


_NOT_THERE = {"not_ready": "not there now", "unknown": "it cannot be told", "at_risk": "gone after a reboot"}

# For each bad verdict the rows that decide it.
_DECIDES: dict[str, Callable[[Row], bool]] = {
    "not_ready": lambda row: row.now == "unmet",
    "unknown": lambda row: "unknown" in (row.now, row.after_reboot),
    "at_risk": lambda row: row.after_reboot == "unmet",
}


def on_demand(node: Node) -> tuple[Row, ...]:
    """Return the requirements that the kernel is to load when they are needed, where this makes the node's verdict."""
    return (
        tuple(row for row in node.rows if row.level == "must" and "on_demand" in (row.now, row.after_reboot))
        if node.verdict == "on_demand"
        else ()
    )


def headline(causes: Iterable[Cause]) -> str:
    """Return for example "One cause explains 9 of 11 gaps: kernel-modules-extra is not installed", or nothing without gaps."""
    explained = [cause for cause in causes if cause.gaps]
    total = sum(cause.gaps for cause in explained)
    if not total:
        return ""
    first = explained[0]
    if len(explained) == 1:
        return f"One cause explains {'the only gap' if total == 1 else f'all {total:,} gaps'}: {first.text}"
    return f"One cause explains {first.gaps:,} of {count(total, 'gap')}: {first.text}"
