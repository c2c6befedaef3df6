# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that finds the packages that no repository has."""

from __future__ import annotations

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.filter.unknown_packages import DOCUMENTATION, unknown_packages


def test_unknown_names_are_returned_in_their_order():
    lines = ["E: Unable to locate package nft", "E: Unable to locate package ip"]
    assert unknown_packages(lines, ["ip", "nftables", "nft"]) == ["ip", "nft"]


def test_the_names_are_documented_as_a_positional_argument():
    assert yaml.safe_load(DOCUMENTATION)["positional"] == "names"


@pytest.mark.parametrize(
    "lines, names, message",
    [
        ("E: x", [], "unknown_packages: the input is not a list; give the lines of the output"),
        ([], "nftables", "unknown_packages: names: not a list; give the names of the packages"),
    ],
)
def test_a_wrong_input_is_an_error(lines, names, message):
    with pytest.raises(AnsibleFilterError, match=message):
        unknown_packages(lines, names)
