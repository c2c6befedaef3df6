# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a module of this collection on this machine, and print as JSON what it started, opened and executed.

Usage: python counted_module.py MODULE ROOT. Python counts nothing before the module is imported. Another process does
this, because the audit hook of a process cannot be removed.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
from collections import Counter

from ansible.module_utils import basic

# What Python reports to an audit hook for a new process (its documentation, "Audit events table").
STARTS = ("subprocess.Popen", "os.system", "os.posix_spawn", "os.fork", "os.forkpty")


def main() -> None:
    name, root = sys.argv[1:]
    module = importlib.import_module(f"ansible_collections.nodeprep.istio.plugins.modules.{name}")
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": {"root": root}}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    counts = Counter[str]()

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        counts["processes"] += event in STARTS
        # Files opens with os.open, for which the mode is None.
        counts["files"] += event == "open" and arguments[1] is None

    def trace(frame, event, _argument):
        if "/plugins/module_utils/" not in frame.f_code.co_filename:
            return None
        counts["lines"] += event == "line"
        return trace

    output = io.StringIO()
    sys.addaudithook(hook)
    sys.settrace(trace)
    with contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        module.main()
    sys.settrace(None)
    counted = dict(counts)
    facts = json.loads(output.getvalue())["ansible_facts"]["istio_node"]
    print(json.dumps({**counted, "facts_bytes": len(json.dumps(facts))}))


if __name__ == "__main__":
    main()
