# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data model of rule sets: one construct of Istio's rules, for one tool and one IP family.

Rule sets are not Istio's rules. Each one has a single construct with all of its matches and targets. A rule set that
fails therefore names its cause, and traffic inside a scratch network namespace can test it. There the loopback
interface replaces the pod's outer interface, so the rules get a name for the pod's own loopback that no interface has.
Read from tools/istio-iptables, tools/istio-nftables and cni/pkg/{iptables,nftables,ipset,plugin} of Istio 1.22 to 1.32.
"""

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

FAMILIES = ("ipv4", "ipv6")

# What the templates of the rules contain for each IP family.
FAMILY_PARAMS = {
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

# Istio's proxy runs with this user and group. Everything else is an application.
PROXY = 1337
APPLICATION = 0

# Kinds of traffic.
# A TCP connection arrives at a listener that reads the original destination.
REDIRECT = "redirect"
# A TCP connection arrives at a listener whose own address is then the original destination.
TRANSPARENT = "transparent"
# A UDP query is answered from the original destination.
DATAGRAM = "datagram"
# A TCP connection arrives with a rewritten source address.
SOURCE = "source"


class Tool(NamedTuple):
    """The programs of one netfilter tool.

    :ivar variant: "legacy" or "nft" for iptables, otherwise None.
    :ivar programs: dict of IP family to the program that loads rules from its standard input.
    :ivar plain_programs: the same programs on systems that have them only under the name of plain iptables.
    :ivar multi_call: names of the program file to which a plain name must lead.
    :ivar kernel_options: dict of IP family to the kernel options that every rule needs and that no module shows: the
        table family (net/netfilter/nft_chain_filter.c, net/netfilter/Kconfig).
    """

    name: str
    backend: str
    variant: Optional[str]
    programs: Dict[str, str]
    plain_programs: Dict[str, str]
    multi_call: Tuple[str, ...]
    kernel_options: Dict[str, Tuple[str, ...]]


_PLAIN_IPTABLES = {"ipv4": "iptables-restore", "ipv6": "ip6tables-restore"}

IPTABLES_LEGACY = Tool(
    name="iptables-legacy",
    backend="iptables",
    variant="legacy",
    programs={"ipv4": "iptables-legacy-restore", "ipv6": "ip6tables-legacy-restore"},
    plain_programs=_PLAIN_IPTABLES,
    multi_call=("xtables-legacy-multi", "xtables-multi"),
    kernel_options={"ipv4": (), "ipv6": ()},
)
IPTABLES_NFT = Tool(
    name="iptables-nft",
    backend="iptables",
    variant="nft",
    programs={"ipv4": "iptables-nft-restore", "ipv6": "ip6tables-nft-restore"},
    plain_programs=_PLAIN_IPTABLES,
    multi_call=("xtables-nft-multi",),
    kernel_options={"ipv4": ("NF_TABLES_IPV4",), "ipv6": ("NF_TABLES_IPV6",)},
)
NFT = Tool(
    name="nft",
    backend="nftables",
    variant=None,
    programs={"ipv4": "nft", "ipv6": "nft"},
    plain_programs={},
    multi_call=(),
    kernel_options={"ipv4": ("NF_TABLES_INET",), "ipv6": ("NF_TABLES_INET",)},
)


class TrafficTest(NamedTuple):
    """Traffic that shows whether the rules work.

    :ivar kind: REDIRECT, TRANSPARENT, DATAGRAM or SOURCE.
    :ivar to: the key of FAMILY_PARAMS that has the destination address.
    :ivar port: the destination port.
    :ivar listen: the listener's port.
    :ivar uid: user of the client.
    :ivar gid: group of the client.
    :ivar server_uid: user of the listener.
    """

    kind: str
    to: str = "target"
    port: int = 80
    listen: int = 15001
    uid: int = APPLICATION
    gid: int = APPLICATION
    server_uid: int = PROXY


class Modules(NamedTuple):
    """The kernel modules that rules use directly.

    :ivar always: those that every version of the program needs. Without the first one, the rules request no other.
    :ivar optional: those that only some versions of the program need.
    """

    always: Tuple[str, ...]
    optional: Tuple[str, ...]


class Construct(NamedTuple):
    """One construct of Istio's rules, for all tools of a backend and both IP families.

    :ivar condition: dict of selection option to the value for which Istio programs this construct.
    :ivar rules: template of the program's input; its parameters are those of FAMILY_PARAMS.
    :ivar find_modules: function that takes the name of a tool and an IP family and returns the :class:`Modules`.
    :ivar traffic: the tests of the loaded rules.
    :ivar has_ipset: whether the rules match an ipset, which must exist first.
    :ivar kernel_options: kernel options that the rules need and that no module shows.
    """

    name: str
    condition: Dict[str, Any]
    rules: str
    find_modules: Callable[[str, str], Modules]
    traffic: Tuple[TrafficTest, ...] = ()
    has_ipset: bool = False
    kernel_options: Tuple[str, ...] = ()


class Ipset(NamedTuple):
    """An ipset with one address."""

    name: str
    address: str


class RuleSet(NamedTuple):
    """One construct as one tool loads it for one IP family. The other fields are those of :class:`Construct`.

    :ivar id: for example "iptables-nft/ipv4/sidecar-dns".
    :ivar construct: the name of the construct.
    :ivar rules: the program's input.
    :ivar ipset: the ipset that must exist first, or None.
    :ivar modules: what :class:`Modules` has in C(always).
    :ivar optional_modules: what :class:`Modules` has in C(optional).
    """

    id: str
    tool: Tool
    family: str
    construct: str
    condition: Dict[str, Any]
    rules: str
    ipset: Optional[Ipset]
    traffic: Tuple[TrafficTest, ...]
    modules: Tuple[str, ...]
    optional_modules: Tuple[str, ...]
    kernel_options: Tuple[str, ...]

    @property
    def program(self) -> str:
        """Return the name of the program that loads the rules."""
        return self.tool.programs[self.family]

    @property
    def all_modules(self) -> Tuple[str, ...]:
        """Return the modules that any version of the program needs."""
        return self.modules + self.optional_modules


def build_rule_sets(tool: Tool, constructs: Sequence[Construct]) -> List[RuleSet]:
    """Return the rule sets of a tool: each construct for each IP family."""
    return [_build_rule_set(tool, family, construct) for family in FAMILIES for construct in constructs]


def _build_rule_set(tool: Tool, family: str, construct: Construct) -> RuleSet:
    params = FAMILY_PARAMS[family]
    modules = construct.find_modules(tool.name, family)
    return RuleSet(
        id=f"{tool.name}/{family}/{construct.name}",
        tool=tool,
        family=family,
        construct=construct.name,
        condition=construct.condition,
        rules=construct.rules.format(**params),
        ipset=Ipset(params["set"], params["target"]) if construct.has_ipset else None,
        traffic=construct.traffic,
        modules=modules.always,
        optional_modules=modules.optional,
        kernel_options=tool.kernel_options[family] + construct.kernel_options,
    )
