# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The batches of a rollout, and the percentage of failed nodes that stops it."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.rollout import (
    calculate_failed_percentage,
    check_max_fail_percentage,
    check_serial,
)


@pytest.mark.parametrize("value", [1, "2", "020%", "20%", " 3 ", [1, "5", "100%"]])
def test_numbers_percentages_and_lists_of_them_are_batch_sizes(value):
    assert check_serial(value) == ""


@pytest.mark.parametrize("value", ["ten", 0, "0%", True, [], [1, "0%"], [1, -5], 1.5])
def test_other_batch_sizes_are_reported(value):
    assert check_serial(value) == (
        f"invalid value {value!r}; give a number from 1, a percentage such as 20%, or a list of them"
    )


@pytest.mark.parametrize("value", [0, 5, "12.5", 100, "100.0"])
def test_numbers_to_100_are_percentages(value):
    assert check_max_fail_percentage(value) == ""


@pytest.mark.parametrize("value", ["lots", 101, -1, True, "5%", ""])
def test_other_percentages_are_reported(value):
    assert check_max_fail_percentage(value) == f"invalid value {value!r}; give a number from 0 to 100"


@pytest.mark.parametrize(
    "outcomes, percentage",
    [
        ([], 0),
        ([{"plan": {}}], 0),
        ([{"failure": "x"}], 100),
        ([{"failure": ""}, {}, {}], 100 / 3),
        ([{"failure": "x"}, {"failure": "y"}, {}, {}, {}], 40),
    ],
)
def test_the_percentage_counts_outcomes_with_a_failure(outcomes, percentage):
    assert calculate_failed_percentage(outcomes) == pytest.approx(percentage)
