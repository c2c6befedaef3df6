# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random nodes and selections: no finding and no reason of a requirement is a false sentence.

Each claim is checked against the raw facts and options by a predicate that shares no code with what makes the sentence.
"""

from __future__ import annotations

import random
import re
from typing import Any

from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import OPTIONS, facts, readiness
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

VERSIONS = [
    *("1.18.0", "1.22", "1.23", "1.24", "1.25.3", "1.25.4", "1.26", "1.27.1", "1.27", "1.28.0", "1.28.1", "1.28.2"),
    *("1.28.3", "1.29.6", "1.29.7", "1.29.8", "1.30.3", "1.30.4", "1.30.5", "1.31.0", "1.31.1", "1.32", "1.40"),
]
# What Istio's release notes and sources say, written down once more.
UNKNOWN = ("1.18.0", "1.40")
WITHOUT_TEST = ("1.18.0", "1.22", "1.23", "1.24", "1.25.3")
ONLY_RULES_COUNT = ("1.29.8", "1.30.5", "1.31.1", "1.32", "1.40")
READS_VARIABLE = tuple(version for version in VERSIONS if version not in ("1.18.0", *VERSIONS[1:9]))
NEW_NFT = ("1.28.0", "1.28.1", "1.28.2", "1.29.7", "1.29.8", "1.30.4", "1.30.5", "1.31.0", "1.31.1", "1.32", "1.40")
LOOKS_FOR_IPSETS = tuple(version for version in READS_VARIABLE if version not in ("1.28.0", "1.28.1"))
KUBELETS = {"1.28": ["kubelet"], "1.32": ["kubelet", "kubelite", "k3s"], "1.40": ["kubelet", "kubelite", "k3s"]}
TABLES = ["filter", "nat", "mangle", "raw"]
PREFIXES = {"ipv4": "iptable_", "ipv6": "ip6table_"}
VARIED = (
    *("ip_tables", "ip6_tables", "iptable_nat", "ip6table_nat", "iptable_filter", "ip6table_filter", "nf_tables"),
    *("nft_chain_nat", "nft_compat", "nft_chain_nat_ipv4", "xt_owner"),
)
STATES = [
    {"state": "loaded", "boot": "yes", "autoload": "yes"},
    {"state": "loaded", "boot": "no", "autoload": "denied"},
    {"state": "loadable", "boot": "no", "autoload": "yes"},
    {"state": "loadable", "boot": "yes", "autoload": "denied"},
    {"state": "missing", "boot": "no", "autoload": "never"},
    {"state": "blocked", "boot": "no", "autoload": "denied"},
    {"state": "unknown", "boot": "unknown", "autoload": "unknown"},
]


def make_netfilter(rng):
    tables, rules = {}, {}
    for family in PREFIXES:
        tables[family] = rng.choice([[], [], ["nat"], ["filter", "nat"], None])
        if tables[family]:
            rules[family] = rng.choice([None, [], tables[family], tables[family][-1:]])
    netfilter = {
        "legacy_tables": tables,
        "nft_tables": {family: rng.choice([None, False, True]) for family in PREFIXES},
        "nft_compat_uses": rng.choice([None, 0, 3]),
        "ipsets": rng.choice([None, [], ["istio-inpod-probes-v4"]]),
        "ipv6_off": rng.choice([[], ["all", "default", "lo"], ["default"]]),
    }
    if rng.choice([True, False]):
        netfilter["legacy_rules"] = rules
    if rng.choice([True, False]):
        netfilter["loopback_ipv6"] = False
    return netfilter


def make_node(rng):
    # Half of the nodes are as a distribution makes them, so that not only the faults are tested.
    is_plain = rng.choice([True, False])
    modules = {name: rng.choice(STATES) for name in VARIED}
    if is_plain:
        modules = dict.fromkeys(VARIED, rng.choice(STATES[:4]))
    elif rng.choice([True, False]):
        legacy = [f"{prefix}{table}" for prefix in PREFIXES.values() for table in TABLES]
        for name in ("ip_tables", "ip6_tables", *legacy):
            modules[name] = {"state": "missing", "autoload": "never"}
    if rng.choice([True, False]):
        modules["xt_owner"] = {
            **modules["xt_owner"],
            "reasons": [{"axis": "autoload", "code": "blacklist", "text": "blacklisted"}],
        }
    node = facts(
        kernel=rng.choice([(3, 10, 0), (4, 18, 0), (5, 10, 0), (5, 12, 0), (6, 12, 0)]),
        nft=rng.choice([None, "0.9.8", "1.0.6", "1.1.3"]),
        iptables=rng.choice([None, "1.8.7", "1.8.10"]),
        netfilter={} if is_plain and rng.choice([True, False]) else make_netfilter(rng),
        options={name: (rng.choice(["y", "y", "n", None])) for name in OPTIONS[1:]},
        **modules,
    )
    node["kernel"]["ipv6"] = rng.choice([True, True, False, None])
    node["platform"] = {"kubelet": rng.choice([None, "kubelite", "k3s", "k3s-server"])}
    nsenter = rng.choice([{}, {"nsenter": None}, {"nsenter": {"path": "/usr/bin/nsenter", "version": "2.38.1"}}])
    node["tools"] = {**node["tools"], **nsenter}
    node["os"] = rng.choice(
        [
            {"id": "debian", "name": "Debian GNU/Linux 13 (trixie)"},
            {"id": "rhcos", "name": "Red Hat Enterprise Linux CoreOS 417.94"},
            {"id": "rhel", "name": "Red Hat Enterprise Linux CoreOS 9.6.20260101-0 (Plow)"},
            {"id": "rhel", "name": "Red Hat Enterprise Linux 9.6 (Plow)"},
        ]
    )
    if rng.choice([True, False]):
        denied = {"modules": ["xt_owner", "nf_tables"], "domains": ["container_t"], "at": "2026-11-24T10:00:00Z"}
        node["selinux"] = {"mode": "enforcing", "denied": denied}
    if rng.choice([True, False]):
        node["unreadable"] = {"/var/log/audit/audit.log": "Permission denied"}
    return node


def make_options(rng):
    options: dict[str, Any] = {
        "istio_version": rng.choice([*VERSIONS, *["1.28.0", "1.30.4"] * 3]),
        "mode": rng.choice([["sidecar"], ["ambient"], ["sidecar", "ambient"]]),
        "ip_family": rng.choice(["ipv4", "dual"]),
        "ambient_ipv6": rng.choice([True, False]),
        "cni_plugin": rng.choice([True, False]),
        "iptables_variant": rng.choice(["auto", "auto", "legacy", "nft"]),
        "profile": rng.choice(["documented", "effective", "combined"]),
        "interception": rng.choice(["redirect", "tproxy"]),
    }
    if options["istio_version"] in READS_VARIABLE:
        options["backend"] = rng.choice(["iptables", "iptables", "nftables"])
    return options


def state_of(node, name):
    return node["modules"][name]["state"]


def has_module(node, name):
    return state_of(node, name) in ("loaded", "builtin", "loadable", "merged")


def uses(options, mode, backend):
    return mode in options["mode"] and options.get("backend", "iptables") == backend


def names_in(message):
    return re.findall(r"\bip6?table_\w+", message)


def holds(node, name, key):
    """Return whether the facts list a table under netfilter.legacy_tables or legacy_rules."""
    family = "ipv6" if name.startswith("ip6") else "ipv4"
    return name.removeprefix(PREFIXES[family]) in (node["netfilter"].get(key, {}).get(family) or [])


SINCE_1_30 = tuple(version for version in VERSIONS if version.startswith(("1.30", "1.31", "1.32", "1.40")))
SINCE_1_32 = ("1.32", "1.40")


class Claim:
    """The claim of a finding about a node under a selection; each method checks the finding of its name."""

    def __init__(self, node, options, message):
        self.node = node
        self.options = options
        self.message = message

    def istio_version(self):
        return self.options["istio_version"] in UNKNOWN and ("unknown" in self.message) == (
            self.options["istio_version"] == "1.18.0"
        )

    def legacy_retired(self):
        tables = [name for name in self.node["modules"] if name.startswith(("iptable_", "ip6table_"))]
        missing = all(state_of(self.node, name) == "missing" for name in ("ip_tables", "iptable_nat"))
        nft = has_module(self.node, "nf_tables") and has_module(self.node, "nft_compat")
        return bool(tables) and missing and nft and self.options.get("backend", "iptables") == "iptables"

    def legacy_tables(self):
        what, consequence = re.split(r": (?=ambient|the forecast)", self.message, maxsplit=1)
        key = "legacy_rules" if "tables with rules" in what else "legacy_tables"
        must_admit = "tables with rules" not in what and self.options["istio_version"] in ONLY_RULES_COUNT
        if must_admit and "cannot be determined" not in self.message:
            return False
        if not names_in(what) or not all(holds(self.node, name, key) for name in names_in(what)):
            return False
        return "picks iptables-legacy" in consequence or "forecast" in consequence

    def mixed_backends(self):
        key = "legacy_rules" if "rules of iptables-legacy" in self.message else "legacy_tables"
        return bool(self.node["netfilter"]["nft_compat_uses"]) and any(self.node["netfilter"].get(key, {}).values())

    def legacy_flip(self):
        creates_tables = tuple(self.node["kernel"]["version"]) < (5, 15)
        if ("creates their tables" in self.message) != creates_tables:
            return False
        has_tables = any(self.node["netfilter"]["legacy_tables"].values())
        return (
            (creates_tables or has_tables)
            and self.options["istio_version"] not in ONLY_RULES_COUNT
            and self.options["profile"] == "documented"
        )

    def variant_changes(self):
        (now,) = re.findall(r"now picks iptables-(\w+)", self.message)
        (later,) = re.findall(r"but iptables-(\w+) after a reboot", self.message)
        return {now, later} == {"legacy", "nft"} and self.options.get("backend", "iptables") == "iptables"

    def variant_after_restart(self):
        version = self.options["istio_version"]
        if not uses(self.options, "ambient", "iptables") or version in (*WITHOUT_TEST, *ONLY_RULES_COUNT):
            return False
        if "from 1.28 on" in self.message and version in READS_VARIABLE:
            return False
        families = [family for family in PREFIXES if not self.node["netfilter"]["legacy_tables"][family]]
        table = "filter" if version in ("1.25.4", "1.26") else "nat"
        can_appear = [family for family in families if has_module(self.node, PREFIXES[family] + table)]
        return bool(can_appear) and self.options["iptables_variant"] == "auto"

    def variant_not_picked(self):
        (mode,) = re.findall(r"in (\w+) mode", self.message)
        is_plugin = mode == "sidecar" and self.options["cni_plugin"]
        reads = self.options["istio_version"] in READS_VARIABLE and not is_plugin
        says = f"; set FORCE_IPTABLES_BINARY={self.options['iptables_variant']}" in self.message
        return self.options["iptables_variant"] != "auto" and mode in self.options["mode"] and says == reads

    def ambient_ipv6(self):
        is_on = self.options["ambient_ipv6"] and self.options["ip_family"] == "ipv4"
        return "ambient" in self.options["mode"] and is_on and self.options["istio_version"] not in ("1.18.0", "1.22")

    def ambient_ipv6_off(self):
        is_off = not self.options["ambient_ipv6"] and self.options["ip_family"] == "dual"
        return "ambient" in self.options["mode"] and is_off and self.options["istio_version"] not in ("1.18.0", "1.22")

    def ztunnel_ipv6(self):
        causes = {
            "IPv6 is off in this kernel": self.node["kernel"]["ipv6"] is False,
            "net.ipv6.conf.lo.disable_ipv6 is 1": "lo" in self.node["netfilter"].get("ipv6_off", []),
            "the loopback interface of this node has no address ::1": self.node["netfilter"].get("loopback_ipv6")
            is False,
        }
        true = [cause for cause, is_true in causes.items() if is_true and self.message.startswith(cause)]
        return "ambient" in self.options["mode"] and len(true) == 1

    def old_ipsets(self):
        continues = "continues to use iptables" in self.message
        exists = self.node["netfilter"]["ipsets"] == ["istio-inpod-probes-v4"]
        return (
            exists
            and uses(self.options, "ambient", "nftables")
            and continues == (self.options["istio_version"] in LOOKS_FOR_IPSETS)
        )

    def nft_set_crash(self):
        is_old = self.node["tools"]["nft"] is not None and self.node["tools"]["nft"]["version"] in ("0.9.8", "1.0.6")
        return is_old and uses(self.options, "ambient", "nftables") and self.options["istio_version"] in NEW_NFT

    def kubelet_not_found(self):
        version = self.options["istio_version"]
        known = KUBELETS.get(version, KUBELETS["1.28"] if version.startswith("1.28") else ["kubelet", "kubelite"])
        name = self.node["platform"]["kubelet"]
        return (
            uses(self.options, "ambient", "nftables")
            and name is not None
            and name not in known
            and f" {name}," in self.message
        )

    def openshift_nftables(self):
        is_openshift = "CoreOS" in self.node["os"]["name"]
        return (
            is_openshift
            and self.options.get("backend", "iptables") == "iptables"
            and self.options["istio_version"] in SINCE_1_32
        )

    def nsenter_missing(self):
        return (
            self.node["tools"].get("nsenter", "not shown") is None
            and uses(self.options, "sidecar", "iptables")
            and self.options["cni_plugin"]
            and self.options["istio_version"] in SINCE_1_30
        )

    def selinux_denied(self):
        present = all(
            state_of(self.node, name) in ("loaded", "builtin")
            for name in ("xt_owner", "nf_tables")
            if name in self.message
        )
        return "denied" in self.node.get("selinux", {}) and ("all are present now" in self.message) == present

    def selinux_denials_unknown(self):
        return bool(self.node.get("unreadable"))

    def conflicts_truncated(self):
        return bool(self.node["modules"]["xt_owner"]["reasons"]) and "xt_owner" in self.message


def check_row(node, options, row):
    """Return whether the reason of an unmet requirement, other than a module, is true."""
    name, reason = row["name"], row["reason"]
    numbers = [tuple(int(part) for part in text.split(".")) for text in re.findall(r"\d+(?:\.\d+)+", reason)]
    if row["kind"] == "option":
        return node["options"][name] == "n" and f"CONFIG_{name}" in reason
    if row["kind"] == "tool":
        is_page = row["wording"] == "required" and options["profile"] == "documented"
        counts = is_page or (options["cni_plugin"] and "sidecar" in options["mode"])
        if node["tools"][name] is None:
            return counts and "is not installed" in reason
        return counts and node["tools"][name]["version"] in reason and numbers[0] < numbers[1]
    if row["kind"] == "release":
        is_bad_patch = options["istio_version"] == "1.28.0" and not options["ambient_ipv6"]
        return is_bad_patch and uses(options, "ambient", "nftables")
    if "IPv6" in reason:
        return node["kernel"]["ipv6"] is False
    return numbers[0] == tuple(node["kernel"]["version"]) and numbers[0] < numbers[1]


FINDINGS = [name for name in vars(Claim) if not name.startswith("_")]
# The claims that were checked. They are asserted in the same test, since tests may run in different processes.
SEEN: set[str] = set()


def make_plain_node(**changes):
    return {**facts(kernel=(5, 10, 0), **changes), "platform": {"kubelet": None}}


PLAIN = {
    "istio_version": "1.30.4",
    "mode": ["ambient"],
    "ip_family": "dual",
    "ambient_ipv6": True,
    "cni_plugin": False,
    "iptables_variant": "auto",
    "profile": "documented",
    "interception": "redirect",
    "backend": "iptables",
}
ONE_PATCH = {**PLAIN, "istio_version": "1.28.0", "backend": "nftables", "ambient_ipv6": False, "profile": "effective"}


def check_findings(node, options):
    for found in readiness(node, **options)["findings"]:
        SEEN.add(found["id"])
        assert getattr(Claim(node, options, found["message"]), found["id"])(), (found, node, options)


def check_requirements(node, options):
    for row in readiness(node, **options)["requirements"]:
        if row["kind"] != "module" and "unmet" in (row["now"], row["after_reboot"]):
            SEEN.add(row["kind"])
            assert check_row(node, options, row), (row, node, options)


# A number selects a node and a selection: all parts of these vary independently.
@given(number=st.integers(0, 2**64))
@settings(max_examples=600, deadline=None, derandomize=True, phases=[Phase.generate])
def check_random_findings(number):
    rng = random.Random(number)
    check_findings(make_node(rng), make_options(rng))


@given(number=st.integers(0, 2**64))
@settings(max_examples=300, deadline=None, derandomize=True, phases=[Phase.generate])
def check_random_requirements(number):
    rng = random.Random(number)
    check_requirements(make_node(rng), make_options(rng))


def test_no_finding_and_no_reason_of_a_requirement_is_a_false_sentence():
    SEEN.clear()
    check_random_findings()
    check_random_requirements()
    check_findings(make_plain_node(), PLAIN)
    check_requirements(make_plain_node(), ONE_PATCH)
    assert {*FINDINGS, "option", "tool", "kernel", "release"} - SEEN == set()
