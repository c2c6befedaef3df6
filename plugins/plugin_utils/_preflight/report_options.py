# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a report, and the files and directories that they name. Reads them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.builder import check_max_age_hours
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.write import FORMATS, TEMPLATES
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.gate import GATES
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.sources import (
    check_source,
    parse_source,
    read_document,
    read_text,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import parse_time, to_one_line
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.waivers import read_waivers

MAX_VALUE_CHARS = 100

# The options that have a type or choices, as nodeprep.istio.fleet_report defines them.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "dir": {"type": "path"},
    "templates": {"type": "path"},
    "formats": {"type": "list", "elements": "str", "choices": ["html", *FORMATS]},
    "sources": {"type": "list", "elements": "raw"},
    "waivers": {"type": "path"},
    "previous": {"type": "str"},
    "max_age_hours": {"type": "float"},
    "fail_on": {"type": "list", "elements": "str", "choices": list(GATES)},
}
TYPE_NAMES = {"float": "a number", "list": "a list", "path": "a path", "str": "a string"}


def find_report_errors(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each option with an invalid value, or with a file that cannot be used, and what is wrong with it.

    :param options: the options of role istio_report, without their prefix.
    """
    valid = {}
    for name, value in options.items():
        if value is None or name not in ARGUMENTS:
            continue
        # Validated one by one and described here: Ansible's message names neither the option nor its value.
        validated = ArgumentSpecValidator({name: ARGUMENTS[name]}).validate({name: value})
        if validated.error_messages:
            yield name, f"invalid value {to_one_line(value, MAX_VALUE_CHARS)!r}; give {_describe_type(ARGUMENTS[name])}"
            continue
        valid[name] = validated.validated_parameters.get(name)
    valid["time"] = options.get("time")
    for name, check in VALUE_CHECKS.items():
        if valid.get(name):
            error = check(valid[name])
            if error:
                yield name, error


def _describe_type(argument: Mapping[str, Any]) -> str:
    if "choices" in argument:
        return f"a list of {', '.join(argument['choices'])}"
    return TYPE_NAMES[argument["type"]]


def check_waivers(path: str) -> str:
    """Return what is wrong with a file of waivers, or an empty string."""
    try:
        read_waivers(read_text(path), path)
    except ReportError as exc:
        return str(exc)
    return ""


def check_readable(path: str) -> str:
    """Return why a file cannot be read, or an empty string."""
    try:
        read_text(path)
    except ReportError as exc:
        return str(exc)
    return ""


def check_sources(sources: Iterable[Any]) -> str:
    """Return what is wrong with the first source that cannot be used, or an empty string."""
    for source in sources:
        try:
            path, _label = parse_source(source)
            check_source(path)
        except ReportError as exc:
            return str(exc)
    return ""


def check_recordings(value: Any) -> str:
    """Return what is wrong with recordings, a source or a list of them, or an empty string."""
    if isinstance(value, (list, tuple)):
        return check_sources(value) if value else "is an empty list; give the path of recordings"
    return check_sources([value])


def check_recordings_directory(value: Any) -> str:
    """Return what is wrong with the directory in which recordings are saved, or an empty string."""
    if isinstance(value, str) and value:
        return check_writable(value)
    return f"invalid value {to_one_line(value, MAX_VALUE_CHARS)!r}; give a path"


def check_previous(path: str) -> str:
    """Return why a report cannot be compared with, or an empty string."""
    try:
        read_document(path)
    except ReportError as exc:
        return str(exc)
    return ""


def check_templates(path: str) -> str:
    """Return why a directory of templates cannot be used, or an empty string."""
    for name in TEMPLATES:
        error = check_readable(os.path.join(path, name))
        if error:
            return error
    return ""


def check_writable(path: str) -> str:
    """Return why a directory can neither be written to nor created, or an empty string.

    Creates a file without a name in the directory, or in its nearest parent that exists: permissions alone do not show
    whether root, a file share or a read-only file system permits writing.
    """
    directory = os.path.abspath(path)
    while not os.path.lexists(directory):
        directory = os.path.dirname(directory)
    if not os.path.isdir(directory):
        return f"{directory} is not a directory; choose another path"
    try:
        with tempfile.TemporaryFile(dir=directory):
            return ""
    except OSError as exc:
        return f"{directory} is not writable for the user who runs Ansible ({exc.strerror}); choose another path"


def check_time(value: Any) -> str:
    """Return what is wrong with a time, or an empty string."""
    if parse_time(str(value)):
        return ""
    return f"invalid time '{to_one_line(value, MAX_VALUE_CHARS)}'; give a UTC time such as 2026-11-24T04:00:00Z"


VALUE_CHECKS: dict[str, Callable[[Any], str]] = {
    "sources": check_sources,
    "waivers": check_waivers,
    "previous": check_previous,
    "max_age_hours": check_max_age_hours,
    "dir": check_writable,
    "templates": check_templates,
    "time": check_time,
}
