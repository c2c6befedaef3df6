# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the report of a synthetic fleet in all formats, and print its cost as JSON.

Usage: python measure.py NODES DIRECTORY. The facts are read from files, as playbook report_from_facts does.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.builder import Builder
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.write import (
    FORMATS,
    MAIN_FILE,
    write_document,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.sources import RecordedSource
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import recorded
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import NOW, SELECTION, observed

TEMPLATES = Path(__file__).parents[2] / "roles" / "istio_report" / "templates"


def record(size: int, directory: str) -> None:
    """Record the facts of a fleet; a node without data has a file without facts.

    A separate process does it, since its cost must not be measured.
    """
    if os.fork() == 0:
        for name, facts in observed(size):
            Path(directory, f"{name}.json").write_text(
                json.dumps({"istio_node": recorded(facts)} if "modules" in facts else {})
            )
        os._exit(0)
    os.wait()


def main() -> None:
    size, target = int(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory() as directory:
        record(size, directory)
        start = time.process_time()
        builder = Builder()
        source = RecordedSource(Path(directory), "", SELECTION, excluded=Path(target, MAIN_FILE))
        source.add_to(builder)
        assessed = time.process_time()
        document = builder.document(NOW)
        built = time.process_time()
        files = write_document(document, target, ["html", *FORMATS], str(TEMPLATES))
        written = time.process_time()
    cost = {
        "assess_seconds": round(assessed - start, 1),
        "document_seconds": round(built - assessed, 1),
        "formats_seconds": round(written - built, 1),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "mib": {
            name: round(sum(os.path.getsize(path) for path in paths) / (1 << 20), 1) for name, paths in files.items()
        },
        "totals": document.totals,
    }
    print(json.dumps(cost))


if __name__ == "__main__":
    main()
