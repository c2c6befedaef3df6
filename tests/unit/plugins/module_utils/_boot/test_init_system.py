# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The init system of a node, and the scripts that it starts."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._boot.init_system import (
    find_init,
    list_started_scripts,
)
from ansible_collections.nodeprep.istio.tests.unit.corpus.case import Link

SYSV_TABLE = "si::sysinit:/etc/init.d/rcS\nl2:2:wait:/etc/init.d/rc 2\n"
BUSYBOX_TABLE = "# x\n::sysinit:/etc/init.d/rcS\n::respawn:-/bin/sh\n"
ALPINE_TABLE = "::sysinit:/sbin/openrc sysinit\n::wait:/sbin/openrc default\n"

SYSTEMS = {
    "nothing known": ({}, None),
    "systemd runs": ({"/run/systemd/system/x": "", "/run/openrc/softlevel": ""}, "systemd"),
    "OpenRC runs": ({"/run/openrc/softlevel": "default", "/proc/1/comm": "init\n"}, "openrc"),
    "Void runs": ({"/run/runit/supervise.x": ""}, "runit"),
    "Debian's runit runs": ({"/run/runit.stopit": ""}, "runit"),
    "the first process is systemd": ({"/proc/1/comm": "systemd\n"}, "systemd"),
    "the first process is openrc-init": ({"/proc/1/comm": "openrc-init\n"}, "openrc"),
    "the first process is another one": ({"/proc/1/comm": "s6-svscan\n", "/usr/lib/systemd/systemd": ""}, None),
    "WSL without systemd": ({"/proc/1/comm": "init(Debian)\n", "/sbin/init": Link("/lib/systemd/systemd")}, None),
    "sysvinit runs on a system that has systemd": (
        {"/proc/1/comm": "init\n", "/etc/inittab": SYSV_TABLE, "/usr/lib/systemd/systemd": ""},
        "sysvinit",
    ),
    "busybox runs": (
        {"/proc/1/comm": "init\n", "/sbin/init": Link("/bin/busybox"), "/etc/inittab": BUSYBOX_TABLE},
        "busybox",
    ),
    "busybox starts OpenRC": ({"/sbin/init": Link("/bin/busybox"), "/etc/inittab": ALPINE_TABLE}, "openrc"),
    "the program of the first process": ({"/proc/1/comm": "init\n", "/proc/1/exe": Link("/bin/busybox")}, "busybox"),
    "an image with systemd": ({"/sbin/init": Link("../lib/systemd/systemd")}, "systemd"),
    "an image with runit": ({"/sbin/init": Link("/lib/runit/runit-init")}, "runit"),
    "an image with busybox": ({"/sbin/init": Link("/bin/busybox")}, "busybox"),
    "an image with the table of sysvinit": ({"/etc/inittab": SYSV_TABLE}, "sysvinit"),
    "an image with the table of busybox": ({"/etc/inittab": BUSYBOX_TABLE}, "busybox"),
    "an empty table": ({"/etc/inittab": "# none\n"}, None),
    "an image with the program of systemd": ({"/usr/lib/systemd/systemd-modules-load": ""}, "systemd"),
    "an image with runlevels": ({"/etc/runlevels/boot/x": ""}, "openrc"),
    "an image with runit's first stage": ({"/etc/runit/1": ""}, "runit"),
    "an image with the scripts of sysvinit": ({"/etc/rcS.d/S01x": ""}, "sysvinit"),
}


def write(node, files):
    node.remove("/usr/lib/systemd/systemd-modules-load")
    for path, content in files.items():
        if isinstance(content, Link):
            node.link(path, content)
        else:
            node.write(path, content)


@pytest.mark.parametrize("files, init", SYSTEMS.values(), ids=SYSTEMS)
def test_the_init_system_is_found(node, files, init):
    write(node, files)
    assert find_init(node.files) == init


STARTED = {
    "OpenRC's runlevels of the boot": (
        "openrc",
        {
            "/etc/init.d/a": "A",
            "/etc/runlevels/sysinit/a": Link("/etc/init.d/a"),
            "/etc/runlevels/default/more": Link("../more"),
            "/etc/runlevels/more/b": "B",
            "/etc/runlevels/shutdown/c": "C",
            "/etc/runlevels/boot/gone": Link("/etc/init.d/gone"),
        },
        [("/etc/init.d/a", "A"), ("/etc/init.d/b", "B")],
    ),
    "OpenRC's runlevels that inittab names": (
        "openrc",
        {
            "/etc/inittab": "::sysinit:openrc sysinit\n# ::sysinit:openrc boot\n::wait:/sbin/openrc default\n",
            "/etc/runlevels/sysinit/a": "A",
            "/etc/runlevels/boot/b": "B",
            "/etc/runlevels/default/c": "C",
        },
        [("/etc/init.d/a", "A"), ("/etc/init.d/c", "C"), ("/etc/init.d/b", "B", "boot")],
    ),
    "OpenRC's runlevels that Debian's scripts start": (
        "openrc",
        {
            "/etc/inittab": "si::sysinit:/etc/init.d/rcS\nl2:2:wait:/etc/init.d/rc 2\n",
            "/etc/init.d/rcS": "exec /sbin/openrc sysinit\n",
            "/etc/init.d/rc": "case $1 in\n0) /sbin/openrc off ;;\n*) exec /sbin/openrc default ;;\nesac\n",
            "/etc/runlevels/sysinit/a": "A",
            "/etc/runlevels/boot/a": "A",
            "/etc/runlevels/boot/b": "B",
            "/etc/runlevels/default/c": "C",
        },
        [("/etc/init.d/a", "A"), ("/etc/init.d/c", "C"), ("/etc/init.d/b", "B", "boot")],
    ),
    "OpenRC's runlevels if inittab starts none": (
        "openrc",
        {"/etc/inittab": "1:2345:respawn:/sbin/getty tty1\n", "/etc/runlevels/boot/b": "B"},
        [("/etc/init.d/b", "B")],
    ),
    "the links of sysvinit": (
        "sysvinit",
        {
            "/etc/init.d/a": "A",
            "/etc/rcS.d/S05x": Link("../init.d/a"),
            "/etc/rcS.d/K01b": "B",
            "/etc/rcS.d/S06own": "O",
        },
        [("/etc/init.d/a", "A"), ("/etc/rcS.d/S06own", "O")],
    ),
    "the scripts of Buildroot": (
        "sysvinit",
        {"/etc/init.d/S11modules": "M", "/etc/init.d/rcS": "R"},
        [("/etc/init.d/S11modules", "M")],
    ),
    "the core services of Void": (
        "runit",
        {"/etc/runit/1": "x", "/etc/runit/core-services/02-kmods.sh": "K", "/etc/runit/core-services/notes": ""},
        [("/etc/runit/core-services/02-kmods.sh", "K")],
    ),
    "Debian's runit": (
        "runit",
        {
            "/etc/runit/1": "for script in /etc/rcS.d/S*",
            "/etc/init.d/a": "A",
            "/etc/rcS.d/S01a": Link("../init.d/a"),
            "/etc/init.d/b": "B",
            "/etc/rcS.d/S02b": Link("../init.d/b"),
            "/etc/runit/override-sysv.d/b.block": "",
        },
        [("/etc/init.d/a", "A")],
    ),
    "Debian's runit with its own boot scripts": (
        "runit",
        {
            "/etc/runit/1": "for script in /etc/rcS.d/S*",
            "/etc/rcS.d/S01a": "A",
            "/etc/runit/native.boot.run": "",
            "/etc/runit/boot-run/b.sh": "B",
        },
        [("/etc/runit/boot-run/b.sh", "B")],
    ),
    "busybox with a table": (
        "busybox",
        {"/etc/inittab": "::sysinit:/etc/start now\n::once:/bin/x\n", "/etc/start": "S"},
        [("/etc/start", "S")],
    ),
    "busybox without a table": ("busybox", {"/etc/init.d/rcS": "R"}, [("/etc/init.d/rcS", "R")]),
    "busybox without scripts": ("busybox", {}, None),
    "OpenRC without runlevels": ("openrc", {}, None),
    "systemd": ("systemd", {"/etc/rcS.d/S01a": "A"}, None),
    "an unknown init system": (None, {"/etc/rcS.d/S01a": "A"}, None),
}


@pytest.mark.parametrize("init, files, scripts", STARTED.values(), ids=STARTED)
def test_the_scripts_that_the_boot_starts_are_listed(node, init, files, scripts):
    write(node, files)
    found = list_started_scripts(node.files, init)
    assert (
        found if found is None else [tuple(script) if script.level else tuple(script)[:2] for script in found]
    ) == scripts
