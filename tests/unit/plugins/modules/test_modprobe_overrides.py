# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""modprobe_overrides on a recorded node: check mode predicts what a run does, and changes nothing."""

import os

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._act import safe_write
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.modules import modprobe_overrides
from ansible_collections.nodeprep.istio.tests.unit.support.module_runner import ModuleRunner
from ansible_collections.nodeprep.istio.tests.unit.support.recorded_node import RecordedNode

VENDOR = "/usr/lib/modprobe.d/hard.conf"
COPY = "/etc/modprobe.d/hard.conf"
LINES = [{"path": VENDOR, "line": "  blacklist \t xt_owner"}]


@pytest.fixture
def node(tmp_path, monkeypatch):
    """A node with a vendor's blacklist, as root. The functions that write find files below the root of the node."""
    node = RecordedNode(tmp_path)
    node.write(VENDOR, "blacklist xt_owner\nblacklist dccp\n")
    for name in ("ensure_writable", "write_text"):
        function = getattr(safe_write, name)
        monkeypatch.setattr(
            safe_write,
            name,
            lambda path, *arguments, function=function: function(str(node.path(path)), *arguments),
        )
    monkeypatch.setattr(modprobe_overrides, "Files", lambda: Files(str(node.root)))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return node


@pytest.fixture
def run(node, monkeypatch, capsys):
    return ModuleRunner(modprobe_overrides, monkeypatch, capsys, node.root).run


def test_check_mode_predicts_a_run_and_changes_nothing(run, node):
    predicted = run(True, lines=LINES)
    assert predicted["changed"] is True
    assert predicted["files"] == [COPY]
    assert predicted["edited_files"] == []
    assert not node.path(COPY).exists()
    assert run(False, lines=LINES) == predicted
    assert node.path(COPY).read_text().endswith("\nblacklist dccp\n")
    assert node.path(COPY).read_text() == predicted["diff"][0]["after"]


def test_a_second_run_changes_nothing(run):
    run(False, lines=LINES)
    assert run(False, lines=[])["changed"] is False


def test_state_absent_removes_the_overrides(run, node):
    run(False, lines=LINES)
    assert run(False, state="absent")["files"] == [COPY]
    assert not node.path(COPY).exists()


def test_an_edited_override_is_reported_and_stays(run, node):
    run(False, lines=LINES)
    edited = node.path(COPY).read_text() + "blacklist sctp\n"
    node.write(COPY, edited)
    done = run(False, state="absent")
    assert done["changed"] is False
    assert done["edited_files"] == [COPY]
    assert node.path(COPY).read_text() == edited


@pytest.mark.parametrize("check_mode", [True, False])
def test_without_root_check_mode_fails_as_a_run_does(run, monkeypatch, check_mode):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert run(check_mode, lines=LINES)["msg"] == "become: writing to /etc/modprobe.d needs root; set become: true"


@pytest.mark.parametrize("check_mode", [True, False])
def test_an_unwritable_directory_is_an_error_before_anything_is_written(run, monkeypatch, node, check_mode):
    monkeypatch.setattr(os, "access", lambda *_arguments: False)
    assert "is read-only or immutable" in run(check_mode, lines=LINES)["msg"]
    assert not node.path(COPY).exists()


@pytest.mark.parametrize("line", ["options xt_owner x=1", "blacklist", "", "# blacklist xt_owner"])
def test_another_line_is_an_error(run, line):
    message = run(True, lines=[{"path": VENDOR, "line": line}])["msg"]
    assert message.startswith(f"lines: '{line}' of {VENDOR} is not a blacklist or install line; ")


def test_a_line_that_is_gone_is_an_error(run):
    message = run(True, lines=[{"path": VENDOR, "line": "blacklist xt_mark"}])["msg"]
    assert message.startswith(f"{VENDOR}: has no line 'blacklist xt_mark' any more; ")
