# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root causes: a root cause explains gaps on many nodes, and one remedy closes them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import MERGED_INTO, PRESENT_STATES
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import CONFLICT_CODES, Code
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import ModuleFacts, Reason
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.reason_codes import (
    DECLARE,
    EXPLANATIONS,
    NOT_LOADED,
    NOT_PERSISTED,
    PREPARE_HOST,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.remedies import (
    NodeContext,
    Problem,
    describe_problem,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.write_blocks import describe_system_block
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import (
    BAD_GRADES,
    NoDataCode,
    Node,
    ReportRequirement,
    RootCause,
    Row,
    SharedAlternative,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.outcome import NodeFacts, NodeModules
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import pluralize, to_one_line

# The alternatives of a root cause that help on most of its nodes are shown.
MAX_ALTERNATIVES = 3

NO_DATA_CAUSES: Mapping[NoDataCode, tuple[str, str]] = {
    "unreachable": ("Unreachable", "Check that the node is up and that Ansible can log in"),
    "failed": ("The run failed on the node", "See the node's error in the output of the run"),
    "not_selected": ("Not selected in this run", "Run without --limit, or remove the node from istio_report_nodes"),
    "not_recorded": ("In none of the sources", "Record the node, or remove it from istio_report_nodes"),
    "no_answer": ("No answer in this run", "See the output of the run for this node"),
    "stale": ("The recorded facts are too old", "Record the node or gather its facts again"),
    "other_system": (
        "Not a Linux node",
        "No action is needed. To leave the host out, exclude it with istio_node_hosts",
    ),
    "unusable": ("The recording or the recorded facts cannot be used", "Record the node or gather its facts again"),
}


def find_cause(facts: NodeFacts, modules: NodeModules, requirement: ReportRequirement, row: Row) -> RootCause:
    """Return the root cause of a gap, without counts."""
    if requirement.kind != "module":
        return make_cause(requirement.kind, row.reason, row.remedy)
    name, module = _choose_module(modules, requirement, row)
    code, text, where = _choose_reason(module, row)
    context = NodeContext(facts.os, facts.platform, facts.kernel, modules.items())
    description = describe_problem(context, Problem(code, name, _strip_line(where)), is_fleet=True)
    if description is None:
        return make_cause(code, _capitalize(_generalize(text, requirement.name, facts.kernel.release)), row.remedy)
    text = description.text
    if description.remedy == DECLARE or (description.remedy == PREPARE_HOST and code != Code.CONTAINER):
        # The role does not list the modules on such a node.
        text = f"{text}; {describe_system_block(facts.platform)}"
    return make_cause(code, text, description.remedy)


def make_cause(code: str, text: str, remedy: str) -> RootCause:
    """Return a root cause, without counts, with its code and text as its id."""
    return RootCause(to_one_line(f"{code}: {text}"), to_one_line(text), to_one_line(_capitalize(remedy)))


def make_no_data_cause(code: NoDataCode) -> RootCause:
    """Return the root cause of nodes without data, without counts."""
    text, remedy = NO_DATA_CAUSES[code]
    return RootCause(f"no_data: {code}", text, remedy)


def _choose_module(modules: NodeModules, requirement: ReportRequirement, row: Row) -> tuple[str, ModuleFacts]:
    """Return name and facts of the module whose reasons explain the gap."""
    # Of any-of modules, the row has the state of the one that counts.
    any_of = requirement.any_of or (requirement.name,)
    name = next((name for name in any_of if modules[name].state == row.state), any_of[0])
    module = modules[name]
    provider = MERGED_INTO.get(requirement.name, "")
    if module.state == "merged" and module.provider is not None:
        name = module.provider
    elif provider in modules and any(reason.code == Code.PROVIDER_MISSING for reason in module.reasons):
        # One gap, not two: the module that this one was merged into is missing.
        name = provider
    return name, modules[name]


def _choose_reason(module: ModuleFacts, row: Row) -> tuple[str, str, str]:
    """Return code, text and place of the first reason for the gap. A gap now comes before a gap after a reboot."""
    reasons = [reason for reason in module.reasons if reason.code not in EXPLANATIONS]
    is_gap_now = row.now in BAD_GRADES
    is_absent = row.now == "not_needed" and module.state not in PRESENT_STATES
    if is_gap_now or is_absent:
        # For a module that is needed only after a reboot, the reasons about the boot come first.
        chosen = _sort_by_axis(reasons, ("now", "autoload") if is_gap_now else ("boot", "now", "autoload"))
        # A blacklisted dependency: the kernel ignores its blacklist, but the role does not.
        chosen += [reason for reason in reasons if reason not in chosen and reason.code in CONFLICT_CODES]
        fallback = NOT_LOADED if module.state == "loadable" else module.state
    else:
        chosen = [reason for reason in reasons if reason.axis == "boot" or reason.code in CONFLICT_CODES]
        fallback = NOT_PERSISTED
    if not chosen:
        return fallback, row.reason or fallback, ""
    return chosen[0].code, chosen[0].text, chosen[0].where or ""


def _sort_by_axis(reasons: Iterable[Reason], axes: Iterable[str]) -> list[Reason]:
    """Return the reasons of these axes, in the order of the axes."""
    by_axis: dict[str, list[Reason]] = {axis: [] for axis in axes}
    for reason in reasons:
        if reason.axis in by_axis:
            by_axis[reason.axis].append(reason)
    ordered = []
    for group in by_axis.values():
        ordered += group
    return ordered


def _strip_line(where: str) -> str:
    """Return the path of a place without its line number."""
    path, _colon, line = where.rpartition(":")
    return path if line.isdecimal() else where


def _generalize(text: str, module: str, release: str) -> str:
    """Return the text without the names of the module and the kernel: it is then the same on many nodes."""
    text = text.replace(module, "the module")
    return text.replace(release, "the running kernel") if release else text


def _capitalize(text: str) -> str:
    return text[:1].upper() + text[1:]


def count_causes(
    nodes: Iterable[Node], causes: Mapping[str, RootCause], requirements: Mapping[str, ReportRequirement]
) -> tuple[RootCause, ...]:
    """Return the root causes of all gaps, the one that explains most gaps first; those of nodes without data come last.

    :param causes: the known root causes by id, without counts.
    """
    gaps: dict[str, int] = {}
    nodes_of: dict[str, set[str]] = {}
    requirements_of: dict[str, set[str]] = {}
    alternatives_of: dict[str, Counter[str]] = {}
    for node in nodes:
        for cause in {row.cause for row in node.gaps} if node.alternatives else ():
            alternatives_of.setdefault(cause, Counter()).update(node.alternatives)
        for cause, row in _list_causes(node):
            nodes_of.setdefault(cause, set()).add(node.name)
            if row:
                requirements_of.setdefault(cause, set()).add(requirements[row.id].name)
                gaps[cause] = gaps.get(cause, 0) + 1
    counted = []
    for cause, names in nodes_of.items():
        names_of_requirements = tuple(sorted(requirements_of.get(cause, ())))
        counted.append(
            replace(
                causes[cause],
                gaps=gaps.get(cause, 0),
                nodes=tuple(sorted(names)),
                requirements=names_of_requirements,
                alternatives=_choose_alternatives(alternatives_of.get(cause, Counter())),
            )
        )
    return tuple(sorted(counted, key=lambda cause: (-cause.gaps, -len(cause.nodes), cause.id)))


def _choose_alternatives(counts: Counter[str]) -> tuple[SharedAlternative, ...]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(SharedAlternative(change, number) for change, number in ordered[:MAX_ALTERNATIVES])


def _list_causes(node: Node) -> Iterator[tuple[str, Row | None]]:
    """Yield the id of the root cause of each gap with its requirement, or that of a node without data."""
    if node.no_data:
        yield make_no_data_cause(node.no_data.code).id, None
    for row in node.gaps:
        yield row.cause, row


def describe_main_cause(causes: Iterable[RootCause]) -> str:
    """Return for example "One cause explains 9 of 11 gaps: kernel-modules-extra is not installed"; empty without gaps.

    If an alternative helps on nodes of that cause, the one that helps on most of them follows.

    :param causes: the one that explains most gaps first.
    """
    explained = [cause for cause in causes if cause.gaps]
    if not explained:
        return ""
    main, total = explained[0], sum(cause.gaps for cause in explained)
    share = f"{main.gaps:,} of {pluralize(total, 'gap')}"
    if len(explained) == 1:
        share = "the only gap" if total == 1 else f"all {total:,} gaps"
    alternatives = main.alternative_texts
    suffix = f". Alternative: {alternatives[0]}" if alternatives else ""
    return f"One cause explains {share}: {main.text}{suffix}"
