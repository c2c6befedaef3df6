# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that decides whether a rollout stops."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.filter.rollout_stop import rollout_stop


def test_the_limit_may_be_a_string_as_on_the_command_line():
    outcomes = {"a": {"failure": "x"}, "b": {}, "c": {}, "d": {}}
    assert rollout_stop(outcomes, "25") == ""
    assert rollout_stop(outcomes).startswith("25.0 % of the nodes so far have failed, ")


def test_a_wrong_input_is_an_error():
    with pytest.raises(AnsibleFilterError, match="rollout_stop: the input is not a mapping; give outcomes by node"):
        rollout_stop([{"failure": "x"}])
    with pytest.raises(AnsibleFilterError, match="rollout_stop: the outcome of b is not a mapping; give the "):
        rollout_stop({"a": {}, "b": "a text with failure"})
