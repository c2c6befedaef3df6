# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes since the previous report."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.drift import describe_row, group_changes
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import Row
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import (
    SELECTION,
    build,
    fleet,
    make_gap,
    make_outcome,
    make_reason,
)

BLACKLISTED = make_gap(
    state="loadable",
    autoload="denied",
    reasons=[make_reason("autoload", "blacklist", "blacklisted (/etc/x.conf:3)", "/etc/x.conf:3")],
)


def upgrade_kernel(found):
    found["kernel"]["release"] = "6.1.0-43-amd64"


@pytest.fixture(scope="module")
def drift():
    before = build([(name, make_outcome()) for name in ("a", "b", "lost", "down")])
    after = [
        ("a", make_outcome(BLACKLISTED)),
        ("b", make_outcome(upgrade_kernel)),
        ("new", make_outcome()),
        ("down", {"unreachable": True, "msg": "no route"}),
    ]
    return build(after, previous=before).drift


def test_new_and_lost_nodes_are_listed(drift):
    assert drift.since == "2026-11-24T04:00:00Z"
    assert drift.new == ("new",)
    assert drift.lost == ("lost",)


def test_each_change_is_listed(drift):
    assert [(change.node, change.what, change.before, change.after) for change in drift.changes] == [
        ("a", "verdict", "ready", "not_ready"),
        ("a", "iptables/module/xt_owner", "loaded", "loadable, unmet"),
        ("b", "kernel", "6.1.0-42-amd64", "6.1.0-43-amd64"),
        ("down", "verdict", "ready", "no_data"),
    ]


def test_a_change_has_its_reason(drift):
    reasons = [change.reason for change in drift.changes]
    assert reasons[0] == "/etc/x.conf blacklists modules"
    assert "/etc/x.conf:3" in reasons[1]
    assert reasons[2] == ""
    assert "no route" in reasons[3]


def test_changes_of_the_verdict_come_first_the_worst_first(drift):
    groups = [(group.whats, group.after, group.nodes) for group in group_changes(drift)]
    assert groups[:2] == [(("verdict",), "not_ready", ("a",)), (("verdict",), "no_data", ("down",))]


def test_the_reason_of_a_prepared_node_is_the_run_and_not_a_reason_of_the_past():
    reasons = [make_reason("autoload", "kernel_modprobe", "kernel.modprobe is '/bin/false', which loads nothing")]
    before = build([("a", make_outcome(make_gap(state="loadable", autoload="denied", reasons=reasons)))])

    def add_reasons(found):
        found["modules"]["xt_owner"]["reasons"] = reasons

    execution = {"check_mode": False, "loaded": ["xt_owner"], "persisted": []}
    changes = build([("a", make_outcome(add_reasons, execution=execution))], previous=before).drift.changes
    by_what = {change.what: change.reason for change in changes}
    assert by_what["verdict"] == "prepared in this run"
    assert by_what["iptables/module/xt_owner"] == ""


def test_the_reason_of_a_requirement_without_a_place_is_the_root_cause():
    reasons = [make_reason("now", "not_installed", "CONFIG_XT_OWNER=m, but no such file is installed")]
    before = build([("b", make_outcome())])
    after = [("b", make_outcome(make_gap(state="missing", reasons=reasons)))]
    by_what = {change.what: change.reason for change in build(after, previous=before).drift.changes}
    assert by_what["verdict"] == "linux-image-$(uname -r) is not installed"
    assert by_what["iptables/module/xt_owner"] == "linux-image-$(uname -r) is not installed"


def test_equal_changes_are_grouped():
    before = build([(name, make_outcome()) for name in "abc"])
    after = [("a", make_outcome(upgrade_kernel)), ("b", make_outcome(upgrade_kernel)), ("c", {})]
    groups = group_changes(build(after, previous=before).drift)
    assert [(group.whats, group.nodes) for group in groups] == [(("verdict",), ("c",)), (("kernel",), ("a", "b"))]


def test_an_equal_fleet_has_no_changes():
    document = build(fleet(40, SELECTION))
    drift = build(fleet(40, SELECTION), previous=document).drift
    assert (drift.new, drift.lost, drift.changes) == ((), (), ())


def test_another_selection_is_not_a_change_of_the_node():
    before = build([("a", make_outcome(selection=Selection.from_options({})))])
    assert build([("a", make_outcome())], previous=before).drift.changes == ()


@pytest.mark.parametrize(
    "state, now, after_reboot, waiver, text",
    [
        pytest.param("loaded", "present", "present", None, "loaded", id="met"),
        pytest.param("loaded", "present", "unmet", None, "loaded, unmet after a reboot", id="unmet after a reboot"),
        pytest.param("loadable", "unmet", "unmet", None, "loadable, unmet", id="loadable"),
        pytest.param("loadable", "on_demand", "present", None, "loadable, on_demand", id="on demand now"),
        pytest.param("missing", "unmet", "unmet", None, "missing", id="missing"),
        pytest.param("missing", "unmet", "unmet", 0, "missing, waived", id="waived"),
    ],
)
def test_a_row_in_words(state, now, after_reboot, waiver, text):
    assert describe_row(Row("x", "must", state, now, after_reboot, waiver=waiver)) == text
