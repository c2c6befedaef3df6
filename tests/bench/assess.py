# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Assess and plan a fleet from recorded facts on one core, with each profile, and print the cost as JSON.

Usage: python assess.py [NODES [DISTINCT]]. Nodes may share an answer only if their facts are equal, so the number of
distinct facts decides the cost. Three in ten nodes are not ready, and their plans include the alternatives.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.profiles import PROFILES
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.sources import Assessor
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import parse_facts, recorded
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import KINDS, facts

NODES = 10_000
DISTINCT = 500
NOT_READY_SHARE = 0.3
MESH = {"mode": ["sidecar", "ambient"], "ip_family": "dual"}
# The profile by which the fleet is made; the nodes that are not ready are the same with each of them, or nearly so.
PROFILE = "combined"
SEED = 1


def make_distinct(wanted: int, chance: random.Random) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return facts of nodes that are not ready, and of other nodes, all different."""
    limits = {True: round(wanted * NOT_READY_SHARE), False: wanted - round(wanted * NOT_READY_SHARE)}
    found: dict[bool, dict[str, dict[str, Any]]] = {True: {}, False: {}}
    selection = Selection.from_options({**MESH, "profile": PROFILE})
    while any(len(found[is_not_ready]) < limit for is_not_ready, limit in limits.items()):
        made = recorded(make_variant(chance))
        is_not_ready = assess(parse_facts(made), selection).verdict == "not_ready"
        if len(found[is_not_ready]) < limits[is_not_ready]:
            found[is_not_ready][json.dumps(made, sort_keys=True)] = made
    return list(found[True].values()), list(found[False].values())


def make_variant(chance: random.Random) -> dict[str, Any]:
    """Return facts of a node of a random kind with a few random modules in another state."""
    made = facts(chance.choice(KINDS))
    for name in chance.sample(KNOWN_MODULES, chance.randrange(4)):
        made["modules"][name].update(chance.choice(({"state": "loaded"}, {"autoload": "never"}, {"boot": "no"})))
    if chance.random() < NOT_READY_SHARE:
        gap = {"state": "missing", "autoload": "never", "boot": "no"}
        made["modules"][chance.choice(KNOWN_MODULES)].update(gap)
    made["tools"]["nft"]["version"] = chance.choice(("0.9.8", "1.0.2", "1.0.6", "1.1.3"))
    made["kernel"]["boot_id"] = "a"
    return made


def make_fleet(nodes: int, distinct: int, path: Path) -> None:
    """Write the facts of the nodes, one a line, in a separate process: nothing of it is measured or cached."""
    if os.fork() == 0:
        pools = [cycle(pool) for pool in make_distinct(distinct, random.Random(SEED))]
        with path.open("w", encoding="utf-8") as file:
            for number in range(nodes):
                made = next(pools[number % 10 >= NOT_READY_SHARE * 10])
                kernel = {**made["kernel"], "boot_id": f"boot-{number}"}
                time_ = f"2026-11-24T03:{number // 60 % 60:02}:{number % 60:02}Z"
                file.write(json.dumps({**made, "observed_at": time_, "kernel": kernel}) + "\n")
        os._exit(0)
    _process, status = os.wait()
    if status:
        raise SystemExit("assess.py: the fleet could not be made; see the error above")


def read_fleet(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def main() -> None:
    nodes, distinct = (*(int(argument) for argument in sys.argv[1:]), NODES, DISTINCT)[:2]
    cost: dict[str, Any] = {"nodes": nodes, "distinct": distinct, "profiles": {}}
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "facts")
        make_fleet(nodes, distinct, path)
        start = time.process_time()
        assessors = {}
        for profile in PROFILES:
            assessors[profile] = Assessor(Selection.from_options({**MESH, "profile": profile}), None)
        verdicts: dict[str, Counter[str]] = {profile: Counter() for profile in PROFILES}
        with_alternatives = Counter[str]()
        for found in read_fleet(path):
            for profile, assessor in assessors.items():
                answer: dict[str, Any] = assessor.assess(found)
                verdicts[profile][answer["assessment"]["verdict"]] += 1
                with_alternatives[profile] += bool(answer["plan"]["alternatives"])
        cost["seconds"] = round(time.process_time() - start, 1)
    for profile in PROFILES:
        cost["profiles"][profile] = {"verdicts": verdicts[profile], "with_alternatives": with_alternatives[profile]}
    cost["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(cost))


if __name__ == "__main__":
    main()
