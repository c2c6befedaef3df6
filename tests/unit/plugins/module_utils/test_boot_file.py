# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our block in the boot file, and everybody else's lines around it."""

import contextlib
import errno
import fcntl
import os
import shutil
import threading

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils import _boot_file


@pytest.mark.parametrize("others", ["", "# mine\nxt_mark\n", "xt_mark", "\ufeffxt_mark\r\nbridge\r\n", "\n\n", "caf\udce9\n"])
def test_what_is_added_is_taken_back(others):
    with_ours = _boot_file.with_block(others, ["xt_owner"])
    assert "\nxt_owner\n" in with_ours
    assert _boot_file.with_block(with_ours, ["xt_owner"]) == with_ours
    assert _boot_file.with_block(with_ours, []) == others


def test_a_block_stays_where_it_is():
    text = "# a\n" + _boot_file.with_block("# b\n", ["xt_owner"])
    assert _boot_file.with_block(text, ["xt_mark"]) == "# a\n" + _boot_file.with_block("# b\n", ["xt_mark"])


def test_names_of_others():
    text = _boot_file.with_block("xt-mark\n# c\n", ["xt_owner"])
    assert _boot_file.names_outside_block(text) == {"xt_mark"}


@pytest.mark.parametrize("text", [_boot_file.BEGIN + "\n", _boot_file.END + "\n" + _boot_file.BEGIN + "\n", _boot_file.END])
def test_broken_marks_are_refused(text):
    with pytest.raises(_boot_file.Refused, match="/etc/modules-load.d/istio.conf:"):
        _boot_file.with_block(text, ["xt_owner"])


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "modules-load.d" / "istio.conf")


def write(text, path, tmp_path):
    _boot_file.write(text, str(tmp_path), shutil.move, path)


def test_the_directory_is_made_and_an_empty_file_goes(path, tmp_path):
    write("xt_owner\n", path, tmp_path)
    assert _boot_file.read(path) == "xt_owner\n"
    assert os.stat(path).st_mode & 0o777 == 0o644
    write("", path, tmp_path)
    assert not os.path.exists(path)
    assert _boot_file.read(path) == ""


def test_a_link_is_followed_and_stays(path, tmp_path):
    elsewhere = tmp_path / "real.conf"
    elsewhere.write_bytes(b"caf\xe9\n")
    os.mkdir(os.path.dirname(path))
    os.symlink(str(elsewhere), path)
    before = _boot_file.read(path)
    write(_boot_file.with_block(before, ["xt_owner"]), path, tmp_path)
    assert os.path.islink(path) and b"xt_owner" in elsewhere.read_bytes()
    write(_boot_file.with_block(_boot_file.read(path), []), path, tmp_path)
    assert os.path.islink(path) and elsewhere.read_bytes() == b"caf\xe9\n"


def test_a_masked_file_is_refused(path):
    os.mkdir(os.path.dirname(path))
    os.symlink("/dev/null", path)
    assert _boot_file.is_masked(path)
    with pytest.raises(_boot_file.Refused, match="switched it off"):
        _boot_file.read(path)


def test_what_is_no_file_is_refused(path):
    os.makedirs(path)
    with pytest.raises(_boot_file.Refused, match="cannot be read"):
        _boot_file.read(path)


def test_an_empty_file_of_somebody_elses_stays(path, tmp_path):
    os.mkdir(os.path.dirname(path))
    with open(path, "w"):
        pass
    with_ours = _boot_file.with_block("", ["xt_owner"], existed=True)
    assert _boot_file.names_in_block(with_ours) == ["xt_owner"] and _boot_file.names_outside_block(with_ours) == set()
    again = _boot_file.with_block(with_ours, ["xt_mark"], existed=True)
    assert _boot_file.was_empty(again) and _boot_file.with_block(again, ["xt_owner"], existed=True) == with_ours
    write(with_ours, path, tmp_path)
    _boot_file.write(_boot_file.with_block(with_ours, []), str(tmp_path), shutil.move, path, keep=_boot_file.was_empty(with_ours))
    assert os.path.exists(path) and _boot_file.read(path) == ""


def test_a_file_of_ours_is_not_taken_for_somebody_elses():
    assert not _boot_file.was_empty(_boot_file.with_block("", ["xt_owner"], existed=False))
    assert not _boot_file.was_empty(_boot_file.with_block("xt_mark\n", ["xt_owner"], existed=True))


def test_what_can_be_written_leaves_no_trace_of_being_tried(path, tmp_path):
    _boot_file.see_writable("xt_owner\n", path)
    assert os.listdir(str(tmp_path)) == []
    write("# mine\n", path, tmp_path)
    _boot_file.see_writable("xt_owner\n", path)
    assert os.listdir(os.path.dirname(path)) == ["istio.conf"] and _boot_file.read(path) == "# mine\n"


@pytest.mark.parametrize("code, refused", [(errno.ENOSPC, True), (errno.EROFS, True), (errno.EOPNOTSUPP, False)])
def test_what_the_file_system_does_not_take_is_refused_before_it_is_written(path, monkeypatch, code, refused):
    def fail(*_arguments):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(_boot_file.Refused, match="istio.conf cannot be written: " + os.strerror(code)) if refused else contextlib.ExitStack():
        _boot_file.see_writable("xt_owner\n", path)
    _boot_file.see_writable("", path)


def test_what_not_even_root_may_write_to_is_refused(path, tmp_path, monkeypatch):
    write("# mine\n", path, tmp_path)
    monkeypatch.setattr(os, "access", lambda place, _mode: place != os.path.realpath(path))
    for text in ("xt_owner\n", ""):
        with pytest.raises(_boot_file.Refused, match="istio.conf is read-only, or immutable"):
            _boot_file.see_writable(text, path)


def test_a_write_that_fails_is_one_error(path, tmp_path):
    def full(_source, _target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(_boot_file.Refused, match="istio.conf cannot be written: No space left"):
        _boot_file.write("xt_owner\n", str(tmp_path), full, path)


@pytest.fixture
def held(path, monkeypatch):
    """The directory of the boot file, locked by somebody else."""
    os.mkdir(os.path.dirname(path))
    monkeypatch.setattr(_boot_file, "PATIENCE", 0.3)
    monkeypatch.setattr(_boot_file, "PAUSE", 0.05)
    handle = os.open(os.path.dirname(path), os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_SH)
    yield handle
    os.close(handle)


def test_a_lock_that_somebody_else_holds_ends_in_one_error(path, held):
    with pytest.raises(_boot_file.Refused, match="modules-load.d has been locked for 0.3 seconds"):
        with _boot_file.locked(path):
            raise AssertionError("never held")


def test_a_lock_is_waited_for(path, held):
    threading.Timer(0.1, fcntl.flock, (held, fcntl.LOCK_UN)).start()
    with _boot_file.locked(path):
        with pytest.raises(BlockingIOError):
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_check_mode_holds_nothing(path, held):
    with _boot_file.locked(path, check_mode=True):
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
