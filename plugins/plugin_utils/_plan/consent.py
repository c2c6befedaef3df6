# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the owner of a node lets the role do. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._values import (
    NODE_PREFIX,
    NULL_WORDS,
    check_choice,
    check_option_names,
    to_bool,
    to_int,
    write_list_option,
)

# The values of each option that has choices. The documentation and the arguments of the role repeat them.
CHOICES: dict[str, tuple[str, ...]] = {
    "state": ("prepared", "audited", "absent"),
    "selinux": ("preload", "policy", "none"),
    "reboot": ("never", "if_needed"),
}
BOOLEAN_OPTIONS = ("load", "persist", "install_packages", "override_conflicts")
# The owner's task files that run before and after a disruption.
TASK_OPTIONS = ("before_disruption_tasks", "after_disruption_tasks")
# semodule(8): the priorities of a policy module.
MAX_PRIORITY = 999
_DOMAIN = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Consent:
    """The variables of the role that say what it may do, without their prefix. The defaults are the safe values."""

    state: str = "prepared"
    load: bool = True
    persist: bool = True
    install_packages: bool = False
    override_conflicts: bool = False
    selinux: str = "preload"
    selinux_domains: tuple[str, ...] = ("container_t",)
    selinux_priority: int = 300
    selinux_boolean: bool | None = None
    reboot: str = "never"
    before_disruption_tasks: str | None = None
    after_disruption_tasks: str | None = None

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Consent:
        """Build it from the options of a plugin. Raises InvalidInputError for an unknown option or value."""
        check_option_names(options, cls.__dataclass_fields__)
        return cls(**{name: _parse_value(name, value) for name, value in options.items()})

    def list_write_consents(self) -> tuple[str, ...]:
        """Return the variables of the role that let it write more than the boot file."""
        variables = []
        if self.install_packages:
            variables.append(f"{NODE_PREFIX}install_packages")
        if self.override_conflicts:
            variables.append(f"{NODE_PREFIX}override_conflicts")
        if self.selinux_boolean is not None:
            variables.append(f"{NODE_PREFIX}selinux_boolean")
        if self.selinux == "policy":
            variables.append(f"{NODE_PREFIX}selinux: policy")
        return tuple(variables)

    def without_write_consents(self) -> Consent:
        """Return this consent without the variables that list_write_consents() returns."""
        selinux = "preload" if self.selinux == "policy" else self.selinux
        return replace(self, install_packages=False, override_conflicts=False, selinux_boolean=None, selinux=selinux)


def _parse_value(name: str, value: Any) -> Any:
    """Return the value of an option as Consent holds it. Raises InvalidInputError for an invalid one."""
    if name in CHOICES:
        check_choice(name, value, CHOICES[name])
        return str(value)
    if name in BOOLEAN_OPTIONS:
        return _parse_bool(name, value)
    if name in TASK_OPTIONS:
        return _parse_path(name, value)
    if name == "selinux_boolean":
        return None if to_bool(value) is None else _parse_bool(name, value)
    if name == "selinux_domains":
        return _parse_domains(value)
    return _parse_priority(value)


def _parse_bool(name: str, value: Any) -> bool:
    parsed = to_bool(value)
    if not isinstance(parsed, bool):
        raise InvalidInputError(f"{name}: unknown value {value!r}; valid values: true, false")
    return parsed


def _parse_path(name: str, value: Any) -> str | None:
    """Return the path of a task file, or None."""
    if value is None or (isinstance(value, str) and value.strip().lower() in NULL_WORDS):
        return None
    if not isinstance(value, str):
        raise InvalidInputError(f"{name}: {value!r} is not a path; give the path of a file with tasks")
    return str(value)


def _parse_domains(value: Any) -> tuple[str, ...]:
    error = InvalidInputError(
        f"selinux_domains: {value!r} is not a list of SELinux types; give one such as [container_t], "
        f"on the command line {write_list_option('selinux_domains', ['container_t'])}"
    )
    if not isinstance(value, (list, tuple)) or not value:
        raise error
    for domain in value:
        if not isinstance(domain, str) or not _DOMAIN.fullmatch(domain):
            raise error
    return tuple(str(domain) for domain in value)


def _parse_priority(value: Any) -> int:
    priority = to_int(value)
    if not isinstance(priority, int) or isinstance(priority, bool) or not 1 <= priority <= MAX_PRIORITY:
        raise InvalidInputError(f"selinux_priority: unknown value {value!r}; valid values: 1 to {MAX_PRIORITY}")
    return priority
