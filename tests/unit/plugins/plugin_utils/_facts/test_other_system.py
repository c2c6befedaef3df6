# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are not Linux nodes are recognized by how Ansible reaches them."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.other_system import (
    describe_skip,
    find_other_system,
    read_other_system,
)


@pytest.mark.parametrize(
    "connection, shell, network_os, system",
    [
        ("ssh", "sh", "", ""),
        ("ansible.builtin.local", "sh", "", ""),
        ("community.general.lxd", "sh", "", ""),
        ("winrm", "powershell", "", "Windows"),
        ("ssh", "powershell", "", "Windows"),
        ("ssh", "cmd", "", "Windows"),
        ("ansible.netcommon.network_cli", "sh", "", "a network device"),
        ("netconf", "sh", "", "a network device"),
        ("ansible.netcommon.httpapi", "sh", "", "a network device"),
        ("ssh", "sh", "cisco.ios.ios", "a network device"),
    ],
)
def test_a_shell_of_windows_and_a_connection_or_system_of_a_network_show_it(connection, shell, network_os, system):
    assert find_other_system(connection, shell, network_os) == system


def test_the_result_of_a_skipped_task_names_the_system():
    result = describe_skip("FreeBSD")
    assert result == {"skipped": True, "other_system": "FreeBSD", "msg": "not a Linux node: FreeBSD"}
    assert read_other_system(result) == "FreeBSD"
    assert read_other_system({"failed": True}) == ""
    assert len(str(describe_skip("x" * 1000)["msg"])) < 100
