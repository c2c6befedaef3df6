# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files are written whole or not at all, even if the run is killed."""

import errno
import fcntl
import os
import shutil
import threading

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._act import safe_write
from ansible_collections.nodeprep.istio.plugins.module_utils._act.safe_write import (
    FileAccessError,
    ensure_writable,
    lock_directory_of,
    read_text,
)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "modules-load.d" / "istio.conf")


@pytest.fixture
def write(path, tmp_path):
    def write_text(text, keep_empty=False):
        safe_write.write_text(path, text, str(tmp_path), shutil.move, keep_empty)

    return write_text


def test_the_directory_is_created(path, write):
    write("xt_owner\n")
    assert read_text(path) == "xt_owner\n"
    assert os.stat(path).st_mode & 0o777 == 0o644


def test_a_file_without_content_is_removed(path, write):
    write("xt_owner\n")
    write("")
    assert not os.path.exists(path)
    assert read_text(path) is None


def test_a_file_without_content_may_stay(path, write):
    write("xt_owner\n")
    write("", keep_empty=True)
    assert read_text(path) == ""


def test_a_link_is_followed_and_stays(path, write, tmp_path):
    target = tmp_path / "real.conf"
    target.write_bytes(b"caf\xe9\n")
    os.mkdir(os.path.dirname(path))
    os.symlink(str(target), path)
    text = read_text(path)
    write(text + "xt_owner\n")
    assert os.path.islink(path)
    assert target.read_bytes() == b"caf\xe9\nxt_owner\n"
    write("")
    assert os.path.islink(path)
    assert target.read_bytes() == b""


def test_bytes_that_are_not_utf8_are_printable_in_a_diff():
    assert safe_write.make_printable("caf\udce9\n") == "caf\ufffd\n"


def test_a_link_to_the_null_device_masks_a_file(path):
    os.mkdir(os.path.dirname(path))
    assert not safe_write.is_masked(path)
    os.symlink("/dev/null", path)
    assert safe_write.is_masked(path)


def test_a_directory_cannot_be_read(path):
    os.makedirs(path)
    with pytest.raises(FileAccessError, match="istio.conf: cannot be read: Is a directory"):
        read_text(path)


def test_a_check_whether_a_file_is_writable_leaves_no_trace(path, write, tmp_path):
    ensure_writable(path, "xt_owner\n")
    assert os.listdir(str(tmp_path)) == []
    write("# mine\n")
    ensure_writable(path, "xt_owner\n")
    assert os.listdir(os.path.dirname(path)) == ["istio.conf"]
    assert read_text(path) == "# mine\n"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_file_system_that_does_not_accept_the_text_is_noticed_before(path, monkeypatch, code):
    monkeypatch.setattr(os, "open", raise_error(code))
    with pytest.raises(FileAccessError, match="istio.conf: cannot be written: " + os.strerror(code)):
        ensure_writable(path, "xt_owner\n")
    ensure_writable(path, "")


def test_a_file_system_without_unnamed_files_is_accepted(path, monkeypatch):
    monkeypatch.setattr(os, "open", raise_error(errno.EOPNOTSUPP))
    ensure_writable(path, "xt_owner\n")


def raise_error(code):
    def fail(*_arguments):
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize("text", ["xt_owner\n", ""])
def test_a_file_that_even_root_cannot_write_is_noticed_before(path, write, monkeypatch, text):
    write("# mine\n")
    monkeypatch.setattr(os, "access", lambda place, _mode: place != os.path.realpath(path))
    with pytest.raises(FileAccessError, match="istio.conf is read-only or immutable"):
        ensure_writable(path, text)


def test_a_failed_write_is_an_error(path, tmp_path):
    with pytest.raises(FileAccessError, match="istio.conf: cannot be written: No space left"):
        safe_write.write_text(path, "xt_owner\n", str(tmp_path), raise_error(errno.ENOSPC))


@pytest.fixture
def lock_of_another(path, monkeypatch):
    """Lock the directory of the file, as another process does."""
    os.mkdir(os.path.dirname(path))
    monkeypatch.setattr(safe_write, "LOCK_TIMEOUT", 0.3)
    monkeypatch.setattr(safe_write, "POLL_INTERVAL", 0.05)
    handle = os.open(os.path.dirname(path), os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_SH)
    yield handle
    os.close(handle)


@pytest.mark.usefixtures("lock_of_another")
def test_a_lock_that_is_not_released_is_an_error(path):
    with pytest.raises(FileAccessError, match="modules-load.d: another process has held its lock for 0.3 seconds"):
        with lock_directory_of(path):
            raise AssertionError("locked although another process has the lock")


def test_a_lock_is_waited_for(path, lock_of_another):
    threading.Timer(0.1, fcntl.flock, (lock_of_another, fcntl.LOCK_UN)).start()
    with lock_directory_of(path):
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock_of_another, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(lock_of_another, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_check_mode_locks_nothing(path, lock_of_another):
    with lock_directory_of(path, check_mode=True):
        fcntl.flock(lock_of_another, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_directory_that_does_not_exist_is_not_locked(path):
    with lock_directory_of(path):
        assert not os.path.exists(os.path.dirname(path))
