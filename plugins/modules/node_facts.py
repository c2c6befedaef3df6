#!/usr/bin/python
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather the facts of a node that its assessment and preparation need, in one task."""

import os
import threading
from typing import Any, Dict, List, Sequence, Tuple

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node import UnknownKernelError
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node_facts import gather_facts
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.options import (
    InvalidNameError,
    format_now,
    parse_names,
)

# A program that takes longer is ended, and what it would have printed is unknown.
MAX_SECONDS = 60


def gather_live_facts(module: AnsibleModule, names: Sequence[str]) -> Dict[str, Any]:
    """Return the facts of the running system."""
    module.run_command_environ_update = {"LC_ALL": "C", "LANG": "C"}

    def run(arguments: List[str]) -> Tuple[int, str]:
        timers: List[threading.Timer] = []

        def limit_time(process: Any) -> None:
            timers.append(threading.Timer(MAX_SECONDS, process.kill))
            timers[0].start()

        try:
            code, output, _errors = module.run_command(arguments, before_communicate_callback=limit_time)
        finally:
            for timer in timers:
                timer.cancel()
        return code, output

    return gather_facts(Files(), names, format_now(), run, module.params["kernel"])


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "modules": {"type": "list", "elements": "str"},
            "root": {"type": "path", "default": "/"},
            "kernel": {"type": "str", "default": "running"},
        },
        supports_check_mode=True,
    )
    if module.params["root"].strip("/"):
        # The action plugin of the same name runs root_facts then. A caller that bypasses it can do so, too.
        module.fail_json(msg="root: this way of calling node_facts reads only /; call nodeprep.istio.root_facts")
    system = os.uname().sysname
    if system != "Linux":
        module.exit_json(changed=False, skipped=True, other_system=system, msg=f"not a Linux node: {system}")
    try:
        facts = gather_live_facts(module, parse_names(module.params["modules"]))
    except (InvalidNameError, UnknownKernelError) as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=False, ansible_facts={"istio_node": facts})


if __name__ == "__main__":
    main()
