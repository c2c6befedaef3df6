# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our block in the boot file, and everybody else's lines around it."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils import _boot_file


@pytest.mark.parametrize("others", ["", "# mine\nxt_mark\n", "xt_mark"])
def test_what_is_added_is_taken_back(others):
    with_ours = _boot_file.with_block(others, ["xt_owner"])
    assert "\nxt_owner\n" in with_ours
    assert _boot_file.with_block(with_ours, ["xt_owner"]) == with_ours
    assert _boot_file.with_block(with_ours, []).rstrip("\n") == others.rstrip("\n")


def test_names_of_others():
    text = _boot_file.with_block("xt-mark\n# c\n", ["xt_owner"])
    assert _boot_file.names_outside_block(text) == {"xt_mark"}


@pytest.mark.parametrize("text", [_boot_file.BEGIN + "\n", _boot_file.END + "\n" + _boot_file.BEGIN + "\n", _boot_file.END])
def test_broken_marks_are_refused(text):
    with pytest.raises(_boot_file.BrokenBlock, match="/etc/modules-load.d/istio.conf:"):
        _boot_file.with_block(text, ["xt_owner"])
