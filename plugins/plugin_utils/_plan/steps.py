# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the owner lets the role do, and the steps of which its plan is made. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInput
from ansible_collections.nodeprep.istio.plugins.plugin_utils._values import number, truth

Kind = Literal["packages", "overrides", "policy", "boolean", "modules", "reboot", "conflict", "repair"]

CHOICES: dict[str, tuple[Any, ...]] = {
    "state": ("prepared", "audited", "absent"),
    "selinux": ("preload", "policy", "none"),
    "selinux_boolean": (True, False, None),
    "reboot": ("never", "if_needed"),
    **{name: (True, False) for name in ("load", "persist", "install_packages", "override_conflicts")},
}
# Consents to write more than the boot file, each with the value that gives none.
WRITING: dict[str, Any] = {"install_packages": False, "override_conflicts": False, "selinux_boolean": None}
_DOMAIN = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Consent:
    """The role's variables that say what may be done; their names without istio_node_. Defaults are the careful ones."""

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

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Consent:
        """Build it from a plugin's options. Raises InvalidInput for an unknown one, and for a value that is none of those it can have."""
        for name in options:
            if name not in cls.__dataclass_fields__:
                raise InvalidInput(f"there is no option '{name}'; there are {', '.join(cls.__dataclass_fields__)}")
        options = {name: _said(name, value) for name, value in options.items()}
        for name, choices in CHOICES.items():
            value = options.get(name, getattr(cls, name))
            if not any(value is choice or (isinstance(value, str) and value == choice) for choice in choices):
                raise InvalidInput(
                    f"{name}: {value!r} is not one of {', '.join(str(choice).lower() for choice in choices)}"
                )
        domains = options.get("selinux_domains", cls.selinux_domains)
        if (
            not isinstance(domains, (list, tuple))
            or not domains
            or not all(isinstance(domain, str) and _DOMAIN.fullmatch(domain) for domain in domains)
        ):
            raise InvalidInput(f"selinux_domains: {domains!r} is not a list of SELinux types, such as container_t")
        priority = options.get("selinux_priority", cls.selinux_priority)
        if isinstance(priority, bool) or not isinstance(priority, int) or not 1 <= priority <= 999:
            raise InvalidInput(f"selinux_priority: {priority!r} is not a number from 1 to 999")
        return cls(**{**options, "selinux_domains": tuple(domains)})

    def writing(self) -> list[str]:
        """Return the consents to write more than the boot file, as variables of the role."""
        told = [f"istio_node_{name}" for name, careful in WRITING.items() if getattr(self, name) != careful]
        return [*told, *(["istio_node_selinux: policy"] if self.selinux == "policy" else [])]

    def without_writing(self) -> Consent:
        """Return the same with none of these consents."""
        return replace(self, **WRITING, selinux="preload" if self.selinux == "policy" else self.selinux)


def _said(name: str, value: Any) -> Any:
    if True in CHOICES.get(name, ()):
        said = truth(value)
        return value if said is None and None not in CHOICES[name] else said
    return number(value) if name == "selinux_priority" else value


@dataclass(frozen=True)
class Step:
    """One thing to be done.

    ``by`` is who does it: the role, with ``args`` as its task's arguments, or the owner. ``command`` is the command that does
    it, or does the same, ``where`` the file, with a line where there is one, ``reboot`` whether it takes a reboot to count.
    """

    kind: Kind
    what: str
    why: str
    by: Literal["role", "owner"] = "role"
    where: str | None = None
    command: tuple[str, ...] = ()
    reboot: bool = False
    args: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        step = {**vars(self), "command": list(self.command), "args": dict(self.args)}
        return {
            key: value
            for key, value in step.items()
            if value or key == "reboot" or (key == "args" and self.by == "role")
        }
