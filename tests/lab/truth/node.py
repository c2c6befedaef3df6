# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The truth test's part on a lab machine: put the machine into states, gather its facts, really load rule sets.

Reads a job from standard input, {"selections": {name: [rule set id]}, "states": [state], "host_iptables": …}, and writes one JSON line a state:
its facts, the legacy tables there are, and for each selection whether its rule sets load now and after a boot, with the kernel
denied to load modules and, where the state lets it, with the kernel loading them. The machine is left as it was found.
"""

from __future__ import annotations

import ctypes
import glob
import json
import os
import re
import signal
import subprocess
import sys
import time

from ansible_collections.nodeprep.istio.plugins.module_utils import _module_names
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import node_facts
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import ipset, runner, sandbox
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import rule_sets as _rule_sets

HELPER = "/proc/sys/kernel/modprobe"
CONFIGURATION = "/etc/modprobe.d/truth.conf"
BOOT_FILE = "/etc/modules-load.d/truth.conf"
REMOVED = "/root/removed"
# Grace periods are most of what loading and unloading cost on an emulated machine.
HURRY = "/sys/kernel/rcu_expedited"
# Without nfnetlink: newer systemd holds a socket of it.
NETFILTER = re.compile(r"^(x_tables|xt_|ip6?_tables|ip6?table_|nf_|nft_|ip_set|br_netfilter|bridge|stp|llc)")
# How often a state is entered anew after something other than a verdict came of it: a machine under load proves nothing.
TRIES = 3
# What the names of those selections begin with that stand for the rules by which Istio tries an iptables binary.
PROBE = "probe "
# What ipset and sandbox say where an answer took too long.
SLOW = re.compile(r"timed out|no answer in")
DELETE_MODULE = {"x86_64": 176, "aarch64": 106}[os.uname().machine]
NONBLOCK = os.O_NONBLOCK

libc = ctypes.CDLL(None, use_errno=True)
rule_sets = {rule_set.id: rule_set for rule_set in _rule_sets.RULE_SETS}


def write(path, text):
    with open(path, "w") as handle:
        handle.write(text)


def loaded():
    with open("/proc/modules") as handle:
        return {line.split()[0] for line in handle if NETFILTER.match(line)}


def unload(keep=frozenset()):
    """Unload all netfilter modules but those to keep. The rules of namespaces that just ended hold theirs for a moment."""
    deadline = time.time() + 120
    while loaded() - keep:
        tried = [libc.syscall(DELETE_MODULE, name.encode(), NONBLOCK) for name in loaded() - keep]
        if 0 not in tried:
            if time.time() > deadline:
                raise RuntimeError("cannot unload {}".format(", ".join(sorted(loaded() - keep))))
            time.sleep(0.05)


def helper(allowed):
    write(HELPER, "/sbin/modprobe\n" if allowed else "/nonexistent\n")


# What loads where the kernel may load nothing is a matter of what is loaded, and of nothing else: tried once for each set of modules.
PLAIN = {}


class Pass:
    """Loads rule sets in one condition of the machine, each only once; what it does not try is known from I(known)."""

    def __init__(self, autoload, known=None, tried=None):
        self.autoload = autoload
        self.known = known
        self.tried = tried
        self.results = {}
        self.loads = 0
        self.capabilities = None

    def holds(self, selections):
        """Return dict of selection to whether all its rule sets load; the rest of a selection is left out after a failure."""
        helper(self.autoload)
        before = loaded()
        todo = {name: sorted(ids, key=lambda one: not self._tries(one)) for name, ids in selections.items()}
        if not self.autoload:
            self.results = PLAIN.setdefault(frozenset(before), self.results)

        def work(emit):
            emit(sandbox.run(["/bin/cat", "/proc/self/status"])[1].split("CapEff:")[1].split()[0])
            for ids in todo.values():
                for one in ids:
                    if self.answer(one) is None:
                        self.results[one], message = attempt(rule_sets[one])
                        emit([one, self.results[one], message])
                        if self.autoload:
                            sandbox.new_network()
                            unload(before)
                    if not self.answer(one):
                        break

        if any(self._is_open(ids) for ids in todo.values()):
            emitted = sandbox.collect(work, 3600)
            self.capabilities = emitted[0]
            self.loads += len(emitted) - 1
            self.results.update({name: result for name, result, _message in emitted[1:]})
        if not self.autoload and loaded() != before:
            raise RuntimeError(f"the kernel loaded {loaded() - before} though it is denied")
        return {name: all(self.answer(one) for one in ids) for name, ids in todo.items()}

    def answer(self, one):
        """Return whether a rule set loads, or None where it has not been tried."""
        return self.results.get(one, None if self._tries(one) else self.known.answer(one))

    def _is_open(self, ids):
        return next((answer is None for answer in map(self.answer, ids) if not answer), False)

    def _tries(self, name):
        return self.tried is None or self.known is None or name in self.tried


def attempt(rule_set):
    """Return (whether it loads, what was said). A machine that was too slow to answer is asked again: that proves nothing."""
    for _time in range(5):
        sandbox.new_network()
        error = ipset.create(rule_set.ipset[0], rule_set.family, rule_set.ipset[1]) if rule_set.ipset else None
        result = (False, error) if error else runner.load(runner.program(rule_set), rule_set.rules)
        if result[0] or not SLOW.search(result[1]):
            return result
    raise RuntimeError(f"{rule_set.id}: {result[1]}")


def module_files():
    """Return dict of module name to its file."""
    paths = glob.glob(f"/lib/modules/{os.uname().release}/kernel/**/*.ko*", recursive=True)
    return {os.path.basename(path).partition(".")[0].replace("-", "_"): path for path in paths}


FILES = module_files()


def remove(names):
    """Take the files of modules out of the tree; return what has to be put back."""
    moved = []
    os.makedirs(REMOVED, exist_ok=True)
    for name in names:
        if name in FILES:
            os.rename(FILES[name], os.path.join(REMOVED, os.path.basename(FILES[name])))
            moved.append(FILES[name])
    return moved


def put_back(moved):
    for path in moved:
        os.rename(os.path.join(REMOVED, os.path.basename(path)), path)


def modprobe(names):
    subprocess.run(["modprobe", "--all", "--quiet", *sorted(names)], check=False)


def boot():
    """What a boot leaves: no netfilter module but those of the boot files, read by the service that reads them then."""
    unload()
    subprocess.run(["/lib/systemd/systemd-modules-load"], check=False, stderr=subprocess.DEVNULL)


def judge(state, selections, bases):
    """Apply a state, return its record."""
    unload()
    helper(True)
    if state.get("before"):
        modprobe(state["before"])
    moved = remove(state.get("removed", ()))
    if state.get("reindexed"):
        subprocess.run(["depmod"], check=True)
    lines = [f"blacklist {name}\n" for name in state.get("blacklisted", ())]
    write(
        CONFIGURATION,
        "".join(lines + [f"install {name} /bin/{word}\n" for name, word in state.get("overridden", {}).items()]),
    )
    write(BOOT_FILE, "".join(name + "\n" for name in state.get("boot", ())))
    try:
        if state.get("then"):
            modprobe(state["then"])
        return record(state, selections, bases.get(state.get("base")))
    finally:
        put_back(moved)
        if state.get("reindexed"):
            subprocess.run(["depmod"], check=True)
        os.unlink(CONFIGURATION)
        os.unlink(BOOT_FILE)


def judge_patiently(state, selections, bases):
    """Apply a state, again where it came to no end. Return its record; without an outcome and with an error where it never did."""
    errors = []
    for _time in range(TRIES):
        try:
            return judge(state, selections, bases)
        except (RuntimeError, OSError, subprocess.SubprocessError, sandbox.Ended, sandbox.Refused) as exc:
            errors.append(f"{type(exc).__name__}: {exc}")
            print(f"{state['name']}: {errors[-1]}", file=sys.stderr, flush=True)
    return {"name": state["name"], "error": "; ".join(errors)}


def record(state, selections, base):
    # What this kernel never had changes nothing by its absence: no rule set is loaded for it, and the verdict is asked all the same.
    touched = None if "touches" not in state else set(state["touches"]) & set(FILES)
    tried = (
        None
        if touched is None or base is None
        else {name for name, one in rule_sets.items() if touched & set(one.needs + one.may_need)}
    )
    changed = {name for name, ids in selections.items() if tried is None or set(ids) & tried}
    of_state = set(state.get("selections", selections))
    asked = {
        name: ids
        for name, ids in selections.items()
        if name in changed and (name in of_state or name.startswith(PROBE))
    }
    allowed = state["autoload"]
    helper(allowed)
    facts = node_facts.facts(Files(), _module_names.KNOWN_MODULES, "", None)
    passes = {}
    tables = {"now": legacy_tables()}

    def phase(when, names):
        """Return (those that load with nothing more loaded, those that load as the node is)."""
        there = loaded()
        passes[when, False] = Pass(False, base and base["passes"].get((when, False)), tried)
        plain = passes[when, False].holds({name: asked[name] for name in names})
        works = dict(plain)
        if allowed and not all(plain.values()):
            passes[when, True] = Pass(True, base and base["passes"].get((when, True)), tried)
            works.update(passes[when, True].holds({name: asked[name] for name in names if not plain[name]}))
            unload(there)
        return plain, works

    plain, works = phase("now", asked)
    more = {}
    if state.get("every"):
        passes["every", False] = Pass(False)
        more["rule_sets"] = passes["every", False].holds({name: [name] for name in rule_sets})
    # Istio may pick iptables-legacy now and iptables-nft after a boot, or the other way round.
    kept = [name for name in asked if name.startswith(PROBE) or works[name] or works.get(other_variant(name))]
    plain_after, works_after = {}, {}
    present = loaded()
    boot()
    tables["after"] = legacy_tables()
    if kept:
        # A machine in the same condition gives the same answers.
        same = loaded() == present
        plain_after, works_after = (plain, works) if same else phase("after", kept)
        if same:
            passes.update({("after", autoload): one for (_when, autoload), one in passes.items()})
    answers = {name: one for name, one in base["answers"].items() if name not in changed} if base else {}
    answers.update({name: [plain[name], works[name], plain_after.get(name), works_after.get(name)] for name in asked})
    return {
        **more,
        "name": state["name"],
        "facts": facts,
        "answers": answers,
        "tables": tables,
        "loads": sum(one.loads for one in {id(one): one for one in passes.values()}.values()),
        "capabilities": sorted({one.capabilities for one in passes.values() if one.capabilities}),
        "passes": passes,
    }


def other_variant(name):
    """Return the name of the selection that differs from this one in the iptables variant only."""
    return name.replace("legacy, ", "nft, ") if name.startswith("legacy, ") else name.replace("nft, ", "legacy, ")


def legacy_tables():
    """Return whether iptables-legacy-save finds tables, in the host's network namespace and in every new one, as Istio looks for them."""
    with_tables = "iptables-legacy-save; ip6tables-legacy-save"
    host = subprocess.run(
        ["sh", "-c", with_tables], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ).stdout
    (pod,) = sandbox.collect(lambda emit: emit(sandbox.run(["/bin/sh", "-c", with_tables])[1]), 60)
    return {"host": "COMMIT" in host, "pod": "COMMIT" in pod}


def main():
    job = json.load(sys.stdin)
    bases = {}
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))
    write(HURRY, "1")
    try:
        for state in job["states"]:
            started = time.time()
            result = judge_patiently(state, job["selections"], bases)
            if "error" not in result:
                bases[state["name"]] = result
            shown = {key: value for key, value in result.items() if key != "passes"}
            print(
                json.dumps(dict(shown, host_iptables=job["host_iptables"], seconds=round(time.time() - started, 1))),
                flush=True,
            )
    finally:
        unload()
        helper(True)
        write(HURRY, "0")


if __name__ == "__main__":
    main()
