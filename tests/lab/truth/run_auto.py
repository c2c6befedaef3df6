# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a lab machine: find out what Istio sees of iptables in the host's network namespace, in many states.

Reads a job from standard input, as make_auto_job.py prints it, and writes one line of JSON per state: the facts, what
gathering them changed, what Istio's programs print in the host's namespace and in a pod's, and which rule sets load.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import run_states
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node_facts import gather_facts
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import sandbox
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.namespaces import CLONE_NEWNET, SandboxError

# What gathering the facts must not change.
UNCHANGED = ("/proc/net/ip_tables_names", "/proc/net/ip6_tables_names", "/proc/modules")
NAMESPACE = "/proc/self/ns/net"
DETECTION_TIMEOUT = 600
# The names of the programs of each IP family.
PROGRAMS = {"ipv4": "iptables", "ipv6": "ip6tables"}
VARIANTS = ("legacy", "nft")
TABLE_PREFIXES = ("iptable_", "ip6table_")
# The rules with which Istio tries a binary: tools/istio-iptables/pkg/dependencies/implementation_linux.go, testRuleAdd.
# 1.25.4 to 1.27.0 try the table filter, newer releases the table nat. Some have a comment.
COMMENT = ["-m", "comment", "--comment", '"Istio no-op iptables capability probe"']
PROBE_RULES = {
    "filter, comment": ["-t", "filter", "-A", "INPUT", "-p", "255", "-j", "DROP", *COMMENT],
    "filter": ["-t", "filter", "-A", "INPUT", "-p", "255", "-j", "DROP"],
    "nat, comment": ["-t", "nat", "-A", "INPUT", "-p", "255", "-j", "RETURN", *COMMENT],
    "nat": ["-t", "nat", "-A", "INPUT", "-p", "255", "-j", "RETURN"],
}


class ImpossibleStateError(Exception):
    """The machine cannot be put into a state: a program fails, since a module is not loaded."""


def flush():
    """Delete the rules and chains in this network namespace: they hold the modules of their tables."""
    if "nf_tables" in run_states.read_loaded():
        subprocess.run(["nft", "flush", "ruleset"], check=True)
    for program, path in (("iptables-legacy", UNCHANGED[0]), ("ip6tables-legacy", UNCHANGED[1])):
        for table in read_optional(path) or ():
            for option in ("-F", "-X"):
                subprocess.run([program, "-t", table, option], check=True)


def enter_condition(condition, is_new):
    """Load the modules of a condition, and no other netfilter modules. The host's namespace then has no rules.

    :param is_new: whether the machine was in another condition before. If not, and if the kernel may load nothing, only
        the modules of the legacy tables are loaded again: the host's tables exist until their modules are unloaded.
    """
    flush()
    keep = set()
    if not is_new and not condition["autoload"]:
        keep = {name for name in run_states.read_loaded() if not name.startswith(TABLE_PREFIXES)}
    run_states.unload(keep)
    run_states.set_autoload(True)
    if condition["loaded"]:
        run_states.modprobe(condition["loaded"])
    run_states.write(run_states.BOOT_FILE, "".join(name + "\n" for name in condition["loaded"]))
    run_states.set_autoload(condition["autoload"])


def enter_node_state(commands):
    """Create tables, chains and rules in this network namespace, the host's."""
    for command in commands:
        done = subprocess.run(command.split(), check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise ImpossibleStateError(f"{command}: {done.stdout.strip()}")


def observe():
    """Return the facts, as node_facts gathers them as root, and the files that this changed."""
    before = {path: read_optional(path) for path in UNCHANGED}
    facts = gather_facts(Files(), KNOWN_MODULES, "", run_program)
    return facts, [path for path in UNCHANGED if read_optional(path) != before[path]]


def read_optional(path):
    """Return the lines of a file, or None if it does not exist; of /proc/modules only the names."""
    if not os.path.exists(path):
        return None
    with open(path) as handle:
        lines = handle.read().splitlines()
    return sorted(line.split()[0] for line in lines)


def run_program(arguments):
    done = subprocess.run(arguments, check=False, capture_output=True, text=True)
    return done.returncode, done.stdout


def detect_in_host():
    """Return what Istio sees in the host's network namespace; it leaves the tables there that it creates."""
    libc = ctypes.CDLL(None, use_errno=True)
    host = os.open(NAMESPACE, os.O_RDONLY)

    def work(emit):
        if libc.setns(host, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        emit(detect())

    try:
        return sandbox.run_isolated(work, DETECTION_TIMEOUT)[0]
    finally:
        os.close(host)


def detect_in_pod():
    """Return what Istio sees in a new network namespace."""
    return sandbox.run_isolated(lambda emit: emit(detect()), DETECTION_TIMEOUT)[0]


def detect():
    """Return for each IP family what each variant prints, which probe rules it adds, and what legacy prints after that.

    Istio prints the rules of a variant before it tries the rule. So an agent that starts again sees the legacy tables
    that its first start created.
    """
    found = {}
    for family, program in PROGRAMS.items():
        found[family] = {variant: {"before": save(program, variant)} for variant in VARIANTS}
        for variant in VARIANTS:
            works = {name: try_rule(f"{program}-{variant}", rule) for name, rule in PROBE_RULES.items()}
            found[family][variant]["works"] = works
        found[family]["legacy"]["after"] = save(program, "legacy")
    return found


def save(program, variant):
    """Return the number of lines that Istio counts, and of those that are rules."""
    code, output = start(f"{program}-{variant}-save", [])
    lines = output.splitlines() if code == 0 else []
    return {"lines": len(lines), "rules": len([line for line in lines if line.startswith(("-A ", "-I "))])}


def try_rule(program, rule):
    """Add a rule and delete it again; return whether Istio would use this binary."""
    code, output = start(program, rule)
    works = code == 0 and "does not exist" not in output
    if works:
        start(program, ["-D" if argument == "-A" else argument for argument in rule])
    return works


def start(program, arguments):
    path = shutil.which(program, path="/usr/sbin:/sbin")
    if path is None:
        return 127, ""
    for _attempt in range(run_states.MAX_SLOW_ANSWERS):
        code, output = sandbox.run_program([path, *arguments])
        if code != sandbox.TIMEOUT_EXIT_CODE:
            return code, output
    raise RuntimeError(f"{program}: {output}")


# Only the loaded modules decide which rule sets load, and what Istio sees in a new network namespace.
results_by_modules = {}


def try_in_pod(condition, rule_sets):
    """Return what Istio sees in a new namespace, and without autoload which rule sets load there."""
    loaded = run_states.read_loaded()
    key = (condition["autoload"], frozenset(loaded))
    if key not in results_by_modules:
        found = results_by_modules[key] = {"pod": detect_in_pod()}
        # With autoload, each rule set loads and unloads modules, which takes minutes; `make truth` does it.
        if not condition["autoload"]:
            found["rule_sets"] = run_states.Round(False).run({name: [name] for name in rule_sets})
        run_states.unload(loaded)
    return results_by_modules[key]


def record_state(condition, is_new, commands, rule_sets):
    enter_condition(condition, is_new)
    enter_node_state(commands)
    facts, changed = observe()
    found = try_in_pod(condition, rule_sets)
    return {"facts": facts, "changed": changed, "host": detect_in_host(), **found}


def record_patiently(condition, is_new, commands, rule_sets):
    """Return the record of a state. On a machine under load an error proves nothing, so it is tried again."""
    errors = []
    for _attempt in range(run_states.MAX_TRIES):
        try:
            return record_state(condition, is_new or bool(errors), commands, rule_sets)
        except ImpossibleStateError as exc:
            return {"impossible": str(exc)}
        except (RuntimeError, OSError, subprocess.SubprocessError, sandbox.UnfinishedError, SandboxError) as exc:
            errors.append(f"{type(exc).__name__}: {exc}")
    return {"error": "; ".join(errors)}


def main():
    job = json.load(sys.stdin)
    run_states.routes_by_id.update(job["routes"])
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))
    run_states.write(run_states.RCU_EXPEDITED, "1")
    try:
        for condition in job["conditions"]:
            for number, name in enumerate(condition["node_states"]):
                started = time.time()
                record = record_patiently(condition, number == 0, job["node_states"][name], job["rule_sets"])
                record.update(name=f"{condition['name']}; {name}", host_iptables=job["host_iptables"])
                record["seconds"] = round(time.time() - started, 1)
                print(json.dumps(record), flush=True)
    finally:
        run_states.set_autoload(True)
        flush()
        run_states.unload()
        os.unlink(run_states.BOOT_FILE)
        run_states.write(run_states.RCU_EXPEDITED, "0")


if __name__ == "__main__":
    main()
