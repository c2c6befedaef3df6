# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorder in a privileged container with the host's processes, its files at /host, and busybox alone.

The container is a directory to which the root changes, in own namespaces of mounts, processes and the network.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node_facts import gather_facts
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.sources import open_recording
from ansible_collections.nodeprep.istio.tests.unit.support.recorder import SCRIPT

BUSYBOX = shutil.which("busybox")
NAMESPACES = ["unshare", "--mount", "--pid", "--net", "--fork", "sh", "-euc"]
# Process 1 of the new namespace stands for that of the host.
MOUNT = """
mount -t proc proc /proc
mount --{kind} / "$CONTAINER/host"
mount -t proc proc "$CONTAINER/proc"
mount -t sysfs sysfs "$CONTAINER/sys"
mount --bind /dev "$CONTAINER/dev"
"""
OBSERVE_AND_RECORD = """
"$PYTHON" -c "$OBSERVE" >"$CONTAINER/facts"
chroot "$CONTAINER" /bin/sh /record-node.sh --root /host --base64 --name host >"$CONTAINER/text"
"""
OBSERVE = """
import json, os, subprocess
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node_facts import gather_facts

def run(arguments):
    done = subprocess.run(arguments, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    return done.returncode, done.stdout

print(json.dumps(gather_facts(Files(), KNOWN_MODULES, "x", run)))
"""


@pytest.fixture
def container(tmp_path):
    """The root of a container with busybox."""
    if os.getuid() != 0 or not BUSYBOX:
        pytest.skip("needs root, for namespaces, and busybox")
    for name in ("bin", "dev", "host", "proc", "sys", "tmp"):
        (tmp_path / name).mkdir()
    shutil.copy(BUSYBOX, tmp_path / "bin/busybox")
    for name in subprocess.run([BUSYBOX, "--list"], capture_output=True, check=True, text=True).stdout.split():
        if name != "busybox":
            (tmp_path / "bin" / name).symlink_to("busybox")
    shutil.copy(SCRIPT, tmp_path / "record-node.sh")
    return tmp_path


def observe_and_record(container, prepare, record=OBSERVE_AND_RECORD):
    """Return the facts of the host, and those of the recording from the container."""
    environment = {
        **os.environ,
        "CONTAINER": str(container),
        "PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "OBSERVE": OBSERVE,
    }
    if subprocess.run([*NAMESPACES, prepare], capture_output=True, check=False, env=environment).returncode != 0:
        pytest.skip("this machine has no namespaces for root, or no iptables-nft")
    done = subprocess.run([*NAMESPACES, prepare + record], capture_output=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    expected = json.loads((container / "facts").read_text())
    recording = open_recording(str(container / "text"))
    assert recording.run is not None
    return expected, json.loads(json.dumps(gather_facts(recording.files, KNOWN_MODULES, "x", recording.run)))


@pytest.mark.parametrize("kind", ["rbind", "bind"])
def test_the_facts_of_the_host_are_the_same(container, kind):
    expected, found = observe_and_record(container, MOUNT.format(kind=kind))
    assert found == expected


RULE = "iptables-nft -A INPUT -s 192.0.2.1 -p tcp --dport 22 -j DROP\n"


def test_the_tables_of_iptables_nft_are_those_of_the_hosts_network(container):
    expected, found = observe_and_record(container, MOUNT.format(kind="rbind") + RULE)
    assert found == expected
    assert found["netfilter"]["nft_tables"] == {"ipv4": True, "ipv6": False}


def test_a_container_with_its_own_network_does_not_see_the_tables_of_the_host(container):
    record = OBSERVE_AND_RECORD.replace("chroot", "unshare --net chroot")
    expected, found = observe_and_record(container, MOUNT.format(kind="rbind") + RULE, record)
    assert expected["netfilter"]["nft_tables"] == {"ipv4": True, "ipv6": False}
    assert found["netfilter"]["nft_tables"] == {"ipv4": None, "ipv6": None}
