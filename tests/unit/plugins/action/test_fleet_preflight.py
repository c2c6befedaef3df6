# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action that checks a run before any node is contacted."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.nodeprep.istio.plugins.action import fleet_preflight


class Hostvars(dict):
    def raw_get(self, name):
        return self[name]


def run(by_host, hosts, pattern="all", play=None):
    """Run the action for hosts with these inventory variables, and with variables of the play or the command line."""
    task = SimpleNamespace(
        args={"pattern": pattern, "hosts": hosts},
        async_val=0,
        check_mode=False,
        diff=False,
        action="x",
        get_name=lambda: "x",
    )
    first = next(iter(by_host))
    action = fleet_preflight.ActionModule(
        task,
        SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused")),
        SimpleNamespace(check_mode=False),
        SimpleNamespace(load_from_file=None),
        SimpleNamespace(template=lambda value: value),
        None,
    )
    variables = {
        **by_host[first],
        **(play or {}),
        "hostvars": Hostvars(by_host),
        "inventory_hostname": first,
        "playbook_dir": "/playbooks",
        "ansible_play_hosts_all": list(by_host),
    }
    return action.run(task_vars=variables)


INVENTORY = {
    "a": {"istio_node_mode": "typo"},
    "b": {"istio_node_mode": "ambient"},
    "c": {"istio_node_profile": "typo"},
}


def test_hosts_of_the_pattern_that_are_not_in_the_run_are_not_checked():
    assert run(INVENTORY, ["b", "not in this run"]) == {"changed": False, "hosts": 1}


def test_the_errors_name_the_hosts_that_have_them():
    found = run(INVENTORY, ["a", "b", "c"])
    assert found["failed"]
    assert found["msg"].startswith("no node was contacted. istio_node_mode: unknown value 'typo'; ")
    assert "valid values: sidecar, ambient (for a)" in found["msg"]
    assert "(for c)" in found["msg"]


def test_variables_of_the_command_line_take_precedence_over_the_inventory():
    assert not run(INVENTORY, ["a", "b"], play={"istio_node_mode": "sidecar"}).get("failed")
    assert "(for " not in run(INVENTORY, ["a", "b"], play={"istio_node_mode": "nothing"})["msg"]


@pytest.mark.parametrize("name", ["a b", "a,b", "a:b", "!a"])
def test_a_host_whose_name_is_a_pattern_of_others_is_an_error(name):
    message = run({"good": {}, name: {}}, ["good", name])["msg"]
    assert message.startswith(f"a play cannot address these hosts: {name}; ")


def test_addresses_and_domain_names_are_valid_host_names():
    hosts = ["fd00::1", "10.0.0.1", "n-1.example.net"]
    assert not run({name: {} for name in hosts}, hosts).get("failed")


@pytest.mark.parametrize(
    "hosts, message",
    [([], "no host in the inventory matches 'x'"), (["z"], "no host of 'x' is in this run; --limit excludes all")],
)
def test_a_run_without_hosts_is_an_error(hosts, message):
    found = run({"a": {}}, hosts, pattern="x")
    assert found["failed"]
    assert found["msg"].startswith(message)


def test_a_misspelled_variable_is_named_also_if_no_host_matches():
    # Variables of the command line are also among those of each host.
    misspelled = {"istio_declaration_format": ["talos"]}
    message = run({"localhost": misspelled}, [], play=misspelled)["msg"]
    assert message.startswith("unknown variable 'istio_declaration_format'; rename it to 'istio_declaration_formats', ")
    assert "; no host in the inventory matches 'all'; " in message
