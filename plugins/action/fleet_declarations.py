# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the declarations of the fleet, and write them, once, on the controller."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError, ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.make import declare_for_selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.declared import (
    DeclaredFile,
    DeclaringBuilder,
    describe_failures,
    describe_others,
    list_failures,
    name_files,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.write import write_declarations
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import Document, SharedDeclaration
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.sources import (
    RecordedSource,
    add_run,
    parse_source,
    read_run,
    read_selection,
    read_target,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.description import describe_selection

ARGUMENTS = {
    "origin": {"type": "str", "choices": ["nodes", "sources", "selection"], "default": "nodes"},
    "formats": {"type": "list", "elements": "str", "default": []},
    "sources": {"type": "list", "elements": "raw", "default": []},
    "dir": {"type": "path"},
    "generated_at": {"type": "str", "required": True},
}


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        try:
            title, files, document = self._declare(arguments, task_vars or {})
            written = write_declarations(files, arguments["dir"]) if arguments["dir"] else []
        except (ReportError, InvalidInputError) as exc:
            # Without the cause: Ansible would append its message, which is the same.
            raise AnsibleActionFail(f"fleet_declarations: {exc}") from None
        lines = [f"Declarations: {title}"]
        for file in files:
            lines += file.describe()
        if document is not None:
            lines += describe_others(document, arguments["formats"], arguments["origin"])
        lines += [f"Written: {path}" for path in written]
        if files and not written:
            lines += ["", "To write these texts into files, set istio_declaration_dir."]
        Display().display("\n" + "\n".join(lines) + "\n")
        failures = list_failures(document) if document is not None else {}
        if failures and arguments["origin"] == "sources":
            failures = {"localhost": describe_failures(failures)}
        result.update(
            changed=False,
            declarations=[file.as_dict() for file in files],
            files=written,
            failures=failures,
        )
        return result

    def _declare(
        self, arguments: Mapping[str, Any], variables: Mapping[str, Any]
    ) -> tuple[str, list[DeclaredFile], Document | None]:
        """Return what the declarations are for in words, the declarations, and the document of the nodes, if any."""
        if arguments["origin"] == "selection":
            selection = read_selection(variables, self._templar.template)
            declared = [declare_for_selection(selection, key) for key in arguments["formats"]]
            return describe_selection(selection), name_files([SharedDeclaration(one, ()) for one in declared]), None
        builder = DeclaringBuilder(arguments["formats"])
        if arguments["origin"] == "sources":
            selection = read_selection(variables, self._templar.template)
            target = read_target(variables, self._templar.template)
            for source in arguments["sources"]:
                path, label = parse_source(source)
                RecordedSource(path, label, selection, excluded=Path(), target=target).add_to(builder)
        else:
            add_run(builder, read_run(variables, variables["ansible_play_hosts_all"]), ())
        document = builder.document(arguments["generated_at"])
        return "; ".join(document.selection_texts) or "no node has data", name_files(document.declarations), document
