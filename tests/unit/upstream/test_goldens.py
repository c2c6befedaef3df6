# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of golden files, and which differences are accepted."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue import effective
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.upstream.accepted import ACCEPTED, find_reason
from ansible_collections.nodeprep.istio.tests.upstream.checkout import parse_version
from ansible_collections.nodeprep.istio.tests.upstream.goldens import FOLDERS, GOLDENS


@pytest.mark.parametrize("accepted", ACCEPTED, ids=lambda accepted: accepted.row)
def test_each_accepted_difference_is_about_a_row_of_the_catalogue(accepted):
    reasons = [find_reason(row.requirement.id, accepted.need) for row in effective.ROWS]
    assert accepted.reason in reasons


def test_a_row_that_is_not_listed_must_be_in_the_rules():
    assert find_reason("iptables/module/xt_owner", "ipt_owner") is None
    assert find_reason("iptables/module/nft_chain_nat/ipv4", "nft-chain-2-nat") is None


def test_each_golden_file_has_one_mesh_in_each_release():
    for minor in range(22, 40):
        for patch in (0, 1, 9):
            version = (1, minor, patch)
            current = [
                (goldens.mode, name)
                for goldens in GOLDENS
                for name in goldens.names
                if parse_version(goldens.since) <= version
                and (not goldens.until or version < parse_version(goldens.until))
            ]
            assert sorted(set(current)) == sorted(current)


def test_each_mesh_can_be_selected():
    for folder in FOLDERS:
        for goldens in GOLDENS:
            if goldens.mode == folder.mode and not goldens.ignored:
                options = {"mode": folder.mode, **folder.options, **goldens.options}
                assert Selection.from_options(options).mode == (folder.mode,)
