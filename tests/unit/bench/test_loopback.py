# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the nodes of the benchmark replay."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import parse_facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.builder import build_plan
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.bench.loopback import build_results, list_addresses


@pytest.mark.parametrize("options", [{}, {"mode": ["sidecar", "ambient"], "ip_family": "dual"}])
def test_a_clean_node_needs_nothing_and_a_dirty_one_gets_modules(options):
    results, selection = build_results(options), Selection.from_options(options)
    clean, dirty = parse_facts(results["clean"]), parse_facts(results["dirty"])
    assert assess(clean, selection).verdict == "ready"
    assert not build_plan(clean, selection, Consent()).change
    plan = build_plan(dirty, selection, Consent())
    assert [step.kind for step in plan.steps] == ["modules"]
    assert results["loaded"]["loaded"] == list(plan.load) != []
    assert clean.kernel.boot_id == dirty.kernel.boot_id != ""


def test_each_node_has_a_loopback_address_of_its_own():
    addresses = list_addresses(1000)
    assert len(set(addresses)) == 1000
    assert all(address.startswith("127.") and 0 < int(address.rpartition(".")[2]) < 255 for address in addresses)
