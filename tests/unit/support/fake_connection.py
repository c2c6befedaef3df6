# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The common part of the connections of tests: modules are the input of one command, and files cannot be copied."""

from __future__ import annotations

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase


class FakeConnection(ConnectionBase):
    has_pipelining = True

    def _connect(self):
        return self

    def close(self):
        pass

    def put_file(self, *_paths):
        raise AnsibleConnectionFailure("files cannot be copied to this node")

    def fetch_file(self, *_paths):
        raise AnsibleConnectionFailure("files cannot be copied from this node")
