# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of playbook declare_istio_nodes. Reads the sources that they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible.module_utils.common.validation import check_type_list
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.formats import FORMATS_BY_KEY
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.report_options import (
    check_sources,
    check_writable,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import to_one_line

ORIGINS = ("nodes", "sources", "selection")
# The option that each origin needs, and an example.
NEEDED = {"sources": ("sources", '["recordings/"]'), "selection": ("formats", "[talos]")}
MAX_VALUE_CHARS = 100


def find_declaration_errors(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each option with an invalid value, and what is wrong with it.

    :param options: the variables that begin with istio_declaration_, without this prefix.
    """
    given = {name: value for name, value in options.items() if value}
    for name in ("formats", "sources"):
        # As the type "list" of a module, a text is a list, too.
        if isinstance(given.get(name), str):
            given[name] = check_type_list(given[name])
        if name in given and not isinstance(given[name], (list, tuple)):
            yield name, f"invalid value {to_one_line(given[name], MAX_VALUE_CHARS)!r}; give a list"
            return
    for key in given.get("formats", ()):
        if not isinstance(key, str) or key not in FORMATS_BY_KEY:
            shown = to_one_line(key, MAX_VALUE_CHARS)
            yield "formats", f"unknown value {shown!r}; valid values: {', '.join(sorted(FORMATS_BY_KEY))}"
    error = check_sources(given.get("sources", ()))
    if error:
        yield "sources", error
    error = check_writable(str(given["dir"])) if "dir" in given else ""
    if error:
        yield "dir", error
    yield from _find_origin_errors(given)


def _find_origin_errors(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    origin = given.get("from")
    if origin is None:
        return
    if origin not in ORIGINS:
        yield "from", f"unknown value {to_one_line(origin, MAX_VALUE_CHARS)!r}; valid values: {', '.join(ORIGINS)}"
    elif origin in NEEDED and NEEDED[origin][0] not in given:
        option, example = NEEDED[origin]
        yield "from", f"{origin} needs istio_declaration_{option}; set it, for example to {example}"
