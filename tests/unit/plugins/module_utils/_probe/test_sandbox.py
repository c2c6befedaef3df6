# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages of the sandbox. The integration target runs real sandboxes and checks that nothing of them is left."""

import errno
import json

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import sandbox
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.namespaces import SandboxError


def lines(*messages):
    return [json.dumps(message) for message in messages]


def test_a_failed_fork_is_an_error(monkeypatch):
    def fork():
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(sandbox.os, "fork", fork)
    with pytest.raises(SandboxError, match="no process can be started .fork: Resource temporarily unavailable"):
        sandbox.run_isolated(lambda _emit: None, 1)


def test_finished_work_has_all_of_its_results():
    messages = lines([sandbox.RESULT, 1], [sandbox.RESULT, [2]], [sandbox.FINISHED, None])
    assert sandbox._collect_results(messages, "timeout") == [1, [2]]


def test_unfinished_work_keeps_its_results_and_has_the_reason():
    with pytest.raises(sandbox.UnfinishedError, match="^timeout$") as raised:
        sandbox._collect_results(lines([sandbox.RESULT, 1]), "timeout")
    assert raised.value.results == [1]


def test_an_error_of_the_work_explains_why_it_did_not_finish():
    messages = lines([sandbox.RESULT, 1], [sandbox.FAILED, "KeyError: 'x'"])
    with pytest.raises(sandbox.UnfinishedError, match="^KeyError: 'x'$"):
        sandbox._collect_results(messages, "its processes were killed")


def test_a_refusal_of_the_node_is_an_error_of_the_sandbox():
    with pytest.raises(SandboxError, match="^no namespace$"):
        sandbox._collect_results(lines([sandbox.REFUSED, "no namespace"]), "timeout")
