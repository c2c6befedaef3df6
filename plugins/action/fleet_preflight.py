# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check what a run asks for, once, on the controller, before any node is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.inventory.manager import split_host_pattern
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible.utils.vars import load_extra_vars
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight import request as _request
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.role_variables import is_ours

ARGUMENTS = {
    "pattern": {"type": "str", "required": True},
    "hosts": {"type": "list", "elements": "str", "required": True},
}


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _checked, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        variables = task_vars or {}
        asked = set(arguments["hosts"])
        hosts = [name for name in variables["ansible_play_hosts_all"] if name in asked]
        if not hosts:
            return {**result, "failed": True, "msg": _request.no_host(arguments["pattern"], bool(asked))}
        # The last plays are for hosts by their names: one that is no pattern of itself would not fail there.
        odd = [name for name in hosts if split_host_pattern([name]) != [name] or name.startswith(("!", "&", "~"))]
        if odd:
            return {**result, "failed": True, "msg": _request.no_pattern(odd)}
        request = _request.Request(
            self._by_host(hosts, variables), frozenset(load_extra_vars(self._loader)) | self._of_play(variables).keys()
        )
        for text in request.warnings():
            Display().warning(text)
        errors = list(request.errors())
        result.update(changed=False, hosts=len(hosts))
        return (
            {**result, "failed": True, "msg": "nothing was asked of any node. " + "; ".join(errors)}
            if errors
            else result
        )

    @staticmethod
    def _of_play(variables: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the play says, which comes before what the inventory says, for every host."""
        first = variables["hostvars"].raw_get(variables["inventory_hostname"])
        return {
            name: value
            for name, value in variables.items()
            if is_ours(name) and (name not in first or first[name] != value)
        }

    def _by_host(
        self, hosts: list[str], variables: Mapping[str, Any]
    ) -> Iterator[tuple[str, dict[str, Any], Callable[[str], Any]]]:
        """Yield for each host its variables of the roles, as they are written, and a function that templates one of them."""
        hostvars = variables["hostvars"]
        play = self._of_play(variables)
        for host in hosts:
            own = {name: value for name, value in hostvars.raw_get(host).items() if is_ours(name)}

            def templated(name: str, host: str = host) -> Any:
                try:
                    found = self._templar.template(play[name]) if name in play else hostvars[host][name]
                except AnsibleError as exc:
                    raise _request.NotNow(str(exc)) from exc
                # Before ansible-core 2.19 what is not defined yet stays as it is written.
                if isinstance(found, str) and "{{" in found:
                    raise _request.NotNow(found)
                return found

            yield host, {**own, **play}, templated
