# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the fleet report, once, on the controller."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInput, ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.builder import Builder
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.causes import headline, why
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.write import FORMATS, MAIN_FILE, write
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import (
    DISPROVED,
    GATES,
    URGENCY,
    Document,
    Node,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.sources import (
    add_recorded,
    add_run,
    failures,
    read_document,
    read_text,
    selection_of,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.summary import conclusion
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import one_line
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.waivers import read_waivers

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
    "fail_on": {"type": "list", "elements": "str", "default": [], "choices": list(GATES)},
}


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _checked, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        variables = task_vars or {}
        hosts = arguments["hosts"] if arguments["hosts"] is not None else variables["ansible_play_hosts_all"]
        try:
            document = self._document(arguments, variables, hosts)
            files = write(document, arguments["dir"], arguments["formats"], arguments["templates"])
        except (ReportError, InvalidInput) as exc:
            # Without the cause, which the message tells: Ansible would put it after it once more.
            raise AnsibleActionFail(f"fleet_report: {exc}") from None
        report = files.get("html", files["json"])[0]
        # After a run fleet_summary has said the rest.
        said = [*conclusion(document), ""] if arguments["sources"] else []
        Display().display("\n".join(["", *said, f"The report: {report}", ""]))
        failed = {} if arguments["sources"] else failures(variables, hosts)
        result.update(
            changed=False,
            files=files,
            totals=document.totals,
            nodes=len(document.nodes),
            headline=headline(document.causes),
            failing=failing(document.failing(arguments["fail_on"]), arguments["fail_on"]),
            failures=gated(document, arguments["fail_on"], hosts, variables["inventory_hostname"], failed, report),
        )
        return result

    def _document(self, arguments: dict[str, Any], task_vars: dict[str, Any], hosts: list[str]) -> Document:
        builder = Builder()
        main_file = f"{arguments['dir'].rstrip('/')}/{MAIN_FILE}"
        if arguments["sources"]:
            selection = selection_of(task_vars, self._templar.template)
            for source in arguments["sources"]:
                path, label = (
                    (source.get("path"), source.get("label", "")) if isinstance(source, dict) else (source, "")
                )
                if not isinstance(path, str) or not path:
                    raise ReportError(f"sources: {source!r} is no path and no mapping of path and label")
                add_recorded(builder, path, str(label), selection, leave_out=main_file)
        else:
            add_run(builder, task_vars, hosts, arguments["nodes"])
        waivers = read_waivers(read_text(arguments["waivers"]), arguments["waivers"]) if arguments["waivers"] else []
        return builder.document(
            arguments["generated_at"],
            waivers,
            self._previous(arguments["previous"], main_file),
            arguments["max_age_hours"],
        )

    def _previous(self, asked: str | None, main_file: str) -> Document | None:
        """Return the last report: the one asked for, else the one about to be replaced, if it can be read."""
        if asked is not None:
            return read_document(asked) if asked else None
        try:
            return read_document(main_file) if os.path.exists(main_file) else None
        except ReportError as exc:
            Display().warning(f"the report does not say what changed since the last one: {exc}")
            return None


def failing(nodes: Sequence[Node], fail_on: Sequence[str]) -> str:
    """Return one sentence on the nodes that the gate is shut by, the most urgent first, or nothing."""
    if not nodes:
        return ""
    counts = Counter(gate for node in nodes for gate in _gates(node, fail_on))
    ranked = sorted(counts, key=lambda gate: URGENCY.get(gate, -1))
    names = ", ".join(
        f"{node.name} ({', '.join(dict.fromkeys((node.verdict, *_gates(node, fail_on))))})" for node in nodes[:10]
    )
    more = f" and {len(nodes) - 10:,} more" if len(nodes) > 10 else ""
    return f"{', '.join(f'{counts[gate]:,} {gate}' for gate in ranked)}: {names}{more}"


def gated(
    document: Document, fail_on: Sequence[str], hosts: Iterable[str], here: str, failed: Mapping[str, str], report: str
) -> dict[str, str]:
    """Return what failed on the hosts of a run, and for each whose node shuts the gate why.

    Nodes that are no hosts of it are told for one of these, else for ``here``.
    """
    causes = {cause.id: cause for cause in document.causes}
    known = {one_line(host): host for host in hosts}
    told = {host: [text] for host, text in failed.items()}
    elsewhere = []
    for node in document.failing(fail_on):
        host = known.get(node.name)
        if host is None:
            elsewhere.append(node)
        elif host not in failed:
            reason = one_line(why(node, causes, document.requirements), 300)
            told[host] = [
                f"istio_report_fail_on does not accept {' and '.join(_gates(node, fail_on))}{f': {reason}' if reason else ''}"
            ]
    if elsewhere:
        # On a host that fails anyhow, where there is one.
        told.setdefault(next(iter(told), here), []).append(
            f"the gate istio_report_fail_on is shut by nodes that are no hosts of this run too: {failing(elsewhere, fail_on)}"
        )
    return {host: f"{'; '.join(parts)}. The report: {report}" for host, parts in told.items()}


def _gates(node: Node, fail_on: Sequence[str]) -> list[str]:
    return [
        *([node.verdict] if node.verdict in fail_on else []),
        *([DISPROVED] if node.probe_contradicts_verdict and DISPROVED in fail_on else []),
    ]
