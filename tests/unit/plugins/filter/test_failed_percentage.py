# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that calculates the percentage of failed nodes."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.filter.failed_percentage import failed_percentage


def test_the_percentage_is_a_number():
    assert failed_percentage([{"failure": "x"}, {}, {}, {}]) == 25
    assert failed_percentage([]) == 0


def test_a_wrong_input_is_an_error():
    with pytest.raises(AnsibleFilterError, match="failed_percentage: the input is not a list; give a list of outcomes"):
        failed_percentage({"a": {"failure": "x"}})
    with pytest.raises(AnsibleFilterError, match="failed_percentage: entry 2 is not a mapping; give the "):
        failed_percentage([{}, "a text with failure"])
