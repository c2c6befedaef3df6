# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check hosts, variables and files of a run once, on the controller, before any node is contacted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from ansible.errors import AnsibleError
from ansible.inventory.manager import split_host_pattern
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible.utils.vars import load_extra_vars
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.request import (
    NotTemplatableYetError,
    Request,
    Template,
    Variables,
    describe_ambiguous_hosts,
    describe_missing_hosts,
    find_misspellings,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.role_variables import is_role_variable
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.task_files import check_task_file

ARGUMENTS = {
    "pattern": {"type": "str", "required": True},
    "hosts": {"type": "list", "elements": "str", "required": True},
}
# Operators of Ansible's host patterns.
PATTERN_OPERATORS = ("!", "&", "~")


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        variables = task_vars or {}
        matching = set(arguments["hosts"])
        hosts = [name for name in variables["ansible_play_hosts_all"] if name in matching]
        if not hosts:
            misspellings = find_misspellings(variables)
            message = describe_missing_hosts(arguments["pattern"], in_inventory=bool(matching))
            return {**result, "failed": True, "msg": "; ".join([*misspellings, message])}
        ambiguous = [name for name in hosts if not _is_own_pattern(name)]
        if ambiguous:
            return {**result, "failed": True, "msg": describe_ambiguous_hosts(ambiguous)}
        play_variables = frozenset(load_extra_vars(self._loader)) | _read_play_variables(variables).keys()
        check_tasks = partial(check_task_file, playbook_dir=variables["playbook_dir"], load=self._loader.load_from_file)
        request = Request(self._read_hosts(hosts, variables), play_variables, check_tasks)
        for warning in request.list_warnings():
            Display().warning(warning)
        errors = list(request.find_errors())
        result.update(changed=False, hosts=len(hosts))
        if errors:
            result.update(failed=True, msg=f"no node was contacted. {'; '.join(errors)}")
        return result

    def _read_hosts(self, hosts: list[str], variables: Mapping[str, Any]) -> Iterator[tuple[str, Variables, Template]]:
        """Yield for each host its variables of the roles, as they are written, and a function that templates them."""
        hostvars = variables["hostvars"]
        play = _read_play_variables(variables)
        for host in hosts:
            written = {name: value for name, value in hostvars.raw_get(host).items() if is_role_variable(name)}
            yield host, {**written, **play}, self._build_template(host, play, hostvars)

    def _build_template(self, host: str, play: Mapping[str, Any], hostvars: Any) -> Template:
        """Return a function that returns the value of a variable for a host."""

        def template(name: str) -> Any:
            try:
                value = self._templar.template(play[name]) if name in play else hostvars[host][name]
            except AnsibleError as exc:
                raise NotTemplatableYetError(str(exc)) from exc
            # ansible-core before 2.19 leaves a template as it is if one of its variables is not defined yet.
            if isinstance(value, str) and "{{" in value:
                raise NotTemplatableYetError(value)
            return value

        return template


def _is_own_pattern(host: str) -> bool:
    """Return whether the name of a host matches this host alone, as the plays after this one expect."""
    return split_host_pattern([host]) == [host] and not host.startswith(PATTERN_OPERATORS)


def _read_play_variables(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the roles' variables that the play or the command line sets. They take precedence over the inventory's."""
    inventory = variables["hostvars"].raw_get(variables["inventory_hostname"])
    return {
        name: value
        for name, value in variables.items()
        if is_role_variable(name) and (name not in inventory or inventory[name] != value)
    }
