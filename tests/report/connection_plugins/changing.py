# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that answers with recorded facts, and with other ones after its preparation. It notes what it runs."""

from __future__ import annotations

import json
import pathlib
import re

from ansible.errors import AnsibleConnectionFailure
from ansible_collections.nodeprep.istio.tests.unit.support.fake_connection import FakeConnection

DOCUMENTATION = """
name: changing
short_description: A node whose facts are recorded, before and after its preparation
description: Answers as a node would.
author: nodeprep.istio contributors
options:
  node:
    description: Directory with before.json, after.json and what the node ran.
    type: path
    vars: [{name: changing_node}]
  pipelining:
    description: Modules come as input of one command.
    type: bool
    default: true
    vars: [{name: ansible_pipelining}]
"""


class Connection(FakeConnection):
    transport = "changing"

    def exec_command(self, cmd, in_data=None, sudoable=True):
        del sudoable
        node = pathlib.Path(self.get_option("node"))
        module = re.search(rb"plugins\.modules\.(\w+)", in_data or b"")
        name = module.group(1).decode() if module else cmd
        with (node / "ran").open("a", encoding="utf-8") as ran:
            ran.write(f"{name}\n")
        if name == "kernel_modules":
            (node / "before.json").write_text((node / "after.json").read_text(encoding="utf-8"), encoding="utf-8")
            return 0, json.dumps({"changed": True, "loaded": [], "persisted": [], "failed_modules": []}).encode(), b""
        if name == "node_facts":
            facts = json.loads((node / "before.json").read_text(encoding="utf-8"))
            return 0, json.dumps({"changed": False, "ansible_facts": {"istio_node": facts}}).encode(), b""
        raise AnsibleConnectionFailure(f"this node has no answer to {name}")
