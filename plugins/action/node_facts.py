# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run module node_facts, or module root_facts if option root names another system than the running one.

Ansible sends a module with all that it imports. So the code that reads recordings is only sent if a root is read.
"""

from __future__ import annotations

from typing import Any

from ansible.plugins.action.normal import ActionModule as NormalAction


class ActionModule(NormalAction):
    def _execute_module(self, **options: Any) -> dict[str, Any]:
        """Return the result of the module; the base class calls this with the options of the task."""
        root = self._task.args.get("root")
        if root is not None and not is_running_system(root):
            options["module_name"] = "nodeprep.istio.root_facts"
        result: dict[str, Any] = super()._execute_module(**options)
        return result


def is_running_system(root: object) -> bool:
    """Return whether a root, as the task has it, is that of the running system."""
    return isinstance(root, str) and root.startswith("/") and not root.strip("/")
