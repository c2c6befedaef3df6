# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a lab machine: what node_facts costs beside ansible.builtin.ping, as Ansible sends both, and how large the facts are.

cost.py PING NODE_FACTS, two AnsiballZ files. CPU time, children included; of many runs the least counts, since what is
beyond it is what else the machine and its host did: on a busy host it takes more runs to see it. Exit code 1 where a limit
is exceeded.
"""

import json
import resource
import statistics
import subprocess
import sys

RUNS = 5
MOST_RUNS = 20
MOST_TIMES_PING = 1.6
MOST_BYTES = 16 * 1024


def run(path):
    """Return (seconds of CPU time, what the module printed)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def main():
    ping_path, facts_path = sys.argv[1:]
    # The first run fills the page cache.
    run(ping_path)
    found = json.loads(run(facts_path)[1].decode())["ansible_facts"]["istio_node"]
    seconds = {"ping": [], "node_facts": []}
    times = MOST_TIMES_PING + 1
    while len(seconds["ping"]) < RUNS or (times > MOST_TIMES_PING and len(seconds["ping"]) < MOST_RUNS):
        seconds["ping"].append(run(ping_path)[0])
        seconds["node_facts"].append(run(facts_path)[0])
        times = min(seconds["node_facts"]) / min(seconds["ping"])
    size = len(json.dumps(found))
    for kind, of in (("least", min), ("median", statistics.median)):
        ping, facts = of(seconds["ping"]), of(seconds["node_facts"])
        print(
            f"{kind} of {len(seconds['ping'])} runs: ping {ping:.3f} s, node_facts {facts:.3f} s, {facts / ping:.2f} times as much"
        )
    print(f"{size} bytes of JSON for {len(found['modules'])} modules")
    sys.exit(1 if times > MOST_TIMES_PING or size >= MOST_BYTES or not found["modules"] else 0)


main()
