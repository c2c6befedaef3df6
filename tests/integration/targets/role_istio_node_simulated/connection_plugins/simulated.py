# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated node: made-up facts and answers of modules, or a connection that breaks."""

from __future__ import annotations

import json
import pathlib
import re

from ansible.errors import AnsibleConnectionFailure
from ansible_collections.nodeprep.istio.tests.unit.support import fact_factory
from ansible_collections.nodeprep.istio.tests.unit.support.fake_connection import FakeConnection

DOCUMENTATION = """
name: simulated
short_description: A simulated node
description: Answers as a node would.
author: nodeprep.istio contributors
options:
  kind:
    description: What the node is like.
    type: str
    choices: [good, lost, not_ready, no_sudo]
    vars: [{name: simulated_kind}]
  state:
    description: The file that is there once the node has been prepared.
    type: str
    vars: [{name: simulated_state}]
  pipelining:
    description: Modules come as input of one command.
    type: bool
    default: true
    vars: [{name: ansible_pipelining}]
"""


class Connection(FakeConnection):
    transport = "simulated"

    def exec_command(self, cmd, in_data=None, sudoable=True):
        del cmd, sudoable  # modules arrive as input
        module = re.search(rb"plugins\.modules\.(\w+)", in_data or b"")
        if not module:
            return 0, b"", b""
        if self.get_option("kind") == "no_sudo":
            return 1, b"", b"sudo: a password is required\n"
        self._check_mode = bool(re.search(rb"_ansible_check_mode\W+true", in_data))
        return 0, json.dumps(getattr(self, module.group(1).decode())()).encode(), b""

    def node_facts(self):
        missing = (
            {"xt_owner": {"state": "missing", "autoload": "never"}} if self.get_option("kind") == "not_ready" else {}
        )
        prepared = {"state": "loaded", "boot": "yes"} if pathlib.Path(self.get_option("state")).exists() else {}
        facts = fact_factory.facts(**prepared, **missing)
        facts["kernel"]["boot_id"] = "one"
        return {"changed": False, "ansible_facts": {"istio_node": fact_factory.recorded(facts)}}

    def kernel_modules(self):
        if self.get_option("kind") == "lost":
            raise AnsibleConnectionFailure("the cable was pulled")
        if not self._check_mode:
            pathlib.Path(self.get_option("state")).touch()
        return {
            "changed": True,
            "loaded": ["xt_owner"],
            "persisted": ["xt_owner"],
            "failed_modules": [],
            "boot_file": "/etc/modules-load.d/istio.conf",
        }
