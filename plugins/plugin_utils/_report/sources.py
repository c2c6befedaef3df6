# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sources of a report: the outcomes of this run, recorded facts, recordings, other reports. Reads files."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node_facts import gather_facts
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.recording import Recording, RecordingError
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.sources import (
    FoundRecording,
    find_recordings,
    is_recording,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError, ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import expand, parse_expanded
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.builder import build_plan
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.target import judge_target
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.builder import NOT_RECORDED, NOT_SELECTED, Builder
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.json_reader import read_report
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.from_outcome import describe_failure
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import Document
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import (
    TIME_FORMAT,
    abbreviate,
    pluralize,
    to_one_line,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.waivers import WaiverRule, read_waivers
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.target import parse_target
from ansible_collections.nodeprep.istio.plugins.plugin_utils._values import NODE_PREFIX

# Files in a directory of sources that are not recorded facts. One that contains a recording is read.
OTHER_SUFFIXES = (".html", ".xml", ".csv", ".md", ".prom", ".yml", ".yaml", ".txt")
# The fact cache of ansible-core 2.19 and newer puts this before the name of the node.
CACHE_PREFIX = "s1_"
# How keys of a fact cache's file start.
FACT_PREFIXES = ("ansible_", "istio_node", "__")

REMEDY = "give recordings, recorded facts, a fact cache or a report.json, and keep other files out of their directory"
UNREADABLE_REMEDY = "give recordings, recorded facts or a report.json"
NO_FACTS = "no istio_node facts are recorded for this node"
# Bounds the memory: an assessment and a plan need up to 100 KiB. A fleet with more distinct nodes shares few answers.
MAX_SHARED_ANSWERS = 1024
MAX_PROBLEM_CHARS = 500
MAX_JSON_ERROR_CHARS = 200


@dataclass(frozen=True)
class RunHost:
    """A host of this run: the outcome of role istio_node, and whether it has a directory for the report."""

    outcome: Any
    has_report_dir: bool


def read_run(task_vars: Mapping[str, Any], hosts: Iterable[str]) -> dict[str, RunHost]:
    """Return the hosts of this run.

    The outcomes are those that role istio_node registered in this run, never cached ones. The variables are read
    without Ansible's templating, which is slow for a fleet and not needed, and only once: Ansible copies all facts of
    a host for it.
    """
    run = {}
    for name in hosts:
        variables = task_vars["hostvars"].raw_get(name)
        known = variables if isinstance(variables, Mapping) else {}
        run[str(name)] = RunHost(known.get("istio_node_outcome"), bool(known.get("istio_report_dir")))
    return run


def add_run(builder: Builder, run: Mapping[str, RunHost], nodes: Iterable[str]) -> None:
    """Add the outcomes of the hosts of this run, and each of ``nodes`` that it did not select."""
    for name, host in run.items():
        _add_checked(builder, name, f"istio_node_outcome of {name}", partial(_get_outcome, host))
    for name in sorted({str(name) for name in nodes} - run.keys()):
        builder.add_missing(name, "not_selected", NOT_SELECTED)


def _get_outcome(host: RunHost) -> Any:
    return host.outcome


def collect_failures(run: Mapping[str, RunHost]) -> dict[str, str]:
    """Return the error of each host on which this run failed, by name."""
    failures = {}
    for name, host in run.items():
        failure = describe_failure(host.outcome)
        if failure:
            failures[name] = failure
    return failures


def find_report_host(run: Mapping[str, RunHost]) -> str:
    """Return the first host of this run that has a directory for the report among its variables, or an empty string."""
    return next((name for name, host in run.items() if host.has_report_dir), "")


def read_selection(task_vars: Mapping[str, Any], template: Callable[[Any], Any]) -> Selection:
    """Return the selection of the variables of role istio_node, by which recorded facts are assessed.

    Raises InvalidInputError.
    """
    return Selection.from_options(_read_options(task_vars, template))


def read_target(task_vars: Mapping[str, Any], template: Callable[[Any], Any]) -> Selection | None:
    """Return the selection after the change of the variable istio_node_target; None if nothing changes.

    Raises InvalidInputError.
    """
    variable = f"{NODE_PREFIX}target"
    if variable not in task_vars:
        return None
    return parse_target(_read_options(task_vars, template), template(task_vars[variable]))


def _read_options(task_vars: Mapping[str, Any], template: Callable[[Any], Any]) -> dict[str, Any]:
    options = {}
    for name in Selection.__dataclass_fields__:
        variable = f"{NODE_PREFIX}{name}"
        if variable in task_vars:
            options[name] = template(task_vars[variable])
    return options


@dataclass(frozen=True)
class RecordedSource:
    """Recordings, recorded facts or reports: a file, or a directory of them such as a jsonfile fact cache.

    ``label`` and a slash are put before the names of the nodes. ``selection`` is what recorded facts are assessed by,
    and so is ``target`` if there is one. ``excluded`` is a file to leave out: the report about to be written, which may
    lie in the same directory.
    """

    path: Path
    label: str
    selection: Selection
    excluded: Path | None = None
    target: Selection | None = None

    def add_to(self, builder: Builder) -> None:
        """Add its nodes. If a file of a directory contains unusable facts, or a recording is damaged, it has no data.

        Raises ReportError if the path cannot be read, or holds something else.
        """
        assessor = Assessor(self.selection, self.target)
        counts = Counter[str]()
        for file in _list_files(self.path, self.excluded):
            if is_recording(str(file)):
                counts["recordings"] += self._add_recordings(builder, assessor, file)
            else:
                counts["recorded facts"] += self._add_file(builder, assessor, file)
        suffix = f" ({self.label})" if self.label else ""
        for kind, count in counts.items():
            if count:
                builder.add_source(f"{kind} of {pluralize(count, 'node')} in {self.path}{suffix}")

    def _add_recordings(self, builder: Builder, assessor: Assessor, file: Path) -> int:
        """Add the nodes of a file with recordings; return their number. Only one of them is in memory at a time."""
        count = 0
        for found in find_recordings(str(file)):
            self._add_recording(builder, assessor, found, file)
            count += 1
        return count

    def _add_recording(self, builder: Builder, assessor: Assessor, found: FoundRecording, file: Path) -> None:
        try:
            recording = found.read()
        except RecordingError as exc:
            # An older recording of the node must not hide it.
            problem = to_one_line(exc, MAX_PROBLEM_CHARS)
            builder.add_missing(self._qualify(found.name), "unusable", problem, _find_time(file))
            return
        get_outcome = partial(_assess_recording, assessor, recording)
        _add_checked(builder, self._qualify(recording.name), found.where, get_outcome)

    def _qualify(self, name: str) -> str:
        """Return the name of a node with the label before it."""
        return f"{to_one_line(self.label)}/{name}" if self.label else name

    def _add_file(self, builder: Builder, assessor: Assessor, file: Path) -> bool:
        """Add the nodes of a JSON file; return whether it holds recorded facts."""
        name = self._qualify(_get_node_name(file))
        try:
            text = file.read_text(encoding="utf-8")
            content = json.loads(text)
            if _is_report(content):
                # The report reads the text again, and needs much less memory than this.
                del content
                builder.add_document(read_report(text, str(file)), self.label)
                return False
            if not _is_of_a_node(content):
                raise ReportError(f"{file}: contains neither the facts of a node nor a report; {REMEDY}")
            facts = _find_facts(content)
        except (ValueError, OSError, RecursionError) as exc:
            if isinstance(exc, ReportError):
                raise
            problem = f"{file}: {_describe_unreadable(exc)}; {REMEDY}"
            if self.path.is_file():
                raise ReportError(problem) from exc
            builder.add_missing(name, "unusable", to_one_line(problem, MAX_PROBLEM_CHARS))
            return False
        if facts is None:
            builder.add_missing(name, "no_answer", f"{NO_FACTS} ({to_one_line(file)})")
        else:
            _add_checked(builder, name, str(file), partial(assessor.assess, facts))
        return True


def _find_time(file: Path) -> str:
    """Return when a file was written, ISO 8601 in UTC."""
    return datetime.datetime.fromtimestamp(file.stat().st_mtime, datetime.timezone.utc).strftime(TIME_FORMAT)


def _assess_recording(assessor: Assessor, recording: Recording) -> dict[str, object]:
    """Return the outcome of a recorded node. Raises InvalidInputError."""
    facts = gather_facts(recording.files, KNOWN_MODULES, recording.recorded_at, recording.run)
    return assessor.assess(facts)


class Assessor:
    """Assesses recorded facts. Nodes with equal facts, which are most of a fleet, share one assessment and plan."""

    def __init__(self, selection: Selection, target: Selection | None) -> None:
        self._selection = selection
        self._target = target
        self._answers: dict[str, Mapping[str, object]] = {}

    def assess(self, facts: Any) -> dict[str, object]:
        """Return the outcome that role istio_node registers for these facts. Raises InvalidInputError."""
        expanded = expand(facts)
        key = self._identify(expanded)
        answer = self._answers.get(key)
        if answer is None:
            answer = self._assess(expanded)
            if len(self._answers) >= MAX_SHARED_ANSWERS:
                self._answers.clear()
            self._answers[key] = answer
        return {"facts": expanded, **answer}

    def _identify(self, expanded: Mapping[str, Any]) -> str:
        """Return a digest of all that the answer depends on."""
        relevant = dict(expanded)
        # The checks of a site may read everything.
        if not self._selection.extra_checks:
            relevant.pop("observed_at", None)
            kernel = relevant.get("kernel")
            if isinstance(kernel, Mapping):
                relevant["kernel"] = {**kernel, "boot_id": None}
        return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()

    def _assess(self, expanded: Mapping[str, Any]) -> Mapping[str, object]:
        parsed = parse_expanded(expanded)
        assessment = assess(parsed, self._selection)
        plan = build_plan(parsed, self._selection, Consent(), self._target, assessment)
        return {
            "assessment": assessment.as_dict(),
            "plan": plan.as_dict(),
            "target": None if self._target is None else judge_target(parsed, self._target).as_dict(),
        }


def _add_checked(builder: Builder, name: str, where: str, get_outcome: Callable[[], Any]) -> None:
    """Add a node with its outcome. After any error the node has no data; the report still contains the other nodes."""
    try:
        builder.add(name, get_outcome())
    except InvalidInputError as exc:
        builder.add_missing(name, "unusable", to_one_line(f"{where}: {exc}", MAX_PROBLEM_CHARS))
    except Exception as exc:
        problem = f"{where}: cannot be used ({type(exc).__name__}: {exc})"
        builder.add_missing(name, "unusable", to_one_line(problem, MAX_PROBLEM_CHARS))


def add_sources(
    builder: Builder,
    sources: Iterable[Any],
    task_vars: Mapping[str, Any],
    template: Callable[[Any], Any],
    excluded: Path | None = None,
) -> None:
    """Add the nodes of recordings, recorded facts and reports.

    :param sources: the option sources.
    :param excluded: see :class:`RecordedSource`.

    Raises ReportError or InvalidInputError.
    """
    selection = read_selection(task_vars, template)
    target = read_target(task_vars, template)
    for source in sources:
        path, label = parse_source(source)
        RecordedSource(path, label, selection, excluded, target).add_to(builder)


def add_expected(builder: Builder, nodes: Iterable[str]) -> None:
    """Add each of these nodes that no source has, without data."""
    for name in nodes:
        builder.add_missing(name, "not_recorded", NOT_RECORDED)


def check_nodes(document: Document, sources: Sequence[Any]) -> None:
    """Raise ReportError if sources hold no node at all: a report on nothing would pass every gate."""
    if sources and all(node.no_data and node.no_data.code == "not_recorded" for node in document.nodes):
        paths = abbreviate([str(parse_source(source)[0]) for source in sources])
        raise ReportError(f"{paths}: no node is recorded there; {UNREADABLE_REMEDY}")


def read_document(path: str) -> Document:
    """Return the report in a file. Raises ReportError."""
    return read_report(read_text(path), path)


def read_text(path: str) -> str:
    """Return a file's text. Raises ReportError that names it."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as exc:
        problem = getattr(exc, "strerror", None) or exc
        raise ReportError(f"{path}: cannot be read ({problem}); check that the file exists and is UTF-8 text") from exc


def read_waiver_file(path: str | None) -> list[WaiverRule]:
    """Return the waivers of a file, or none if there is no path. Raises ReportError."""
    return read_waivers(read_text(path), path) if path else []


def parse_source(source: Any) -> tuple[Path, str]:
    """Return path and label of an entry of the option sources. Raises ReportError if it is something else."""
    path, label = source, ""
    if isinstance(source, Mapping):
        path, label = source.get("path"), str(source.get("label", ""))
    if not isinstance(path, str) or not path:
        raise ReportError(f"source {source!r} is neither a path nor a mapping of path and label; give one of them")
    return Path(path), label


def check_source(path: Path) -> None:
    """Raise ReportError if a source is neither a file nor a directory that can be read."""
    next(_list_files(path, None), None)


def _list_files(path: Path, excluded: Path | None) -> Iterator[Path]:
    """Yield the files of a source, and the directories that are recordings."""
    if path.is_file() or is_recording(str(path)):
        yield path
        return
    if not path.is_dir():
        raise ReportError(f"{path}: no such file or directory; {UNREADABLE_REMEDY}")
    try:
        names = sorted(os.listdir(path))
    except OSError as exc:
        raise ReportError(f"{path}: cannot be read ({exc.strerror}); {UNREADABLE_REMEDY}") from exc
    for name in names:
        file = path / name
        # The files of a fact cache have the name of the node, without a suffix.
        if name.startswith(".") or file == excluded:
            continue
        is_facts = file.is_file() and not name.endswith(OTHER_SUFFIXES)
        if is_facts or is_recording(str(file)):
            yield file


def _get_node_name(file: Path) -> str:
    return file.name.removeprefix(CACHE_PREFIX).removesuffix(".json")


def _describe_unreadable(error: Exception) -> str:
    """Return what is wrong with a file without recordings. It may be a log that was meant to contain some."""
    if isinstance(error, json.JSONDecodeError) and not error.doc.strip():
        return "is empty"
    if isinstance(error, json.JSONDecodeError) and error.doc.strip()[0] not in "{[":
        return "contains neither recordings nor JSON"
    return f"cannot be read as JSON ({to_one_line(error, MAX_JSON_ERROR_CHARS)})"


def _is_report(content: Any) -> bool:
    return isinstance(content, dict) and isinstance(content.get("nodes"), list)


def _is_of_a_node(content: Any) -> bool:
    """Return whether a fact cache or node_facts wrote it: an empty file, a node's facts, or other facts of Ansible."""
    if not isinstance(content, dict):
        return False
    return not content or "modules" in content or any(key.startswith(FACT_PREFIXES) for key in content)


def _find_facts(content: Any) -> Any:
    """Return the facts of a node in a file: an entry of a fact cache, the result of a module, or the facts alone.

    Return None if there are none.
    """
    if isinstance(content, dict) and isinstance(content.get("__payload__"), str):
        content = json.loads(content["__payload__"])
    if isinstance(content, dict) and isinstance(content.get("ansible_facts"), dict):
        content = content["ansible_facts"]
    if isinstance(content, dict) and "modules" in content and "schema" in content:
        return content
    return content.get("istio_node") if isinstance(content, dict) else None
