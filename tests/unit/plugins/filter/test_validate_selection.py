# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that validates a selection."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.filter.validate_selection import validate_selection


def test_a_selection_is_returned_with_its_defaults():
    selection = validate_selection({"mode": "ambient"}, ip_family="dual")
    assert selection["mode"] == ["ambient"]
    assert selection["ip_family"] == "dual"
    assert selection["backend"] == "iptables"


@pytest.mark.parametrize(
    "options, message",
    [
        (["ambient"], "validate_selection: the input is list; give a mapping of options"),
        ({"mode": "mesh"}, "validate_selection: mode: unknown value 'mesh'; valid values: sidecar, ambient"),
    ],
)
def test_a_wrong_input_is_an_error(options, message):
    with pytest.raises(AnsibleFilterError, match=message):
        validate_selection(options)
