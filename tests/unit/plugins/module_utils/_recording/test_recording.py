# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recording has beside the files: its manifest, and what programs printed."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node_facts import gather_facts
from ansible_collections.nodeprep.istio.plugins.module_utils._recording import recorded_files, recording
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.archive import ArchiveError, read_archive
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.recording import parse_recording
from ansible_collections.nodeprep.istio.tests.unit.support.recording_factory import (
    NAME,
    RECORDED_AT,
    build_members,
    make_archive,
    manifest,
    record_node,
)


def parse(members):
    return parse_recording(read_archive(make_archive(members)))


def test_name_and_time_are_those_of_the_manifest():
    found = parse(build_members())
    assert (found.name, found.recorded_at) == (NAME, RECORDED_AT)


def test_an_archive_of_a_directory_with_the_recording_is_one(node):
    node.write("/etc/hostname", "a")
    content = make_archive(build_members(), node.root, "somewhere/")
    assert parse_recording(read_archive(content)).files.read("/etc/hostname") == "a"


GOOD = manifest()


@pytest.mark.parametrize(
    "text, error",
    [
        (None, "it is not a recording: it has no manifest"),
        ("", "it is not a recording: it has no manifest"),
        ("a\n" + GOOD, "it is not a recording: it has no manifest"),
        (
            GOOD.replace("recording=1", "recording=2"),
            "it has format '2'; this version of the collection reads format 1",
        ),
        (GOOD.replace("complete=yes\n", ""), "its manifest is incomplete"),
        (GOOD + "more=yes\n", "its manifest is incomplete"),
        (GOOD.replace(NAME, ""), "its manifest has no valid name of a node ('')"),
        (GOOD.replace(NAME, "../x"), "its manifest has no valid name of a node ('../x')"),
        (GOOD.replace(NAME, "x\x1b[2J"), "its manifest has no valid name of a node ('x\\x1b[2J')"),
        (GOOD.replace(RECORDED_AT, "now"), "its manifest has no valid time of recording ('now')"),
    ],
    ids=["none", "empty", "other", "newer", "truncated", "longer", "no name", "path", "control characters", "time"],
)
def test_a_wrong_manifest_is_an_error(text, error):
    members = build_members()
    if text is None:
        del members["recording"]
    else:
        members["recording"] = text
    with pytest.raises(ArchiveError) as raised:
        parse(members)
    assert str(raised.value) == error


def test_a_program_prints_what_was_recorded():
    commands = [(0, ["/usr/sbin/nft", "-V"], "nftables v1.0.6\n  json: yes\n"), (1, ["/usr/bin/rpm", "-q", "a b"], "")]
    run = parse(build_members(commands=commands)).run
    assert run(["/usr/sbin/nft", "-V"]) == (0, "nftables v1.0.6\n  json: yes\n")
    assert run(["/usr/bin/rpm", "-q", "a b"]) == (1, "")
    assert run(["/usr/bin/rpm", "-q", "a", "b"]) == (127, "")


def test_without_commands_no_program_could_be_started():
    assert parse(build_members()).run is None
    assert parse(build_members(commands=[])).run is not None


def test_a_damaged_command_is_an_error():
    with pytest.raises(ArchiveError, match="its member 'commands/00' has no exit code"):
        parse(dict(build_members(), **{"commands/00": "exit=\n/usr/sbin/nft\n"}))


def test_too_many_unreadable_files_are_an_error(monkeypatch):
    monkeypatch.setattr(recording, "MAX_ERRORS", 3)
    assert parse(build_members(unreadable=dict.fromkeys("ab", "x"))).files.exists("/a") is None
    with pytest.raises(ArchiveError, match="it has more than 3 unreadable files"):
        parse(build_members(unreadable=dict.fromkeys("abc", "x")))


def test_deep_unreadable_paths_are_errors():
    with pytest.raises(ArchiveError, match="it has a path that is too long"):
        parse(build_members(unreadable={"/a" * 66: "x"}))


def test_too_many_implied_directories_are_an_error(monkeypatch):
    monkeypatch.setattr(recorded_files, "MAX_MEMBERS", 40)
    members = {**build_members(), **{"files/{}/a/a/a/a".format(number): "" for number in range(10)}}
    with pytest.raises(ArchiveError, match="it has more than 40 directories"):
        parse(members)
    monkeypatch.setattr(recorded_files, "MAX_MEMBERS", 41)
    assert parse(members).files.exists("/9/a/a/a/a")


def test_modules_that_the_recorder_did_not_look_for_are_unknown(node):
    node.write("/proc/modules", "dummy 16384 0 - Live 0x0000000000000000\n")
    node.tree(["xt_mark"])
    recorded = parse_recording(read_archive(record_node(node.root, modules="ip_set xt_mark")))
    facts = gather_facts(recorded.files, ["dummy", "ip_set", "xt_mark"], RECORDED_AT, recorded.run)
    assert facts["modules"]["xt_mark"]["state"] == "loadable"
    assert facts["modules"]["ip_set"]["state"] == "missing"
    assert facts["modules"]["dummy"] == {"state": "unknown", "autoload": "unknown", "boot": "unknown"}
    assert [reason["code"] for reason in node.reasons(facts, "dummy")] == ["not_in_recording"]


def test_an_older_recorder_tells_nothing_about_other_kernels(node):
    node.tree()
    node.tree(release="6.1.1-test")
    for modules, has_kernels in ((None, True), ("xt_mark", False)):
        recorded = parse_recording(read_archive(record_node(node.root, modules=modules)))
        facts = gather_facts(recorded.files, ["xt_mark"], RECORDED_AT, recorded.run)
        assert ("other_kernels" in facts) == has_kernels


def test_programs_and_files_give_the_facts(node):
    node.tree()
    node.write("/usr/sbin/nft", "")
    node.write("/proc/modules", "nfnetlink 16384 0 - Live 0x0000000000000000\n")
    commands = [(0, ["/usr/sbin/nft", "-V"], "nftables v1.0.6 (Lester Gooch #5)\n  json:\tno\n")]
    found = parse_recording(read_archive(record_node(node.root, commands=commands)))
    facts = gather_facts(found.files, ["xt_owner"], found.recorded_at, found.run)
    assert facts["observed_at"] == RECORDED_AT
    assert facts["tools"]["nft"] == {"path": "/usr/sbin/nft", "version": "1.0.6", "json": False}
    assert facts["netfilter"]["ipsets"] == []
