# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print as JSON how many bytes Ansible sends to a node for each of some modules, with the default compression.

Usage: python payload.py MODULE... A process of its own does this, because Ansible's loader of collections must be the
first one that imports ansible_collections.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ansible.executor.module_common import modify_module
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader, module_loader
from ansible.template import Templar

COLLECTIONS = Path(__file__).parents[2] / ".cache"


def count_bytes(name: str) -> int:
    built = modify_module(
        module_name=name,
        module_path=module_loader.find_plugin_with_context(name).plugin_resolved_path,
        module_args={},
        templar=Templar(loader=DataLoader()),
        task_vars={"ansible_python_interpreter": "/usr/bin/python3"},
        module_compression="ZIP_DEFLATED",
    )
    return len(built.b_module_data)


if __name__ == "__main__":
    init_plugin_loader([str(COLLECTIONS)])
    print(json.dumps({name: count_bytes(name) for name in sys.argv[1:]}))
