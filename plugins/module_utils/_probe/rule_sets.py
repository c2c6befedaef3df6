# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Rule sets with the constructs that Istio programs, one set for each construct, tool and IP family, as data.

They are not Istio's rules: each holds one construct with all of its matches and targets, so that a set which fails names
its cause, and traffic inside a scratch network namespace can prove it. There the loopback interface plays the pod's
outer one, so the rules know the pod's own loopback under a name that no interface has.
Read from tools/istio-iptables, tools/istio-nftables and cni/pkg/{iptables,nftables,ipset,plugin} of Istio 1.25 to 1.31.
"""

from ansible_collections.nodeprep.istio.plugins.module_utils._probe import rules_iptables, rules_nftables

FAMILIES = {
    "ipv4": {
        "ip": "ip",
        "lo": "pod-lo",
        "local": "127.0.0.1/32",
        "passthrough": "127.0.0.6/32",
        "target": "192.0.2.1",
        "resolver": "192.0.2.53",
        "network": "198.51.100.0/24",
        "prober": "169.254.7.127",
        "set": "probed-pods-v4",
        "set_type": "ipv4_addr",
    },
    "ipv6": {
        "ip": "ip6",
        "lo": "pod-lo",
        "local": "::1/128",
        "passthrough": "::6/128",
        "target": "2001:db8::1",
        "resolver": "2001:db8::53",
        "network": "2001:db8:1::/48",
        "prober": "fd16:9254:7127:1337:ffff:ffff:ffff:ffff",
        "set": "probed-pods-v6",
        "set_type": "ipv6_addr",
    },
}

# The tool of a rule set, its backend, and the programs that load it for IPv4 and IPv6.
TOOLS = {
    "iptables-legacy": ("iptables", {"ipv4": "iptables-legacy-restore", "ipv6": "ip6tables-legacy-restore"}),
    "iptables-nft": ("iptables", {"ipv4": "iptables-nft-restore", "ipv6": "ip6tables-nft-restore"}),
    "nft": ("nftables", {"ipv4": "nft", "ipv6": "nft"}),
}


# What Istio does in ambient mode and not in sidecar mode unless it is told otherwise.
DEFAULT_BY_MODE = ("dns_capture", "reconcile")


class RuleSet:
    """One construct as one tool loads it for one IP family.

    :ivar id: for example "iptables-nft/ipv4/sidecar-dns".
    :ivar backend: "iptables" or "nftables".
    :ivar program: the program that loads I(rules) from its standard input.
    :ivar condition: dict of selection option to the value for which Istio programs this construct.
    :ivar rules: what the program reads.
    :ivar ipset: (name, entry) of the ipset that has to be there first, or None.
    :ivar proofs: tuple of :class:`Proof`, the traffic that shows that the rules do what they say.
    :ivar needs: names of the kernel modules that the rules use directly; without the first the rules ask for no other one.
    :ivar may_need: those that they use with some versions of the program only.
    :ivar options: kernel options that they need and that no module shows.
    """

    def __init__(self, tool, family, construct, condition, rules, ipset, proofs, needs, may_need, options):
        self.id = "/".join((tool, family, construct))
        self.tool = tool
        self.family = family
        self.construct = construct
        self.backend, programs = TOOLS[tool]
        self.program = programs[family]
        self.condition = condition
        self.rules = rules
        self.ipset = ipset
        self.proofs = proofs
        self.needs = needs
        self.may_need = may_need
        self.options = options


def _make(tool, family, construct):
    words = FAMILIES[family]
    needs, may_need = construct.needs(tool, family)
    return RuleSet(
        tool=tool,
        family=family,
        construct=construct.name,
        condition=construct.condition,
        rules=construct.rules.format(**words),
        ipset=(words["set"], words["target"]) if construct.ipset else None,
        proofs=construct.proofs,
        needs=needs,
        may_need=may_need,
        options=construct.options,
    )


RULE_SETS = tuple(
    _make(tool, family, construct)
    for tool, constructs in (
        ("iptables-legacy", rules_iptables.CONSTRUCTS),
        ("iptables-nft", rules_iptables.CONSTRUCTS),
        ("nft", rules_nftables.CONSTRUCTS),
    )
    for family in ("ipv4", "ipv6")
    for construct in constructs
)


def chosen(selection):
    """Return the rule sets that Istio programs for a selection.

    :param selection: dict with C(backend), C(mode) (list), C(ip_family), C(interception) (list), C(dns_capture) and
        C(reconcile) (bool, or None for Istio's default), C(invalid_drop), C(ambient_ipv6), C(iptables_variant).
    """
    return [rule_set for rule_set in RULE_SETS if _holds(rule_set, selection)]


def _holds(rule_set, selection):
    if rule_set.backend != selection["backend"]:
        return False
    if rule_set.backend == "iptables" and selection["iptables_variant"] not in ("auto", rule_set.tool.split("-")[1]):
        return False
    modes = [mode for mode in selection["mode"] if _holds_in(mode, rule_set.condition, selection)]
    # IPv4 rules are programmed in every cluster; IPv6 ones where the cluster has it, and in ambient mode by default.
    if rule_set.family == "ipv6" and selection["ip_family"] == "ipv4":
        return "ambient" in modes and selection["ambient_ipv6"]
    return bool(modes)


def _holds_in(mode, condition, selection):
    asked = dict(selection, mode=[mode])
    for option in DEFAULT_BY_MODE:
        if selection[option] is None:
            asked[option] = mode == "ambient"
    return all(
        value in asked[option] if isinstance(asked[option], (list, tuple)) else asked[option] == value
        for option, value in condition.items()
    )
