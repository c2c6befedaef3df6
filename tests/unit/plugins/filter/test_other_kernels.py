# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that finds other kernels in a simulated installation."""

from __future__ import annotations

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.filter.other_kernels import DOCUMENTATION, other_kernels


def test_packages_of_other_kernels_are_returned():
    lines = [
        "Inst linux-image-7.0-amd64 (7.0 Debian:14/stable [amd64])",
        "Inst nftables (1.1 Debian:14/stable [amd64])",
    ]
    assert other_kernels(lines, "6.1.0-57-amd64") == ["linux-image-7.0-amd64"]
    assert other_kernels(lines, "7.0-amd64") == []


def test_the_release_is_documented_as_a_positional_argument():
    assert yaml.safe_load(DOCUMENTATION)["positional"] == "release"


@pytest.mark.parametrize(
    "lines, release, message",
    [
        ("Inst linux-image-7.0-amd64", "7.0", "other_kernels: the input is not a list; give the lines of the output"),
        ([], None, "other_kernels: release: invalid kernel release None; give one such as 6.12.43-amd64"),
        ([], "", "other_kernels: release: invalid kernel release ''"),
    ],
)
def test_a_wrong_input_is_an_error(lines, release, message):
    with pytest.raises(AnsibleFilterError, match=message):
        other_kernels(lines, release)
