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
from ansible_collections.nodeprep.istio.plugins.module_utils._managed import boot_block


@pytest.mark.parametrize(
    "others", ["", "# mine\nxt_mark\n", "xt_mark", "\ufeffxt_mark\r\nbridge\r\n", "\n\n", "caf\udce9\n"]
)
def test_what_is_added_is_taken_back(others):
    with_ours = boot_block.with_block(others, ["xt_owner"])
    assert "\nxt_owner\n" in with_ours
    assert boot_block.with_block(with_ours, ["xt_owner"]) == with_ours
    assert boot_block.with_block(with_ours, []) == others


def test_a_block_stays_where_it_is():
    text = "# a\n" + boot_block.with_block("# b\n", ["xt_owner"])
    assert boot_block.with_block(text, ["xt_mark"]) == "# a\n" + boot_block.with_block("# b\n", ["xt_mark"])


def test_names_of_others():
    text = boot_block.with_block("xt-mark\n# c\n", ["xt_owner"])
    assert boot_block.names_outside_block(text) == {"xt_mark"}


@pytest.mark.parametrize(
    "text", [boot_block.BEGIN + "\n", boot_block.END + "\n" + boot_block.BEGIN + "\n", boot_block.END]
)
def test_broken_marks_are_refused(text):
    with pytest.raises(boot_block.Refused, match="/etc/modules-load.d/istio.conf:"):
        boot_block.with_block(text, ["xt_owner"])


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "modules-load.d" / "istio.conf")


def write(text, path, tmp_path):
    boot_block.write(text, str(tmp_path), shutil.move, path)


def test_the_directory_is_made_and_an_empty_file_goes(path, tmp_path):
    write("xt_owner\n", path, tmp_path)
    assert boot_block.read(path) == "xt_owner\n"
    assert os.stat(path).st_mode & 0o777 == 0o644
    write("", path, tmp_path)
    assert not os.path.exists(path)
    assert boot_block.read(path) == ""


def test_a_link_is_followed_and_stays(path, tmp_path):
    elsewhere = tmp_path / "real.conf"
    elsewhere.write_bytes(b"caf\xe9\n")
    os.mkdir(os.path.dirname(path))
    os.symlink(str(elsewhere), path)
    before = boot_block.read(path)
    write(boot_block.with_block(before, ["xt_owner"]), path, tmp_path)
    assert os.path.islink(path) and b"xt_owner" in elsewhere.read_bytes()
    write(boot_block.with_block(boot_block.read(path), []), path, tmp_path)
    assert os.path.islink(path) and elsewhere.read_bytes() == b"caf\xe9\n"


def test_a_masked_file_is_refused(path):
    os.mkdir(os.path.dirname(path))
    os.symlink("/dev/null", path)
    assert boot_block.is_masked(path)
    with pytest.raises(boot_block.Refused, match="switched it off"):
        boot_block.read(path)


def test_what_is_no_file_is_refused(path):
    os.makedirs(path)
    with pytest.raises(boot_block.Refused, match="cannot be read"):
        boot_block.read(path)


def test_an_empty_file_of_somebody_elses_stays(path, tmp_path):
    os.mkdir(os.path.dirname(path))
    with open(path, "w"):
        pass
    with_ours = boot_block.with_block("", ["xt_owner"], existed=True)
    assert boot_block.names_in_block(with_ours) == ["xt_owner"] and boot_block.names_outside_block(with_ours) == set()
    again = boot_block.with_block(with_ours, ["xt_mark"], existed=True)
    assert boot_block.was_empty(again) and boot_block.with_block(again, ["xt_owner"], existed=True) == with_ours
    write(with_ours, path, tmp_path)
    boot_block.write(
        boot_block.with_block(with_ours, []), str(tmp_path), shutil.move, path, keep=boot_block.was_empty(with_ours)
    )
    assert os.path.exists(path) and boot_block.read(path) == ""


def test_a_file_of_ours_is_not_taken_for_somebody_elses():
    assert not boot_block.was_empty(boot_block.with_block("", ["xt_owner"], existed=False))
    assert not boot_block.was_empty(boot_block.with_block("xt_mark\n", ["xt_owner"], existed=True))


def test_what_can_be_written_leaves_no_trace_of_being_tried(path, tmp_path):
    boot_block.see_writable("xt_owner\n", path)
    assert os.listdir(str(tmp_path)) == []
    write("# mine\n", path, tmp_path)
    boot_block.see_writable("xt_owner\n", path)
    assert os.listdir(os.path.dirname(path)) == ["istio.conf"] and boot_block.read(path) == "# mine\n"


@pytest.mark.parametrize("code, refused", [(errno.ENOSPC, True), (errno.EROFS, True), (errno.EOPNOTSUPP, False)])
def test_what_the_file_system_does_not_take_is_refused_before_it_is_written(path, monkeypatch, code, refused):
    def fail(*_arguments):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "open", fail)
    with (
        pytest.raises(boot_block.Refused, match="istio.conf cannot be written: " + os.strerror(code))
        if refused
        else contextlib.ExitStack()
    ):
        boot_block.see_writable("xt_owner\n", path)
    boot_block.see_writable("", path)


def test_what_not_even_root_may_write_to_is_refused(path, tmp_path, monkeypatch):
    write("# mine\n", path, tmp_path)
    monkeypatch.setattr(os, "access", lambda place, _mode: place != os.path.realpath(path))
    for text in ("xt_owner\n", ""):
        with pytest.raises(boot_block.Refused, match="istio.conf is read-only, or immutable"):
            boot_block.see_writable(text, path)


def test_a_write_that_fails_is_one_error(path, tmp_path):
    def full(_source, _target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(boot_block.Refused, match="istio.conf cannot be written: No space left"):
        boot_block.write("xt_owner\n", str(tmp_path), full, path)


@pytest.fixture
def held(path, monkeypatch):
    """The directory of the boot file, locked by somebody else."""
    os.mkdir(os.path.dirname(path))
    monkeypatch.setattr(boot_block, "PATIENCE", 0.3)
    monkeypatch.setattr(boot_block, "PAUSE", 0.05)
    handle = os.open(os.path.dirname(path), os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_SH)
    yield handle
    os.close(handle)


def test_a_lock_that_somebody_else_holds_ends_in_one_error(path, held):
    with pytest.raises(boot_block.Refused, match="modules-load.d has been locked for 0.3 seconds"):
        with boot_block.locked(path):
            raise AssertionError("never held")


def test_a_lock_is_waited_for(path, held):
    threading.Timer(0.1, fcntl.flock, (held, fcntl.LOCK_UN)).start()
    with boot_block.locked(path):
        with pytest.raises(BlockingIOError):
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_check_mode_holds_nothing(path, held):
    with boot_block.locked(path, check_mode=True):
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
