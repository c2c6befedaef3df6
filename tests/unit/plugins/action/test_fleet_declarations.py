# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action that prints the declarations, without a play around it."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible_collections.nodeprep.istio.plugins.action import fleet_declarations
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import recorded
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import (
    KINDS,
    NOW,
    facts,
    make_declared,
    make_outcome,
)


class Hostvars(dict):
    def raw_get(self, name):
        return self[name]


def run(outcomes=None, variables=None, **arguments):
    """Run the action on hosts with these outcomes; the variables are those of the first host."""
    task = SimpleNamespace(
        args={"generated_at": NOW, **arguments},
        async_val=0,
        check_mode=False,
        diff=False,
        action="x",
        get_name=lambda: "x",
    )
    action = fleet_declarations.ActionModule(
        task,
        SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused")),
        SimpleNamespace(check_mode=False),
        None,
        SimpleNamespace(template=lambda value: value),
        None,
    )
    hostvars = Hostvars({name: {"istio_node_outcome": found} for name, found in (outcomes or {}).items()})
    return action.run(task_vars={"hostvars": hostvars, "ansible_play_hosts_all": list(hostvars), **(variables or {})})


def test_nodes_with_the_same_declaration_share_it(capsys):
    result = run({"a": make_declared(), "b": make_declared(), "c": make_outcome(), "d": {"failure": "boom"}})
    (declaration,) = result["declarations"]
    assert (declaration["format"], declaration["nodes"]) == ("talos", ["a", "b"])
    assert result["failures"] == {"d": "boom"}
    assert "failed" not in result
    shown = capsys.readouterr().out
    assert declaration["text"] in shown
    assert "Talos for 2 nodes: a, b" in shown
    assert "No declaration for 1 node: c." in shown


def test_files_are_written_with_an_index(tmp_path):
    directory = tmp_path / "new"
    outcome = make_outcome(kind=KINDS[1])
    outcome["facts"] = recorded(outcome["facts"])
    result = run({"a": outcome}, formats=["cloud_init", "bottlerocket"], dir=str(directory))
    assert sorted(path.name for path in directory.iterdir()) == [
        "declarations.json",
        "istio-modules-bottlerocket.toml",
        "istio-modules-cloud_init.yaml",
    ]
    index = json.loads((directory / "declarations.json").read_text())
    assert index == result["declarations"]
    for entry in index:
        assert (directory / entry["file"]).read_text() == entry["text"]
    assert sorted(result["files"]) == sorted(str(path) for path in directory.iterdir())


def test_of_the_selection_alone_no_outcome_is_read():
    variables = {"istio_node_backend": "nftables", "istio_node_mode": "ambient"}
    result = run({"a": {"failure": "boom"}}, variables, origin="selection", formats=["talos"])
    (declaration,) = result["declarations"]
    names = [module["name"] for module in yaml.safe_load(declaration["text"])["machine"]["kernel"]["modules"]]
    assert "nft_nat" in names
    assert (declaration["exact"], declaration["nodes"], result["failures"]) == (False, [], {})


def test_of_recorded_facts_a_broken_one_is_reported_and_the_others_are_declared(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(recorded(facts(KINDS[1]))))
    (tmp_path / "broken.json").write_text("{")
    result = run(variables={}, origin="sources", sources=[str(tmp_path)], formats=["nixos"])
    assert [declaration["nodes"] for declaration in result["declarations"]] == [["a"]]
    assert result["failures"]["localhost"].startswith("no data of 1 node: broken: ")


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"origin": "selection", "formats": ["docker"]}, "fleet_declarations: format: unknown value 'docker'"),
        ({"origin": "sources", "sources": ["/no/such"]}, "fleet_declarations: /no/such: no such file"),
        ({"origin": "selection", "formats": ["talos"], "dir": "/dev/null/x"}, "cannot be written"),
    ],
)
def test_a_mistake_is_one_error(arguments, message):
    with pytest.raises(AnsibleActionFail, match=message) as raised:
        run(**arguments)
    assert raised.value.__cause__ is None
