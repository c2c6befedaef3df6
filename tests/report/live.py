# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audit a synthetic fleet with the real playbook, and write its report in all formats.

Usage: python live.py DIRECTORY NODES [NODES ...]. It prints the cost of each run on the controller. Everything is real
except the nodes: inventory, forks, modules, assessment, summary, report and recap. Recorded facts replace ssh and the
kernels.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.write import FORMATS
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import recorded
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import observed

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FORKS = "10"


def inventory(size: int, directory: Path) -> Path:
    """Record the facts of a fleet and return an inventory of it; a node without data has no file."""
    directory.mkdir(parents=True)
    fleet = list(observed(size))
    for name, facts in fleet:
        if "modules" in facts:
            (directory / f"{name}.json").write_text(json.dumps(recorded(facts)), encoding="utf-8")
    variables = {
        "ansible_connection": "recorded",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_pipelining": True,
        "istio_node_become": False,
        "istio_node_mode": ["sidecar", "ambient"],
        "istio_node_ip_family": "dual",
        "recorded_facts": f"{directory}/{{{{ inventory_hostname }}}}.json",
        "istio_report_dir": str(directory / "report"),
        "istio_report_formats": ["html", *FORMATS],
    }
    path = directory / "hosts.json"
    path.write_text(
        json.dumps({"all": {"hosts": {name: {} for name, _facts in fleet}, "vars": variables}}), encoding="utf-8"
    )
    return path


def audit(hosts: Path) -> dict[str, object]:
    """Run the audit in check mode in a separate process, and return its cost."""
    command = [
        Path(sys.executable).with_name("ansible-playbook"),
        "-i",
        str(hosts),
        "-f",
        FORKS,
        "--check",
        "nodeprep.istio.audit_istio_nodes",
    ]
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache"),
        "ANSIBLE_CONNECTION_PLUGINS": str(HERE / "connection_plugins"),
        "ANSIBLE_NOCOLOR": "1",
    }
    log = hosts.with_suffix(".log")
    start = time.monotonic()
    with log.open("w") as output:
        child = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        _pid, status, used = os.wait4(child.pid, 0)
    return {
        "exit": os.waitstatus_to_exitcode(status),
        "seconds": round(time.monotonic() - start, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        # The larger one of the playbook and its largest worker.
        "peak_mib": used.ru_maxrss // 1024,
        "log": str(log),
    }


def main() -> None:
    for size in map(int, sys.argv[2:]):
        hosts = inventory(size, Path(sys.argv[1]) / str(size))
        cost = audit(hosts)
        totals = json.loads((hosts.parent / "report" / "report.json").read_text())["totals"]["verdicts"]
        print(json.dumps({"nodes": size, **cost, "totals": totals}), flush=True)


if __name__ == "__main__":
    main()
