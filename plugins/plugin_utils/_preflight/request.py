# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of a run, checked before any node is contacted: each mistake is reported once, not once per node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import TASK_OPTIONS, Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.declaration_options import (
    find_declaration_errors,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.report_options import (
    check_recordings,
    check_recordings_directory,
    find_report_errors,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.role_variables import (
    DECLARATION_PREFIX,
    RECORDINGS,
    REPORT_PREFIX,
    describe_misspelling,
    describe_unknown_variable,
    find_unknown_variables,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.rollout import (
    check_become,
    check_hosts,
    check_max_fail_percentage,
    check_reboot_timeout,
    check_serial,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import pluralize
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.target import parse_target
from ansible_collections.nodeprep.istio.plugins.plugin_utils._values import NODE_PREFIX

# Ansible evaluates these before it has a host, so it never reads them from the inventory.
PLAY_VARIABLES = (
    f"{NODE_PREFIX}hosts",
    f"{NODE_PREFIX}serial",
    f"{DECLARATION_PREFIX}formats",
    f"{DECLARATION_PREFIX}from",
    f"{DECLARATION_PREFIX}sources",
)
MAX_NAMED_HOSTS = 3
PLAYBOOK_VARIABLE_CHECKS: dict[str, Callable[[Any], str]] = {
    f"{NODE_PREFIX}hosts": check_hosts,
    f"{NODE_PREFIX}become": check_become,
    f"{NODE_PREFIX}serial": check_serial,
    f"{NODE_PREFIX}max_fail_percentage": check_max_fail_percentage,
    f"{NODE_PREFIX}reboot_timeout": check_reboot_timeout,
    RECORDINGS: check_recordings,
    f"{RECORDINGS}_dir": check_recordings_directory,
}

Variables = Mapping[str, Any]
Template = Callable[[str], Any]
FindErrors = Callable[[Mapping[str, Any]], Iterator[tuple[str, str]]]
# The options of what is written on the controller, by their prefix.
FILE_CHECKS: Mapping[str, FindErrors] = {REPORT_PREFIX: find_report_errors, DECLARATION_PREFIX: find_declaration_errors}


class NotTemplatableYetError(Exception):
    """A variable cannot be templated before its node is contacted. The node's own task checks it."""


@dataclass
class HostGroup:
    """Hosts with the same variables. ``template`` returns the value of a variable on the first of them."""

    variables: Variables
    template: Template
    hosts: list[str] = field(default_factory=list)

    def read_values(self, names: Iterable[str]) -> dict[str, Any]:
        """Return the values of those of the variables that are set and can be templated; a value may be None."""
        values = {}
        for name in names:
            if name in self.variables:
                with suppress(NotTemplatableYetError):
                    values[name] = self.template(name)
        return values

    def read_value(self, name: str) -> Any:
        """Return the value of a variable, or None if it is not set or cannot be templated yet."""
        return self.read_values([name]).get(name)


class Request:
    """The roles' variables of all hosts of a run."""

    def __init__(
        self,
        hosts: Iterable[tuple[str, Variables, Template]],
        play_variables: frozenset[str] | None = None,
        check_tasks: Callable[[str], str] = lambda _path: "",
    ) -> None:
        """Group the hosts by their variables.

        :param hosts: name of each host, its variables as written, and a function that returns the value of one of them
            or raises NotTemplatableYetError.
        :param play_variables: names of the variables from the command line or the play; None if not known.
        :param check_tasks: returns what is wrong with a file of the owner's tasks, or an empty string.
        """
        groups: dict[str, HostGroup] = {}
        for host, variables, template in hosts:
            key = repr(sorted(variables.items(), key=lambda item: item[0]))
            group = groups.setdefault(key, HostGroup(variables, template))
            group.hosts.append(host)
        self._groups = list(groups.values())
        self._names = {name for group in self._groups for name in group.variables}
        self._play_variables = play_variables
        self._check_tasks = check_tasks

    def list_warnings(self) -> list[str]:
        """Return a warning for each variable with a role's prefix that is not one of its options."""
        unknown = find_unknown_variables(self._names)
        return [describe_unknown_variable(name) for name, intended in unknown.items() if not intended]

    def find_errors(self) -> Iterator[str]:
        """Yield each mistake once. If only some hosts have it, the error names them."""
        yield from find_misspellings(self._names)
        yield from self._find_value_errors()
        yield from self._find_ignored_variables()
        for prefix, find in FILE_CHECKS.items():
            yield from self._find_file_errors(prefix, find)

    def _find_value_errors(self) -> Iterator[str]:
        hosts_of_error: dict[str, list[str]] = {}
        for group in self._groups:
            for error in (*_find_group_errors(group), *self._find_task_file_errors(group)):
                hosts_of_error.setdefault(error, []).extend(group.hosts)
        all_hosts = sum(len(group.hosts) for group in self._groups)
        for error, hosts in hosts_of_error.items():
            if len(hosts) == all_hosts:
                yield error
            else:
                yield f"{error} (for {_abbreviate(hosts)})"

    def _find_task_file_errors(self, group: HostGroup) -> Iterator[str]:
        """Yield the mistakes in the owner's task files. A value that is not a path is reported already."""
        for option in TASK_OPTIONS:
            value = group.read_value(f"{NODE_PREFIX}{option}")
            if value is None or _try_to_build(Consent.from_options, {option: value}):
                continue
            path = getattr(Consent.from_options({option: value}), option)
            error = self._check_tasks(path) if path else ""
            if error:
                yield f"{NODE_PREFIX}{option}: {error}"

    def _find_ignored_variables(self) -> Iterator[str]:
        """Yield an error for each play variable in the inventory.

        Ansible ignores it there, and then changes all nodes at once.
        """
        if self._play_variables is None:
            return
        for name in PLAY_VARIABLES:
            if name in self._names and name not in self._play_variables:
                yield (
                    f"{name}: Ansible does not read this variable from the inventory; "
                    "move it to -e, or to the vars of import_playbook"
                )

    def _find_file_errors(self, prefix: str, find: FindErrors) -> Iterator[str]:
        """Check the options with a prefix on the first host that has a directory for the files, else on the first."""
        with_directory = [group for group in self._groups if group.variables.get(f"{prefix}dir")]
        group = (with_directory or self._groups)[0]
        options = {}
        for name in group.variables:
            if name.startswith(prefix):
                try:
                    options[name.removeprefix(prefix)] = group.template(name)
                except NotTemplatableYetError:
                    return
        for option, error in find(options):
            yield f"{prefix}{option}: {error}"


def find_misspellings(names: Iterable[str]) -> Iterator[str]:
    """Yield the error for each variable whose name is similar to that of an option."""
    for name, intended in find_unknown_variables(names).items():
        if intended:
            yield describe_misspelling(name, intended)


def _find_group_errors(group: HostGroup) -> Iterator[str]:
    """Yield the mistakes in the selection, in the consent, and in the variables of the playbooks."""
    yield from _find_option_errors(group, Selection.from_options, Selection.__dataclass_fields__)
    yield from _find_target_errors(group)
    yield from _find_option_errors(group, Consent.from_options, Consent.__dataclass_fields__)
    for name, value in group.read_values(PLAYBOOK_VARIABLE_CHECKS).items():
        error = PLAYBOOK_VARIABLE_CHECKS[name](value)
        if error:
            yield f"{name}: {error}"


def _find_target_errors(group: HostGroup) -> Iterator[str]:
    """Yield the mistake in the target. Mistakes in the selection, on which it is based, are reported already."""
    target = group.read_value(f"{NODE_PREFIX}target")
    options = _read_options(group, Selection.__dataclass_fields__)
    if target is None or _try_to_build(Selection.from_options, options):
        return
    error = _try_to_build(lambda selected: parse_target(selected, target), options)
    if error:
        yield error


def _find_option_errors(
    group: HostGroup, build: Callable[[dict[str, Any]], Any], names: Iterable[str]
) -> Iterator[str]:
    options = _read_options(group, names)
    # Check each option alone first, to report all mistakes. Only valid values can contradict each other.
    errors = [_try_to_build(build, {name: value}) for name, value in options.items()]
    if not any(errors):
        errors = [_try_to_build(build, options)]
    for error in errors:
        if error:
            yield error


def _read_options(group: HostGroup, names: Iterable[str]) -> dict[str, Any]:
    """Return the options that are set and can be templated."""
    values = group.read_values(f"{NODE_PREFIX}{name}" for name in names)
    options = {name.removeprefix(NODE_PREFIX): value for name, value in values.items()}
    # A template may turn a version that was written as text into a number. The role turns it back.
    if isinstance(group.variables.get(f"{NODE_PREFIX}istio_version"), str) and "istio_version" in options:
        options["istio_version"] = str(options["istio_version"])
    return options


def _try_to_build(build: Callable[[dict[str, Any]], Any], options: dict[str, Any]) -> str:
    """Return the error for these options, or an empty string."""
    try:
        build(options)
    except InvalidInputError as exc:
        return f"{NODE_PREFIX}{exc}"
    return ""


def describe_missing_hosts(pattern: str, in_inventory: bool) -> str:
    """Return the error for a pattern that matches no host of the run; ``in_inventory`` is whether it matches others."""
    if in_inventory:
        return f"no host of '{pattern}' is in this run; --limit excludes all of them"
    return f"no host in the inventory matches '{pattern}'; check istio_node_hosts and the inventory (-i)"


def describe_ambiguous_hosts(hosts: list[str]) -> str:
    """Return the error for hosts whose names Ansible reads as patterns."""
    return (
        f"a play cannot address these hosts: {_abbreviate(hosts)}; "
        "rename them in the inventory, without spaces, commas or colons"
    )


def _abbreviate(hosts: list[str]) -> str:
    named = ", ".join(hosts[:MAX_NAMED_HOSTS])
    more = len(hosts) - MAX_NAMED_HOSTS
    return f"{named} and {pluralize(more, 'more host')}" if more > 0 else named
