# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kernel_modules on a recorded node: check mode predicts what a run does, failures included, and changes nothing."""

import os
from typing import Any, Dict, List, NamedTuple, Optional

import pytest
from ansible.module_utils import basic
from ansible_collections.nodeprep.istio.plugins.module_utils._act import boot_file, safe_write
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._managed import boot_block
from ansible_collections.nodeprep.istio.plugins.modules import kernel_modules
from ansible_collections.nodeprep.istio.tests.unit.support.module_runner import ModuleRunner
from ansible_collections.nodeprep.istio.tests.unit.support.recorded_node import RecordedNode

OWN_LINES = "# an admin's\nxt_mark\n"
NO_ROOT = "become: loading modules and writing /etc/modules-load.d/istio.conf needs root; set become: true"


class Run(NamedTuple):
    """What a run of the module did.

    :ivar result: what it returned.
    :ivar commands: the arguments of each modprobe.
    :ivar text: the boot file afterwards, or None if it does not exist.
    """

    result: Dict[str, Any]
    commands: List[List[str]]
    text: Optional[str]


@pytest.fixture
def node(tmp_path, monkeypatch):
    """A node with a boot file, as root. The functions that write find the file below the root of the node."""
    node = RecordedNode(tmp_path)
    node.tree(["xt_owner", "xt_mark", "x_tables"])
    node.write(boot_block.PATH, OWN_LINES)
    for name in ("is_masked", "read_text", "ensure_writable", "write_text"):
        function = getattr(safe_write, name)
        monkeypatch.setattr(
            safe_write,
            name,
            lambda path, *arguments, function=function: function(str(node.path(path)), *arguments),
        )
    monkeypatch.setattr(kernel_modules, "Files", lambda: Files(str(node.root)))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return node


@pytest.fixture
def run(node, monkeypatch, capsys):
    commands: List[List[str]] = []

    def modprobe(_module, command, **_options):
        commands.append(command[1:])
        loaded = node.path("/proc/modules").read_text()
        for name in command[command.index("--") + 1 :]:
            loaded += f"{name} 16384 0 - Live 0x0\n"
        node.write("/proc/modules", loaded)
        return 0, "", ""

    monkeypatch.setattr(basic.AnsibleModule, "run_command", modprobe)
    monkeypatch.setattr(basic.AnsibleModule, "get_bin_path", lambda *_arguments, **_options: "/sbin/modprobe")

    runner = ModuleRunner(kernel_modules, monkeypatch, capsys, node.root)

    def run(check_mode: bool, **options: Any) -> Run:
        del commands[:]
        result = runner.run(check_mode, **options)
        path = node.path(boot_block.PATH)
        return Run(result, list(commands), path.read_text() if path.exists() else None)

    return run


def test_check_mode_predicts_a_run_and_changes_nothing(run):
    names = ["xt_owner", "xt_mark", "xt_set"]
    predicted = run(True, modules=names)
    assert predicted.result["msg"].startswith("could not load 1 of 3 modules: xt_set: ")
    assert predicted.result["failed"] is True
    assert predicted.result["changed"] is True
    assert predicted.result["loaded"] == ["xt_owner", "xt_mark"]
    assert predicted.commands == []
    assert predicted.text == OWN_LINES
    done = run(False, modules=names)
    assert done.result == predicted.result
    assert done.commands == [["--all", "--", "xt_owner", "xt_mark"]]
    assert done.text == f"{boot_block.BEGIN}\nxt_owner\n{boot_block.END}\n{OWN_LINES}"


def test_the_diff_shows_the_boot_file_and_the_loaded_modules(run):
    boot_file_diff, modules_diff = run(True, modules=["xt_owner"]).result["diff"]
    assert boot_file_diff["before_header"] == boot_block.PATH
    assert boot_file_diff["before"] == OWN_LINES
    assert "\nxt_owner\n" in boot_file_diff["after"]
    assert modules_diff["after"] == "xt_owner\n"


def test_a_second_run_changes_nothing(run):
    run(False, modules=["xt_owner"])
    done = run(False, modules=["xt_owner"])
    assert done.result["changed"] is False
    assert done.commands == []


def test_state_absent_removes_the_block(run):
    run(False, modules=["xt_owner"])
    assert run(True, state="absent").result["changed"] is True
    assert run(False, state="absent").text == OWN_LINES
    assert run(False, state="absent").result["changed"] is False


def test_a_file_that_existed_before_and_was_empty_stays(run, node):
    node.write(boot_block.PATH, "")
    assert "xt_mark" in run(False, modules=["xt_mark"]).text
    assert run(False, state="absent").text == ""


@pytest.mark.parametrize("check_mode", [True, False])
def test_without_root_check_mode_fails_as_a_run_does(run, monkeypatch, check_mode):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    done = run(check_mode, modules=["xt_owner"])
    assert done.result["failed"] is True
    assert done.result["msg"] == NO_ROOT


def test_a_module_for_the_next_boot_is_listed_and_not_loaded(run):
    done = run(False, modules=["xt_owner", "x_tables"], boot_only=["x-tables"])
    assert done.result["loaded"] == ["xt_owner"]
    assert done.commands == [["--all", "--", "xt_owner"]]
    assert "xt_owner\nx_tables\n" in done.text


def test_always_takes_precedence_over_load_and_persist(run):
    done = run(False, modules=["xt_owner", "xt_mark"], always=["xt_owner"], load=False, persist=False)
    assert done.result["loaded"] == ["xt_owner"]
    assert done.result["persisted"] == ["xt_owner"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_if_the_boot_file_cannot_be_written_nothing_is_loaded(run, monkeypatch, check_mode):
    monkeypatch.setattr(os, "access", lambda *_arguments: False)
    done = run(check_mode, modules=["xt_owner"])
    assert done.result["failed"] is True
    assert "is read-only or immutable" in done.result["msg"]
    assert done.commands == []
    assert done.text == OWN_LINES
    assert "failed" not in run(check_mode, modules=["xt_owner"], persist=False).result


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_vendors_file_of_the_same_name_is_not_hidden(run, node, check_mode):
    node.write("/usr/lib/modules-load.d/istio.conf", "wireguard\n")
    node.remove(boot_block.PATH)
    done = run(check_mode, modules=["xt_owner"])
    assert done.result["failed"] is True
    assert "would hide /usr/lib/modules-load.d/istio.conf" in done.result["msg"]
    assert done.commands == []
    assert done.text is None
    assert "failed" not in run(check_mode, modules=["xt_owner"], persist=False).result


def test_unbalanced_markers_are_an_error_and_nothing_is_loaded(run, node):
    node.write(boot_block.PATH, boot_block.BEGIN + "\n")
    done = run(False, modules=["xt_owner"])
    assert done.result["msg"].startswith("/etc/modules-load.d/istio.conf:1: unbalanced BEGIN/END markers")
    assert done.commands == []


def test_a_disabled_boot_file_is_an_error_unless_the_block_is_removed(run, monkeypatch):
    monkeypatch.setattr(boot_file.safe_write, "is_masked", lambda _path: True)
    assert "a link to /dev/null disables this file" in run(False, modules=["xt_owner"]).result["msg"]
    assert run(False, state="absent").result["changed"] is False


@pytest.mark.parametrize(
    "options, message",
    [
        ({}, "modules: the list is empty; name at least one module, or set state: absent"),
        ({"modules": ["../evil"]}, "modules: '../evil' is not a valid module name; "),
        ({"modules": ["xt_owner"], "always": ["a b"]}, "always: 'a b' is not a valid module name; "),
        ({"state": "absent", "boot_only": [""]}, "boot_only: '' is not a valid module name; "),
    ],
    ids=["no modules", "modules", "always", "boot_only"],
)
def test_invalid_options_are_errors(run, options, message):
    assert run(True, **options).result["msg"].startswith(message)
