# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This machine as a node over SSH, with the Python in NODEPREP_NODE_PYTHON.

`make test-matrix` runs it with each supported ansible-core. The node has its own sshd on a loopback address, with its
own keys.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.nodeprep.istio.tests.bench import loopback

ROOT = Path(__file__).parents[2]
NODE_PYTHON = os.environ["NODEPREP_NODE_PYTHON"]
VERDICTS = ("ready", "on_demand", "at_risk", "not_ready", "unknown")


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the inventory of the node, while its sshd runs."""
    directory = tmp_path_factory.mktemp("node")
    node = loopback.LoopbackNodes(directory, 1, {"mode": "ambient"})
    variables = {
        "ansible_host": node.addresses[0],
        "ansible_port": node.port,
        "ansible_user": getpass.getuser(),
        "ansible_ssh_private_key_file": str(directory / "key"),
        "ansible_python_interpreter": shutil.which(f"python{NODE_PYTHON}"),
        "istio_node_become": False,
        "istio_node_mode": "ambient",
    }
    hosts = directory / "hosts.json"
    hosts.write_text(json.dumps({"all": {"hosts": {"node": variables}}}))
    with node.run():
        yield hosts


def run(program: str, inventory: Path, *arguments: str) -> str:
    """Return the output of a program of Ansible, which must succeed without a traceback."""
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache"),
        "ANSIBLE_HOST_KEY_CHECKING": "false",
        "ANSIBLE_INJECT_FACT_VARS": "false",
        "ANSIBLE_NOCOLOR": "1",
    }
    command = [Path(sys.executable).with_name(program), "-i", str(inventory), *arguments]
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "Traceback" not in done.stdout
    return done.stdout


def read_facts(output: str) -> dict[str, Any]:
    """Return the facts of the node from the output of the program ansible."""
    return json.loads(output[output.index("{") :])["ansible_facts"]


def test_the_node_has_this_python(inventory):
    output = run("ansible", inventory, "node", "-m", "ansible.builtin.setup", "-a", "filter=ansible_python_version")
    assert read_facts(output)["ansible_python_version"].startswith(f"{NODE_PYTHON}.")


def test_node_facts_reads_the_node(inventory):
    facts = read_facts(run("ansible", inventory, "node", "-m", "nodeprep.istio.node_facts"))["istio_node"]
    assert facts["kernel"]["release"] == os.uname().release
    assert facts["modules"]["xt_owner"]["state"]


def test_the_audit_gives_the_node_a_verdict(inventory, tmp_path):
    variables = {"istio_report_dir": str(tmp_path), "istio_report_formats": ["csv"], "istio_report_fail_on": []}
    output = run("ansible-playbook", inventory, "nodeprep.istio.audit_istio_nodes", "-e", json.dumps(variables))
    (node,) = json.loads((tmp_path / "report.json").read_text())["nodes"]
    assert node["verdict"] in VERDICTS
    assert re.search(rf"^node .* {node['verdict']} ", output, re.MULTILINE), output
