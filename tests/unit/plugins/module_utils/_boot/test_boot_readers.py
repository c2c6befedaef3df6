# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which program reads the boot list, and what a reboot keeps of the files."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._boot.boot_readers import read_boot_list
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Code
from ansible_collections.nodeprep.istio.tests.unit.corpus.case import Link

A = "/etc/modules-load.d/a.conf"
OPENRC = {"/etc/init.d/modules": "find_modfiles", "/etc/runlevels/boot/modules": Link("/etc/init.d/modules")}
ALPINE = {"/etc/init.d/modules": "/etc/modules", "/etc/runlevels/boot/modules": Link("/etc/init.d/modules")}
KMOD = {"/etc/init.d/kmod": "x"}
VOID = {"/etc/runit/1": "x", "/etc/runit/core-services/02-kmods.sh": "modules-load -v"}
SYSTEMD = {"/usr/lib/systemd/systemd-modules-load": ""}


def read(node, files=(), without_systemd=True):
    if without_systemd:
        node.remove("/usr/lib/systemd/systemd-modules-load")
    for path, content in dict(files).items():
        if isinstance(content, Link):
            node.link(path, content)
        else:
            node.write(path, content)
    return read_boot_list(Files(str(node.root)), "")


READ_BY = {
    "OpenRC on Gentoo": OPENRC,
    "OpenRC on Alpine": ALPINE,
    "OpenRC on Debian": dict(KMOD, **{"/etc/runlevels/sysinit/kmod": Link("/etc/init.d/kmod")}),
    "sysvinit on Debian": dict(KMOD, **{"/etc/rcS.d/S05kmod": Link("../init.d/kmod")}),
    "runit on Debian": dict(
        KMOD, **{"/etc/runit/1": "for script in /etc/rcS.d/S*", "/etc/rcS.d/S05kmod": Link("../init.d/kmod")}
    ),
    "runit on Void": VOID,
    "busybox of Buildroot": {"/sbin/init": Link("/bin/busybox"), "/etc/init.d/rcS": "x", "/etc/init.d/S11modules": "x"},
}


@pytest.mark.parametrize("files", READ_BY.values(), ids=READ_BY)
def test_the_script_that_is_started_reads_the_boot_list(node, files):
    node.write(A, "xt_owner\n")
    boot = read(node, files)
    assert [(line.where, line.uncertainty) for line in boot.lines] == [(A + ":1", None)]
    assert (boot.boot_files_read, boot.doubt, boot.boot_files_mask) == (True, None, None)


NOT_STARTED = {
    "OpenRC's service in no runlevel": (
        {"/etc/init.d/modules": "find_modfiles", "/etc/runlevels/boot/hostname": "x"},
        "/etc/init.d/modules",
    ),
    "Debian's script without a link": (dict(KMOD, **{"/etc/rcS.d/S01x": "x"}), "/etc/init.d/kmod"),
    "busybox with one local script": ({"/sbin/init": Link("/bin/busybox"), "/etc/init.d/rcS": "mount -a"}, None),
}


@pytest.mark.parametrize("files, script", NOT_STARTED.values(), ids=NOT_STARTED)
def test_a_script_that_is_not_started_reads_nothing(node, files, script):
    node.write(A, "xt_owner\n")
    node.write("/etc/modules", "xt_mark\n")
    boot = read(node, files)
    assert (boot.lines, boot.boot_files_read, boot.doubt, boot.boot_files_mask) == ([], False, None, script)
    assert [line.name for line in boot.ineffective_lines] == ["xt_owner", "xt_mark"]
    cause = boot.ineffective_lines[0].ineffective
    assert (cause.code, cause.listed_in) == (Code.NO_BOOT_READER, A + ":1")
    assert (script or "no script") in cause.text


DOUBTFUL = {
    "an unknown init system": ({}, None),
    "a script of the site": (
        {"/etc/runlevels/boot/own": "for f in /etc/modules-load.d/*; do load $f; done"},
        "/etc/init.d/own",
    ),
    "a script in a runlevel that inittab does not name": (
        {
            "/etc/inittab": "si::sysinit:/sbin/openrc sysinit\nl2:2:wait:/sbin/openrc default\n",
            "/etc/runlevels/boot/modules": "find_modfiles reads modules-load.d",
        },
        "/etc/init.d/modules",
    ),
    "runit of another distribution": ({"/etc/runit/1": "/usr/lib/rc/start"}, None),
}


@pytest.mark.parametrize("files, where", DOUBTFUL.values(), ids=DOUBTFUL)
def test_an_unknown_script_leaves_everything_in_doubt(node, files, where):
    node.write(A, "xt_owner\n")
    boot = read(node, files)
    assert boot.boot_files_read is None
    assert (boot.doubt.code, boot.doubt.where) == (Code.NO_BOOT_READER, where)
    assert [line.uncertainty.code for line in boot.lines] == [Code.NO_BOOT_READER]


def test_an_unknown_script_beside_a_known_one_may_load_more(node):
    node.write(A, "xt_owner\n")
    boot = read(node, dict(OPENRC, **{"/etc/runlevels/default/own": "cat /etc/modules"}))
    assert (boot.boot_files_read, boot.lines[0].uncertainty) == (True, None)
    assert boot.doubt.where == "/etc/init.d/own"


TMPFS = "/dev/vda1 / ext4 ro 0 0\ntmpfs /etc tmpfs rw 0 0\n"
OVERLAY = "tmpfs /tmp tmpfs rw 0 0\noverlay /etc overlay rw,lowerdir=/etc,upperdir=/tmp/etc 0 0\n"


def test_a_line_in_memory_is_uncertain(node):
    node.write(A, "xt_owner\n")
    node.write("/usr/lib/modules-load.d/b.conf", "xt_mark\n")
    boot = read(node, {"/proc/self/mounts": TMPFS}, without_systemd=False)
    uncertain, certain = boot.lines
    assert (uncertain.uncertainty.code, uncertain.uncertainty.listed_in) == (Code.BOOT_FILE_VOLATILE, A + ":1")
    assert certain.uncertainty is None
    assert boot.names_by_file == {"/usr/lib/modules-load.d/b.conf": ["xt_mark"]}


def test_a_line_that_the_system_writes_at_each_boot_counts(node):
    path = "/etc/modules-load.d/modules-load.conf"
    node.write(path, "xt_owner\n")
    node.write("/proc/self/mounts", TMPFS)
    assert read_boot_list(Files(str(node.root)), "").lines[0].uncertainty
    node.write("/etc/os-release", 'NAME="Bottlerocket"\nID=bottlerocket\n')
    boot = read_boot_list(Files(str(node.root)), "")
    assert (boot.lines[0].uncertainty, boot.names_by_file) == (None, {path: ["xt_owner"]})


def test_a_line_of_the_image_below_an_overlay_counts(node):
    node.write(A, "xt_owner\n")
    node.write("/tmp/etc/hostname", "x")
    boot = read(node, {"/proc/self/mounts": OVERLAY}, without_systemd=False)
    assert boot.lines[0].uncertainty is None
