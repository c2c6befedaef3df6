# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run asks for, looked at before any node is asked: a mistake is told once, not on every node. Reads the files it names."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInput, ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.role_variables import misspelt, unknown, unread
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.builder import instant
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.write import FORMATS, TEMPLATES
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import GATES
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.sources import read_text
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import count, one_line
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.waivers import read_waivers
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection

NODE, REPORT = "istio_node_", "istio_report_"
# The options of a report that its owner can get wrong, as the action that writes it takes them.
REPORT_OPTIONS: dict[str, dict[str, Any]] = {
    "dir": {"type": "path"},
    "templates": {"type": "path"},
    "formats": {"type": "list", "elements": "str", "choices": ["html", *FORMATS]},
    "sources": {"type": "list", "elements": "raw"},
    "waivers": {"type": "path"},
    "previous": {"type": "str"},
    "max_age_hours": {"type": "float"},
    "fail_on": {"type": "list", "elements": "str", "choices": list(GATES)},
}
# What the header of a play needs.
OF_RUN = (f"{NODE}hosts", f"{NODE}serial")


class NotNow(Exception):
    """A variable cannot be templated before its node was asked: the node's own task has the last word."""


Written = Mapping[str, Any]
ByHost = Iterable[tuple[str, Written, Callable[[str], Any]]]


@dataclass
class _Kind:
    """Hosts whose variables are written alike; ``templated`` gives the value of one on the first of them."""

    variables: Written
    templated: Callable[[str], Any]
    hosts: list[str] = field(default_factory=list)


class Request:
    """The variables of the roles, by hosts that have the same ones."""

    def __init__(self, by_host: ByHost, of_run: frozenset[str] | None = None) -> None:
        """:param of_run: the names of the variables that the command line or the play gives; None where that is not known."""
        self._of_run = of_run
        kinds: dict[str, _Kind] = {}
        for host, variables, templated in by_host:
            kinds.setdefault(
                repr(sorted(variables.items(), key=lambda item: item[0])), _Kind(variables, templated)
            ).hosts.append(host)
        self._kinds = list(kinds.values())

    def warnings(self) -> list[str]:
        return [unread(name) for name, meant in self._unknown().items() if not meant]

    def errors(self) -> Iterator[str]:
        """Yield each mistake once, with the hosts that it is made for where these are not all."""
        yield from (misspelt(name, meant) for name, meant in self._unknown().items() if meant)
        told: dict[str, list[str]] = {}
        for kind in self._kinds:
            for error in _wrong_values(kind):
                told.setdefault(error, []).extend(kind.hosts)
        everybody = sum(len(kind.hosts) for kind in self._kinds)
        for error, hosts in told.items():
            yield error if len(hosts) == everybody else f"{error} (for {_some(hosts)})"
        yield from self._unheard()
        yield from self._report_errors()

    def _unheard(self) -> Iterator[str]:
        """Yield the variables that Ansible reads before it has a host, so never from the inventory: all nodes at once would be asked."""
        named = {name for kind in self._kinds for name in kind.variables}
        for name in OF_RUN:
            if self._of_run is not None and name in named and name not in self._of_run:
                yield f"{name}: Ansible does not read it from the inventory; give it with -e, or take it out there"

    def _unknown(self) -> dict[str, str]:
        return unknown({name for kind in self._kinds for name in kind.variables})

    def _report_errors(self) -> Iterator[str]:
        """Look at the report as the first host has it that has a directory for it, else at what concerns the summary."""
        kind = next((kind for kind in self._kinds if kind.variables.get(f"{REPORT}dir")), self._kinds[0])
        try:
            options = {
                name.removeprefix(REPORT): kind.templated(name) for name in kind.variables if name.startswith(REPORT)
            }
        except NotNow:
            return
        given = {name: value for name, value in options.items() if name in REPORT_OPTIONS and value is not None}
        checked = ArgumentSpecValidator(REPORT_OPTIONS).validate(given)
        for name, value in given.items():
            # Each on its own, for its name, and in our words: Ansible's name neither the variable nor the value, but Python's types.
            if ArgumentSpecValidator({name: REPORT_OPTIONS[name]}).validate({name: value}).error_messages:
                yield f"{REPORT}{name}: {one_line(value, 100)!r} {_wanted(REPORT_OPTIONS[name])}"
        for name, look in (
            ("waivers", _waivers),
            ("previous", _readable),
            ("dir", _writable),
            ("templates", _templates),
            ("time", _time),
        ):
            value = checked.validated_parameters.get(name) if name in REPORT_OPTIONS else options.get(name)
            if value and (wrong := look(str(value))):
                yield f"{REPORT}{name}: {wrong}"


def _wrong_values(kind: _Kind) -> Iterator[str]:
    """Yield what is wrong with the selection, with the consent and with the batches."""
    for build, fields in (
        (Selection.from_options, Selection.__dataclass_fields__),
        (Consent.from_options, Consent.__dataclass_fields__),
    ):
        options = {}
        for name in fields:
            variable = NODE + name
            if variable not in kind.variables:
                continue
            try:
                value = kind.templated(variable)
            except NotNow:
                continue
            if value is None:
                continue
            # Templates may make a number of a version that was written as text, as the role knows.
            options[name] = (
                str(value) if name == "istio_version" and isinstance(kind.variables[variable], str) else value
            )
        # Each on its own, so that all mistakes are told; only values that are right can contradict each other.
        wrong = [error for name, value in options.items() if (error := _error(build, {name: value}))]
        contradiction = "" if wrong else _error(build, options)
        yield from wrong or ([contradiction] if contradiction else [])
    yield from _wrong_batches(kind)


def _wrong_batches(kind: _Kind) -> Iterator[str]:
    """Yield what is wrong with the variables of a rollout. Ansible ends in an exception over the one, and takes the other for 0."""
    for name, right, wanted in (
        ("serial", _is_serial, "is no number from 1 on, percentage such as 20%, or list of them"),
        ("max_fail_percentage", _is_percentage, "is no number from 0 to 100"),
    ):
        try:
            value = kind.templated(NODE + name) if NODE + name in kind.variables else None
        except NotNow:
            continue
        if value is not None and not right(value):
            yield f"{NODE}{name}: {value!r} {wanted}"


def _is_serial(value: Any) -> bool:
    """Ansible takes 0 for all hosts at once, which is the last thing that it may mean here."""
    batches = value if isinstance(value, (list, tuple)) else [value]
    return bool(batches) and all(
        not isinstance(batch, bool) and re.fullmatch(r"0*[1-9]\d*%?", str(batch).strip()) for batch in batches
    )


def _is_percentage(value: Any) -> bool:
    return (
        not isinstance(value, bool) and bool(re.fullmatch(r"\d+(\.\d+)?", str(value).strip())) and float(value) <= 100
    )


def _error(build: Callable[[dict[str, Any]], Any], options: dict[str, Any]) -> str:
    try:
        build(options)
    except InvalidInput as exc:
        return f"{NODE}{exc}"
    return ""


def no_host(pattern: str, known: bool) -> str:
    """Return the error on a pattern without hosts; ``known`` is whether the inventory has some that the run leaves out."""
    if known:
        return f"no host of '{pattern}' is in this run: --limit leaves all of them out"
    return f"no host of the inventory matches '{pattern}': nothing was asked of any node. See istio_node_hosts and the inventory (-i)"


def no_pattern(hosts: list[str]) -> str:
    """Return the error on hosts whose names Ansible takes for more than one, or for a pattern of others."""
    told = "nothing was asked of any node. Ansible cannot name these hosts in a play"
    return f"{told}: {_some(hosts)}. Rename them in the inventory, without blanks, commas, colons"


def _wanted(option: dict[str, Any]) -> str:
    """Return what an option of a report has to be, for the error on a value that is not."""
    if "choices" in option:
        return f"is no list of {', '.join(option['choices'])}"
    return {"float": "is no number", "list": "is no list", "path": "is no path"}.get(option["type"], "is no text")


def _waivers(path: str) -> str:
    try:
        read_waivers(read_text(path), path)
    except ReportError as exc:
        return str(exc)
    return ""


def _readable(path: str) -> str:
    try:
        read_text(path)
    except ReportError as exc:
        return str(exc)
    return ""


def _templates(path: str) -> str:
    return next((wrong for name in TEMPLATES if (wrong := _readable(os.path.join(path, name)))), "")


def _writable(path: str) -> str:
    """Return why a directory can neither be written nor made.

    Tried with a file that has no name: permissions alone say too little of root, of a file share and of a read-only file system.
    """
    here = os.path.abspath(path)
    while not os.path.lexists(here):
        here = os.path.dirname(here)
    if not os.path.isdir(here):
        return f"{here} is no directory"
    try:
        with tempfile.TemporaryFile(dir=here):
            return ""
    except OSError as exc:
        return f"{here} cannot be written to by the user who runs this ({exc.strerror})"


def _time(text: str) -> str:
    return "" if instant(text) else f"'{one_line(text, 100)}' is no time in UTC such as 2026-11-24T04:00:00Z"


def _some(hosts: list[str]) -> str:
    return ", ".join(hosts[:3]) + (f" and {count(len(hosts) - 3, 'more host')}" if len(hosts) > 3 else "")
