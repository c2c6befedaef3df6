# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""node_facts on this machine; the tests of root_facts cover what the two modules share."""

import os
from typing import Any

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.modules import node_facts
from ansible_collections.nodeprep.istio.tests.unit.support.module_runner import ModuleRunner


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    return ModuleRunner(node_facts, monkeypatch, capsys, tmp_path).run


@pytest.mark.parametrize("root", ["/", "//"])
def test_the_facts_are_those_of_the_running_kernel(run, root):
    result = run(root=root)
    facts = result["ansible_facts"]["istio_node"]
    assert result["changed"] is False
    assert set(KNOWN_MODULES) <= set(facts["modules"])
    assert facts["kernel"]["release"] == os.uname().release
    assert facts["kernel"]["running"] is True


@pytest.mark.parametrize(
    "options, message",
    [
        ({"modules": ["a b"]}, "modules: 'a b' is not a valid module name; "),
        ({"root": "/srv/image"}, "root: this way of calling node_facts reads only /; call nodeprep.istio.root_facts"),
        ({"kernel": "5.4-none"}, "kernel: '5.4-none' is not installed; "),
    ],
    ids=["module name", "root", "kernel"],
)
def test_invalid_options_are_errors(run, options, message):
    assert run(**options)["msg"].startswith(message)


def test_a_program_that_takes_too_long_is_ended(monkeypatch, tmp_path, capsys):
    def gather(_files: Any, _names: Any, _observed_at: str, start: Any, _kernel: str) -> Any:
        return {"slow": start(["sleep", "300"]), "fast": start(["echo", "x"])}

    monkeypatch.setattr(node_facts, "gather_facts", gather)
    monkeypatch.setattr(node_facts, "MAX_SECONDS", 1)
    facts = ModuleRunner(node_facts, monkeypatch, capsys, tmp_path).run()["ansible_facts"]["istio_node"]
    assert facts == {"slow": [-9, ""], "fast": [0, "x\n"]}
