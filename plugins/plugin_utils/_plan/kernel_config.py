# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel config fragment: options for a kernel that has what this one was built without. Pure.

The lines fit scripts/kconfig/merge_config.sh. They contain the options on which a required option depends, unless the
facts show that the kernel has them: a line for an option that is already "y" would turn it into a module.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KERNEL_OPTIONS, MERGED_INTO
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Code
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import AssessedRequirement, Assessment
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts, ModuleFacts

Version = tuple[int, ...]
# The tables below were read for the versions from this one on.
OLDEST_VERSION: Version = (5, 10)

# These options are "y" or "n", never "m" (bool in Kconfig). IPV6 is an exception: it may be "y" already, and switched
# off by the kernel command line.
BOOL_OPTIONS = frozenset(
    (
        "IPV6",
        "IPV6_MULTIPLE_TABLES",
        "IP_ADVANCED_ROUTER",
        "IP_MULTIPLE_TABLES",
        "NETFILTER",
        "NETFILTER_ADVANCED",
        "NETFILTER_XTABLES_LEGACY",
        "NF_CONNTRACK_MARK",
        "NF_CONNTRACK_ZONES",
        "NF_TABLES_INET",
        "NF_TABLES_IPV4",
        "NF_TABLES_IPV6",
    )
)
# Menus without code of their own, or without facts: in doubt their lines are part of the fragment. Only the parts of a
# menu show that the kernel has it.
MENUS = {
    "IP_NF_IPTABLES": ("iptable_filter", "iptable_mangle", "iptable_nat", "iptable_raw"),
    "IP6_NF_IPTABLES": ("ip6table_filter", "ip6table_mangle", "ip6table_nat", "ip6table_raw"),
    "NETFILTER": ("x_tables", "nf_tables", "nf_conntrack"),
    "NETFILTER_ADVANCED": (),
    "IP_ADVANCED_ROUTER": (),
    "NETFILTER_XTABLES_LEGACY": ("ip_tables", "ip6_tables"),
}

# Since 6.17 the legacy tables are optional, and depend on these options ("netfilter: Exclude LEGACY TABLES on
# PREEMPT_RT."). In 6.9 to 6.16 the tables select IP_NF_IPTABLES_LEGACY.
LEGACY_OPTION_SINCE: Version = (6, 17)
# Since then iptables-nft alone satisfies some options that depended on a legacy table (a9525c7f6219, "netfilter:
# xtables: allow xtables-nft only builds").
NFT_ONLY_SINCE: Version = (6, 9)
# Since then nft_counter is a part of nf_tables (023223dfbfb3).
COUNTER_MERGED_SINCE: Version = (5, 18)


@dataclass(frozen=True)
class Dependency:
    """What an option depends on: one of ``any_of``, the first of which is chosen if the kernel has none.

    It exists in kernels from version ``since`` on, and before ``until``.
    """

    any_of: tuple[str, ...]
    since: Version = OLDEST_VERSION
    until: Version | None = None

    def exists_in(self, version: Version) -> bool:
        """Return whether a kernel of this version has the dependency."""
        return version >= self.since and (self.until is None or version < self.until)


def _on(*options: str) -> tuple[Dependency, ...]:
    """Return dependencies on all of these options, in every version."""
    return tuple(Dependency((option,)) for option in options)


_LEGACY4 = (
    *_on("IP_NF_IPTABLES"),
    Dependency(("NETFILTER_XTABLES_LEGACY",), since=LEGACY_OPTION_SINCE),
    Dependency(("IP_NF_IPTABLES_LEGACY",), since=LEGACY_OPTION_SINCE),
)
_LEGACY6 = (
    *_on("IPV6", "IP6_NF_IPTABLES"),
    Dependency(("NETFILTER_XTABLES_LEGACY",), since=LEGACY_OPTION_SINCE),
    Dependency(("IP6_NF_IPTABLES_LEGACY",), since=LEGACY_OPTION_SINCE),
)
_XTABLES = _on("NETFILTER_XTABLES")
_ADVANCED = _on("NETFILTER_XTABLES", "NETFILTER_ADVANCED")

# "depends on" and "if" of Kconfig in net, net/netfilter, net/ipv4, net/ipv4/netfilter, net/ipv6, net/ipv6/netfilter and
# net/netfilter/ipset, read for 5.10 to 7.2. What an option selects is not listed: it follows by itself.
DEPENDENCIES: dict[str, tuple[Dependency, ...]] = {
    "NETFILTER_ADVANCED": _on("NETFILTER"),
    "NETFILTER_XTABLES": _on("NETFILTER"),
    "NETFILTER_XTABLES_LEGACY": _on("NETFILTER_XTABLES"),
    "NF_CONNTRACK": _on("NETFILTER"),
    "NF_CONNTRACK_MARK": _on("NF_CONNTRACK", "NETFILTER_ADVANCED"),
    "NF_CONNTRACK_ZONES": _on("NF_CONNTRACK", "NETFILTER_ADVANCED"),
    "NF_NAT": _on("NF_CONNTRACK"),
    "NF_TABLES": _on("NETFILTER"),
    "NF_TABLES_INET": _on("NF_TABLES", "IPV6"),
    "NF_TABLES_IPV4": _on("NF_TABLES"),
    "NF_TABLES_IPV6": _on("NF_TABLES", "IPV6"),
    "NFT_COMPAT": _on("NF_TABLES", "NETFILTER_XTABLES"),
    "NFT_COUNTER": _on("NF_TABLES"),
    "NFT_CT": _on("NF_TABLES", "NF_CONNTRACK"),
    "NFT_NAT": (*_on("NF_TABLES", "NF_CONNTRACK"), Dependency(("NF_TABLES_IPV4", "NF_TABLES_IPV6"))),
    "NFT_REDIR": _on("NF_TABLES", "NF_CONNTRACK", "NF_NAT"),
    "NFT_SOCKET": _on("NF_TABLES"),
    "NFT_TPROXY": _on("NF_TABLES"),
    "NETFILTER_XT_CONNMARK": (*_ADVANCED, *_on("NF_CONNTRACK")),
    "NETFILTER_XT_MARK": _XTABLES,
    "NETFILTER_XT_MATCH_COMMENT": _ADVANCED,
    "NETFILTER_XT_MATCH_CONNTRACK": (*_XTABLES, *_on("NF_CONNTRACK")),
    "NETFILTER_XT_MATCH_MULTIPORT": _ADVANCED,
    "NETFILTER_XT_MATCH_OWNER": _ADVANCED,
    "NETFILTER_XT_NAT": (*_XTABLES, *_on("NF_NAT")),
    "NETFILTER_XT_SET": (*_ADVANCED, *_on("IP_SET")),
    "NETFILTER_XT_TARGET_CT": (
        *_ADVANCED,
        *_on("NF_CONNTRACK"),
        Dependency(("IP_NF_RAW", "IP6_NF_RAW"), until=NFT_ONLY_SINCE),
        Dependency(("NFT_COMPAT", "IP_NF_RAW", "IP6_NF_RAW"), since=NFT_ONLY_SINCE),
    ),
    "NETFILTER_XT_TARGET_REDIRECT": (*_XTABLES, *_on("NF_NAT")),
    "NETFILTER_XT_TARGET_TPROXY": (
        *_ADVANCED,
        Dependency(("IP_NF_MANGLE",), until=NFT_ONLY_SINCE),
        Dependency(("NFT_COMPAT", "IP_NF_MANGLE"), since=NFT_ONLY_SINCE),
    ),
    "IP_SET": _on("NETFILTER"),
    "IP_SET_HASH_IP": _on("IP_SET"),
    "IP_NF_IPTABLES": _on("NETFILTER"),
    "IP_NF_IPTABLES_LEGACY": _on("IP_NF_IPTABLES", "NETFILTER_XTABLES_LEGACY"),
    "IP_NF_FILTER": _LEGACY4,
    "IP_NF_MANGLE": _LEGACY4,
    "IP_NF_RAW": _LEGACY4,
    "IP_NF_NAT": (*_LEGACY4, *_on("NF_CONNTRACK")),
    "IP6_NF_IPTABLES": _on("NETFILTER", "IPV6"),
    "IP6_NF_IPTABLES_LEGACY": _on("IP6_NF_IPTABLES", "NETFILTER_XTABLES_LEGACY"),
    "IP6_NF_FILTER": _LEGACY6,
    "IP6_NF_MANGLE": _LEGACY6,
    "IP6_NF_RAW": _LEGACY6,
    "IP6_NF_NAT": (*_LEGACY6, *_on("NF_CONNTRACK", "NETFILTER_ADVANCED")),
    "BRIDGE": (),
    "BRIDGE_NETFILTER": _on("BRIDGE", "NETFILTER_ADVANCED"),
    "IP_MULTIPLE_TABLES": _on("IP_ADVANCED_ROUTER"),
    "IPV6_MULTIPLE_TABLES": _on("IPV6"),
}

# Options without a prompt, and an option that selects each of them.
SELECTED_BY = {"NF_DEFRAG_IPV4": "NF_CONNTRACK", "NF_DEFRAG_IPV6": "NF_CONNTRACK"}

# The module that shows whether the kernel has an option.
MODULES_OF: dict[str, str] = {}
for _name, _options in KERNEL_OPTIONS.items():
    if _options:
        MODULES_OF.setdefault(_options[0], _name)


def make_kernel_config(facts: Facts, assessment: Assessment) -> tuple[str, ...]:
    """Return the lines for the options that this kernel was built without, as in "CONFIG_NFT_COMPAT=m".

    An option comes after the options on which it depends. There are none if the kernel lacks nothing that is required,
    if its configuration is not known, or if its version is older than those whose Kconfig was read.
    """
    if facts.kernel.version < OLDEST_VERSION:
        return ()
    fragment = _Fragment(facts)
    for row in assessment.requirements:
        if row.level == "must" and row.now == "unmet":
            for option in _list_options(facts, row):
                fragment.add(option)
    return tuple(fragment.lines)


class _Fragment:
    """Collects the lines of a fragment for one kernel."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._added: dict[str, None] = {}
        self._module_value = "y" if facts.kernel.modules_supported is False else "m"

    @property
    def lines(self) -> Iterator[str]:
        for option in self._added:
            value = "y" if option in BOOL_OPTIONS else self._module_value
            yield f"CONFIG_{option}={value}"

    def add(self, option: str) -> None:
        """Add an option that the kernel lacks, after the options on which it depends."""
        if option in self._added:
            return
        for dependency in DEPENDENCIES.get(option, ()):
            is_met = any(one in self._added or self._has_option(one) for one in dependency.any_of)
            if dependency.exists_in(self._facts.kernel.version) and not is_met:
                self.add(dependency.any_of[0])
        self._added[option] = None

    def _has_option(self, option: str) -> bool:
        """Return whether the kernel has an option. In doubt it has it, unless it lacks one that this one depends on."""
        known = _find_evidence(self._facts, option)
        if known is not None:
            return known
        parents = [dependency.any_of for dependency in DEPENDENCIES.get(option, ())]
        return not any(len(any_of) == 1 and any_of[0] in self._added and any_of[0] not in MENUS for any_of in parents)


def _list_options(facts: Facts, row: AssessedRequirement) -> Iterator[str]:
    """Yield the option of a requirement that the kernel was built without."""
    if row.kind == "option" and facts.options.get(row.name) == "n":
        yield row.name
    if row.kind != "module":
        return
    option = _find_option(facts, row.name)
    if option is None or not _was_not_built(facts, row.name):
        return
    if option not in SELECTED_BY:
        yield option
    elif _find_evidence(facts, SELECTED_BY[option]) is False:
        yield SELECTED_BY[option]


def _find_option(facts: Facts, name: str) -> str | None:
    """Return the option of a module in a kernel of this version; None if there is none since Linux 5.10."""
    provider = MERGED_INTO.get(name)
    if provider is not None and not (name == "nft_counter" and facts.kernel.version < COUNTER_MERGED_SINCE):
        name = provider
    if name in ("ip_tables", "ip6_tables") and facts.kernel.version < LEGACY_OPTION_SINCE:
        # No other option is needed: each of the tables selects it, or is built with it.
        return "IP_NF_FILTER" if name == "ip_tables" else "IP6_NF_FILTER"
    option = next(iter(KERNEL_OPTIONS.get(name, ())), "")
    return option if option in DEPENDENCIES or option in SELECTED_BY else None


def _was_not_built(facts: Facts, name: str) -> bool:
    """Return whether the configuration of the kernel shows that it was built without a module."""
    module = facts.modules[name]
    codes = {reason.code for reason in module.reasons}
    if module.state != "missing":
        return False
    if Code.PROVIDER_MISSING in codes and MERGED_INTO.get(name) in facts.modules:
        return _was_not_built(facts, MERGED_INTO[name])
    # An option that is "m" is the reason not_installed, so a module that the tree lacks is not configured.
    return Code.NOT_BUILT in codes or (Code.NOT_IN_TREE in codes and facts.kernel.config is not None)


def _find_evidence(facts: Facts, option: str) -> bool | None:
    """Return whether the facts show that the kernel has an option, or that it lacks it; None if they show neither."""
    if option == "IPV6":
        return facts.kernel.ipv6 is not False
    if option in MENUS:
        return any(_is_built(facts.modules.get(name)) for name in MENUS[option])
    value = facts.options.get(option)
    if value is not None:
        return value != "n"
    module = facts.modules.get(MODULES_OF.get(option, ""))
    return None if module is None or module.state == "unknown" else _is_built(module)


def _is_built(module: ModuleFacts | None) -> bool:
    """Return whether the kernel was built with a module, whose file may not be installed."""
    if module is None or module.state == "unknown":
        return False
    return module.state != "missing" or any(reason.code == Code.NOT_INSTALLED for reason in module.reasons)
