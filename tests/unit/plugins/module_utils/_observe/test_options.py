# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the modules which gather facts share."""

import re

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.options import (
    InvalidNameError,
    format_now,
    parse_names,
)


@pytest.mark.parametrize(
    "requested, names",
    [
        (None, KNOWN_MODULES),
        ([], KNOWN_MODULES),
        (["xt-owner", "xt_owner", "br_netfilter"], ["br_netfilter", "xt_owner"]),
    ],
    ids=["none", "empty list", "two names of one module"],
)
def test_names_are_canonical_and_each_is_looked_at_once(requested, names):
    assert parse_names(requested) == names


@pytest.mark.parametrize("name", ["xt_owner;id", "", "a b", "../x"])
def test_a_name_that_no_module_can_have_is_an_error(name):
    with pytest.raises(InvalidNameError) as raised:
        parse_names(["xt_owner", name])
    assert str(raised.value).startswith("modules: '{}' is not a valid module name; ".format(name))


def test_the_time_is_that_of_utc_in_seconds():
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", format_now())
