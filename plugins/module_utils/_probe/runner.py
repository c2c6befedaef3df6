# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Load rule sets in scratch network namespaces, send traffic through them, and say of each what came out."""

import os

from ansible_collections.nodeprep.istio.plugins.module_utils._observe import module_state, node_facts, selinux, tools
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import ipset, sandbox, selinux_domain, traffic
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import rule_sets as _rule_sets

# The programs behind iptables-restore on systems that have it under no other name.
MULTI_CALL = {"iptables-legacy": ("xtables-legacy-multi", "xtables-multi"), "iptables-nft": ("xtables-nft-multi",)}

BLIND = (
    "neither /proc/modules nor the kernel's options can be read, so nothing tells what the probe would make the kernel load. "
    "Run it where all of /proc is there, or set autoload to true"
)

# What SELinux denies containers concerns only who is in their domain.
UNCONFINED = {"mode": "disabled"}


def examine(files, rule_sets, may_load, timeout, domain=None):
    """Attempt rule sets on the node behind I(files), and say of each that failed what it lacks.

    :param may_load: whether the kernel may load modules.
    :param timeout: seconds.
    :param domain: SELinux type to run the programs in, or None. A denial then counts as Istio's containers would meet it.
    :returns: (dict of rule set id to result, sorted names of the modules that were loaded meanwhile, capabilities of the programs or None).
    :raises sandbox.Refused: see :func:`run`; where the node has no such domain; and where nothing may be loaded and nothing tells what is.
    """
    contexts = _contexts(files, domain)
    names = sorted({name for rule_set in rule_sets for name in rule_set.needs + rule_set.may_need})
    before = _read_node(files, names, domain)
    if before.modules_supported is None and not may_load:
        raise sandbox.Refused(BLIND)
    results, capabilities = run(rule_sets, before, may_load, timeout, contexts)
    after = _read_node(files, names, domain)
    for rule_set in rule_sets:
        if results[rule_set.id]["status"] == "failed":
            absent, options = lacking(rule_set, after)
            results[rule_set.id].update({"missing": absent, "missing_options": options})
    return results, sorted(set(after.loaded or ()) - set(before.loaded or ())), capabilities


def _contexts(files, domain):
    try:
        return selinux_domain.find(files, domain) if domain is not None else None
    except selinux_domain.NoSuchDomain as exc:
        raise sandbox.Refused("selinux_domain: {0}".format(exc))


def _read_node(files, names, domain):
    """Return the node as the probe's programs meet it."""
    node = node_facts.read_node(files, names)
    if domain is None:
        node.selinux = UNCONFINED
    else:
        node.selinux = dict(
            node.selinux, **dict(zip(("module_request", "domain"), selinux.may_request(files, (domain,))))
        )
    return node


def program(rule_set):
    """Return the path of the program that loads a rule set, or None where the node has none."""
    path = _find(rule_set.program)
    if path is None and rule_set.tool in MULTI_CALL:
        plain = _find(rule_set.program.replace(rule_set.tool[len("iptables") :], ""))
        if plain and os.path.basename(os.path.realpath(plain)) in MULTI_CALL[rule_set.tool]:
            return plain
    return path


def _find(name):
    return next(
        (
            path
            for path in (os.path.join(directory, name) for directory in tools.DIRECTORIES)
            if os.access(path, os.X_OK)
        ),
        None,
    )


def load(path, rules, context=None):
    """Load rules in this network namespace with the program at I(path); return (whether they loaded, what it said)."""
    name = os.path.basename(path)
    try:
        code, message = sandbox.run([path] + (["-f", "-"] if name == "nft" else ["--noflush"]), rules, context)
    except OSError as exc:
        return False, "{0} cannot be started: {1}".format(path, exc.strerror or exc)
    lines = [line.strip() for line in message.splitlines() if line.strip() and not line.startswith("Try `")]
    return code == 0, "; ".join(lines) or ("" if code == 0 else "{0} ended with {1}".format(name, code))


def attempt(rule_set, path, context=None):
    """Load one rule set in a new network namespace and prove it; return its result.

    :param path: of the program, as :func:`program` returned it.
    """
    sandbox.new_network()
    error = ipset.create(rule_set.ipset[0], rule_set.family, rule_set.ipset[1]) if rule_set.ipset else None
    if error:
        return {"status": "failed", "message": error}
    loaded, message = load(path, rule_set.rules, context)
    if not loaded:
        return {"status": "failed", "message": message}
    if not rule_set.proofs:
        return {"status": "passed"}
    words = _rule_sets.FAMILIES[rule_set.family]
    try:
        traffic.set_up([words[name] for name in ("target", "resolver", "prober")], rule_set.family)
    except OSError as exc:
        return {
            "status": "not_testable",
            "message": "the rules load; no traffic can be sent, since {0} is off here: {1}".format(
                rule_set.family, exc.strerror
            ),
        }
    seen = []
    for proof in rule_set.proofs:
        try:
            seen.append(traffic.prove(proof, rule_set.family, words))
        except (traffic.Unproved, OSError) as exc:
            return {"status": "failed", "message": "the rules load; {0}: {1}".format(proof.kind, exc)}
    return {"status": "passed", "message": "; ".join(seen)}


def forecast(rule_set, path, node, may_load):
    """Return the result of a rule set that is not to be attempted, or None.

    :param node: a :class:`module_state.Node`.
    :param may_load: whether the kernel may load modules.
    """
    if path is None:
        return {"status": "not_testable", "message": "{0} is not installed".format(rule_set.program)}
    loadable = [] if may_load else would_load(rule_set, node)
    if loadable:
        message = "the kernel would load {0}: prepare the node first, or set autoload to true".format(
            ", ".join(loadable)
        )
        return {"status": "not_tested", "message": message, "would_load": loadable}
    return None


def would_load(rule_set, node):
    """Return the modules that the kernel would load for a rule set, of those that its rules use directly."""
    names = [name for name in _absent(rule_set, node) if not _never(node, name)]
    # The ipset is made first. After it, the first module keeps the kernel from asking for any other.
    return [name for name in names if name in ipset.MODULES] if _never(node, rule_set.needs[0]) else names


def lacking(rule_set, node):
    """Return what a rule set that failed lacks: modules that are not there and will not be loaded, and kernel options that are off."""
    absent = _absent(rule_set, node)
    options = [] if node.config is None else [option for option in rule_set.options if option not in node.config]
    return [name for name in absent if _never(node, name)] or absent, options


def _absent(rule_set, node):
    """Return the modules of a rule set that are not in the running kernel."""
    names = [_name_here(node, name, rule_set.family) for name in rule_set.needs + rule_set.may_need]
    return [name for name in dict.fromkeys(names) if not _is_there(node, name)]


def _name_here(node, name, family):
    """Return the name under which this kernel has a module: that of the one that took it over, or of one family's half."""
    entry = module_state.describe(node, name)
    half = "nft_chain_nat_" + family
    if (
        name == "nft_chain_nat"
        and entry["state"] == "missing"
        and module_state.describe(node, half)["state"] != "missing"
    ):
        return half
    return entry.get("provider", name)


def _is_there(node, name):
    state = module_state.describe(node, name)["state"]
    return state in ("loaded", "builtin") or (node.modules_supported is False and state != "missing")


def _never(node, name):
    """Whether the module is not there and the kernel cannot load it on demand."""
    if name in ipset.MODULES:
        # The probe makes the ipset itself, outside the domain of its programs.
        node = module_state.Node(**dict(node.__dict__, selinux=UNCONFINED))
    entry = module_state.describe(node, name)
    return not _is_there(node, name) and (entry["state"] == "missing" or entry["autoload"] in ("never", "denied"))


def run(rule_sets, node, may_load, timeout, domain=None):
    """Attempt what may be attempted; return (dict of rule set id to result, capabilities of the programs or None).

    :param domain: the :class:`selinux_domain.Domain` to run the programs in, or None.
    :raises sandbox.Refused: where the node gives no namespaces, or does not let this process enter the domain.
    """
    results = {}
    todo = []
    for rule_set in rule_sets:
        path = program(rule_set)
        result = forecast(rule_set, path, node, may_load)
        if result is None:
            todo.append((rule_set, path))
        else:
            results[rule_set.id] = result
    if not todo:
        return results, None
    context = domain.process if domain else None

    def work(emit):
        emit(sandbox.run(["/bin/cat", "/proc/self/status"], "", None)[1])
        for rule_set, path in todo:
            emit([rule_set.id, attempt(rule_set, path, context)])

    try:
        emitted = sandbox.collect(work, timeout, domain.files if domain else None)
        ending = None
    except sandbox.Ended as exc:
        emitted, ending = exc.results, str(exc)
    results.update(emitted[1:])
    for rule_set, _path in todo:
        results.setdefault(
            rule_set.id, {"status": "not_tested", "message": "the probe did not come to it: {0}".format(ending)}
        )
    return results, _capabilities(emitted)


def _capabilities(emitted):
    return (
        next((line.split()[1] for line in emitted[0].splitlines() if line.startswith("CapEff:")), None)
        if emitted
        else None
    )
