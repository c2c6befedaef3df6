# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the fleet summary as text, once, on the controller."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.nodeprep.istio.plugins.plugin_utils._summary import summary


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        title = self._task.args.get("title")
        outcomes = self._task.args.get("outcomes")
        if not isinstance(title, str) or not isinstance(outcomes, dict):
            raise AnsibleActionFail("fleet_summary needs a title and a mapping of node names to outcomes")
        lines = summary(title, outcomes)
        Display().display("\n" + "\n".join(lines) + "\n")
        result.update(changed=False, lines=lines)
        return result
