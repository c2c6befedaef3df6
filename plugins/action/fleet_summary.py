# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the summary of the fleet, once, on the controller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError, ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.builder import Builder
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.gate import GATES, Gate
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.sources import (
    add_expected,
    add_run,
    add_sources,
    check_nodes,
    collect_failures,
    find_report_host,
    read_run,
    read_selection,
    read_waiver_file,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.summary import summarize
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import to_one_line
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.description import describe_selection

ARGUMENTS = {
    "generated_at": {"type": "str", "required": True},
    "waivers": {"type": "path"},
    "nodes": {"type": "list", "elements": "str", "default": []},
    "sources": {"type": "list", "elements": "raw", "default": []},
    "max_age_hours": {"type": "float"},
    "fail_on": {"type": "list", "elements": "str", "default": [], "choices": list(GATES)},
}
MAX_PROBLEM_CHARS = 300


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        variables = task_vars or {}
        hosts = variables["ansible_play_hosts_all"]
        run = read_run(variables, hosts)
        builder = Builder()
        try:
            if arguments["sources"]:
                add_sources(builder, arguments["sources"], variables, self._templar.template)
                add_expected(builder, arguments["nodes"])
            else:
                add_run(builder, run, arguments["nodes"])
            document = builder.document(
                arguments["generated_at"],
                read_waiver_file(arguments["waivers"]),
                max_age_hours=arguments["max_age_hours"],
            )
            check_nodes(document, arguments["sources"])
        except (ReportError, InvalidInputError) as exc:
            # Without the cause: Ansible would append its message, which is the same.
            raise AnsibleActionFail(f"fleet_summary: {exc}") from None
        # The title is the selection of the nodes, or of this host if no node has data.
        lines = summarize(document, "" if document.selections else self._describe_selection(variables))
        Display().display("\n" + "\n".join(lines) + "\n")
        result.update(
            changed=False,
            lines=lines,
            hosts=hosts,
            failures=collect_failures(run),
            failing=Gate(document, arguments["fail_on"]).describe(),
            report_host=find_report_host(run),
        )
        return result

    def _describe_selection(self, variables: Mapping[str, Any]) -> str:
        """Return the selection that the variables of the host of this task make, in words."""
        try:
            return describe_selection(read_selection(variables, self._templar.template))
        except (InvalidInputError, AnsibleError) as exc:
            return f"selection unknown ({to_one_line(exc, MAX_PROBLEM_CHARS)})"
