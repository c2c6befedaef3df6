# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node of a made-up cluster: modules change it, a reboot may lose it, and a file lists what happened on all nodes."""

from __future__ import annotations

import json
import pathlib
import re

from ansible.errors import AnsibleConnectionFailure
from ansible_collections.nodeprep.istio.tests.unit.support import fact_factory, plan_factory
from ansible_collections.nodeprep.istio.tests.unit.support.fake_connection import FakeConnection

DOCUMENTATION = """
name: rollout
short_description: A node of a made-up cluster
description: Answers as a node would.
author: nodeprep.istio contributors
options:
  kind:
    description:
      - What the node is like. Only a reboot helps if it is V(waiting), V(lost) or V(worse). A package is missing
        if it is V(apt) or V(dnf).
    type: str
    choices: [quiet, bridged, cut, waiting, lost, worse, down, bsd, apt, dnf, selinux]
    default: waiting
    vars: [{name: rollout_kind}]
  break:
    description:
      - Module, or words of a command, as a regular expression. The connection breaks there, once.
    type: str
    default: ""
    vars: [{name: rollout_break}]
  directory:
    description: Holds the list of events and the state of each node.
    type: path
    vars: [{name: rollout_directory}]
  node:
    description: Name of the node.
    type: str
    vars: [{name: inventory_hostname}]
  pipelining:
    description: Modules come as input of one command.
    type: bool
    default: true
    vars: [{name: ansible_pipelining}]
"""

WAITS = {
    "state": "blocked",
    "autoload": "never",
    "boot": "yes",
    "reasons": [{"axis": "now", "code": "modules_disabled", "text": "kernel.modules_disabled is 1"}],
}
PREPARED = {"state": "loaded", "boot": "yes", "boot_files": {fact_factory.SITE: list(fact_factory.KNOWN_MODULES)}}
# Nodes that need more than their modules.
MADE = {
    "apt": plan_factory.make_node(xt_REDIRECT=plan_factory.NOT_INSTALLED),
    "dnf": plan_factory.make_node("rocky", "6.12.0-124.el10_1.x86_64", xt_REDIRECT=plan_factory.NOT_INSTALLED),
    "selinux": plan_factory.make_node(selinux=plan_factory.ENFORCING),
}
# Results of modules that change nothing here.
RESULTS = {
    "command": {"changed": True, "rc": 0, "stdout": "", "stderr": ""},
    "copy": {"changed": True},
    "dnf": {"changed": True, "results": []},
    "file": {"changed": True},
    "stat": {"changed": False, "stat": {"exists": False}},
    "tempfile": {"changed": True, "path": "/tmp/made.istio_node"},
}
MODULE = re.compile(rb"(?:plugins|ansible)\.modules\.(\w+)")
COMMAND = re.compile(rb'\\*"argv\\*": *\[(.*?)\]')
WORD = re.compile(r"[\w./=-]+")
TEMPORARY = re.compile(r"ansible-tmp-[\w.-]+")


class Connection(FakeConnection):
    transport = "rollout"

    def exec_command(self, cmd, in_data=None, sudoable=True):
        del sudoable
        if self.get_option("kind") == "down" or self._is("lost"):
            raise AnsibleConnectionFailure("no route to host")
        module = MODULE.search(in_data or b"")
        if module:
            return 0, json.dumps(self._run(module.group(1).decode(), in_data)).encode(), b""
        temporary = TEMPORARY.search(cmd)
        if temporary:
            return 0, f"{temporary.group()}=/tmp/{temporary.group()}".encode(), b""
        if "boot_id" in cmd:
            return 0, self._boot_id.encode(), b""
        if "/sbin/reboot" in cmd:
            self._log("reboot")
            self._set("lost" if self.get_option("kind") == "lost" else "rebooted")
        return 0, b"", b""

    def put_file(self, *_paths):
        pass

    def _run(self, module, in_data):
        """Return the result of a module, unless the connection breaks."""
        command = COMMAND.search(in_data)
        call = " ".join(WORD.findall(command.group(1).decode())) if command else module
        at = self.get_option("break")
        if at and re.search(at, call) and not self._is("broken"):
            self._set("broken")
            raise AnsibleConnectionFailure("no route to host")
        if module in RESULTS:
            self._log(call)
            return RESULTS[module]
        return getattr(self, module)()

    def node_facts(self):
        kind = self.get_option("kind")
        if kind in MADE:
            made = {**MADE[kind], "kernel": {**MADE[kind]["kernel"], "boot_id": self._boot_id}}
            return {"changed": False, "ansible_facts": {"istio_node": fact_factory.recorded(made)}}
        if kind == "bsd":
            return {"changed": False, "skipped": True, "other_system": "FreeBSD", "msg": "not a Linux node: FreeBSD"}
        modules = {}
        if self._is("loaded"):
            modules = dict(PREPARED)
        if kind in ("waiting", "lost", "worse") and not self._is("rebooted"):
            modules["xt_owner"] = WAITS
        if kind == "worse" and self._is("rebooted"):
            modules["xt_owner"] = {"state": "missing", "autoload": "never"}
        bridges = ["cni0"] if kind in ("bridged", "cut") else []
        facts = fact_factory.facts(netfilter={"bridges": bridges}, **modules)
        facts["kernel"]["boot_id"] = self._boot_id
        facts["platform"] = {"systemd": False}
        return {"changed": False, "ansible_facts": {"istio_node": fact_factory.recorded(facts)}}

    def kernel_modules(self):
        self._log("load")
        self._set("lost" if self.get_option("kind") == "cut" else "loaded")
        return {
            "changed": True,
            "loaded": ["xt_mark"],
            "persisted": ["xt_mark"],
            "failed_modules": [],
            "boot_file": "/f",
        }

    def setup(self):
        names = {"ansible_distribution": "Debian", "ansible_distribution_version": "12", "ansible_os_family": "Debian"}
        return {"ansible_facts": {**names, "ansible_pkg_mgr": "dnf"}}

    def find(self):
        return {"files": [{"path": "/sbin/reboot"}]}

    @property
    def _boot_id(self):
        return "two" if self._is("rebooted") else "one"

    def _path(self, name):
        return pathlib.Path(self.get_option("directory"), f"{self.get_option('node')}.{name}")

    def _is(self, state):
        return self._path(state).exists()

    def _set(self, state):
        self._path(state).touch()

    def _log(self, event):
        with pathlib.Path(self.get_option("directory"), "events").open("a", encoding="utf-8") as events:
            events.write(f"{event} {self.get_option('node')}\n")
