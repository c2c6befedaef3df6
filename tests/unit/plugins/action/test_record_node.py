# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action that records a node, with a recorder that prints what a test wants."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.nodeprep.istio.plugins.action import record_node
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.sources import open_recording
from ansible_collections.nodeprep.istio.tests.unit.support.recording_factory import (
    build_members,
    make_archive,
    write_text,
)

GOOD = write_text(make_archive(build_members()))


class Task(SimpleNamespace):
    def copy(self):
        return Task(**vars(self))

    def get_name(self):
        return "x"


class Runner:
    """Runs the action on a host; ``output`` is the result of the recorder."""

    def __init__(self, directory):
        self.directory = directory
        self.output = {"stdout": GOOD}
        self.task = None

    def get(self, name, task, **_options):
        assert name == "ansible.builtin.script"
        self.task = task
        return SimpleNamespace(run=lambda **_arguments: self.output)

    def run(self, host="worker-1", check_mode=False, shell="sh"):
        args = {"directory": str(self.directory)}
        task = Task(args=args, async_val=0, check_mode=check_mode, diff=False, action="x")
        connection = SimpleNamespace(transport="ssh", _shell=SimpleNamespace(tmpdir="unused", SHELL_FAMILY=shell))
        context = SimpleNamespace(check_mode=check_mode)
        templar = SimpleNamespace(template=lambda value: value)
        action = record_node.ActionModule(task, connection, context, None, templar, None)
        action._shared_loader_obj = SimpleNamespace(action_loader=self)
        return action.run(task_vars={"inventory_hostname": host})


@pytest.fixture
def runner(tmp_path):
    return Runner(tmp_path / "new" / "recordings")


@pytest.mark.parametrize("check_mode", [False, True])
def test_the_recording_is_saved_for_its_owner_alone(runner, check_mode):
    result = runner.run(check_mode=check_mode)
    path = runner.directory / "worker-1.tar.gz"
    assert (result["path"], result["size"], result["changed"]) == (str(path), path.stat().st_size, False)
    assert path.stat().st_mode & 0o777 == 0o600
    assert open_recording(str(path)).name == "worker-1"
    assert os.listdir(runner.directory) == ["worker-1.tar.gz"]
    assert "stdout" not in result


def test_the_recorder_runs_also_in_check_mode_with_the_name_of_the_host(runner):
    runner.run("a b", check_mode=True)
    assert runner.task.check_mode is False
    assert runner.task.args["_raw_params"].endswith("/record-node.sh --base64 --name a-b")


def test_lines_of_a_terminal_and_of_errors_are_skipped(runner):
    runner.output = {"stdout": "Last login: now\r\n" + GOOD.replace("\n", "\r\n") + "Shared connection closed.\r\n"}
    assert "failed" not in runner.run()


@pytest.mark.parametrize(
    "output, message",
    [
        ({"failed": True, "stderr": "a\ngzip: not found\n"}, "worker-1: the recorder failed (gzip: not found)"),
        ({"failed": True, "stderr": "", "stdout": "", "msg": "no sh"}, "worker-1: the recorder failed (no sh)"),
        ({"failed": True}, "worker-1: the recorder failed (it printed nothing)"),
        ({"stdout": ""}, "worker-1: the recording cannot be used: the recorder printed none; record the node again"),
        (
            {"stdout": write_text(make_archive(build_members(name="worker-2")))},
            "worker-1: the recording cannot be used: it is one of worker-2; record the node again",
        ),
        (
            {"stdout": GOOD[:-60]},
            "worker-1: the recording cannot be used: "
            "it has no END line, so the text was cut off; record the node again",
        ),
    ],
)
def test_an_error_keeps_the_recording_that_is_there(runner, output, message):
    runner.run()
    before = (runner.directory / "worker-1.tar.gz").read_bytes()
    runner.output = output
    result = runner.run()
    assert result["failed"] is True
    assert result["msg"] == message
    assert (runner.directory / "worker-1.tar.gz").read_bytes() == before


def test_a_recording_that_cannot_be_saved_is_an_error(runner):
    runner.directory = Path("/dev/null/recordings")
    result = runner.run()
    assert result["failed"] is True
    assert result["msg"].startswith("worker-1: the recording cannot be saved (")


@pytest.mark.parametrize("host, name", [("node/1 é", "node-1--"), (".x", "node.x")])
def test_a_recording_has_the_name_of_the_host_in_valid_characters(runner, host, name):
    runner.output = {"stdout": write_text(make_archive(build_members(name=name)), name)}
    assert open_recording(runner.run(host)["path"]).name == name


def test_a_host_cannot_choose_another_directory(runner):
    runner.output = {"stdout": write_text(make_archive(build_members(name="node..-..-x")))}
    assert runner.run("../../x")["path"] == f"{runner.directory}/node..-..-x.tar.gz"


def test_a_host_that_is_not_a_linux_node_is_skipped(runner):
    result = runner.run(shell="powershell")
    assert (result["skipped"], result["other_system"]) == (True, "Windows")
    assert runner.task is None
    runner.output = {"failed": True, "rc": 3, "stderr": "record-node: not a Linux node: FreeBSD\n"}
    result = runner.run()
    assert (result["skipped"], result["msg"]) == (True, "not a Linux node: FreeBSD")
    assert not result.get("failed")
