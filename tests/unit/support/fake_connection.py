# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the connections of the tests have in common that play a node: modules come as input of one command, and no file is moved."""

from __future__ import annotations

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase


class PlayedConnection(ConnectionBase):
    has_pipelining = True

    def _connect(self):
        return self

    def close(self):
        pass

    def put_file(self, in_path, out_path):
        raise AnsibleConnectionFailure("this node takes no files")

    def fetch_file(self, in_path, out_path):
        raise AnsibleConnectionFailure("this node gives no files")
