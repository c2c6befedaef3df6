# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The batches of a rollout, and what stops it."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.rollout import (
    check_become,
    check_hosts,
    check_max_fail_percentage,
    check_reboot_timeout,
    check_serial,
    find_stop,
)


@pytest.mark.parametrize("value", ["all", "workers:!old", ["a", "b"]])
def test_patterns_and_lists_of_them_are_hosts(value):
    assert check_hosts(value) == ""


@pytest.mark.parametrize("value", [None, "", " ", [], ["a", ""], 5])
def test_hosts_that_are_not_a_pattern_are_reported(value):
    assert check_hosts(value).startswith(f"invalid value {value!r}; give a pattern of hosts, ")


@pytest.mark.parametrize("value, is_valid", [(True, True), ("no", True), (None, False), ("", False), ("root", False)])
def test_become_is_a_boolean(value, is_valid):
    assert check_become(value) == ("" if is_valid else f"invalid value {value!r}; valid values: true, false")


@pytest.mark.parametrize("value", [1, "2", "020%", "20%", " 3 ", [1, "5", "100%"]])
def test_numbers_percentages_and_lists_of_them_are_batch_sizes(value):
    assert check_serial(value) == ""


@pytest.mark.parametrize("value", ["ten", 0, "0%", True, None, [], [1, "0%"], [1, -5], 1.5])
def test_other_batch_sizes_are_reported(value):
    assert check_serial(value) == (
        f"invalid value {value!r}; give a number from 1, a percentage such as 20%, or a list of them"
    )


@pytest.mark.parametrize("value", [1, "600", " 30 "])
def test_seconds_are_a_timeout(value):
    assert check_reboot_timeout(value) == ""


@pytest.mark.parametrize("value", [0, -1, "10m", 1.5, True, None, ""])
def test_other_timeouts_are_reported(value):
    assert check_reboot_timeout(value) == f"invalid value {value!r}; give a number of seconds from 1"


@pytest.mark.parametrize("value", [0, 5, "12.5", 100, "100.0"])
def test_numbers_to_100_are_percentages(value):
    assert check_max_fail_percentage(value) == ""


@pytest.mark.parametrize("value", ["lots", 101, -1, True, None, "5%", ""])
def test_other_percentages_are_reported(value):
    assert check_max_fail_percentage(value) == f"invalid value {value!r}; give a number from 0 to 100"


@pytest.mark.parametrize(
    "outcomes, limit, percentage",
    [
        ([], 0, None),
        ([{"plan": {}}], 0, None),
        ([{"failure": "x"}], 99, "100.0"),
        ([{"failure": ""}, {}, {}], 33, "33.3"),
        ([{"unreachable": True, "msg": "no route to host"}, {}], 49, "50.0"),
        ([{"failure": "x"}, {"failure": "y"}, {}, {}, {}], 40, None),
        ([{"failure": "x"}, {"failure": "y"}, {}, {}, {}], 39.9, "40.0"),
        ([{"failure": "x"}, {}, {"skipped": True, "other_system": "Windows"}], 40, "50.0"),
    ],
)
def test_the_rollout_stops_above_the_percentage_of_outcomes_with_a_failure(outcomes, limit, percentage):
    stop = find_stop({f"n{number}": outcome for number, outcome in enumerate(outcomes)}, limit)
    expected = (
        f"{percentage} % of the nodes so far have failed, more than istio_node_max_fail_percentage ({limit:g})"
        if percentage
        else ""
    )
    assert stop == expected


def test_a_node_that_is_worse_than_predicted_stops_the_rollout_at_any_percentage():
    worse = {"failure": "x", "deviation": "Istio would\nnow pick legacy"}
    stop = find_stop({"a": {}, "b": worse}, 100)
    assert stop == "b is worse than its plan predicted (Istio would now pick legacy)"
    assert find_stop({"a": worse, "b": worse, "c": {}}, 100).endswith("pick legacy); 2 nodes are worse")
