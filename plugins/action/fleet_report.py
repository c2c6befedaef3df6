# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the fleet report, once, on the controller."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError, ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.builder import Builder
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.causes import describe_main_cause
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.write import (
    FORMATS,
    MAIN_FILE,
    write_document,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.gate import GATES, Gate
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import Document
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.sources import (
    RunHost,
    add_expected,
    add_run,
    add_sources,
    check_nodes,
    collect_failures,
    read_document,
    read_run,
    read_waiver_file,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.summary import (
    conclude,
    describe_no_data,
    summarize,
)

ARGUMENTS = {
    "dir": {"type": "path", "required": True},
    "formats": {"type": "list", "elements": "str", "default": ["json", "html"], "choices": ["html", *FORMATS]},
    "templates": {"type": "path", "required": True},
    "generated_at": {"type": "str", "required": True},
    "hosts": {"type": "list", "elements": "str"},
    "nodes": {"type": "list", "elements": "str", "default": []},
    "sources": {"type": "list", "elements": "raw", "default": []},
    "waivers": {"type": "path"},
    "previous": {"type": "str"},
    "max_age_hours": {"type": "float"},
    "summary": {"type": "bool", "default": False},
    "fail_on": {"type": "list", "elements": "str", "default": [], "choices": list(GATES)},
}

# The title of a summary without a selection.
NO_DATA_TITLE = "no node has data"


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        variables = task_vars or {}
        hosts = arguments["hosts"] if arguments["hosts"] is not None else variables["ansible_play_hosts_all"]
        run = {} if arguments["sources"] else read_run(variables, hosts)
        try:
            document = self._build_document(arguments, variables, run)
            check_nodes(document, arguments["sources"])
            files = write_document(document, arguments["dir"], arguments["formats"], arguments["templates"])
        except (ReportError, InvalidInputError) as exc:
            # Without the cause: Ansible would append its message, which is the same.
            raise AnsibleActionFail(f"fleet_report: {exc}") from None
        report = files.get("html", files["json"])[0]
        is_of_run = not arguments["sources"]
        # After a run, fleet_summary has printed the conclusion.
        lines = [] if is_of_run else _summarize(document, arguments["summary"])
        Display().display("\n".join(["", *lines, f"Report: {report}", ""]))
        gate = Gate(document, arguments["fail_on"])
        failures = gate.collect_failures(collect_failures(run), hosts, variables["inventory_hostname"])
        result.update(
            changed=False,
            files=files,
            totals=document.totals,
            nodes=len(document.nodes),
            headline=describe_main_cause(document.causes),
            failing=gate.describe(),
            failures={host: f"{text}. Report: {report}" for host, text in failures.items()},
        )
        return result

    def _build_document(
        self, arguments: Mapping[str, Any], variables: Mapping[str, Any], run: Mapping[str, RunHost]
    ) -> Document:
        builder = Builder()
        main_file = Path(arguments["dir"], MAIN_FILE)
        if arguments["sources"]:
            add_sources(builder, arguments["sources"], variables, self._templar.template, excluded=main_file)
            add_expected(builder, arguments["nodes"])
        else:
            add_run(builder, run, arguments["nodes"])
        return builder.document(
            arguments["generated_at"],
            read_waiver_file(arguments["waivers"]),
            _read_previous(arguments["previous"], str(main_file)),
            arguments["max_age_hours"],
        )


def _summarize(document: Document, in_full: bool) -> list[str]:
    """Return the lines to print before the path of the report: all nodes, or the conclusion alone."""
    if in_full:
        return [*summarize(document, NO_DATA_TITLE), ""]
    return [*describe_no_data(document), *conclude(document), ""]


def _read_previous(path: str | None, main_file: str) -> Document | None:
    """Return the report to compare with: the requested one, or else the one that is replaced, if it can be read."""
    if path is not None:
        return read_document(path) if path else None
    if not os.path.exists(main_file):
        return None
    try:
        return read_document(main_file)
    except ReportError as exc:
        Display().warning(f"the report does not show what changed since the previous one: {exc}")
        return None
