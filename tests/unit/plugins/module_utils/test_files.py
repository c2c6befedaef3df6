# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The read-only, rooted view of a file system."""

import gzip
import os

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils import _files
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files, find_conf_files, is_volatile


def test_the_null_device_is_empty_and_other_devices_are_unreadable():
    files = Files()
    assert files.read_bytes("/dev/null") == b""
    assert files.unreadable == {}
    assert files.read_bytes("/dev/zero") is None
    assert files.unreadable == {"/dev/zero": "not a regular file"}


def test_a_path_with_a_nul_does_not_exist(node):
    files = Files(str(node.root))
    assert files.is_dir("/a\0b") is False
    assert files.listdir("/a\0b") == []
    assert files.exists("/a\0b") is None
    assert files.read("/a\0b") is None


def test_a_missing_permission_is_unknown_from_the_first_time_on(node, monkeypatch):
    node.write("/boot/present", "")
    files = Files(str(node.root))
    assert files.exists("/boot/present") is True
    assert files.exists("/boot/absent") is False

    def refuse(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(_files.os, "stat", refuse)
    assert files.exists("/boot/present") is None
    assert files.exists("/boot/present") is None


def test_only_the_end_of_a_file_is_read(node):
    node.write("/log", "abcdef")
    files = Files(str(node.root))
    assert files.read_bytes("/log", tail=2) == b"ef"
    assert files.read_bytes("/log", tail=10) == b"abcdef"


def test_a_file_that_is_too_large_is_unreadable_but_its_end_is_not(node, monkeypatch):
    monkeypatch.setattr(_files, "MAX_FILE_BYTES", 1 << 20)
    node.write("/large", bytes(2 << 20))
    files = Files(str(node.root))
    assert files.read_bytes("/large", tail=3) == bytes(3)
    assert files.unreadable == {}
    assert files.read_bytes("/large") is None
    assert files.unreadable == {"/large": "larger than 1 MiB"}


def test_a_gzip_file_that_unpacks_to_too_much_is_unreadable(node, monkeypatch):
    monkeypatch.setattr(_files, "MAX_FILE_BYTES", 1 << 20)
    node.write("/config.gz", gzip.compress(bytes(3 << 20)))
    files = Files(str(node.root))
    assert files.read_gzip("/config.gz") is None
    assert "larger than 1 MiB" in files.unreadable["/config.gz"]


def test_a_damaged_gzip_file_is_unreadable(node):
    node.write("/config.gz", b"no gzip")
    files = Files(str(node.root))
    assert files.read_gzip("/config.gz") is None
    assert "/config.gz" in files.unreadable


def test_a_fifo_is_not_waited_for(node):
    os.mkfifo(str(node.root / "fifo"))
    files = Files(str(node.root))
    assert files.read("/fifo") is None
    assert files.unreadable == {"/fifo": "not a regular file"}


def test_a_file_in_place_of_a_directory_is_noted(node):
    node.write("/etc/modules-load.d", "")
    files = Files(str(node.root))
    assert files.listdir("/etc/modules-load.d") == []
    assert files.unreadable == {"/etc/modules-load.d": "not a directory"}


def test_the_links_of_an_image_stay_in_the_image(node):
    node.tree()
    node.path("/usr/lib").mkdir(parents=True, exist_ok=True)
    node.path("/lib/modules").rename(node.path("/usr/lib/modules"))
    node.path("/lib").rmdir()
    node.link("/lib", "/usr/lib")
    node.link("/etc/modules-load.d/a.conf", "/srv/list")
    node.write("/srv/list", "xt_owner\n")
    entry = node.describe("xt_owner")
    assert (entry["state"], entry["boot"]) == ("loadable", "yes")
    node.link("/loop", "/loop")
    assert node.files.read("/loop") is None


@pytest.mark.parametrize(
    "target, masked",
    [("/dev/null", True), ("../dev/null", True), ("../other", False), ("/dev/zero", False)],
    ids=["absolute", "relative", "dangling link", "other device"],
)
def test_a_link_to_the_null_device_masks_a_file(node, target, masked):
    node.link("/etc/unit", target)
    node.link("/other", "/nowhere")
    assert Files(str(node.root)).is_masked("/etc/unit") is masked


def test_a_file_is_not_masked_and_an_absent_one_neither(node):
    node.write("/etc/unit", "")
    files = Files(str(node.root))
    assert not files.is_masked("/etc/unit")
    assert not files.is_masked("/etc/absent")


def test_nothing_is_written_below_another_root(node):
    node.write("/sys/fs/selinux/access", "")
    assert Files(str(node.root)).transact("/sys/fs/selinux/access", b"request") is None
    assert node.path("/sys/fs/selinux/access").read_bytes() == b""


DIRECTORIES = ("/etc/x.d", "/run/x.d", "/usr/lib/x.d", "/lib/x.d")


def test_of_files_with_one_name_the_first_directory_counts(node):
    for path in ("/usr/lib/x.d/a.conf", "/etc/x.d/a.conf", "/usr/lib/x.d/c.conf", "/run/x.d/b.conf"):
        node.write(path, "")
    found = find_conf_files(Files(str(node.root)), DIRECTORIES)
    assert found.paths == ["/etc/x.d/a.conf", "/run/x.d/b.conf", "/usr/lib/x.d/c.conf"]
    assert found.shadowed == {"/usr/lib/x.d/a.conf": "/etc/x.d/a.conf"}


def test_hidden_files_and_other_suffixes_do_not_count(node):
    for name in (".a.conf", "b.conf.rpmsave", "c.alias", "d.conf"):
        node.write("/etc/x.d/" + name, "")
    files = Files(str(node.root))
    assert find_conf_files(files, DIRECTORIES).paths == ["/etc/x.d/d.conf"]
    assert find_conf_files(files, DIRECTORIES, (".conf", ".alias")).paths == ["/etc/x.d/c.alias", "/etc/x.d/d.conf"]


@pytest.mark.parametrize("wins, paths", [(True, []), (False, ["/usr/lib/x.d/a.conf"])])
def test_a_directory_takes_the_place_of_a_file_only_for_systemd(node, wins, paths):
    node.write("/etc/x.d/a.conf/file", "")
    node.write("/usr/lib/x.d/a.conf", "")
    found = find_conf_files(Files(str(node.root)), DIRECTORIES, directories_win=wins)
    assert found.paths == paths
    assert found.shadowed == ({"/usr/lib/x.d/a.conf": "/etc/x.d/a.conf"} if wins else {})


def test_a_directory_that_is_a_link_to_another_is_read_once(node):
    node.write("/usr/lib/x.d/a.conf", "")
    node.link("/lib", "usr/lib")
    found = find_conf_files(Files(str(node.root)), DIRECTORIES)
    assert found.paths == ["/usr/lib/x.d/a.conf"]
    assert found.shadowed == {}


def test_only_files_below_run_are_volatile():
    assert is_volatile("/run/modprobe.d/a.conf")
    assert not is_volatile("/etc/run/a.conf")
