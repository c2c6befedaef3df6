# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The boot list of modules-load.d. The corpus has more situations, with the answers for a module."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._boot import boot_readers, modules_load
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Code

SERVICE = "/usr/lib/systemd/systemd-modules-load"
UNIT = "/etc/systemd/system/systemd-modules-load.service"


def read(node, cmdline=""):
    return boot_readers.read_boot_list(Files(str(node.root)), cmdline)


def places(lines):
    return [(line.name, line.where) for line in lines]


def test_a_line_is_a_name_unless_it_is_a_comment():
    text = "# c\n ; c\n\n  xt_owner \t\r\nxt_mark # c\n"
    assert list(modules_load.parse_lines(text)) == [(4, "xt_owner"), (5, "xt_mark # c")]


def test_the_lines_that_count_have_the_order_of_the_files(node):
    node.write("/usr/lib/modules-load.d/b.conf", "xt-owner\n")
    node.write("/etc/modules-load.d/a.conf", "xt_mark\n\nxt_owner\n")
    boot = read(node, "modules-load=nf-nat,xt_set rd.modules-load=x_tables")
    assert places(boot.lines) == [
        ("xt_mark", "/etc/modules-load.d/a.conf:1"),
        ("xt_owner", "/etc/modules-load.d/a.conf:3"),
        ("xt_owner", "/usr/lib/modules-load.d/b.conf:1"),
        ("nf_nat", "/proc/cmdline"),
        ("xt_set", "/proc/cmdline"),
    ]
    assert boot.names_by_file == {
        "/etc/modules-load.d/a.conf": ["xt_mark", "xt_owner"],
        "/usr/lib/modules-load.d/b.conf": ["xt_owner"],
        "/proc/cmdline": ["nf_nat", "xt_set"],
    }
    assert boot.initramfs_names == {"x_tables"}
    assert (boot.doubt, boot.boot_files_read, boot.boot_files_mask) == (None, True, None)


def test_a_line_of_several_words_is_malformed_for_each_word(node):
    node.write("/etc/modules-load.d/a.conf", "xt_owner xt-mark\n")
    boot = read(node)
    assert boot.lines == []
    assert places(boot.ineffective_lines) == [
        ("xt_owner", "/etc/modules-load.d/a.conf:1"),
        ("xt_mark", "/etc/modules-load.d/a.conf:1"),
    ]
    assert {line.ineffective.code for line in boot.ineffective_lines} == {Code.MALFORMED_BOOT_ENTRY}


@pytest.mark.parametrize(
    "path, code",
    [
        ("/usr/lib/modules-load.d/a.conf", Code.BOOT_FILE_MASKED),
        ("/run/modules-load.d/b.conf", Code.BOOT_FILE_VOLATILE),
        ("/etc/modules", Code.BOOT_FILE_NOT_READ),
    ],
    ids=["shadowed", "in /run", "not linked"],
)
def test_a_file_that_does_not_count_has_ineffective_lines(node, path, code):
    node.write("/etc/modules-load.d/a.conf", "")
    node.write(path, "# c\nxt_owner\n")
    boot = read(node)
    assert boot.lines == []
    (line,) = boot.ineffective_lines
    assert (line.ineffective.code, line.ineffective.listed_in) == (code, path + ":2")


def test_a_file_that_a_directory_may_mask_is_uncertain(node):
    node.write("/etc/modules-load.d/a.conf/file", "")
    node.write("/usr/lib/modules-load.d/a.conf", "xt_owner\nx y\n")
    (line,) = read(node).lines
    assert line.uncertainty.code == Code.BOOT_FILE_MASKED_BY_DIRECTORY
    assert "/etc/modules-load.d/a.conf" in line.uncertainty.text


@pytest.mark.parametrize(
    "mask, cmdline",
    [
        (UNIT, ""),
        ("systemd.mask=systemd-modules-load on the kernel command line", "systemd.mask=systemd-modules-load"),
    ],
    ids=["unit file", "command line"],
)
def test_a_masked_service_makes_every_line_ineffective(node, mask, cmdline):
    node.write("/etc/modules-load.d/a.conf", "xt_owner\n")
    if mask == UNIT:
        node.write(UNIT, "")
    boot = read(node, cmdline)
    assert (boot.boot_files_read, boot.boot_files_mask, boot.lines) == (False, mask, [])
    cause = boot.ineffective_lines[0].ineffective
    assert cause.code == Code.SERVICE_MASKED
    assert cause.text == "systemd-modules-load is masked by " + mask


def test_the_first_unit_file_counts(node):
    node.write(UNIT, "[Unit]\n")
    node.link("/usr/lib/systemd/system/systemd-modules-load.service", "/dev/null")
    assert read(node).boot_files_mask is None


def test_an_unreadable_unit_file_makes_every_line_uncertain(node, forbid):
    node.write("/etc/modules-load.d/a.conf", "xt_owner\n")
    node.write(UNIT, "")
    forbid(UNIT)
    boot = read(node)
    assert boot.boot_files_read is None
    assert (boot.lines[0].uncertainty.code, boot.lines[0].uncertainty.where) == (Code.UNREADABLE, UNIT)


@pytest.mark.parametrize(
    "path, noted, uncertain",
    [
        ("/etc/modules-load.d", "/etc/modules-load.d", True),
        ("/lib/modules-load.d", "/lib/modules-load.d", False),
        ("/run/modules-load.d", None, False),
    ],
    ids=["before", "after", "gone after a reboot"],
)
def test_an_unreadable_directory_may_shadow_the_files_after_it(node, path, noted, uncertain):
    node.write("/usr/lib/modules-load.d/a.conf", "xt_owner\n")
    node.write(path, "x")
    boot = read(node)
    assert boot.unreadable_path == noted
    assert (boot.lines[0].uncertainty is not None) is uncertain


def test_an_unreadable_file_is_noted(node, forbid):
    node.write("/etc/modules-load.d/a.conf", "")
    forbid("/etc/modules-load.d/a.conf")
    assert read(node).unreadable_path == "/etc/modules-load.d/a.conf"


def test_a_systemd_without_the_program_may_read_nothing(node):
    node.remove(SERVICE)
    node.write("/run/systemd/system/x", "")
    node.write("/etc/modules-load.d/a.conf", "xt_mark\n")
    boot = read(node)
    assert (boot.boot_files_read, boot.doubt.code) == (None, Code.NO_BOOT_READER)
    assert [line.uncertainty.code for line in boot.lines] == [Code.NO_BOOT_READER]


def test_the_program_of_nixos_is_found(node):
    node.remove(SERVICE)
    node.write("/run/systemd/system/x", "")
    node.link("/run/current-system/systemd", "/nix/store/systemd")
    node.write("/nix/store/systemd/lib/systemd/systemd-modules-load", "")
    node.write("/etc/modules-load.d/nixos.conf", "xt_mark\n")
    boot = read(node)
    assert (boot.boot_files_read, boot.doubt, boot.lines[0].uncertainty) == (True, None, None)
