# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Option values: words of the command line and of INI inventories, choices, versions. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError

# The prefix of the variables of role istio_node.
NODE_PREFIX = "istio_node_"
NULL_WORDS = ("", "none", "null")


def to_bool(value: Any) -> Any:
    """Return the boolean that a word means to Ansible, or None for an empty string, "none" and "null".

    Return anything else unchanged: the caller reports it.
    """
    if not isinstance(value, str):
        return value
    if value.strip().lower() in NULL_WORDS:
        return None
    try:
        return boolean(value)
    except TypeError:
        return value


def to_int(value: Any) -> Any:
    """Return the integer that a string of digits means. Return anything else unchanged: the caller reports it."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value


def check_option_names(names: Iterable[str], known: Iterable[str]) -> None:
    """Raise InvalidInputError if one of the names is not a known option."""
    valid = list(known)
    for name in names:
        if name not in valid:
            raise InvalidInputError(f"unknown option '{name}'; valid options: {', '.join(valid)}")


def check_choice(option: str, value: Any, choices: Iterable[str]) -> None:
    """Raise InvalidInputError if the value of an option is not one of its choices."""
    valid = list(choices)
    if not isinstance(value, str) or value not in valid:
        raise InvalidInputError(f"{option}: unknown value {value!r}; valid values: {', '.join(valid)}")


def write_list_option(option: str, values: Iterable[str]) -> str:
    """Return the argument of ansible-playbook that sets a list option of role istio_node.

    Ansible does not split the value of C(-e name=a,b).
    """
    return f"-e '{json.dumps({NODE_PREFIX + option: list(values)})}'"


def is_at_least(found: str, minimum: str) -> bool | None:
    """Return whether the version I(found) is I(minimum) or newer, or None if I(found) is not a version."""
    # Imported here, since ansible-test imports every plugin without the requirements of ansible-core, and this is one.
    from packaging.version import InvalidVersion, Version

    try:
        return Version(found) >= Version(minimum)
    except InvalidVersion:
        return None
