# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the modules node_facts and root_facts share, and the time of an observation."""

import datetime
from typing import Optional, Sequence

from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import (
    KNOWN_MODULES,
    canonicalize,
    is_valid_name,
)


class InvalidNameError(ValueError):
    """The option modules contains something that is not the name of a module; the message says what to do."""


def parse_names(requested: Optional[Sequence[str]]) -> Sequence[str]:
    """Return the canonical names of the modules to look at: those of the catalogue if none is requested.

    Raises InvalidNameError.
    """
    if not requested:
        return KNOWN_MODULES
    for name in requested:
        if not is_valid_name(name):
            raise InvalidNameError(
                f"modules: '{name}' is not a valid module name; use letters, digits, '_' and '-' only"
            )
    return sorted({canonicalize(name) for name in requested})


def format_now() -> str:
    """Return the time, ISO 8601, UTC."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
