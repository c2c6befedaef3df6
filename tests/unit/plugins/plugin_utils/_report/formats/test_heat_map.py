# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The heat map: columns by level, one row for nodes with equal results."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.heat_map import (
    UNFOLDED_PATTERNS,
    build_heat_map,
    get_status,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import Row
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import (
    KINDS,
    SELECTION,
    build,
    fleet,
    make_gap,
    make_outcome,
)


def test_requirements_that_are_a_must_come_first():
    document = build(fleet(14, SELECTION))
    heat_map = build_heat_map(document)
    required = set()
    for node in document.nodes:
        required.update(row.id for row in node.rows if row.level == "must")
    assert set(heat_map.columns[: heat_map.must_count]) == required.intersection(heat_map.columns)
    left_out = set(document.requirements).difference(heat_map.columns)
    assert {document.requirements[id_].kind for id_ in left_out} == {"option"}


def test_a_kernel_option_is_a_column_if_a_node_lacks_it():
    option = "iptables/option/NF_CONNTRACK_MARK"

    def unset(found):
        found["options"]["NF_CONNTRACK_MARK"] = "n"

    for change in (None, unset):
        heat_map = build_heat_map(build([("a", make_outcome(change))]))
        assert (option in heat_map.columns) is (change is unset)


def test_nodes_with_equal_results_share_a_row():
    odd = make_outcome(make_gap(state="missing"))
    document = build([("a", make_outcome()), ("b", make_outcome()), ("c", odd), ("d", {}), ("e", {})])
    heat_map = build_heat_map(document)
    assert [pattern.names for pattern in heat_map.patterns] == [["a", "b"], ["c"], ["d", "e"]]
    assert heat_map.pattern_of_node == [0, 0, 1, 2, 2]


def test_a_cell_has_the_state_and_the_reason():
    heat_map = build_heat_map(build([("a", make_outcome(kind=KINDS[5]))]))
    cells = dict(zip(heat_map.columns, heat_map.patterns[0].cells, strict=True))
    cell = cells["iptables/module/xt_owner"]
    assert (cell.status, cell.level) == ("unmet", "must")
    assert cell.title.startswith("missing: CONFIG_XT_OWNER=m")


def test_the_most_urgent_rows_come_first_in_each_part():
    heat_map = build_heat_map(build(fleet(14, SELECTION)))
    shown = heat_map.list_shown()
    assert len(shown) == len(heat_map.patterns) < UNFOLDED_PATTERNS
    assert shown[0].node.verdict == "not_ready"
    assert shown[-1].node.verdict == "ready"


@pytest.mark.parametrize(
    "now, after_reboot, waiver, status",
    [
        ("present", "present", None, "present"),
        ("on_demand", "present", None, "on_demand"),
        ("present", "on_demand", None, "on_demand"),
        ("unmet", "present", None, "unmet"),
        ("unknown", "unmet", None, "unknown"),
        ("present", "unmet", None, "at_risk"),
        ("present", "unknown", None, "unknown"),
        ("unmet", "unmet", 0, "waived"),
    ],
)
def test_the_status_is_the_worse_grade(now, after_reboot, waiver, status):
    assert get_status(Row("x", "must", "loaded", now, after_reboot, waiver=waiver)) == status
