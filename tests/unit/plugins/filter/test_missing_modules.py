# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that lists required modules that are not present."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import facts, missing_modules

NODE = facts(state="loaded", xt_owner={"state": "missing", "autoload": "never"}, bridge={"state": "loadable"})


def test_the_modules_can_be_restricted_to_levels_and_states():
    assert missing_modules(NODE) == ["xt_owner", "bridge"]
    assert missing_modules(NODE, levels=["must"]) == ["xt_owner"]
    assert missing_modules(NODE, states=["missing"]) == ["xt_owner"]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"levels": ["x"]}, "missing_modules: levels: unknown value 'x'; valid values: must, should"),
        ({"levels": "must"}, "missing_modules: levels: 'must' is not a list; valid values: must, should"),
        ({"states": ["gone"]}, "missing_modules: states: unknown value 'gone'; valid values: loaded, "),
        ({"mode": "mesh"}, "missing_modules: mode: unknown value 'mesh'"),
    ],
)
def test_a_wrong_option_is_an_error(options, message):
    with pytest.raises(AnsibleFilterError, match=message):
        missing_modules(NODE, **options)
