# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load rule sets in scratch network namespaces, send traffic through them, and return the result of each."""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node import Node, read_node
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.selinux import query_module_request
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import sandbox, selinux_domain, traffic
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.ipset import IpsetError, create_ipset
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.module_needs import (
    UNCONFINED,
    find_blacklist,
    find_missing,
    would_load,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.namespaces import SandboxError
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.programs import (
    find_program,
    load_rules,
    read_capabilities,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.rule_sets import FAMILY_PARAMS, RuleSet

# Statuses of a rule set.
PASSED = "passed"
FAILED = "failed"
NOT_TESTED = "not_tested"
NOT_TESTABLE = "not_testable"

# The keys of FAMILY_PARAMS with the addresses that the traffic uses.
ADDRESSES = ("target", "resolver", "prober")

CANNOT_SEE_MODULES = (
    "autoload: neither /proc/modules nor the kernel's options can be read, so it is unknown which modules the kernel "
    "would load for the probe; run it with all of /proc mounted, or set autoload: true"
)


class Result(NamedTuple):
    """The result of one rule set. Fields that do not apply are None.

    :ivar status: PASSED, FAILED, NOT_TESTED or NOT_TESTABLE.
    :ivar message: what arrived, or why the rule set did not pass.
    :ivar would_load: the modules that the kernel would load for a rule set that is not tested.
    :ivar missing: the modules that a failed rule set lacks.
    :ivar missing_options: the kernel options that a failed rule set lacks.
    """

    status: str
    message: Optional[str] = None
    would_load: Optional[List[str]] = None
    missing: Optional[List[str]] = None
    missing_options: Optional[List[str]] = None

    def as_dict(self) -> Dict[str, Any]:
        return {field: value for field, value in self._asdict().items() if value is not None}


class ProbeResult(NamedTuple):
    """The result of a probe.

    :ivar results: dict of rule set id to its result.
    :ivar loaded: sorted names of the modules that were loaded meanwhile.
    :ivar capabilities: the effective capabilities of the programs, or None if none ran.
    """

    results: Dict[str, Result]
    loaded: List[str]
    capabilities: Optional[str]


def probe_node(
    files: Files, rule_sets: Sequence[RuleSet], autoload: bool, timeout: float, domain_name: Optional[str] = None
) -> ProbeResult:
    """Test rule sets on the node behind I(files). Of each that fails, find out what it lacks.

    :param autoload: whether the kernel may load modules.
    :param timeout: seconds.
    :param domain_name: SELinux type to run the programs in, or None. With a type, a denial counts as it would for
        Istio's containers.

    Raises SandboxError as :func:`run_rule_sets` does, if the node has no such domain, and if no module may be loaded
    but the loaded modules are unknown.
    """
    domain = None if domain_name is None else _find_domain(files, domain_name)
    names = sorted({name for rule_set in rule_sets for name in rule_set.all_modules})
    before = _read_node(files, names, domain_name)
    if before.modules_supported is None and not autoload:
        raise SandboxError(CANNOT_SEE_MODULES)
    results, capabilities = run_rule_sets(rule_sets, before, autoload, timeout, domain)
    after = _read_node(files, names, domain_name)
    for rule_set in rule_sets:
        result = results[rule_set.id]
        if result.status == FAILED:
            missing = find_missing(rule_set, after)
            results[rule_set.id] = result._replace(missing=missing.modules, missing_options=missing.kernel_options)
    loaded = sorted(set(after.loaded or ()) - set(before.loaded or ()))
    return ProbeResult(results, loaded, capabilities)


def _find_domain(files: Files, name: str) -> selinux_domain.Domain:
    try:
        return selinux_domain.find_domain(files, name)
    except selinux_domain.DomainError as exc:
        raise SandboxError(f"selinux_domain: {exc}")


def _read_node(files: Files, names: List[str], domain_name: Optional[str]) -> Node:
    """Return the node with the SELinux facts that apply to the programs of the probe."""
    node = read_node(files, names)
    if domain_name is None:
        return node._replace(selinux=UNCONFINED)
    can_request, domain = query_module_request(files, (domain_name,))
    return node._replace(selinux=dict(node.selinux, module_request=can_request, domain=domain))


def run_rule_sets(
    rule_sets: Sequence[RuleSet],
    node: Node,
    autoload: bool,
    timeout: float,
    domain: Optional[selinux_domain.Domain] = None,
) -> Tuple[Dict[str, Result], Optional[str]]:
    """Test the rule sets that can be tested, and return the result of each by its id, and the programs' capabilities.

    :param domain: the domain to run the programs in, or None.

    Raises SandboxError if the node does not allow namespaces, or does not let this process enter the domain.
    """
    testable, results = _split_testable(rule_sets, node, autoload)
    if not testable:
        return results, None
    context = domain.process if domain else None

    def work(emit: sandbox.Emit) -> None:
        emit(read_capabilities())
        for rule_set, path in testable:
            emit([rule_set.id, try_rule_set(rule_set, path, context).as_dict()])

    unfinished = None
    try:
        emitted = sandbox.run_isolated(work, timeout, domain.files if domain else None)
    except sandbox.UnfinishedError as exc:
        emitted, unfinished = exc.results, str(exc)
    for rule_set_id, fields in emitted[1:]:
        results[rule_set_id] = Result(**fields)
    for rule_set, _path in testable:
        if rule_set.id not in results:
            results[rule_set.id] = Result(NOT_TESTED, f"the probe ended before this rule set: {unfinished}")
    return results, emitted[0] if emitted else None


def _split_testable(
    rule_sets: Sequence[RuleSet], node: Node, autoload: bool
) -> Tuple[List[Tuple[RuleSet, str]], Dict[str, Result]]:
    """Return the rule sets to test, each with the path of its program, and the results of those that are not tested."""
    testable = []
    results = {}
    for rule_set in rule_sets:
        path = find_program(rule_set)
        if path is None:
            results[rule_set.id] = Result(NOT_TESTABLE, f"{rule_set.program} is not installed")
            continue
        blacklist = find_blacklist(rule_set, node)
        names = [] if autoload else would_load(rule_set, node)
        if blacklist:
            message = f"{blacklist}; remove or override that line, then run the probe again"
            results[rule_set.id] = Result(NOT_TESTED, message)
        elif names:
            message = f"the kernel would load {', '.join(names)}; prepare the node first, or set autoload: true"
            results[rule_set.id] = Result(NOT_TESTED, message, would_load=names)
        else:
            testable.append((rule_set, path))
    return testable, results


def try_rule_set(rule_set: RuleSet, path: str, context: Optional[str] = None) -> Result:
    """Load one rule set in a new network namespace, and send its traffic.

    :param path: of the program, as :func:`find_program` returns it.
    :param context: see :func:`sandbox.run_program`.
    """
    sandbox.enter_new_network()
    if rule_set.ipset:
        try:
            create_ipset(rule_set.ipset.name, rule_set.family, rule_set.ipset.address)
        except IpsetError as exc:
            return Result(FAILED, str(exc))
    loading = load_rules(path, rule_set.rules, context)
    if not loading.succeeded:
        return Result(FAILED, loading.message)
    if not rule_set.traffic:
        return Result(PASSED)
    params = FAMILY_PARAMS[rule_set.family]
    try:
        traffic.configure_loopback([params[key] for key in ADDRESSES], rule_set.family)
    except OSError as exc:
        message = f"the rules load, but no traffic can be sent: {rule_set.family} is disabled here ({exc.strerror})"
        return Result(NOT_TESTABLE, message)
    observations = []
    for test in rule_set.traffic:
        try:
            observations.append(traffic.send_traffic(test, rule_set.family, params))
        except (traffic.TrafficError, OSError) as exc:
            return Result(FAILED, f"the rules load, but the traffic test fails: {test.kind}: {exc}")
    return Result(PASSED, "; ".join(observations))
