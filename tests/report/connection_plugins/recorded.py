# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node of a synthetic fleet: it receives the module over a pipelined connection, and answers with recorded facts."""

from __future__ import annotations

import json
import pathlib

from ansible.errors import AnsibleConnectionFailure
from ansible_collections.nodeprep.istio.tests.unit.support.fake_connection import FakeConnection

DOCUMENTATION = """
name: recorded
short_description: A node whose facts are recorded
description: Answers as a node would.
author: nodeprep.istio contributors
options:
  facts:
    description: The file with the node's facts; a node without one is not reachable.
    type: path
    vars: [{name: recorded_facts}]
  pipelining:
    description: Modules come as input of one command.
    type: bool
    default: true
    vars: [{name: ansible_pipelining}]
"""


class Connection(FakeConnection):
    transport = "recorded"

    def exec_command(self, _command, in_data=None, **_options):
        if not in_data:
            return 0, b"", b""
        try:
            facts = json.loads(pathlib.Path(self.get_option("facts")).read_text(encoding="utf-8"))
        except FileNotFoundError as exc:
            raise AnsibleConnectionFailure("Connection timed out") from exc
        return 0, json.dumps({"changed": False, "ansible_facts": {"istio_node": facts}}).encode(), b""
