# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a lab machine: take modules away, one at a time, and see exactly the rule sets fail that need them.

Reads {"modules": all that are loaded, "without": those to take away} from standard input. Without a module are tried all rule
sets that claim it, and of the others every fourth one, so that each is tried many times without what it does not need.
Prints a line for each module. Exit code 1 where a rule set fails that needs nothing of it, or does not fail, or names another cause.
"""

from __future__ import annotations

import glob
import json
import os
import subprocess
import sys
import time

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import rule_sets, runner

# Grace periods are most of what unloading costs on an emulated machine.
HURRY = "/sys/kernel/rcu_expedited"
TIMEOUT = 900


def unload(name):
    """Unload a module and what uses it. Rules of a namespace that has just ended hold theirs for a moment more."""
    if not os.path.isdir(f"/sys/module/{name}"):
        return
    deadline = time.time() + 30
    while True:
        for holder in os.listdir(f"/sys/module/{name}/holders"):
            unload(holder)
        said = subprocess.run(["rmmod", name], stderr=subprocess.PIPE, text=True, check=False)
        if said.returncode == 0:
            return
        if time.time() > deadline:
            raise RuntimeError(said.stderr)
        time.sleep(0.1)


def hide(name):
    path = next(iter(glob.glob(f"/lib/modules/{os.uname().release}/kernel/**/{name}.ko*", recursive=True)))
    os.rename(path, path + ".hidden")
    return path


def wrong(name, results, claims, may_claim):
    """Yield what is not as it has to be without a module, given the results of rule sets."""
    for one, result in sorted(results.items()):
        status = result["status"]
        if status != "failed" and (status != "passed" or one in claims):
            yield f"{one} is {status}, though it {'dependency' if one in claims else 'can do without'} {name}: {result.get('message')}"
        if status == "failed" and one not in claims + may_claim:
            yield f"{one} failed, though it does not need {name}: {result['message']}"
        if status == "failed" and name not in result["missing"]:
            yield f"{one} failed for want of {name}, but names {result['missing']}: {result['message']}"


def main():
    job = json.load(sys.stdin)
    with open(HURRY, "w") as handle:
        handle.write("1")
    errors = []
    for number, name in enumerate(job["without"]):
        started = time.time()
        claims = [one.id for one in rule_sets.RULE_SETS if name in one.needs]
        may_claim = [one.id for one in rule_sets.RULE_SETS if name in one.may_need]
        others = [one.id for one in rule_sets.RULE_SETS if one.id not in claims + may_claim][number % 4 :: 4]
        tried = [one for one in rule_sets.RULE_SETS if one.id in claims + may_claim + others]
        unload(name)
        path = hide(name)
        try:
            results, loaded, _capabilities = runner.examine(Files(), tried, False, TIMEOUT)
        finally:
            os.rename(path + ".hidden", path)
        subprocess.run(["modprobe", "--all", *job["modules"]], check=True)
        found = list(wrong(name, results, claims, may_claim)) + [f"the probe loaded {one}" for one in loaded]
        errors += found
        failed = [result for result in results.values() if result["status"] == "failed"]
        named = sorted({lacking for result in failed for lacking in result["missing"]})
        print(
            "{:<6}without {:<16} {:>2} of {} rule sets fail, for want of {} ({:.0f} s)".format(
                "WRONG" if found else "ok",
                name,
                len(failed),
                len(tried),
                ", ".join(named) or "nothing",
                time.time() - started,
            ),
            *found,
            sep="\n      ",
            flush=True,
        )
        if not failed and claims:
            errors.append(name)
    print(f"{len(job['without'])} modules taken away, {len(errors)} errors")
    sys.exit(1 if errors or not job["without"] else 0)


main()
