# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a lab machine: measure what node_facts costs in multiples of ansible.builtin.ping, and the size of the facts.

cost.py PING NODE_FACTS, two AnsiballZ files as Ansible sends them. The cost is CPU time, with children. The shortest of
many runs counts, because the rest is other work of the machine and its host; on a busy host it takes more runs. The
exit code is 1 if a limit is exceeded.
"""

import json
import resource
import statistics
import subprocess
import sys

MIN_RUNS = 5
MAX_RUNS = 20
MAX_TIMES_PING = 1.6
MAX_FACTS_BYTES = 16 * 1024


def run(path):
    """Return the seconds of CPU time, and the output of the module."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.run([sys.executable, path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, process.stdout


def measure(ping_path, facts_path):
    """Return the seconds of each run of ping and of node_facts. Over the limit of node_facts, there are more runs."""
    ping_seconds = []
    facts_seconds = []
    while len(ping_seconds) < MIN_RUNS or (
        len(ping_seconds) < MAX_RUNS and min(facts_seconds) > MAX_TIMES_PING * min(ping_seconds)
    ):
        ping_seconds.append(run(ping_path)[0])
        facts_seconds.append(run(facts_path)[0])
    return ping_seconds, facts_seconds


def main():
    ping_path, facts_path = sys.argv[1:]
    # The first run fills the page cache.
    run(ping_path)
    facts = json.loads(run(facts_path)[1].decode())["ansible_facts"]["istio_node"]
    ping_seconds, facts_seconds = measure(ping_path, facts_path)
    for kind, choose in (("shortest", min), ("median", statistics.median)):
        ping, node_facts = choose(ping_seconds), choose(facts_seconds)
        print(
            f"{kind} of {len(ping_seconds)} runs: ping {ping:.3f} s, node_facts {node_facts:.3f} s, "
            f"{node_facts / ping:.2f} times ping"
        )
    size = len(json.dumps(facts))
    print(f"{size} bytes of JSON for {len(facts['modules'])} modules")
    times_ping = min(facts_seconds) / min(ping_seconds)
    is_within_limits = times_ping <= MAX_TIMES_PING and size < MAX_FACTS_BYTES and facts["modules"]
    sys.exit(0 if is_within_limits else 1)


main()
