# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the fleet summary as text, once, on the controller."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInput, ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.builder import Builder, selection_text
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.sources import (
    add_run,
    failures,
    read_text,
    report_host,
    selection_of,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.summary import summary
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import one_line
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.waivers import read_waivers

ARGUMENTS = {
    "generated_at": {"type": "str", "required": True},
    "waivers": {"type": "path"},
    "nodes": {"type": "list", "elements": "str", "default": []},
}


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _checked, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        variables = task_vars or {}
        hosts = variables["ansible_play_hosts_all"]
        builder = Builder()
        add_run(builder, variables, hosts, arguments["nodes"])
        try:
            waivers = (
                read_waivers(read_text(arguments["waivers"]), arguments["waivers"]) if arguments["waivers"] else []
            )
            document = builder.document(arguments["generated_at"], waivers)
        except ReportError as exc:
            # Without the cause, which the message tells: Ansible would put it after it once more.
            raise AnsibleActionFail(f"fleet_summary: {exc}") from None
        lines = summary(document, "" if document.selections else self._asked(variables))
        Display().display("\n" + "\n".join(lines) + "\n")
        result.update(
            changed=False,
            lines=lines,
            hosts=hosts,
            failures=failures(variables, hosts),
            report_host=report_host(variables, hosts),
        )
        return result

    def _asked(self, task_vars: dict[str, Any]) -> str:
        """Return what was asked, in words, by the variables of the host that this task runs for: no node's answer tells."""
        try:
            return selection_text(asdict(selection_of(task_vars, self._templar.template)))
        except (InvalidInput, AnsibleError) as exc:
            return f"selection unknown ({one_line(exc, 300)})"
