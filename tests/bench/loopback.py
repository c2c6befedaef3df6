# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes on this machine: sshd on loopback addresses, and recorded results of the modules; see node/sitecustomize.py."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import recorded
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import KINDS, Kind, facts, fresh, outcome

REPLAY = Path(__file__).parent / "node"
PYTHON = "/usr/bin/python3"
BOOT_ID = "3b0a7c52-8e0d-4c7e-9a55-3f6f0d1f2a11"
# The limit of sshd (OpenSSH: MAX_LISTEN_SOCKS in sshd.c).
MAX_ADDRESSES = 16
START_TIMEOUT = 10
SSHD_CONFIG = """
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/key.pub
PidFile none
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 1000
MaxSessions 100
"""
INTERPRETER = """#!/bin/sh
BENCH_STATE={directory} PYTHONPATH={replay} exec {python} "$@"
"""


def list_addresses(count: int) -> list[str]:
    """Return loopback addresses, one for each node."""
    return [f"127.77.{number // 200}.{number % 200 + 1}" for number in range(count)]


def find_sshd() -> str:
    """Return the path of sshd, which accepts only an absolute path. Raises SystemExit if it is not installed."""
    path = shutil.which("sshd", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
    if path is None:
        raise SystemExit("sshd: not found, but the nodes of the benchmark need it; install openssh-server")
    return path


def find_free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class LoopbackNodes:
    """The nodes of one benchmark, while their sshd runs."""

    def __init__(self, directory: Path, count: int, selection: Mapping[str, Any]):
        self.directory = directory
        self.addresses = list_addresses(count)
        self.port = find_free_port()
        self.selection = selection

    @contextlib.contextmanager
    def run(self) -> Iterator[None]:
        """Run the nodes."""
        self._write_files()
        servers = [
            self._start(self.addresses[start : start + MAX_ADDRESSES])
            for start in range(0, len(self.addresses), MAX_ADDRESSES)
        ]
        try:
            for address in self.addresses:
                wait_for(address, self.port)
            yield
        finally:
            for server in servers:
                server.terminate()
            for server in servers:
                server.wait()

    def _write_files(self) -> None:
        for name in ("host_key", "key"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.directory / name)], check=True
            )
        (self.directory / "dirty").mkdir()
        interpreter = self.directory / "python"
        interpreter.write_text(
            INTERPRETER.format(directory=self.directory, replay=REPLAY, python=PYTHON), encoding="utf-8"
        )
        interpreter.chmod(0o755)
        for name, content in build_results(self.selection).items():
            (self.directory / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
        if os.geteuid() == 0:
            # sshd of root demands it; Debian's service creates it.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)

    def _start(self, addresses: list[str]) -> subprocess.Popen[bytes]:
        config = self.directory / f"sshd-{addresses[0]}.conf"
        listen = "".join(f"ListenAddress {address}:{self.port}\n" for address in addresses)
        config.write_text(listen + SSHD_CONFIG.format(directory=self.directory), encoding="utf-8")
        log = config.with_suffix(".log")
        return subprocess.Popen([find_sshd(), "-D", "-f", str(config), "-E", str(log)])

    def set_dirty(self, dirty: bool) -> None:
        """Make all nodes unprepared, or prepared."""
        for address in self.addresses:
            marker = self.directory / "dirty" / address
            if dirty:
                marker.touch()
            else:
                marker.unlink(missing_ok=True)

    def list_options(self, nodes: int) -> list[str]:
        """Return the options of ansible-playbook for the first nodes: the others must not cost anything."""
        path = self.directory / f"hosts-{nodes}.json"
        path.write_text(json.dumps(self.build_inventory(nodes)), encoding="utf-8")
        return ["-i", str(path)]

    def build_inventory(self, nodes: int) -> dict[str, Any]:
        """Return the inventory of the first nodes."""
        variables = {
            "ansible_port": self.port,
            "ansible_user": getpass.getuser(),
            "ansible_ssh_private_key_file": str(self.directory / "key"),
            "ansible_python_interpreter": str(self.directory / "python"),
            # The nodes accept only the user who runs the benchmark.
            "istio_node_become": False,
            **{f"istio_node_{name}": value for name, value in self.selection.items()},
        }
        hosts = {}
        for number, address in enumerate(self.addresses[:nodes], 1):
            hosts[f"node-{number:04}"] = {"ansible_host": address}
        return {"all": {"hosts": hosts, "vars": variables}}


def build_results(selection: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recorded results: facts of a prepared and of an unprepared node, and the result of kernel_modules."""
    dirty = make_facts(next(kind for kind in KINDS if kind.change is fresh))
    plan = outcome(dirty, Selection.from_options(selection))["plan"]
    loaded = {
        "changed": True,
        "loaded": plan["load"],
        "persisted": plan["persist"],
        "failed_modules": [],
        "boot_file": "/etc/modules-load.d/istio.conf",
    }
    return {"clean": recorded(make_facts(KINDS[0])), "dirty": recorded(dirty), "loaded": loaded}


def make_facts(kind: Kind) -> dict[str, Any]:
    """Return the facts of a node of one kind, as the role reads them before and after a change."""
    made = facts(kind)
    return {**made, "kernel": {**made["kernel"], "boot_id": BOOT_ID}}


def wait_for(address: str, port: int) -> None:
    """Wait until something listens on an address. Raises SystemExit if nothing does."""
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit(f"sshd: does not listen on {address}:{port}; read its log in the directory of the benchmark")
