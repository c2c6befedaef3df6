# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Override lines of modprobe.d files that keep modules from loading: decide what each override contains."""

import os
from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.conf_lines import split_raw_lines
from ansible_collections.nodeprep.istio.plugins.module_utils._managed.modprobe_overrides import (
    DIRECTORY,
    INSTALL_OVERRIDE_FILE,
    Override,
    normalize_line,
    target_for,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import is_valid_name
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.managed import (
    read_exact,
    read_overrides,
    render_for_node,
)


class OverrideError(ValueError):
    """A line cannot be overridden; the message names the file, the line and the remedy."""


class Line(NamedTuple):
    """A line to override: the file that has it, and what :func:`modprobe_overrides.normalize_line` returns for it."""

    path: str
    text: str


class Change(NamedTuple):
    """The text of an override before and after; an empty text means that the file is absent."""

    before: str
    after: str


def plan_changes(files: Files, state: str, requested: Iterable[Line]) -> Tuple[Dict[str, Change], List[str]]:
    """Return the changes by path, and the paths of overrides that stay as they are because they were edited.

    Copies follow their sources: they are updated, and removed once the source has none of the overridden lines.

    :param state: "present", or "absent" to remove all overrides.
    :param requested: see :func:`plan_overrides`.

    Raises OverrideError.
    """
    present = read_overrides(files)
    edited = [path for path, override in sorted(present.items()) if override.edited]
    planned = {} if state == "absent" else plan_overrides(files, present, requested)
    changes = {}
    for path in sorted(set(present) | set(planned)):
        if path in edited:
            continue
        before = (read_exact(files, path) or "") if path in present else ""
        after = render_for_node(files, planned[path]) if path in planned else ""
        if before != after:
            changes[path] = Change(before, after)
    return changes, edited


def plan_overrides(files: Files, present: Mapping[str, Override], requested: Iterable[Line]) -> Dict[str, Override]:
    """Return the overrides by path as they should be: the present ones, and those for the requested lines.

    :param requested: effective lines of files that this collection does not own.

    Raises OverrideError if a line cannot be overridden.
    """
    planned = dict(present)
    for path, line in requested:
        _ensure_line_exists(files, path, line)
        target, source = _find_target(present, path, line)
        if target not in present:
            _ensure_free(files, target, path, line)
        override = planned.get(target, Override(target, source, ()))
        if override.edited:
            raise OverrideError(
                f"{target}: was changed after Ansible wrote it, and cannot override '{line}' of {path}; "
                f"move the additions to another file, and remove {target}"
            )
        if line not in override.lines:
            override = override._replace(lines=override.lines + (line,))
        planned[target] = override
    return planned


def _ensure_line_exists(files: Files, path: str, line: str) -> None:
    text = read_exact(files, path) or ""
    if line not in [normalize_line(raw) for _number, raw in split_raw_lines(text)]:
        raise OverrideError(f"{path}: has no line '{line}' any more; gather the facts of the node again")


def _find_target(present: Mapping[str, Override], path: str, line: str) -> Tuple[str, Optional[str]]:
    """Return the path of the override for one line, and the path of the file that it is a copy of."""
    keyword, module = line.split()[:2]
    if keyword == "install":
        if not is_valid_name(module):
            raise OverrideError(
                f"{path}: the line '{line}' names more than one module and cannot be overridden; remove it there"
            )
        if os.path.basename(path) < os.path.basename(INSTALL_OVERRIDE_FILE):
            raise OverrideError(f"{path}: modprobe reads this file before any override; remove its line '{line}'")
        return INSTALL_OVERRIDE_FILE, None
    if path in present:
        return path, present[path].source
    if path.startswith(DIRECTORY + "/"):
        raise OverrideError(
            f"{path}: no file takes precedence over this one, so its line '{line}' stays in effect; remove it there"
        )
    return target_for(path), path


def _ensure_free(files: Files, target: str, path: str, line: str) -> None:
    if files.exists(target):
        raise OverrideError(
            f"{target}: exists and does not belong to this collection; remove the line '{line}' from {path} instead"
        )
