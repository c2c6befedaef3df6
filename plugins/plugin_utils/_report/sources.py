# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a report's nodes come from: the outcomes of this run, recorded facts, other reports. Reads files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInput, ReportError, cause
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import checked
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.builder import preparation
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.builder import NOT_ASKED, Builder
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.json_document import read
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import Document
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import one_line
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection

OTHER_SUFFIXES = (".html", ".xml", ".csv", ".md", ".prom", ".yml", ".yaml", ".txt")
NAME_OTHERS = "name recorded facts, a fact cache or a report.json, and keep other JSON files out of their directory"
NO_FACTS = "no istio_node facts are recorded for this node"


def add_run(builder: Builder, task_vars: Mapping[str, Any], hosts: Iterable[str], nodes: Iterable[str]) -> None:
    """Take the outcomes of the hosts of this run, and each of ``nodes`` that it did not ask.

    The outcomes are read past Ansible's templating, which is slow for a fleet and has nothing to do here: role istio_node
    registered them. They are of this run, never cached ones.
    """
    run = _run(task_vars, hosts)
    for name, variables in run.items():
        _add_usable(builder, name, f"istio_node_outcome of {name}", partial(_outcome, variables))
    for name in sorted(set(map(str, nodes)) - set(run)):
        builder.add_missing(name, "not_selected", NOT_ASKED)


def failures(task_vars: Mapping[str, Any], hosts: Iterable[str]) -> dict[str, str]:
    """Return what failed in this run on which host, by name."""
    outcomes = {name: _outcome(variables) for name, variables in _run(task_vars, hosts).items()}
    return {
        name: str(found["failure"])
        for name, found in outcomes.items()
        if isinstance(found, Mapping) and "failure" in found
    }


def report_host(task_vars: Mapping[str, Any], hosts: Iterable[str]) -> str:
    """Return the first host of this run that has a directory for the report among its variables; empty where none has."""
    return next(
        (
            name
            for name, variables in _run(task_vars, hosts).items()
            if isinstance(variables, Mapping) and variables.get("istio_report_dir")
        ),
        "",
    )


def _run(task_vars: Mapping[str, Any], hosts: Iterable[str]) -> dict[str, Any]:
    """Return the variables of each host, past Ansible's templating."""
    return {str(name): task_vars["hostvars"].raw_get(name) for name in hosts}


def add_recorded(builder: Builder, path: str, label: str, selection: Selection, leave_out: str) -> None:
    """Take recorded facts or reports: a file, or a directory of JSON files such as a jsonfile fact cache.

    ``leave_out`` is the report about to be written, which may lie in the same directory. A file that says nothing usable
    of its node makes that node one without data. Raises ReportError where the path cannot be read.
    """
    prefix = f"{one_line(label)}/" if label else ""
    nodes = 0
    for file in _files(Path(path), Path(leave_out)):
        name = prefix + _node_name(file)
        try:
            text = file.read_text(encoding="utf-8")
            found = json.loads(text)
            if isinstance(found, dict) and isinstance(found.get("nodes"), list):
                del found
                builder.add_document(read(text, str(file)), label)
                continue
            if not _of_a_node(found):
                raise ReportError(f"{file}: these are neither facts of a node nor a report; {NAME_OTHERS}")
            facts = _facts_in(found)
        except (ValueError, OSError, RecursionError) as exc:
            if isinstance(exc, ReportError):
                raise
            if Path(path).is_file():
                raise ReportError(f"{file}: this cannot be read as JSON ({one_line(exc, 200)}); {NAME_OTHERS}") from exc
            builder.add_missing(name, "unusable", one_line(f"{file}: {exc}", 300))
            continue
        nodes += 1
        if facts is None:
            builder.add_missing(name, "no_answer", f"{NO_FACTS} ({one_line(file)})")
            continue
        _add_usable(builder, name, str(file), partial(_judged, facts, selection))
    if nodes:
        builder.add_source(f"recorded facts of {nodes} nodes in {path}" + (f" ({label})" if label else ""))


def _outcome(variables: Any) -> Any:
    """Return what role istio_node registered for a node. Where it got no answer, that is what the task said instead."""
    found = variables.get("istio_node_outcome") if isinstance(variables, Mapping) else None
    if isinstance(found, Mapping) and "failure" not in found and (found.get("unreachable") or found.get("failed")):
        return {**found, "failure": f"{'unreachable: ' if found.get('unreachable') else ''}{cause(found)}"}
    return found


def _judged(facts: Any, selection: Selection) -> dict[str, Any]:
    good = checked(facts)
    assessment = assess(good, selection)
    return {"facts": good, "assessment": assessment.as_dict(), "plan": preparation(good, selection, Consent())}


def _add_usable(builder: Builder, name: str, where: str, outcome: Callable[[], Any]) -> None:
    """Take a node's outcome. Whatever is wrong with it is said of this node: it must not cost the others their report."""
    try:
        builder.add(name, outcome())
    except InvalidInput as exc:
        builder.add_missing(name, "unusable", one_line(f"{where}: {exc}", 300))
    except Exception as exc:
        builder.add_missing(
            name, "unusable", one_line(f"{where}: this cannot be used ({type(exc).__name__}: {exc})", 300)
        )


def selection_of(task_vars: Mapping[str, Any], template: Callable[[Any], Any]) -> Selection:
    """Return the selection that role istio_node's variables make; recorded facts are judged by it. Raises InvalidInput."""
    names = {name: f"istio_node_{name}" for name in Selection.__dataclass_fields__}
    return Selection.from_options(
        {name: template(task_vars[variable]) for name, variable in names.items() if variable in task_vars}
    )


def read_document(path: str) -> Document:
    """Return the report in a file. Raises ReportError."""
    return read(read_text(path), path)


def read_text(path: str) -> str:
    """Return a file's text. Raises ReportError that names it."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as exc:
        raise ReportError(
            f"{path}: cannot be read ({getattr(exc, 'strerror', None) or exc}); see that the file is there and is UTF-8 text"
        ) from exc


def _files(path: Path, leave_out: Path) -> Iterator[Path]:
    if path.is_dir():
        # A fact cache's files are named like the node, without a suffix of their own.
        names = (
            name for name in sorted(os.listdir(path)) if not name.startswith(".") and not name.endswith(OTHER_SUFFIXES)
        )
        yield from (path / name for name in names if (path / name).is_file() and path / name != leave_out)
    elif path.is_file():
        yield path
    else:
        raise ReportError(f"{path}: there is no such file or directory; name recorded facts or a report.json")


def _node_name(file: Path) -> str:
    """A file is named like its node. The fact cache of ansible-core 2.19 and newer puts "s1_" before it."""
    return file.name.removeprefix("s1_").removesuffix(".json")


def _of_a_node(found: Any) -> bool:
    """Whether a file holds what a fact cache or node_facts writes: nothing as yet, a node's facts, or other facts of Ansible's."""
    return isinstance(found, dict) and (
        not found or "modules" in found or any(key.startswith(("ansible_", "istio_node", "__")) for key in found)
    )


def _facts_in(found: Any) -> Any:
    """Return the node's facts in what a file holds: a fact cache's entry, a module's result or the facts alone."""
    if isinstance(found, dict) and isinstance(found.get("__payload__"), str):
        found = json.loads(found["__payload__"])
    if isinstance(found, dict) and isinstance(found.get("ansible_facts"), dict):
        found = found["ansible_facts"]
    if isinstance(found, dict) and "modules" in found and "schema" in found:
        return found
    return found.get("istio_node") if isinstance(found, dict) else None
