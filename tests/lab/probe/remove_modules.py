# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a lab machine: remove modules, one at a time, and check that exactly the rule sets fail that need them.

Reads {"modules": all loaded modules, "without": the modules to remove} from standard input. Without a module it tests
all rule sets that declare it, and every fourth one of the others, so that each is tested many times without modules
that it does not need. Prints one line per module. The exit code is 1 if a rule set fails that does not need the module,
if one does not fail that needs it, or if a failed one names another cause.
"""

from __future__ import annotations

import glob
import json
import os
import subprocess
import sys
import time

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.runner import FAILED, PASSED, probe_node
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.selection import RULE_SETS

# RCU grace periods are most of the time that unloading takes on an emulated machine.
RCU_EXPEDITED = "/sys/kernel/rcu_expedited"
PROBE_TIMEOUT = 900
UNLOAD_TIMEOUT = 30
# Of the rule sets that do not need the module, one in so many is tested.
SAMPLE = 4


def unload(name):
    """Unload a module and its holders. The rules of a namespace that just ended hold their modules a moment longer."""
    if not os.path.isdir(f"/sys/module/{name}"):
        return
    deadline = time.time() + UNLOAD_TIMEOUT
    while True:
        for holder in os.listdir(f"/sys/module/{name}/holders"):
            unload(holder)
        process = subprocess.run(["rmmod", name], stderr=subprocess.PIPE, text=True, check=False)
        if process.returncode == 0:
            return
        if time.time() > deadline:
            raise RuntimeError(process.stderr)
        time.sleep(0.1)


def hide(name):
    """Rename the file of a module, and return its path."""
    path = next(iter(glob.glob(f"/lib/modules/{os.uname().release}/kernel/**/{name}.ko*", recursive=True)))
    os.rename(path, path + ".hidden")
    return path


def find_errors(name, results, needing, possibly_needing):
    """Yield what is wrong with the results of the rule sets without a module.

    :param needing: ids of the rule sets that need the module.
    :param possibly_needing: ids of those that need it with some versions of the program.
    """
    for rule_set_id, result in sorted(results.items()):
        if result.status != FAILED and (result.status != PASSED or rule_set_id in needing):
            relation = "needs" if rule_set_id in needing else "does not always need"
            yield f"{rule_set_id} is {result.status}, but it {relation} {name}: {result.message}"
        if result.status == FAILED and rule_set_id not in needing + possibly_needing:
            yield f"{rule_set_id} failed, but it does not need {name}: {result.message}"
        if result.status == FAILED and name not in result.missing:
            yield f"{rule_set_id} failed without {name}, but names {result.missing}: {result.message}"


def probe_without(name, rule_sets):
    unload(name)
    path = hide(name)
    try:
        return probe_node(Files(), rule_sets, False, PROBE_TIMEOUT)
    finally:
        os.rename(path + ".hidden", path)


def main():
    job = json.load(sys.stdin)
    with open(RCU_EXPEDITED, "w") as handle:
        handle.write("1")
    errors = []
    for number, name in enumerate(job["without"]):
        started = time.time()
        needing = [rule_set.id for rule_set in RULE_SETS if name in rule_set.modules]
        possibly_needing = [rule_set.id for rule_set in RULE_SETS if name in rule_set.optional_modules]
        others = [rule_set.id for rule_set in RULE_SETS if rule_set.id not in needing + possibly_needing]
        tested_ids = needing + possibly_needing + others[number % SAMPLE :: SAMPLE]
        tested = [rule_set for rule_set in RULE_SETS if rule_set.id in tested_ids]
        probe = probe_without(name, tested)
        subprocess.run(["modprobe", "--all", *job["modules"]], check=True)
        found = list(find_errors(name, probe.results, needing, possibly_needing))
        found += [f"the probe loaded {loaded}" for loaded in probe.loaded]
        errors += found
        failed = [result for result in probe.results.values() if result.status == FAILED]
        missing = sorted({module for result in failed for module in result.missing})
        print(
            f"{'WRONG' if found else 'ok':<6}without {name:<16} {len(failed):>2} of {len(tested)} rule sets fail, "
            f"missing: {', '.join(missing) or 'nothing'} ({time.time() - started:.0f} s)",
            *found,
            sep="\n      ",
            flush=True,
        )
        if not failed and needing:
            errors.append(name)
    print(f"{len(job['without'])} modules removed, {len(errors)} errors")
    sys.exit(1 if errors or not job["without"] else 0)


main()
