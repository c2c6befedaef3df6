# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings in directories, archives and texts."""

import os

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._recording import sources
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.recording import RecordingError
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.sources import (
    find_recordings,
    is_recording,
    open_recording,
)
from ansible_collections.nodeprep.istio.tests.unit.support.recording_factory import (
    NAME,
    build_members,
    make_archive,
    unpack,
    write_text,
)


def make_recording(name=NAME):
    return make_archive(dict(build_members(name=name), **{"files/etc/hostname": name}))


def read_hostnames(path):
    """Return dict of the name of each recording to its /etc/hostname, or to the error."""
    found = {}
    for one in find_recordings(str(path)):
        try:
            found[one.name] = one.read().files.read("/etc/hostname")
        except RecordingError as exc:
            found[one.name] = str(exc)
    return found


@pytest.mark.parametrize("name", ["worker-1.tar.gz", "worker-1.tgz", "worker-1", "worker-1.txt", "directory"])
def test_a_recording_is_found_by_its_content(tmp_path, name):
    path = tmp_path / name
    if name == "directory":
        unpack(make_recording(), path)
    elif name.endswith(".txt"):
        path.write_text(write_text(make_recording()))
    else:
        path.write_bytes(make_recording())
    assert is_recording(str(path))
    assert open_recording(str(path)).files.read("/etc/hostname") == NAME


def test_other_files_and_directories_are_no_recordings(tmp_path):
    (tmp_path / "a.json").write_text('{"a": "-----BEGIN NODEPREP RECORDING a-----"}')
    (tmp_path / "a.txt").write_text("text\n")
    (tmp_path / "empty").write_text("")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "recording").write_text("a song\n")
    os.mkfifo(str(tmp_path / "fifo"))
    for path in tmp_path.iterdir():
        assert not is_recording(str(path)), path
    assert not is_recording(str(tmp_path / "none"))


@pytest.mark.parametrize(
    "prefix, end", [("", "\n"), ("[pod/record-x/record] ", "\n"), ("2026-11-24T04:00:00Z ", "\r\n")]
)
def test_a_text_may_have_many_recordings_between_other_lines(tmp_path, prefix, end):
    text = "starting\n\n"
    for name in ("worker-1", "worker-2"):
        text += write_text(make_recording(name), name).replace("-----END", "record-node: warning: a b\n-----END")
        text += "unrelated\n"
    lines = [prefix + line for line in text.splitlines()]
    (tmp_path / "nodes.log").write_bytes((end.join(lines) + end).encode())
    assert read_hostnames(tmp_path / "nodes.log") == {"worker-1": "worker-1", "worker-2": "worker-2"}


def test_a_damaged_recording_of_a_text_does_not_affect_the_others(tmp_path):
    path = tmp_path / "nodes.log"
    parts = [write_text(make_recording(name), name) for name in ("a", "b", "c", "d", "e")]
    parts[0] = "\n".join(parts[0].splitlines()[:-2]) + "\n"
    parts[1] = parts[1].replace("A", "B")
    parts[3] = parts[3].replace(parts[3].splitlines()[2] + "\n", "")
    parts[4] = parts[4].replace("-----END NODEPREP RECORDING e", "-----END NODEPREP RECORDING f")
    path.write_text("".join(parts))
    found = read_hostnames(path)
    assert found.pop("c") == "c"
    cut_off = "{} (recording of {}): it has no END line, so the text was cut off; record the node again"
    assert found.pop("a") == cut_off.format(path, "a")
    assert found.pop("e") == cut_off.format(path, "e")
    for name, error in found.items():
        assert error.startswith("{} (recording of {}): it cannot be unpacked (".format(path, name)), error


def test_a_truncated_text_is_an_error(tmp_path):
    path = tmp_path / "a.log"
    path.write_text(write_text(make_recording())[:-40])
    with pytest.raises(RecordingError, match="it has no END line"):
        open_recording(str(path))


def test_several_recordings_are_no_single_one(tmp_path):
    path = tmp_path / "nodes.log"
    path.write_text(write_text(make_recording("a"), "a") + write_text(make_recording("b"), "b"))
    with pytest.raises(RecordingError) as raised:
        open_recording(str(path))
    assert str(raised.value) == "{}: it has several recordings (a, b, ...); give a file with one".format(path)


def test_a_first_line_without_a_name_is_an_error(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("-----BEGIN NODEPREP RECORDING -----\n")
    with pytest.raises(RecordingError, match="no recording with a valid first line"):
        open_recording(str(path))


def test_an_error_names_the_file_and_what_to_do(tmp_path):
    path = tmp_path / "a.tar.gz"
    path.write_bytes(make_recording()[:-9])
    with pytest.raises(RecordingError) as raised:
        open_recording(str(path))
    assert str(raised.value) == "{}: it cannot be unpacked (it ends too early); record the node again".format(path)


def test_large_archives_are_not_read_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MAX_ARCHIVE_BYTES", 100)
    (tmp_path / "a.tar.gz").write_bytes(make_recording())
    (tmp_path / "a.log").write_text(write_text(make_recording()))
    for name, error in (("a.tar.gz", "it is larger than 0 MiB"), ("a.log", "it")):
        with pytest.raises(RecordingError, match=error):
            open_recording(str(tmp_path / name))


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path, monkeypatch):
    path = tmp_path / "a.tar.gz"
    path.write_bytes(make_recording())

    def refuse(*_arguments, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(sources, "open", refuse, raising=False)
    with pytest.raises(RecordingError) as raised:
        open_recording(str(path))
    assert str(raised.value) == "{}: cannot be read (Permission denied); check its permissions".format(path)
