# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of a rollout: its nodes, the size of its batches, and what stops it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.other_system import read_other_system
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.from_outcome import describe_failure
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import to_one_line
from ansible_collections.nodeprep.istio.plugins.plugin_utils._values import to_bool

MAX_PERCENTAGE = 100
MAX_TEXT_CHARS = 300

# A number or a percentage, but not 0, which Ansible treats as all hosts at once.
_SECONDS = re.compile(r"0*[1-9]\d*")
_BATCH_SIZE = re.compile(r"0*[1-9]\d*%?")
_PERCENTAGE = re.compile(r"\d+(\.\d+)?")


def check_hosts(value: Any) -> str:
    """Return what is wrong with the pattern of the hosts, or an empty string. Ansible ends the run for an empty one."""
    patterns = value if isinstance(value, (list, tuple)) else [value]
    if patterns and all(isinstance(pattern, str) and pattern.strip() for pattern in patterns):
        return ""
    return f"invalid value {value!r}; give a pattern of hosts, such as the name of a group, or a list of patterns"


def check_become(value: Any) -> str:
    """Return what is wrong with the value, or an empty string. Ansible would read null as false."""
    return "" if isinstance(to_bool(value), bool) else f"invalid value {value!r}; valid values: true, false"


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


def check_reboot_timeout(value: Any) -> str:
    """Return what is wrong with the seconds to wait for a reboot, or an empty string."""
    if not isinstance(value, bool) and _SECONDS.fullmatch(str(value).strip()):
        return ""
    return f"invalid value {value!r}; give a number of seconds from 1"


def check_max_fail_percentage(value: Any) -> str:
    """Return what is wrong with the limit, or an empty string. Jinja's filter float returns 0 for a wrong value."""
    text = str(value).strip()
    if not isinstance(value, bool) and _PERCENTAGE.fullmatch(text) and float(text) <= MAX_PERCENTAGE:
        return ""
    return f"invalid value {value!r}; give a number from 0 to {MAX_PERCENTAGE}"


def find_stop(outcomes: Mapping[str, Any], max_fail_percentage: float) -> str:
    """Return why the rollout stops before the next batch, or an empty string.

    :param outcomes: the role's outcome of each node that was handled, by name. One that is worse than its plan
        predicted has ``deviation``. A node failed if it has ``failure``, or the error of a task; an unreachable node
        failed, too. Hosts that are not Linux nodes do not count.
    :param max_fail_percentage: the percentage of failed nodes above which the rollout stops.

    Raises InvalidInputError if one of the outcomes is not a mapping.
    """
    handled = failed = 0
    worse = []
    for name, outcome in outcomes.items():
        if not isinstance(outcome, Mapping):
            raise InvalidInputError(f"the outcome of {name} is not a mapping; give the istio_node_outcome of each node")
        if read_other_system(outcome):
            continue
        handled += 1
        failed += "failure" in outcome or bool(describe_failure(outcome))
        if outcome.get("deviation"):
            worse.append(
                f"{name} is worse than its plan predicted ({to_one_line(outcome['deviation'], MAX_TEXT_CHARS)})"
            )
    if worse:
        return worse[0] if len(worse) == 1 else f"{worse[0]}; {len(worse)} nodes are worse"
    percentage = 100 * failed / handled if handled else 0
    if percentage > max_fail_percentage:
        return (
            f"{percentage:.1f} % of the nodes so far have failed, more than istio_node_max_fail_percentage "
            f"({max_fail_percentage:g})"
        )
    return ""
