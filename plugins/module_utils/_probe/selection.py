# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All rule sets, and those that Istio programs for a selection."""

from typing import Any, Dict, List, Optional

from ansible_collections.nodeprep.istio.plugins.module_utils._probe import rules_iptables, rules_nftables
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.rule_sets import (
    IPTABLES_LEGACY,
    IPTABLES_NFT,
    NFT,
    RuleSet,
    build_rule_sets,
)

RULE_SETS = tuple(
    build_rule_sets(IPTABLES_LEGACY, rules_iptables.CONSTRUCTS)
    + build_rule_sets(IPTABLES_NFT, rules_iptables.CONSTRUCTS)
    + build_rule_sets(NFT, rules_nftables.CONSTRUCTS)
)

# The rule sets that only older releases of Istio program.
OLDER_RULE_SETS = tuple(
    build_rule_sets(IPTABLES_LEGACY, rules_iptables.OLDER_CONSTRUCTS)
    + build_rule_sets(IPTABLES_NFT, rules_iptables.OLDER_CONSTRUCTS)
)

# The release-dependent options, as the newest release has them.
NEWEST_RULES: Dict[str, Any] = {
    "ambient_dns_zones": True,
    "ambient_interception": "redirect",
    "counters": True,
    "detection_comment": False,
    "detection_table": "nat",
}

# Options whose default is on in ambient mode and off in sidecar mode.
ON_IN_AMBIENT = ("dns_capture", "reconcile")


def select_rule_sets(selection: Dict[str, Any], release_rules: Optional[Dict[str, Any]] = None) -> List[RuleSet]:
    """Return the rule sets that Istio programs for a selection.

    :param selection: dict with C(backend), C(mode) (list), C(ip_family), C(interception) (list), C(dns_capture) and
        C(reconcile) (bool, or None for the default of the newest release), C(invalid_drop), C(ambient_ipv6),
        C(iptables_variant).
    :param release_rules: what differs from C(NEWEST_RULES), or None.
    """
    options = dict(NEWEST_RULES, **selection)
    options.update(release_rules or {})
    selected = [rule_set for rule_set in RULE_SETS + OLDER_RULE_SETS if _is_programmed(rule_set, options)]
    if options["counters"]:
        return selected
    return [_remove_counters(rule_set) for rule_set in selected]


def _remove_counters(rule_set: RuleSet) -> RuleSet:
    """Return the rule set as older releases program it. Only native rules name their counters."""
    if rule_set.tool != NFT:
        return rule_set
    return rule_set._replace(rules=rule_set.rules.replace("counter ", ""), optional_modules=())


def _is_programmed(rule_set: RuleSet, selection: Dict[str, Any]) -> bool:
    if rule_set.tool.backend != selection["backend"]:
        return False
    if rule_set.tool.variant and selection["iptables_variant"] not in ("auto", rule_set.tool.variant):
        return False
    modes = [mode for mode in selection["mode"] if _meets_condition(mode, rule_set.condition, selection)]
    # Every cluster has IPv4 rules. IPv6 rules exist if the cluster has IPv6, and by default in ambient mode.
    if rule_set.family == "ipv6" and selection["ip_family"] == "ipv4":
        return "ambient" in modes and bool(selection["ambient_ipv6"])
    return bool(modes)


def _meets_condition(mode: str, condition: Dict[str, Any], selection: Dict[str, Any]) -> bool:
    for option, value in condition.items():
        selected = [mode] if option == "mode" else selection[option]
        if selected is None and option in ON_IN_AMBIENT:
            selected = mode == "ambient"
        if isinstance(selected, (list, tuple)):
            if value not in selected:
                return False
        elif selected != value:
            return False
    return True
