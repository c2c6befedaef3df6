# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of the boot list, whichever program reads them."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._boot.boot_list import BootLine, BootList
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Cause, Code

CAUSE = Cause(Code.NO_BOOT_READER, "nothing reads it")


@pytest.mark.parametrize(
    "where, path",
    [("/etc/modules-load.d/a.conf:3", "/etc/modules-load.d/a.conf"), ("/proc/cmdline", "/proc/cmdline")],
)
def test_a_line_knows_its_file(where, path):
    assert BootLine("xt_owner", where).path == path


def test_an_ineffective_line_is_not_in_the_list_of_its_file():
    boot = BootList()
    boot.add_line(BootLine("xt_owner", "/a:1"))
    boot.add_line(BootLine("xt_mark", "/a:2", CAUSE))
    assert boot.names_by_file == {"/a": ["xt_owner"]}
    assert [line.name for line in boot.ineffective_lines] == ["xt_mark"]


def test_without_a_reader_no_line_is_effective():
    boot = BootList()
    boot.add_line(BootLine("xt_owner", "/a:1"))
    boot.disable_lines(CAUSE)
    assert (boot.boot_files_read, boot.lines) == (False, [])
    assert boot.ineffective_lines[0].ineffective == CAUSE._replace(listed_in="/a:1")


@pytest.mark.parametrize("where, listed_in", [(None, "/a:1"), ("/b", None)], ids=["of the line", "of another file"])
def test_with_a_doubtful_reader_each_line_is_uncertain(where, listed_in):
    boot = BootList()
    boot.add_line(BootLine("xt_owner", "/a:1"))
    boot.doubt_lines(CAUSE._replace(where=where))
    assert boot.boot_files_read is None
    assert boot.lines[0].uncertainty == CAUSE._replace(where=where, listed_in=listed_in)


def test_the_first_unreadable_path_is_kept():
    boot = BootList()
    boot.note_unreadable("/a")
    boot.note_unreadable("/b")
    assert boot.unreadable_path == "/a"
