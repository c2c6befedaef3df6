# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that are the machines of an inventory. Nothing is replayed."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.nodeprep.istio.tests.bench.processes import build_environment, find_ansible_playbook

PLAYBOOK = Path(__file__).parent / "playbooks" / "set_state.yml"


class InventoryMachines:
    """The machines of an inventory."""

    def __init__(self, inventory: str, selection: Mapping[str, Any]):
        variables = {f"istio_node_{name}": value for name, value in selection.items()}
        self.options = ["-i", inventory, "-e", json.dumps(variables)]
        command = [str(Path(find_ansible_playbook()).with_name("ansible-inventory")), "-i", inventory, "--list"]
        listed = subprocess.run(command, env=build_environment({}), check=True, capture_output=True, text=True)
        self.names = sorted(json.loads(listed.stdout)["_meta"]["hostvars"])

    @contextlib.contextmanager
    def run(self) -> Iterator[None]:
        """Do nothing: the machines run already."""
        yield

    def set_dirty(self, dirty: bool) -> None:
        """Prepare all machines, or undo it. Modules stay loaded, so the boot file is what a dirty machine lacks."""
        state = "absent" if dirty else "prepared"
        command = [find_ansible_playbook(), *self.options, "-e", f"istio_node_state={state}", str(PLAYBOOK)]
        subprocess.run(command, env=build_environment({}), check=True, stdout=subprocess.DEVNULL)

    def list_options(self, nodes: int) -> list[str]:
        """Return the options of ansible-playbook for the first nodes. Raises SystemExit if there are fewer."""
        if nodes > len(self.names):
            raise SystemExit(f"--nodes {nodes}: the inventory has only {len(self.names)} hosts")
        return [*self.options, "--limit", ",".join(self.names[:nodes])]
