# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a recording: the same answers and errors as on the node. The corpus compares the facts."""

import os
import stat

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node_facts import gather_facts
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.archive import read_archive
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.recording import parse_recording
from ansible_collections.nodeprep.istio.tests.unit.support import recording_factory

NOW = "2026-01-01T00:00:00Z"


def record(node, **options):
    """Return the files of a recording of a node; I(options) are those of recording_factory.build_members()."""
    return parse_recording(read_archive(recording_factory.record_node(node.root, **options))).files


def list_answers(files, path):
    """Return what each method says about a path, and the errors that they noted."""
    answers = [
        files.read(path),
        files.read_bytes(path, 2),
        files.read_gzip(path),
        files.get_mode(path),
        files.listdir(path),
        files.read_link(path),
        files.is_masked(path),
        files.real_path(path),
    ]
    return answers, files.unreadable


PATHS = (
    "/",
    "/etc",
    "/etc/file",
    "/etc/file/below",
    "/etc/none",
    "/etc/empty",
    "/etc/in",
    "/etc/up",
    "/etc/out",
    "/etc/mask",
    "/etc/gone",
    "/etc/loop",
    "/etc/loop/below",
    "/lib/x.conf",
    "/lib/../etc/./file",
    "/a\0b",
    "relative",
)


@pytest.mark.parametrize("path", PATHS, ids=[path.replace("\0", "NUL") for path in PATHS])
def test_each_method_answers_as_below_the_directory(node, path):
    node.write("/etc/file", "text")
    node.path("/etc/file").chmod(0o640)
    node.path("/etc/empty").mkdir(mode=0o700)
    node.write("/usr/lib/x.conf", "")
    node.link("/lib", "usr/lib")
    node.link("/etc/in", "/etc/file")
    node.link("/etc/up", "../../../../etc/file")
    node.link("/etc/out", "/etc/../../outside")
    node.link("/etc/mask", "/dev/null")
    node.link("/etc/gone", "nowhere")
    node.link("/etc/loop", "loop")
    answers, errors = list_answers(record(node), path)
    expected, expected_errors = list_answers(Files(str(node.root)), path)
    assert answers == expected
    assert sorted(errors) == sorted(expected_errors)
    if "\0" not in path:
        assert errors == expected_errors


def test_names_of_any_bytes_are_kept(node):
    name = b"\xff.conf".decode("utf-8", "surrogateescape")
    node.write("/etc/modprobe.d/" + name, "")
    assert record(node).listdir("/etc/modprobe.d") == Files(str(node.root)).listdir("/etc/modprobe.d") == [name]


def test_an_unreadable_file_that_is_recorded_exists(node):
    node.write("/etc/secret", "")
    files = record(node, unreadable={"/etc/secret": "Permission denied"})
    assert files.exists("/etc/secret") is True
    assert files.unreadable == {}
    assert files.read("/etc/secret") is None
    assert files.unreadable == {"/etc/secret": "Permission denied"}


def test_an_unreadable_directory_that_is_recorded_may_be_searched(node):
    node.write("/etc/closed/file", "text")
    files = record(node, unreadable={"/etc/closed": "Permission denied"})
    assert files.read("/etc/closed/file") == "text"
    assert files.exists("/etc/closed/none") is False
    assert files.unreadable == {}
    assert files.listdir("/etc/closed") == []
    assert files.unreadable == {"/etc/closed": "Permission denied"}


def test_nothing_is_known_below_an_unreadable_directory_that_is_not_recorded(node):
    node.write("/etc/other", "")
    files = record(node, unreadable={"/etc/closed": "Permission denied"})
    assert files.exists("/etc/closed/a/b") is None
    assert files.listdir("/etc/closed") == []
    assert files.exists("/etc/other/a") is False
    assert files.unreadable == dict.fromkeys(["/etc/closed", "/etc/closed/a/b"], "Permission denied")


def test_an_unreadable_file_is_unreadable_by_every_path_to_it(node):
    node.link("/lib", "usr/lib")
    files = record(node, unreadable={"/lib/a": "Permission denied"})
    assert files.read("/usr/lib/a") is None
    assert files.unreadable == {"/usr/lib/a": "Permission denied"}


def test_the_recorded_null_device_is_a_device(node):
    node.write("/dev/null", "")
    node.link("/etc/mask", "/dev/null")
    files = record(node)
    assert stat.S_ISCHR(files.get_mode("/etc/mask"))
    assert files.read("/etc/mask") == ""
    live = Files()
    assert live.get_mode("/dev/null") & ~0o777 == files.get_mode("/dev/null") & ~0o777


REQUEST = b"system_u:system_r:container_t:s0 system_u:system_r:kernel_t:s0 3"


def test_the_policy_answers_what_was_recorded(node):
    node.write("/sys/fs/selinux/access", "")
    files = record(node, selinux={"a": (REQUEST.decode(), "2 0 0 0 1 0"), "b": ("b", "invalid")})
    assert files.transact("/sys/fs/selinux/access", REQUEST) == b"2 0 0 0 1 0"
    assert files.transact("/sys/fs/selinux/access", b"other") is None
    assert files.unreadable == {}
    with pytest.raises(OSError):
        files.transact("/sys/fs/selinux/access", b"b")


def test_the_reason_is_noted_why_the_policy_has_no_answer(node):
    files = record(node, unreadable={"/sys/fs/selinux/access": "Permission denied"})
    assert files.transact("/sys/fs/selinux/access", REQUEST) is None
    assert files.unreadable == {"/sys/fs/selinux/access": "Permission denied"}


def test_a_recording_of_no_kernel_has_none(node):
    node.remove("/proc/sys/kernel/osrelease")
    node.tree()
    assert not gather_facts(record(node), ["xt_owner"], NOW, None)["kernel"]["running"]


def test_nothing_of_this_machine_is_read(node, monkeypatch):
    node.tree()
    node.link("/etc/modprobe.d", "/../../../../../../../../etc/modprobe.d")
    files = record(node)
    for name in ("stat", "readlink", "listdir", "open"):
        monkeypatch.delattr(os, name)
    assert gather_facts(files, ["xt_owner"], NOW, None)["modules"]["xt_owner"]["state"] == "loadable"
