# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kernel_modules on a recorded node: check mode predicts what a run does, failures included, and touches nothing."""

import json
import os

import pytest
from ansible.module_utils import basic
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._managed import boot_block
from ansible_collections.nodeprep.istio.plugins.modules import kernel_modules
from ansible_collections.nodeprep.istio.tests.unit.support.recorded_node import RecordedNode


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    node = RecordedNode(tmp_path)
    node.tree(["xt_owner", "xt_mark", "x_tables"])
    boot_file = tmp_path / "etc/modules-load.d/istio.conf"
    boot_file.parent.mkdir(parents=True)
    boot_file.write_text("# an admin's\nxt_mark\n")
    read, write, see_writable = boot_block.read, boot_block.write, boot_block.see_writable
    monkeypatch.setattr(kernel_modules, "Files", lambda: Files(str(node.root)))
    monkeypatch.setattr(boot_block, "read", lambda: read(str(boot_file)))
    monkeypatch.setattr(
        boot_block, "write", lambda text, temporary, move, keep: write(text, temporary, move, str(boot_file), keep)
    )
    monkeypatch.setattr(boot_block, "see_writable", lambda text: see_writable(text, str(boot_file)))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    asked = []

    def modprobe(_module, command, **_more):
        asked.append(command[1:])
        for name in command[command.index("--") + 1 :]:
            node.write("/proc/modules", node.path("/proc/modules").read_text() + name + " 16384 0 - Live 0x0\n")
        return 0, "", ""

    monkeypatch.setattr(basic.AnsibleModule, "run_command", modprobe)
    monkeypatch.setattr(basic.AnsibleModule, "get_bin_path", lambda *_args, **_more: "/sbin/modprobe")
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)

    def run_module(check_mode, **arguments):
        del asked[:]
        given = dict(arguments, _ansible_check_mode=check_mode, _ansible_diff=True, _ansible_remote_tmp=str(tmp_path))
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode("utf-8"))
        with pytest.raises(SystemExit) as ended:
            kernel_modules.main()
        return (
            json.loads(capsys.readouterr().out),
            ended.value.code,
            list(asked),
            boot_file.read_text() if boot_file.exists() else None,
        )

    return run_module


def test_check_mode_says_what_a_run_does_and_touches_nothing(run):
    names = ["xt_owner", "xt_mark", "xt_set"]
    announced, code, asked, text = run(True, modules=names)
    assert code == 1 and asked == [] and text == "# an admin's\nxt_mark\n"
    assert announced["msg"].startswith("could not load 1 of 3 modules: xt_set: ")
    assert announced["loaded"] == ["xt_owner", "xt_mark"] and announced["changed"] is True
    done, code, asked, text = run(False, modules=names)
    assert code == 1 and asked == [["--all", "--", "xt_owner", "xt_mark"]]
    assert {key: done[key] for key in done if key != "invocation"} == {
        key: announced[key] for key in announced if key != "invocation"
    }
    assert text == f"{boot_block.BEGIN}\nxt_owner\n{boot_block.END}\n# an admin's\nxt_mark\n"


def test_a_second_run_changes_nothing(run):
    run(False, modules=["xt_owner"])
    done, code, asked, _text = run(False, modules=["xt_owner"])
    assert (code, done["changed"], asked) == (0, False, [])
    assert run(True, state="absent")[0]["changed"] is True
    assert run(False, state="absent")[3] == "# an admin's\nxt_mark\n"


def test_without_root_check_mode_fails_as_a_run_does(run, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    results = [run(check_mode, modules=["xt_owner"]) for check_mode in (True, False)]
    assert [result[1] for result in results] == [1, 1]
    assert [result[0]["msg"] for result in results] == [
        "loading modules and writing /etc/modules-load.d/istio.conf needs root: set become to true"
    ] * 2


def test_what_is_for_the_next_boot_only_is_listed_and_not_loaded(run):
    done, code, asked, text = run(False, modules=["xt_owner", "x_tables"], boot_only=["x-tables"])
    assert (code, done["loaded"], asked) == (0, ["xt_owner"], [["--all", "--", "xt_owner"]])
    assert "xt_owner\nx_tables\n" in text


def test_where_nothing_can_be_written_check_mode_fails_as_a_run_does_and_nothing_is_loaded(run, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_arguments: False)
    results = [run(check_mode, modules=["xt_owner"]) for check_mode in (True, False)]
    assert [result[1:] for result in results] == [(1, [], "# an admin's\nxt_mark\n")] * 2
    assert results[0][0]["msg"] == results[1][0]["msg"] and "is read-only, or immutable" in results[0][0]["msg"]
    assert run(True, modules=["xt_owner"], persist=False)[1] == 0


def test_a_file_of_a_vendor_with_the_same_name_is_not_hidden(run, tmp_path):
    vendor = tmp_path / "usr/lib/modules-load.d/istio.conf"
    vendor.parent.mkdir(parents=True)
    vendor.write_text("wireguard\n")
    (tmp_path / "etc/modules-load.d/istio.conf").unlink()
    for check_mode in (True, False):
        failed, code, asked, text = run(check_mode, modules=["xt_owner"])
        assert (code, asked, text) == (1, [], None) and "would hide /usr/lib/modules-load.d/istio.conf" in failed["msg"]
    assert run(True, modules=["xt_owner"], persist=False)[1] == 0
