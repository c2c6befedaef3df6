# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""root_facts: its options, and what it does with them."""

from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.modules import root_facts
from ansible_collections.nodeprep.istio.tests.unit.support import recording_factory
from ansible_collections.nodeprep.istio.tests.unit.support.module_runner import ModuleRunner
from ansible_collections.nodeprep.istio.tests.unit.support.module_tree import RELEASE
from ansible_collections.nodeprep.istio.tests.unit.support.recorded_node import RecordedNode


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    def fail(*_arguments: Any, **_options: Any) -> None:
        raise AssertionError("a program of another system was started")

    monkeypatch.setattr(basic.AnsibleModule, "run_command", fail)

    return ModuleRunner(root_facts, monkeypatch, capsys, tmp_path).run


def test_the_default_modules_are_those_of_the_catalogue(run, tmp_path):
    RecordedNode(tmp_path)
    facts = run(root=str(tmp_path))["ansible_facts"]["istio_node"]
    assert sorted(facts["modules"]) == sorted(KNOWN_MODULES)
    assert facts["kernel"]["release"] == RELEASE


def test_requested_names_are_canonical_and_each_is_reported_once(run, tmp_path):
    RecordedNode(tmp_path)
    facts = run(root=str(tmp_path) + "/", modules=["xt-owner", "xt_owner"])["ansible_facts"]["istio_node"]
    assert list(facts["modules"]) == ["xt_owner"]


@pytest.mark.parametrize("form", ["archive", "directory", "text"])
def test_a_recording_is_read_at_the_time_of_the_recording(run, tmp_path, form):
    node = RecordedNode(tmp_path / "node")
    node.write("/usr/sbin/ipset", "")
    node.write("/proc/modules", "ip_set 16384 0 - Live 0x0000000000000000\n")
    commands = [(0, ["/usr/sbin/ipset", "list", "-name"], "istio-inpod-probes\n")]
    archive = recording_factory.record_node(node.root, commands=commands)
    path = tmp_path / "recording"
    if form == "directory":
        recording_factory.unpack(archive, path)
    else:
        path.write_bytes(archive if form == "archive" else recording_factory.write_text(archive).encode())
    facts = run(root=str(path))["ansible_facts"]["istio_node"]
    assert facts["observed_at"] == recording_factory.RECORDED_AT
    assert facts["kernel"]["release"] == RELEASE
    assert facts["netfilter"]["ipsets"] == ["istio-inpod-probes"]


def test_a_damaged_recording_is_an_error(run, tmp_path):
    path = tmp_path / "worker-1.tar.gz"
    path.write_bytes(b"")
    assert run(root=str(path))["msg"] == f"root: {path}: it is empty; record the node again"


@pytest.mark.parametrize(
    "options, message",
    [
        ({"modules": ["a b"]}, "modules: 'a b' is not a valid module name; "),
        ({"root": "relative"}, "root: 'relative' is not an absolute path; "),
        ({"root": "/nowhere/at/all"}, "root: '/nowhere/at/all' is neither a directory nor a recording; "),
        ({"kernel": "5.4"}, "kernel: '5.4' is not installed; "),
    ],
    ids=["module name", "relative root", "root", "kernel"],
)
def test_invalid_options_are_errors(run, tmp_path, options, message):
    RecordedNode(tmp_path)
    assert run(**{"root": str(tmp_path), **options})["msg"].startswith(message)
