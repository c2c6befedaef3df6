# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of made-up nodes, for the tests of rollouts and examples."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"
PLUGINS = Path(__file__).with_name("connection_plugins")
KUBECTL = """#!/bin/sh
printf '%s\\n' "$1 $2" >>{directory}/events
printf '%s\\n' "$*" >>{directory}/commands
case "$*" in *not-ready-) echo 'error: taint "nodeprep.istio/not-ready" not found' >&2; exit 1 ;; esac
[ "$1 $2" != "{failing}" ] || {{ echo "error: a disruption budget forbids this" >&2; exit 1; }}
"""


class Rollout:
    """A cluster of made-up nodes, and a kubectl that only lists its calls."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment: dict[str, str] = {}
        # Variables of single hosts.
        self.variables: dict[str, dict[str, str]] = {}
        self.fail_kubectl("")

    def fail_kubectl(self, call: str) -> None:
        """Have one call of kubectl fail, such as "drain b"."""
        program = self.directory / "bin" / "kubectl"
        program.parent.mkdir(exist_ok=True)
        program.write_text(KUBECTL.format(directory=self.directory, failing=call))
        program.chmod(0o755)

    def play(
        self, nodes: dict[str, str], *arguments: str, playbook: str = "nodeprep.istio.prepare_istio_nodes", **variables
    ) -> subprocess.CompletedProcess[str]:
        """Run a playbook on nodes of these kinds."""
        hosts = {name: {"rollout_kind": kind, **self.variables.get(name, {})} for name, kind in nodes.items()}
        common = {
            "ansible_connection": "rollout",
            "ansible_python_interpreter": "/usr/bin/python3",
            "rollout_directory": str(self.directory),
        }
        inventory = self.directory / "hosts.json"
        inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": common}}))
        chosen = {
            "istio_node_become": False,
            "istio_node_reboot": "if_needed",
            "istio_node_reboot_timeout": 2,
            **variables,
        }
        command = [Path(sys.executable).with_name("ansible-playbook"), "-i", inventory, playbook, *arguments]
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache"),
            "ANSIBLE_CONNECTION_PLUGINS": str(PLUGINS),
            "ANSIBLE_INJECT_FACT_VARS": "false",
            "ANSIBLE_NOCOLOR": "1",
            "PATH": f"{self.directory}/bin:{os.environ['PATH']}",
            **self.environment,
        }
        return subprocess.run(
            [*command, "-e", json.dumps(chosen)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def read_events(self) -> list[str]:
        """Return what happened since the last call, in order."""
        path = self.directory / "events"
        events = path.read_text().splitlines() if path.exists() else []
        path.write_text("")
        return events
