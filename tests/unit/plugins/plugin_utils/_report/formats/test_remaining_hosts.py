# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of the nodes that are still to be prepared."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.remaining_hosts import render
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import Document, NoData, Node

PROBE_FAILED = (("result", ("failed",)),)


@pytest.mark.parametrize(
    "node, is_listed",
    [
        (Node(name="a", verdict="ready"), False),
        (Node(name="a", verdict="on_demand"), False),
        (Node(name="a", verdict="at_risk"), True),
        (Node(name="a", verdict="not_ready"), True),
        (Node(name="a", verdict="unknown"), True),
        (Node(name="a", verdict="ready", failure="the tasks after the disruption failed"), True),
        (Node(name="a", verdict="ready", probe=PROBE_FAILED), True),
        (Node(name="a", no_data=NoData("failed", "not changed: too many nodes have failed")), True),
        (Node(name="a", no_data=NoData("unreachable", "no route to host")), True),
        (Node(name="a", verdict="skipped", no_data=NoData("other_system", "not a Linux node: Windows")), False),
        (Node(name="a", no_data=NoData("not_selected", "excluded by --limit")), False),
    ],
)
def test_nodes_without_a_good_verdict_and_failed_ones_are_listed(node, is_listed):
    document = Document("2026-01-01T00:00:00Z", (node,), {})
    assert list(render(document)) == (["a\n"] if is_listed else ["!all\n"])
