# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action that chooses the module which reads the system, without a node."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.plugins.action import ActionBase
from ansible_collections.nodeprep.istio.plugins.action import node_facts


@pytest.fixture
def run(monkeypatch):
    """Return a function that runs the action and returns the options with which the module was run."""
    monkeypatch.setattr(ActionBase, "_execute_module", lambda _self, **options: {"options": options})
    monkeypatch.setattr(ActionBase, "_remove_tmp_path", lambda *_arguments: None)

    def run(**args):
        task = SimpleNamespace(args=args, async_val=0, check_mode=False, diff=False, action="nodeprep.istio.node_facts")
        connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused"), has_native_async=False)
        action = node_facts.ActionModule(task, connection, SimpleNamespace(check_mode=False), None, None, None)
        return action.run(task_vars={"x": 1})["options"]

    return run


@pytest.mark.parametrize("args", [{}, {"root": "/"}, {"root": "//"}, {"root": None}, {"modules": ["xt_owner"]}])
def test_the_running_system_is_read_by_the_module_of_the_task(run, args):
    assert run(**args) == {"task_vars": {"x": 1}, "wrap_async": 0}


@pytest.mark.parametrize("root", ["/srv/images/worker", "recording.tar.gz", "", "/.", 1])
def test_another_system_is_read_by_root_facts_which_also_reports_an_invalid_root(run, root):
    assert run(root=root)["module_name"] == "nodeprep.istio.root_facts"
