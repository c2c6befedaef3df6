# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the modules of a rule set with the node: what the kernel would load for it, and what it lacks."""

from typing import Dict, List, NamedTuple, Optional

from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import AUTOLOAD_REQUESTS
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import module_state
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.kernel_options import find_in_config
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node import Node
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import ipset
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.rule_sets import RuleSet

# SELinux denies module requests only to processes in the domain of containers.
UNCONFINED: Dict[str, object] = {"mode": "disabled"}


class Missing(NamedTuple):
    """Modules and kernel options that a rule set lacks."""

    modules: List[str]
    kernel_options: List[str]


def would_load(rule_set: RuleSet, node: Node) -> List[str]:
    """Return the modules that the kernel would load for a rule set, of those that its rules use directly."""
    names = [name for name in _absent_modules(rule_set, node) if not _cannot_be_loaded(rule_set, node, name)]
    if not _cannot_be_loaded(rule_set, node, rule_set.modules[0]):
        return names
    # Without the first module the rules request no other one. The ipset is created before, and iptables-nft requests
    # nft_compat before it needs nf_tables (iptables/nft.c: nft_compatible_revision()).
    return [name for name in names if name in (*ipset.MODULES, "nft_compat")]


def find_blacklist(rule_set: RuleSet, node: Node) -> Optional[str]:
    """Return which blacklisted module the kernel would load for a rule set, and where it is blacklisted, or None.

    A module that a rule requests brings its dependencies, despite a blacklist of these.
    """
    for name in would_load(rule_set, node):
        cause = next(iter(node.modprobe.find_blacklisted_with(name)), None)
        if cause:
            return (
                f"the kernel would load {name}, and with it {cause.dependency}, which is {cause.text} ({cause.where})"
            )
    return None


def find_missing(rule_set: RuleSet, node: Node) -> Missing:
    """Return what a failed rule set lacks: absent modules that the kernel cannot load, and kernel options that are off.

    If the kernel could load each absent module, these are all absent modules.
    """
    absent = _absent_modules(rule_set, node)
    never_loaded = [name for name in absent if _cannot_be_loaded(rule_set, node, name)]
    options = []
    if node.config is not None:
        options = [option for option in rule_set.kernel_options if find_in_config(node.config, option) == "n"]
    return Missing(never_loaded or absent, options)


def _absent_modules(rule_set: RuleSet, node: Node) -> List[str]:
    """Return the modules of a rule set that are not in the running kernel, each once."""
    absent: Dict[str, None] = {}
    for module in rule_set.all_modules:
        name = _name_in_kernel(node, module, rule_set.family)
        if not _is_present(node, name):
            absent[name] = None
    return list(absent)


def _name_in_kernel(node: Node, name: str, family: str) -> str:
    """Return the name under which this kernel has a module.

    Its code may be in another module, and older kernels have the NAT chain in one module for each family.
    """
    entry = module_state.describe(node, name)
    if name == "nft_chain_nat" and entry["state"] == "missing":
        family_module = "nft_chain_nat_" + family
        if _state(node, family_module) != "missing":
            return family_module
    provider: str = entry.get("provider", name)
    return provider


def _state(node: Node, name: str) -> str:
    state: str = module_state.describe(node, name)["state"]
    return state


def _is_present(node: Node, name: str) -> bool:
    state = _state(node, name)
    return state in ("loaded", "builtin") or (node.modules_supported is False and state != "missing")


def _cannot_be_loaded(rule_set: RuleSet, node: Node, name: str) -> bool:
    """Whether a module is absent and the kernel cannot load it on demand for the rules."""
    if _is_present(node, name):
        return False
    if name in ipset.MODULES:
        # The probe creates the ipset itself, outside the domain of its programs.
        node = node._replace(selinux=UNCONFINED)
    entry = module_state.describe(node, name)
    answers = {entry["autoload"]}
    others = entry.get("requests", {})
    if others:
        answers = {others.get(request, entry["autoload"]) for request in _list_requests(rule_set, name)}
    return entry["state"] == "missing" or answers <= {"never", "denied"}


def _list_requests(rule_set: RuleSet, name: str) -> List[str]:
    """Return the kernel's requests for a module that the rules may trigger."""
    foreign = ["ip6t_" if rule_set.family == "ipv4" else "ipt_"]
    if rule_set.tool.backend == "nftables":
        foreign += ["nft-chain-2-", "nft-chain-10-"]
    else:
        foreign += ["nft-chain-1-", "nft-chain-10-" if rule_set.family == "ipv4" else "nft-chain-2-"]
    return [request for request in AUTOLOAD_REQUESTS[name] if not request.startswith(tuple(foreign))]
