# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge many recordings, made from one, and print the cost as JSON.

Usage: python measure_recordings.py COUNT RECORDING. Each copy has its own name and its own facts, so that no assessment
is shared.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from ansible_collections.nodeprep.istio.plugins.module_utils._recording.archive import Members, read_archive
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.builder import Builder
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.sources import RecordedSource
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import NOW, SELECTION
from ansible_collections.nodeprep.istio.tests.unit.support.recording_factory import make_members_archive, manifest

MODULES = "files/proc/modules"


def copy_recording(members: Members, number: int) -> bytes:
    """Return the archive of a copy: another node, on which nft_compat is used more often."""
    loaded = members[MODULES].content + f"nft_compat 20480 {number} - Live 0x0000000000000000\n".encode()
    changed = {
        "recording": members["recording"]._replace(content=manifest(name=f"node-{number}").encode()),
        MODULES: members[MODULES]._replace(content=loaded),
    }
    return make_members_archive({**members, **changed}.values())


def write_copies(count: int, source: str, directory: str) -> None:
    """Write the copies. A separate process does it, since its cost must not be measured."""
    if os.fork() == 0:
        members = read_archive(Path(source).read_bytes())
        for number in range(count):
            Path(directory, f"{number}.tar.gz").write_bytes(copy_recording(members, number))
        os._exit(0)
    os.wait()


def main() -> None:
    count, source = int(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory() as directory:
        write_copies(count, source, directory)
        start = time.process_time()
        builder = Builder()
        RecordedSource(Path(directory), "", SELECTION).add_to(builder)
        nodes = builder.document(NOW).nodes
        seconds = time.process_time() - start
    cost = {
        "judged": sum(node.no_data is None for node in nodes),
        "seconds": round(seconds, 1),
        "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }
    print(json.dumps(cost))


if __name__ == "__main__":
    main()
