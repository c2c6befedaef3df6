# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded nodes of many systems: what the role loads and lists on each, and what is then true after a reboot."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.tests.unit.corpus.case import Link
from ansible_collections.nodeprep.istio.tests.unit.support import module_tree
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import preparation_plan
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import list_kinds
from ansible_collections.nodeprep.istio.tests.unit.support.recorded_node import RecordedNode

SYSTEMD = "/usr/lib/systemd/systemd-modules-load"
# All capabilities, and those without CAP_SYS_MODULE.
ROOT = "CapEff:\t000001ffffffffff\n"
CONFINED = "CapEff:\t00000000a80425fb\n"
DISK = "/dev/vda1 / ext4 rw 0 0\n"
# The kernel cannot load modules on demand, so what is neither loaded nor listed is missing.
NO_AUTOLOAD = {"/proc/sys/kernel/modprobe": "/nowhere\n"}


@dataclass
class System:
    """A system, and the right answers.

    ``verdict`` is that after the plan, ``lists`` whether the role lists modules, ``owner`` the kinds of the owner's
    steps, ``declaration`` its format.
    """

    files: dict[str, str]
    verdict: str
    lists: bool = False
    loads: bool = True
    refused: str = ""
    owner: list[str] = field(default_factory=list)
    declaration: str | None = None
    systemd: bool = False


def os_release(name):
    return {"/etc/os-release": f'ID={name}\nPRETTY_NAME="{name}"\n'}


def mounts(text):
    return {"/proc/self/mounts": text}


SERVICE = "#!/sbin/openrc-run\n# reads /usr/lib/modules-load.d, /etc/modules-load.d\n"
ALPINE_SERVICE = "#!/sbin/openrc-run\nfor f in /etc/modules /etc/modules-load.d/*.conf; do modprobe; done\n"
KMOD = "#!/bin/sh\n# reads modules-load.d\n"
IN_RUNLEVEL = {"/etc/runlevels/boot/modules": Link("/etc/init.d/modules")}
LXC = {"/run/systemd/container": "lxc\n", "/proc/self/status": CONFINED}

SYSTEMS = {
    "Debian": System(os_release("debian"), "ready", lists=True, systemd=True),
    "Gentoo with OpenRC": System(
        {**os_release("gentoo"), "/etc/init.d/modules": SERVICE, **IN_RUNLEVEL}, "ready", lists=True
    ),
    "Gentoo without the service": System(
        {**os_release("gentoo"), "/etc/init.d/modules": SERVICE, "/etc/runlevels/boot/hostname": "x"},
        "at_risk",
        owner=["declare"],
    ),
    "Alpine": System(
        {**os_release("alpine"), "/etc/init.d/modules": ALPINE_SERVICE, **IN_RUNLEVEL}, "ready", lists=True
    ),
    "Alpine in diskless mode": System(
        {
            **os_release("alpine"),
            "/etc/init.d/modules": ALPINE_SERVICE,
            **IN_RUNLEVEL,
            **mounts("tmpfs / tmpfs rw 0 0\n"),
        },
        "at_risk",
        owner=["declare"],
        declaration="lbu script",
    ),
    "Debian with OpenRC": System(
        {
            **os_release("debian"),
            "/run/openrc/softlevel": "default\n",
            "/etc/init.d/kmod": KMOD,
            "/etc/runlevels/sysinit/kmod": Link("/etc/init.d/kmod"),
        },
        "ready",
        lists=True,
    ),
    "Debian with sysvinit": System(
        {**os_release("debian"), "/etc/init.d/kmod": KMOD, "/etc/rcS.d/S05kmod": Link("../init.d/kmod")},
        "ready",
        lists=True,
    ),
    "Debian with runit": System(
        {
            **os_release("debian"),
            "/etc/runit/1": "for script in /etc/rcS.d/S*\n",
            "/run/runit.stopit": "",
            "/etc/init.d/kmod": KMOD,
            "/etc/rcS.d/S05kmod": Link("../init.d/kmod"),
        },
        "ready",
        lists=True,
    ),
    "Void": System(
        {**os_release("void"), "/run/runit/x": "", "/etc/runit/core-services/02-kmods.sh": "modules-load -v\n"},
        "ready",
        lists=True,
    ),
    "busybox": System(
        {"/sbin/init": Link("/bin/busybox"), "/etc/init.d/rcS": "mount -a\n"}, "at_risk", owner=["declare"]
    ),
    "an unknown init system": System(os_release("guix"), "unknown", owner=["declare"]),
    "NixOS": System(
        {**os_release("nixos"), "/run/systemd/system/x": "", "/run/current-system/systemd": Link("/nix/store/systemd")},
        "not_ready",
        loads=False,
        refused="NixOS writes the files",
        declaration="NixOS",
    ),
    "Container-Optimized OS": System(
        {
            **os_release("cos"),
            **mounts(
                "/dev/dm-0 / ext2 ro 0 0\ntmpfs /tmp tmpfs rw 0 0\n"
                "overlayfs /etc overlay rw,lowerdir=/etc,upperdir=/tmp/upper,workdir=/tmp/work 0 0\n"
            ),
        },
        "at_risk",
        owner=["declare"],
        declaration="cloud-init",
        systemd=True,
    ),
    "Bottlerocket": System(
        {**os_release("bottlerocket"), **mounts("/dev/dm-0 / ext4 ro 0 0\ntmpfs /etc tmpfs rw 0 0\n")},
        "at_risk",
        owner=["declare"],
        declaration="Bottlerocket",
        systemd=True,
    ),
    "Talos": System(
        {**os_release("talos"), **mounts("/dev/loop0 / squashfs ro 0 0\n")},
        "not_ready",
        loads=False,
        refused="/etc is read-only",
        declaration="Talos",
    ),
    "MicroOS": System(
        {
            **os_release("opensuse-microos"),
            "/usr/sbin/transactional-update": "",
            **mounts(
                "/dev/vda3 / btrfs ro 0 0\n/dev/vda3 /var btrfs rw 0 0\n"
                "overlay /etc overlay rw,lowerdir=/sysroot/etc,upperdir=/sysroot/var/lib/overlay/3/etc 0 0\n"
            ),
        },
        "ready",
        lists=True,
        systemd=True,
    ),
    "rootless podman": System(
        {"/run/.containerenv": 'engine="podman"\nrootless=1\n', "/proc/self/uid_map": "0 1000 1\n1 100000 65536\n"},
        "unknown",
        loads=False,
        owner=["repair"],
        systemd=True,
    ),
    "an unprivileged container": System(LXC, "unknown", loads=False, owner=["repair"], systemd=True),
    "a privileged container": System(
        {**LXC, "/proc/self/status": ROOT},
        "not_ready",
        loads=False,
        refused="this node is a container",
        owner=["repair"],
        declaration="host file",
        systemd=True,
    ),
    "WSL": System({**os_release("ubuntu"), "/run/WSL/1_interop": ""}, "ready", lists=True, systemd=True),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A node with all modules, of which none is loaded."""
    node = RecordedNode(tmp_path_factory.mktemp("node"))
    node.tree([], **module_tree.build_catalogue())
    for path, text in {"/proc/self/status": ROOT, "/proc/self/uid_map": "0 0 4294967295\n", **mounts(DISK)}.items():
        node.write(path, text)
    for path, text in NO_AUTOLOAD.items():
        node.write(path, text)
    return node


class Overlay:
    """The files of a system, written into a node and removed again."""

    def __init__(self, node: RecordedNode, system: System) -> None:
        self.node = node
        self.before: dict[str, bytes | None] = {}
        for path, content in system.files.items():
            target = node.path(path)
            self.before[path] = target.read_bytes() if target.is_file() else None
            if isinstance(content, Link):
                node.link(path, content)
            else:
                node.write(path, content)
        if not system.systemd:
            self.before[SYSTEMD] = b""
            node.remove(SYSTEMD)

    def remove(self) -> None:
        for path, content in self.before.items():
            target = self.node.path(path)
            if target.is_symlink() or target.exists():
                target.unlink()
            if content is not None:
                self.node.write(path, content)
            parent = target.parent
            while parent != self.node.root and not any(parent.iterdir()):
                parent.rmdir()
                parent = parent.parent


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
def test_the_role_lists_modules_where_a_reboot_loads_them(base, system):
    overlay = Overlay(base, system)
    try:
        facts = base.facts(KNOWN_MODULES)
    finally:
        overlay.remove()
    facts["tools"]["nft"] = {"version": "1.1.3", "path": "/usr/sbin/nft", "json": True}
    plan = preparation_plan(facts, backend="nftables", profile="effective")
    assert plan["expected"]["verdict"] == system.verdict
    assert bool(plan["load"]) is system.loads
    assert bool(plan["persist"]) is system.lists
    assert list_kinds(plan, "owner") == system.owner
    assert (system.refused in " ".join(plan["refused"])) and bool(plan["refused"]) is bool(system.refused)
    assert (plan["declaration"] or {}).get("kind") == system.declaration
