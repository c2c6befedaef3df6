# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""node_facts: its options, and what it does with them."""

from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.modules import node_facts
from ansible_collections.nodeprep.istio.tests.unit.support.module_runner import ModuleRunner
from ansible_collections.nodeprep.istio.tests.unit.support.module_tree import RELEASE
from ansible_collections.nodeprep.istio.tests.unit.support.recorded_node import RecordedNode


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    def fail(*_arguments: Any, **_options: Any) -> None:
        raise AssertionError("a program of another system was started")

    monkeypatch.setattr(basic.AnsibleModule, "run_command", fail)

    return ModuleRunner(node_facts, monkeypatch, capsys, tmp_path).run


def test_the_default_modules_are_those_of_the_catalogue(run, tmp_path):
    RecordedNode(tmp_path)
    facts = run(root=str(tmp_path))["ansible_facts"]["istio_node"]
    assert sorted(facts["modules"]) == sorted(KNOWN_MODULES)
    assert facts["kernel"]["release"] == RELEASE


def test_requested_names_are_canonical_and_each_is_reported_once(run, tmp_path):
    RecordedNode(tmp_path)
    facts = run(root=str(tmp_path) + "/", modules=["xt-owner", "xt_owner"])["ansible_facts"]["istio_node"]
    assert list(facts["modules"]) == ["xt_owner"]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"modules": ["a b"]}, "modules: 'a b' is not a valid module name; "),
        ({"root": "/nowhere/at/all"}, "root: '/nowhere/at/all' is neither a directory nor a recording; "),
        ({"kernel": "5.4"}, "kernel: '5.4' is not installed; "),
    ],
    ids=["module name", "root", "kernel"],
)
def test_invalid_options_are_errors(run, tmp_path, options, message):
    RecordedNode(tmp_path)
    assert run(**{"root": str(tmp_path), **options})["msg"].startswith(message)
