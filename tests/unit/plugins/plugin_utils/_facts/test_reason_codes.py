# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of reason codes: each code that a node may report has a meaning."""

from __future__ import annotations

from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import CODES
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.reason_codes import (
    EXPLANATIONS,
    NOT_LOADED,
    NOT_PERSISTED,
    REASON_KINDS,
)


def test_every_code_of_a_node_is_described_once() -> None:
    assert sorted([*REASON_KINDS, *EXPLANATIONS]) == sorted([*CODES, NOT_LOADED, NOT_PERSISTED])
