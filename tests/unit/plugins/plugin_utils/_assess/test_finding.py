# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A finding, and the ids of all findings."""

from __future__ import annotations

import re
from typing import get_args

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.finding import Finding, FindingId


def test_a_finding_is_a_dict_of_plain_text():
    finding = Finding("old_ipsets", "warning", "message", "source")
    assert finding.as_dict() == {
        "id": "old_ipsets",
        "severity": "warning",
        "message": "message",
        "source": "source",
    }


def test_ids_are_unique_words():
    ids = get_args(FindingId)
    assert len(set(ids)) == len(ids)
    assert [name for name in ids if not re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", name)] == []
