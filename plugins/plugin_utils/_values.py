# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as the command line and INI inventories spell them, and the comparison of versions. Pure."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

_NOTHING = ("", "none", "null")


def truth(value: Any) -> Any:
    """Return the truth value that a word means to Ansible, None for a word that means nothing is said; anything else as it is."""
    if not isinstance(value, str):
        return value
    if value.strip().lower() in _NOTHING:
        return None
    try:
        return boolean(value)
    except TypeError:
        return value


def number(value: Any) -> Any:
    """Return the number that digits mean; anything else as it is."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


def at_least(found: str, minimum: str) -> bool | None:
    """Tell whether I(found) is I(minimum) or newer; None where I(found) is no version."""
    # Imported here, since ansible-test imports every plugin without ansible-core's own requirements, of which this is one.
    from packaging.version import InvalidVersion, Version

    try:
        return Version(found) >= Version(minimum)
    except InvalidVersion:
        return None
