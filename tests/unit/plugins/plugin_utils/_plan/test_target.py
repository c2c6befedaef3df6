# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The target selection beside the current one: verdicts, reasons, and one plan for both."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.builder import build_plan
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.target import judge_target
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import ABSENT, LEGACY, OLD, THERE, parse_facts
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import NOT_BUILT, make_node

SIDECAR = Selection.from_options({"profile": "effective"})
AMBIENT = Selection.from_options({"profile": "effective", "mode": "ambient"})
NFTABLES = Selection.from_options({"profile": "effective", "backend": "nftables"})


def plan(node, target, selection=SIDECAR, **consent):
    return build_plan(parse_facts(node), selection, Consent(**consent), target)


def test_a_plan_without_a_target_has_none():
    found = plan(make_node(), None)
    assert found.target is None
    assert "target" not in found.as_dict()


def test_one_plan_prepares_a_node_for_both_selections():
    alone = plan(make_node(), None)
    both = plan(make_node(), AMBIENT)
    only_ambient = plan(make_node(), None, AMBIENT)
    assert set(both.load) == {*alone.load, *only_ambient.load}
    assert set(both.persist) == {*alone.persist, *only_ambient.persist}
    assert {"xt_set", "ip_set_hash_ip"} <= set(both.optional)
    assert (both.expected.verdict, both.target.expected, both.target.reasons) == ("ready", "ready", ())
    assert both.steps[0].why == f"the selection and its target need {len(both.modules)} modules"


def test_a_gap_of_the_target_does_not_stop_the_preparation_for_the_selection():
    node = make_node(xt_set=NOT_BUILT, options={"NF_CONNTRACK_ZONES": "n"})
    found = plan(node, AMBIENT)
    assert found.refused == ()
    assert found.not_loadable == ()
    assert found.expected.verdict == "ready"
    assert found.target.expected == "not_ready"
    assert [reason.split(":")[0] for reason in found.target.reasons] == ["xt_set", "NF_CONNTRACK_ZONES"]


def test_a_module_of_the_target_is_not_loaded_if_istio_would_then_pick_another_variant():
    # Before 5.15 a legacy table exists as soon as its module is loaded, and ambient Istio then picks legacy.
    node = make_node(**THERE, kernel=OLD, **dict.fromkeys([*LEGACY, "ip_tables", "ip6_tables"], ABSENT))
    # Newer patches of Istio look for rules in the table.
    ambient = {"profile": "effective", "mode": "ambient", "istio_version": "1.30.4"}
    legacy = Selection.from_options({**ambient, "iptables_variant": "legacy"})
    found = plan(node, legacy, Selection.from_options(ambient))
    assert not set(found.load) & set(LEGACY)
    assert found.forecast.modes == {"ambient": "nft"}
    assert found.target.expected == "not_ready"


def test_the_plan_shows_the_verdicts_of_the_target():
    node = make_node(nft_redir=NOT_BUILT)
    text = plan(node, NFTABLES).describe()
    assert text[1].startswith("target (nftables, sidecar, ipv4, ")
    assert ": verdict now: not_ready, expected after this plan: not_ready: nft_redir: why" in text[1]


def test_many_reasons_are_cut():
    missing = dict.fromkeys(("ip_set_hash_ip", "xt_set", "xt_CT", "xt_connmark", "xt_nat", "xt_tcpudp"), NOT_BUILT)
    assert plan(make_node(**missing), AMBIENT).describe()[1].endswith(" and 2 more")


def test_a_second_run_changes_nothing():
    first = plan(make_node(), AMBIENT)
    node = make_node(state="loaded", boot="yes", managed={"boot_file": list(first.persist)})
    node["boot_files"] = {"/etc/modules-load.d/istio.conf": list(first.persist)}
    assert plan(node, AMBIENT).steps == ()


def test_without_the_target_the_second_run_removes_its_modules_from_the_boot_file():
    first = plan(make_node(), AMBIENT)
    node = make_node(state="loaded", boot="yes", managed={"boot_file": list(first.persist)})
    node["boot_files"] = {"/etc/modules-load.d/istio.conf": list(first.persist)}
    again = plan(node, None)
    assert "xt_set" not in again.persist
    assert [step.kind for step in again.steps] == ["modules"]


@pytest.mark.parametrize(
    "change, verdict, reason",
    [
        ({"xt_set": NOT_BUILT}, "not_ready", "xt_set: why"),
        ({"xt_set": {"state": "loaded", "autoload": "never"}}, "at_risk", "xt_set: after a reboot loaded"),
        ({"nft": None}, "on_demand", None),
    ],
)
def test_the_state_of_a_node_under_the_target(change, verdict, reason):
    state = judge_target(parse_facts(make_node(**change)), AMBIENT)
    assert state.verdict == verdict
    assert state.reasons == (() if reason is None else (reason,))
    assert state.as_dict()["text"].startswith("iptables, ambient, ipv4, ")
