# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The batches of a rollout: their size, and the percentage of failed nodes that stops it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError

MAX_PERCENTAGE = 100

# A number or a percentage, but not 0, which Ansible treats as all hosts at once.
_BATCH_SIZE = re.compile(r"0*[1-9]\d*%?")
_PERCENTAGE = re.compile(r"\d+(\.\d+)?")


def check_serial(value: Any) -> str:
    """Return what is wrong with the size of the batches, or an empty string.

    Ansible fails with a traceback for a wrong value.
    """
    batches = value if isinstance(value, (list, tuple)) else [value]
    if batches and all(_is_batch_size(batch) for batch in batches):
        return ""
    return f"invalid value {value!r}; give a number from 1, a percentage such as 20%, or a list of them"


def _is_batch_size(value: Any) -> bool:
    return not isinstance(value, bool) and _BATCH_SIZE.fullmatch(str(value).strip()) is not None


def check_max_fail_percentage(value: Any) -> str:
    """Return what is wrong with the limit, or an empty string. Jinja's filter float returns 0 for a wrong value."""
    text = str(value).strip()
    if not isinstance(value, bool) and _PERCENTAGE.fullmatch(text) and float(text) <= MAX_PERCENTAGE:
        return ""
    return f"invalid value {value!r}; give a number from 0 to {MAX_PERCENTAGE}"


def calculate_failed_percentage(outcomes: Iterable[Mapping[str, Any]]) -> float:
    """Return how many percent of the nodes have failed, 0 if there are none.

    :param outcomes: the role's outcome of each node that was handled; a failed one has ``failure``.

    Raises InvalidInputError if one of them is not a mapping.
    """
    handled = list(outcomes)
    for number, outcome in enumerate(handled, 1):
        if not isinstance(outcome, Mapping):
            raise InvalidInputError(f"entry {number} is not a mapping; give the istio_node_outcome of each node")
    if not handled:
        return 0.0
    failed = [outcome for outcome in handled if "failure" in outcome]
    return 100 * len(failed) / len(handled)
