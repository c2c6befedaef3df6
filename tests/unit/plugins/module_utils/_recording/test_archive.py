# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of recordings, also hostile ones: nothing is written, and each fault has one clear error."""

import bz2
import gzip
import lzma
import os
import stat
import tarfile
import tracemalloc

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._recording import archive
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.archive import (
    ArchiveError,
    read_archive,
    read_directory,
)
from ansible_collections.nodeprep.istio.tests.unit.support.recording_factory import make_archive, unpack

LONG = "files/" + "/".join(["d" * 70] * 3)


@pytest.fixture
def root(tmp_path):
    """A directory with a file, a link and a directory."""
    (tmp_path / "root" / "etc").mkdir(parents=True)
    (tmp_path / "root" / "etc" / "file").write_text("text")
    (tmp_path / "root" / "etc" / "file").chmod(0o640)
    (tmp_path / "root" / "etc" / "link").symlink_to("/etc/file")
    return tmp_path / "root"


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("prefix", ["", "./", "./././"])
def test_every_form_of_a_tar_file_has_the_same_members(root, tmp_path, form, prefix):
    content = make_archive({"recording": "a\n", LONG + "/x": "deep"}, root, prefix, form)
    members = read_archive(content)
    assert {"recording", LONG + "/x", "files", "files/etc", "files/etc/file", "files/etc/link"} == set(members)
    assert members["files/etc/file"].content == b"text"
    assert members["files/etc/file"].mode == stat.S_IFREG | 0o640
    assert members["files/etc/link"].target == "/etc/file"
    assert stat.S_ISLNK(members["files/etc/link"].mode)
    assert stat.S_ISDIR(members["files/etc"].mode)
    assert members[LONG + "/x"].content == b"deep"
    unpack(content, tmp_path / "unpacked")
    found = read_directory(str(tmp_path / "unpacked"))
    for name, member in members.items():
        assert found[name]._replace(mode=0) == member._replace(mode=0)


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_targets_of_links_are_read(root, form):
    (root / "long").symlink_to(LONG)
    assert read_archive(make_archive({}, root, "", form))["files/long"].target == LONG


def make_member(name="files/x", kind=tarfile.REGTYPE, target=""):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return {name: info}


@pytest.mark.parametrize(
    "members, text",
    [
        (make_member("../x"), "its member '../x' lies outside the recording"),
        (make_member("files/../../x"), "its member 'files/../../x' lies outside the recording"),
        (make_member("/etc/passwd"), "its member '/etc/passwd' lies outside the recording"),
        (make_member(kind=tarfile.LNKTYPE, target="/etc/passwd"), "its member 'files/x' is a hard link"),
        (make_member(kind=tarfile.CHRTYPE), "its member 'files/x' is a device"),
        (make_member(kind=tarfile.BLKTYPE), "its member 'files/x' is a device"),
        (make_member(kind=tarfile.FIFOTYPE), "its member 'files/x' is a FIFO"),
        (make_member(kind=tarfile.GNUTYPE_SPARSE), "its member 'files/x' is a sparse file"),
        (make_member(kind=b"V"), "its member 'files/x' is of an unknown type"),
    ],
    ids=["traversal", "hidden traversal", "absolute", "hard link", "character", "block", "fifo", "sparse", "other"],
)
def test_members_that_no_recording_has_are_errors(members, text):
    with pytest.raises(ArchiveError) as raised:
        read_archive(make_archive(members))
    assert str(raised.value) == text


@pytest.mark.parametrize("key", ["GNU.sparse.major", "GNU.sparse.realsize", "size"])
def test_a_size_in_a_pax_header_is_an_error(key):
    members = make_member()
    members["files/x"].pax_headers = {key: "1000000000000"}
    with pytest.raises(ArchiveError, match="its member 'files/x' is a sparse file"):
        read_archive(make_archive(members, form=tarfile.PAX_FORMAT))


def test_a_path_in_a_pax_header_cannot_lead_outside():
    members = make_member()
    members["files/x"].pax_headers = {"path": "../../x"}
    with pytest.raises(ArchiveError, match="lies outside the recording"):
        read_archive(make_archive(members, form=tarfile.PAX_FORMAT))


def test_two_members_of_one_name_are_an_error():
    with pytest.raises(ArchiveError, match="it has two members 'files/x'"):
        read_archive(make_archive({"files/x": "a", "./files/x": "b"}, prefix=""))


def test_too_many_members_are_an_error(monkeypatch):
    monkeypatch.setattr(archive, "MAX_MEMBERS", 3)
    with pytest.raises(ArchiveError, match="it has more than 3 members"):
        read_archive(make_archive(dict.fromkeys("abcd", "")))


def test_a_bomb_is_an_error_and_needs_little_memory(monkeypatch):
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 1 << 20)
    content = gzip.compress(bytes(64 << 20), 1)
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError, match="it is larger than 1 MiB"):
            read_archive(content)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_every_truncated_archive_is_an_error(root):
    content = make_archive({"recording": "a\n"}, root)
    for length in range(len(content)):
        with pytest.raises(ArchiveError):
            read_archive(content[:length])


def test_every_truncated_tar_file_is_an_error(root):
    content = gzip.decompress(make_archive({"recording": "a\n", LONG: "x" * 600}, root))
    end = len(content.rstrip(b"\0"))
    for length in range(0, end, 100):
        with pytest.raises(ArchiveError, match="ends too early"):
            read_archive(gzip.compress(content[:length]))


def test_every_changed_byte_of_a_header_is_noticed(root):
    content = gzip.decompress(make_archive({"recording": "a\n"}, root))
    for offset in range(0, 500, 7):
        changed = bytearray(content)
        changed[offset] ^= 1
        with pytest.raises(ArchiveError):
            read_archive(gzip.compress(bytes(changed), 1))


@pytest.mark.parametrize(
    "content, text",
    [
        (b"", "it is empty"),
        (b"some text", "it is not a gzip file"),
        (lzma.compress(b"x"), "it is compressed with xz instead of gzip"),
        (bz2.compress(b"x"), "it is compressed with bzip2 instead of gzip"),
        (b"\x28\xb5\x2f\xfd\x04\x00", "it is compressed with zstd instead of gzip"),
        (b"PK\x03\x04", "it is compressed with zip instead of gzip"),
        (gzip.compress(b"x" * 5000), "it is not a tar archive, or the archive is damaged"),
        (make_archive({"a": ""}, mode="w"), "it is not a gzip file"),
    ],
    ids=["empty", "text", "xz", "bzip2", "zstd", "zip", "other gzip", "tar"],
)
def test_other_formats_are_errors_that_name_them(content, text):
    with pytest.raises(ArchiveError) as raised:
        read_archive(content)
    assert str(raised.value) == text


@pytest.mark.parametrize("size", [b"-0000001000", b"+0000001000", b"1_000000000", b"\x80\0\0\0\0\0\0\0\0\x02\0"])
def test_a_size_that_is_no_octal_number_is_an_error(size):
    header = bytearray(tarfile.TarInfo("files/x").tobuf())
    header[124:135] = size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    with pytest.raises(ArchiveError, match="the archive is damaged"):
        read_archive(gzip.compress(bytes(header) + bytes(1024)))


def test_a_damaged_pax_header_is_an_error():
    members = make_member()
    members["files/x"].pax_headers = {"comment": "x"}
    content = gzip.decompress(make_archive(members, form=tarfile.PAX_FORMAT))
    for damaged in (b"99 comment=x\n", b"0 comment=xx\n", b"aa comment=x\n"):
        assert b"13 comment=x\n" in content
        with pytest.raises(ArchiveError):
            read_archive(gzip.compress(content.replace(b"13 comment=x\n", damaged)))


@pytest.mark.parametrize("name, target", [("files/" + "x/" * 2100, ""), ("files/x", "x/" * 2100)])
def test_long_names_are_errors(name, target):
    members = make_member(name, tarfile.SYMTYPE if target else tarfile.REGTYPE, target)
    with pytest.raises(ArchiveError, match="it has a path that is too long"):
        read_archive(make_archive(members))


@pytest.mark.parametrize("name, target", [("files/" + "a/" * 64 + "b", ""), ("files/x", "../" * 65)])
def test_deep_paths_are_errors(name, target):
    members = make_member(name, tarfile.SYMTYPE if target else tarfile.REGTYPE, target)
    with pytest.raises(ArchiveError, match="it has a path that is too long"):
        read_archive(make_archive(members))


def test_long_headers_are_errors():
    members = make_member()
    members["files/x"].pax_headers = {"comment": "x" * (1 << 20)}
    with pytest.raises(ArchiveError, match="it has a path that is too long"):
        read_archive(make_archive(members, form=tarfile.PAX_FORMAT))


def test_links_in_a_directory_are_not_followed(tmp_path):
    (tmp_path / "recording").mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("secret")
    (tmp_path / "recording" / "files").symlink_to(str(tmp_path / "secret"))
    members = read_directory(str(tmp_path / "recording"))
    assert list(members) == ["files"]
    assert members["files"].target == str(tmp_path / "secret")


def test_special_files_in_a_directory_are_errors(tmp_path):
    os.mkfifo(str(tmp_path / "fifo"))
    with pytest.raises(ArchiveError, match="its member 'fifo' is neither a file nor a directory nor a link"):
        read_directory(str(tmp_path))


def test_a_directory_is_bounded(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"xx")
    (tmp_path / "b").write_bytes(b"xx")
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 3)
    with pytest.raises(ArchiveError, match="its files are larger than"):
        read_directory(str(tmp_path))
    monkeypatch.setattr(archive, "MAX_MEMBERS", 1)
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 10)
    with pytest.raises(ArchiveError, match="it has more than 1 members"):
        read_directory(str(tmp_path))
