# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as the command line has them: -e istio_node_cni=true gives a word, and so does an inventory in the format INI. Pure."""

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
