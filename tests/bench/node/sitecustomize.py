# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replay recorded results on a node of the benchmark: PYTHONPATH of its interpreter has this directory.

The node receives each module, starts Python and unpacks the module. Then it prints the recorded result instead of
running the module, because the machine of the benchmark has no kernel modules. That also leaves more of the machine to
the controller, as if the nodes were elsewhere. Modules that RESULTS does not name run as they are.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from typing import Any

run_module = runpy.run_module
# The node is the address that the connection was made to.
ADDRESS = os.environ.get("SSH_CONNECTION", "- - - -").split()[2]
STATE = os.environ.get("BENCH_STATE", "")
DIRTY = os.path.join(STATE, "dirty", ADDRESS)


def read_facts() -> Any:
    name = "dirty" if os.path.exists(DIRTY) else "clean"
    with open(os.path.join(STATE, name + ".json"), encoding="utf-8") as file:
        return {"changed": False, "ansible_facts": {"istio_node": json.load(file)}}


def load_modules() -> Any:
    os.unlink(DIRTY)
    with open(os.path.join(STATE, "loaded.json"), encoding="utf-8") as file:
        return json.load(file)


def load_module() -> Any:
    return {"changed": True, "name": "", "params": "", "state": "present"}


RESULTS = {
    "ansible_collections.nodeprep.istio.plugins.modules.node_facts": read_facts,
    "ansible_collections.nodeprep.istio.plugins.modules.kernel_modules": load_modules,
    "ansible_collections.community.general.plugins.modules.modprobe": load_module,
}


def replay_module(
    mod_name: str, init_globals: dict[str, Any] | None = None, run_name: str | None = None, alter_sys: bool = False
) -> dict[str, Any]:
    if mod_name not in RESULTS:
        return run_module(mod_name, init_globals, run_name, alter_sys)
    print(json.dumps(RESULTS[mod_name]()))
    sys.exit(0)


runpy.run_module = replay_module
