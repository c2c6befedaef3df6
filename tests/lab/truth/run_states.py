# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a lab machine: put it into each state of the truth test, gather its facts, and really load rule sets.

Reads a job from standard input, as make_job.py prints it, and writes one line of JSON per state: the facts, the legacy
tables, and for each selection whether its rule sets load and its routes can be made, now and after a boot, without the
kernel loading modules and, if the state lets it, with the kernel loading them. The machine is left as it was found.
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

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node_facts import gather_facts
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import sandbox
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.ipset import IpsetError, create_ipset
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.namespaces import SandboxError
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.programs import (
    Loading,
    find_program,
    load_rules,
    read_capabilities,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.selection import RULE_SETS

MODPROBE_HELPER = "/proc/sys/kernel/modprobe"
MODPROBE_CONF = "/etc/modprobe.d/truth.conf"
BOOT_FILE = "/etc/modules-load.d/truth.conf"
REMOVED_DIR = "/root/removed"
# RCU grace periods are most of the time that loading and unloading take on an emulated machine.
RCU_EXPEDITED = "/sys/kernel/rcu_expedited"
# Without nfnetlink: newer systemd holds a socket of it.
NETFILTER = re.compile(r"^(x_tables|xt_|ip6?_tables|ip6?table_|nf_|nft_|ip_set|br_netfilter|bridge|stp|llc)")
# A state is entered again if it ends with an error: a machine under load is no evidence.
MAX_TRIES = 3
# What the ipset and the sandbox report if an answer took too long.
TOO_SLOW = re.compile(r"timed out|no answer in")
MAX_SLOW_ANSWERS = 5
UNLOAD_TIMEOUT = 120
LOADING_TIMEOUT = 3600
TABLES_TIMEOUT = 60
SAVE_PROGRAMS = {"ipv4": "iptables-legacy-save", "ipv6": "ip6tables-legacy-save"}
DELETE_MODULE = {"x86_64": 176, "aarch64": 106}[os.uname().machine]

libc = ctypes.CDLL(None, use_errno=True)
rule_sets_by_id = {rule_set.id: rule_set for rule_set in RULE_SETS}


# For each id of a route, the commands that make it. They are in the job.
routes_by_id = {}


def write(path, text):
    with open(path, "w") as handle:
        handle.write(text)


def read_loaded():
    """Return the set of the loaded netfilter modules. A kernel without modules does not even have the list."""
    if not os.path.exists("/proc/modules"):
        return set()
    with open("/proc/modules") as handle:
        return {line.split()[0] for line in handle if NETFILTER.match(line)}


def unload(keep=frozenset()):
    """Unload all other netfilter modules.

    The rules of namespaces that just ended hold their modules a moment longer.
    """
    deadline = time.time() + UNLOAD_TIMEOUT
    while read_loaded() - keep:
        codes = [libc.syscall(DELETE_MODULE, name.encode(), os.O_NONBLOCK) for name in read_loaded() - keep]
        if 0 not in codes:
            if time.time() > deadline:
                raise RuntimeError(f"cannot unload {', '.join(sorted(read_loaded() - keep))}")
            time.sleep(0.05)


def set_autoload(allowed):
    """Allow or forbid the kernel to load modules, if it can load any."""
    if os.path.exists(MODPROBE_HELPER):
        write(MODPROBE_HELPER, "/sbin/modprobe\n" if allowed else "/nonexistent\n")


# If the kernel may load nothing, only the loaded modules decide which rule sets load. So each set is tried once.
results_without_autoload = {}


class Round:
    """Loads rule sets in one condition of the machine, each only once.

    :ivar autoload: whether the kernel may load modules.
    :ivar earlier: the round of the state that this one is based on, or None. It has the results of all other rule sets.
    :ivar affected: ids of the rule sets to try again, or None for all.
    :ivar results: dict of rule set id to whether it loads.
    :ivar loads: number of the rule sets that were loaded.
    :ivar capabilities: those of the programs, or None if none ran.
    """

    def __init__(self, autoload, earlier=None, affected=None):
        self.autoload = autoload
        self.earlier = earlier
        self.affected = affected
        self.results = {}
        self.loads = 0
        self.capabilities = None

    def run(self, selections):
        """Return dict of selection to whether all of its rule sets load. After a failure, the others are left out."""
        set_autoload(self.autoload)
        loaded = read_loaded()
        todo = {name: self._sort(ids) for name, ids in selections.items()}
        if not self.autoload:
            self.results = results_without_autoload.setdefault(frozenset(loaded), self.results)

        def work(emit):
            emit(read_capabilities())
            for ids in todo.values():
                for rule_set_id in ids:
                    if self.find_result(rule_set_id) is None:
                        loading = load_patiently(rule_set_id)
                        self.results[rule_set_id] = loading.succeeded
                        emit([rule_set_id, loading.succeeded])
                        if self.autoload:
                            sandbox.enter_new_network()
                            unload(loaded)
                    if not self.find_result(rule_set_id):
                        break

        if any(self._is_undecided(ids) for ids in todo.values()):
            emitted = sandbox.run_isolated(work, LOADING_TIMEOUT)
            self.capabilities = emitted[0]
            self.loads += len(emitted) - 1
            self.results.update(dict(emitted[1:]))
        if not self.autoload and read_loaded() != loaded:
            raise RuntimeError(f"the kernel loaded {read_loaded() - loaded} although this is forbidden")
        return {name: all(self.find_result(one) for one in ids) for name, ids in todo.items()}

    def find_result(self, rule_set_id):
        """Return whether a rule set loads, or None if it was not tried."""
        if rule_set_id in self.results:
            return self.results[rule_set_id]
        return None if self._is_to_try(rule_set_id) else self.earlier.find_result(rule_set_id)

    def _is_undecided(self, ids):
        """Whether a rule set must be tried before it is known whether all of them load."""
        for rule_set_id in ids:
            result = self.find_result(rule_set_id)
            if not result:
                return result is None
        return False

    def _sort(self, ids):
        """Return the ids with those to try first."""
        return sorted(ids, key=lambda rule_set_id: not self._is_to_try(rule_set_id))

    def _is_to_try(self, rule_set_id):
        return self.affected is None or self.earlier is None or rule_set_id in self.affected


def load_patiently(rule_set_id):
    """Load a rule set or a route in a new network namespace. If the machine was too slow to answer, try again."""
    for _attempt in range(MAX_SLOW_ANSWERS):
        sandbox.enter_new_network()
        if rule_set_id in routes_by_id:
            loading = add_route(routes_by_id[rule_set_id])
        else:
            loading = load(rule_sets_by_id[rule_set_id])
        if loading.succeeded or not TOO_SLOW.search(loading.message):
            return loading
    raise RuntimeError(f"{rule_set_id}: {loading.message}")


def load(rule_set):
    if rule_set.ipset:
        try:
            create_ipset(rule_set.ipset.name, rule_set.family, rule_set.ipset.address)
        except IpsetError as exc:
            return Loading(False, str(exc))
    return load_rules(find_program(rule_set), rule_set.rules)


def add_route(commands):
    """Run commands until one fails."""
    for command in commands:
        code, output = sandbox.run_program(command)
        if code != 0:
            return Loading(False, output)
    return Loading(True, "")


def find_module_files():
    """Return dict of module name to its file."""
    paths = glob.glob(f"/lib/modules/{os.uname().release}/kernel/**/*.ko*", recursive=True)
    return {os.path.basename(path).partition(".")[0].replace("-", "_"): path for path in paths}


MODULE_FILES = find_module_files()


def remove(names):
    """Move the files of modules out of the tree; return the paths of the moved ones."""
    moved = []
    os.makedirs(REMOVED_DIR, exist_ok=True)
    for name in names:
        if name in MODULE_FILES:
            os.rename(MODULE_FILES[name], os.path.join(REMOVED_DIR, os.path.basename(MODULE_FILES[name])))
            moved.append(MODULE_FILES[name])
    return moved


def put_back(moved):
    for path in moved:
        os.rename(os.path.join(REMOVED_DIR, os.path.basename(path)), path)


def index_modules():
    if MODULE_FILES:
        subprocess.run(["depmod"], check=True)


def modprobe(names):
    subprocess.run(["modprobe", "--all", "--quiet", *sorted(names)], check=False)


def simulate_boot():
    """Unload all netfilter modules, and load those of the boot files with the service that does it at boot."""
    unload()
    subprocess.run(["/lib/systemd/systemd-modules-load"], check=False, stderr=subprocess.DEVNULL)


def enter_state(state, job, bases):
    """Put the machine into a state, and return the record of it."""
    unload()
    set_autoload(True)
    if state.get("before"):
        modprobe(state["before"])
    moved = remove(state.get("removed", ()))
    if state.get("reindexed"):
        index_modules()
    lines = [f"blacklist {name}\n" for name in state.get("blacklisted", ())]
    lines += [f"install {name} /bin/{command}\n" for name, command in state.get("overridden", {}).items()]
    write(MODPROBE_CONF, "".join(lines))
    write(BOOT_FILE, "".join(name + "\n" for name in state.get("boot", ())))
    try:
        if state.get("then"):
            modprobe(state["then"])
        return record_state(state, job, bases.get(state.get("base")))
    finally:
        put_back(moved)
        if state.get("reindexed"):
            index_modules()
        os.unlink(MODPROBE_CONF)
        os.unlink(BOOT_FILE)


def enter_state_patiently(state, job, bases):
    """Return the record of a state. If it never finishes, the record has an error and no answers."""
    errors = []
    for _attempt in range(MAX_TRIES):
        try:
            return enter_state(state, job, bases)
        except (
            RuntimeError,
            OSError,
            subprocess.SubprocessError,
            sandbox.UnfinishedError,
            SandboxError,
        ) as exc:
            errors.append(f"{type(exc).__name__}: {exc}")
            print(f"{state['name']}: {errors[-1]}", file=sys.stderr, flush=True)
    return {"name": state["name"], "error": "; ".join(errors)}


class Rounds:
    """The rounds of one state.

    :ivar by_condition: dict of (moment, whether the kernel may load modules) to the round.
    """

    def __init__(self, autoload, tests, base_rounds, affected):
        self.autoload = autoload
        self.tests = tests
        self.base_rounds = base_rounds
        self.affected = affected
        self.by_condition = {}

    def run(self, moment, names):
        """Return which tests load without the kernel loading modules, and which load as the state lets it."""
        loaded = read_loaded()
        plain = self._start(moment, False).run({name: self.tests[name] for name in names})
        works = dict(plain)
        failed = {name: self.tests[name] for name in names if not plain[name]}
        if self.autoload and failed:
            works.update(self._start(moment, True).run(failed))
            unload(loaded)
        return plain, works

    def _start(self, moment, autoload):
        started = Round(autoload, self.base_rounds.get((moment, autoload)), self.affected)
        self.by_condition[moment, autoload] = started
        return started

    def run_every_rule_set(self):
        """Return dict of rule set id to whether it loads without the kernel loading modules."""
        started = self.by_condition["every", False] = Round(False)
        return started.run({rule_set_id: [rule_set_id] for rule_set_id in rule_sets_by_id})

    def reuse_after_boot(self):
        """Use the rounds so far for the time after the boot as well."""
        self.by_condition.update({("after", autoload): one for (_moment, autoload), one in self.by_condition.items()})

    def list_once(self):
        return {id(one): one for one in self.by_condition.values()}.values()


def find_affected(state, base):
    """Return the ids of the rule sets that use the module of the state, or None if the state may affect all.

    A module that this kernel never had affects nothing: no rule set is loaded, but the verdict is compared.
    """
    if "touches" not in state or base is None:
        return None
    touched = set(state["touches"]) & set(MODULE_FILES)
    return {rule_set.id for rule_set in RULE_SETS if touched & set(rule_set.all_modules)}


def record_state(state, job, base):
    """Gather the facts, load the rule sets, and return the record.

    :param base: the record of the state that this one is based on, or None.
    """
    checks = job["binary_checks"]
    tests = {**job["selections"], **checks}
    affected = find_affected(state, base)
    varied = {name for name, ids in tests.items() if affected is None or set(ids) & affected}
    of_state = {*state.get("selections", tests), *checks}
    tested = {name: ids for name, ids in tests.items() if name in varied and name in of_state}
    set_autoload(state["autoload"])
    facts = gather_facts(Files(), KNOWN_MODULES, "", run_save_program)
    tables = {"now": find_legacy_tables()}
    rounds = Rounds(state["autoload"], tests, base["rounds"] if base else {}, affected)
    plain, works = rounds.run("now", tested)
    more = {}
    if state.get("every"):
        more["rule_sets"] = rounds.run_every_rule_set()
    # Istio may choose iptables-legacy now and iptables-nft after a boot, or the reverse.
    kept = []
    for name in tested:
        if name in checks or works[name] or works.get(job["other_variants"].get(name)):
            kept.append(name)
    loaded = read_loaded()
    simulate_boot()
    tables["after"] = find_legacy_tables()
    plain_after, works_after = {}, {}
    if kept and read_loaded() == loaded:
        # A machine in the same condition has the same answers.
        plain_after, works_after = plain, works
        rounds.reuse_after_boot()
    elif kept:
        plain_after, works_after = rounds.run("after", kept)
    answers = {}
    if base:
        answers = {name: answer for name, answer in base["answers"].items() if name not in varied}
    for name in tested:
        answers[name] = [plain[name], works[name], plain_after.get(name), works_after.get(name)]
    return {
        **more,
        "name": state["name"],
        "facts": facts,
        "answers": answers,
        "tables": tables,
        "loads": sum(one.loads for one in rounds.list_once()),
        "capabilities": sorted({one.capabilities for one in rounds.list_once() if one.capabilities}),
        "rounds": rounds.by_condition,
    }


def run_save_program(arguments):
    """Start a program for node_facts, if it lists tables; others could load modules."""
    if not arguments[-1].endswith("-save"):
        return 1, ""
    done = subprocess.run(arguments, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def find_legacy_tables():
    """Return what iptables-legacy-save finds, as Istio looks for it: for each IP family whether tables and rules exist.

    In the host's network namespace, and in a new one, which is like that of a pod.
    """
    host = {family: describe_tables(run_save_program([program])[1]) for family, program in SAVE_PROGRAMS.items()}

    def work(emit):
        found = {}
        for family, program in SAVE_PROGRAMS.items():
            found[family] = describe_tables(sandbox.run_program(["/bin/sh", "-c", program])[1])
        emit(found)

    (pod,) = sandbox.run_isolated(work, TABLES_TIMEOUT)
    return {"host": host, "pod": pod}


def describe_tables(output):
    rules = [line for line in output.splitlines() if line.startswith(("-A ", "-I "))]
    return {"tables": "COMMIT" in output, "rules": bool(rules)}


def main():
    job = json.load(sys.stdin)
    routes_by_id.update(job["routes"])
    bases = {}
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))
    write(RCU_EXPEDITED, "1")
    try:
        for state in job["states"]:
            started = time.time()
            record = enter_state_patiently(state, job, bases)
            if "error" not in record:
                bases[state["name"]] = record
            printed = {key: value for key, value in record.items() if key != "rounds"}
            of_machine = {name: job[name] for name in ("host_iptables", "custom_kernel")}
            printed.update(of_machine, seconds=round(time.time() - started, 1))
            print(json.dumps(printed), flush=True)
    finally:
        unload()
        set_autoload(True)
        write(RCU_EXPEDITED, "0")


if __name__ == "__main__":
    main()
