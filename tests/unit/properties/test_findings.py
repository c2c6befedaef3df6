# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random nodes and selections: no finding and no reason of a requirement is a false sentence.

Each claim is checked against the raw facts and options by a predicate that shares no code with what makes the sentence.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import OPTIONS, facts, readiness
from hypothesis import Phase, example, given, settings
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
STATES = st.sampled_from(
    [
        {"state": "loaded", "boot": "yes", "autoload": "yes"},
        {"state": "loaded", "boot": "no", "autoload": "denied"},
        {"state": "loadable", "boot": "no", "autoload": "yes"},
        {"state": "loadable", "boot": "yes", "autoload": "denied"},
        {"state": "missing", "boot": "no", "autoload": "never"},
        {"state": "blocked", "boot": "no", "autoload": "denied"},
        {"state": "unknown", "boot": "unknown", "autoload": "unknown"},
    ]
)


@st.composite
def make_netfilter(draw):
    tables, rules = {}, {}
    for family in PREFIXES:
        tables[family] = draw(st.sampled_from([[], [], ["nat"], ["filter", "nat"], None]))
        if tables[family]:
            rules[family] = draw(st.one_of(st.none(), st.lists(st.sampled_from(tables[family]), unique=True)))
    netfilter = {
        "legacy_tables": tables,
        "nft_compat_uses": draw(st.sampled_from([None, 0, 3])),
        "ipsets": draw(st.sampled_from([None, [], ["istio-inpod-probes-v4"]])),
        "ipv6_off": draw(st.sampled_from([[], ["all", "default", "lo"], ["default"]])),
    }
    if draw(st.booleans()):
        netfilter["legacy_rules"] = rules
    if draw(st.booleans()):
        netfilter["loopback_ipv6"] = False
    return netfilter


@st.composite
def make_node(draw):
    # Half of the nodes are as a distribution makes them, so that not only the faults are tested.
    is_plain = draw(st.booleans())
    modules = {name: draw(STATES) for name in VARIED}
    if is_plain:
        modules = dict.fromkeys(VARIED, draw(STATES.filter(lambda entry: entry["state"] in ("loaded", "loadable"))))
    elif draw(st.booleans()):
        legacy = [f"{prefix}{table}" for prefix in PREFIXES.values() for table in TABLES]
        for name in ("ip_tables", "ip6_tables", *legacy):
            modules[name] = {"state": "missing", "autoload": "never"}
    if draw(st.booleans()):
        modules["xt_owner"] = {
            **modules["xt_owner"],
            "reasons": [{"axis": "autoload", "code": "blacklist", "text": "blacklisted"}],
        }
    node = facts(
        kernel=draw(st.sampled_from([(3, 10, 0), (4, 18, 0), (5, 10, 0), (5, 12, 0), (6, 12, 0)])),
        nft=draw(st.sampled_from([None, "0.9.8", "1.0.6", "1.1.3"])),
        iptables=draw(st.sampled_from([None, "1.8.7", "1.8.10"])),
        netfilter={} if is_plain and draw(st.booleans()) else draw(make_netfilter()),
        options={name: draw(st.sampled_from(["y", "y", "n", None])) for name in OPTIONS[1:]},
        **modules,
    )
    node["kernel"]["ipv6"] = draw(st.sampled_from([True, True, False, None]))
    node["platform"] = {"kubelet": draw(st.sampled_from([None, "kubelite", "k3s", "k3s-server"]))}
    node["os"] = draw(
        st.sampled_from(
            [
                {"id": "debian", "name": "Debian GNU/Linux 13 (trixie)"},
                {"id": "rhcos", "name": "Red Hat Enterprise Linux CoreOS 417.94"},
                {"id": "rhel", "name": "Red Hat Enterprise Linux CoreOS 9.6.20260101-0 (Plow)"},
                {"id": "rhel", "name": "Red Hat Enterprise Linux 9.6 (Plow)"},
            ]
        )
    )
    if draw(st.booleans()):
        denied = {"modules": ["xt_owner", "nf_tables"], "domains": ["container_t"], "at": "2026-11-24T10:00:00Z"}
        node["selinux"] = {"mode": "enforcing", "denied": denied}
    if draw(st.booleans()):
        node["unreadable"] = {"/var/log/audit/audit.log": "Permission denied"}
    return node


@st.composite
def make_options(draw):
    options: dict[str, Any] = {
        "istio_version": draw(st.sampled_from([*VERSIONS, *["1.28.0", "1.30.4"] * 3])),
        "mode": draw(st.sampled_from([["sidecar"], ["ambient"], ["sidecar", "ambient"]])),
        "ip_family": draw(st.sampled_from(["ipv4", "dual"])),
        "ambient_ipv6": draw(st.booleans()),
        "cni_plugin": draw(st.booleans()),
        "iptables_variant": draw(st.sampled_from(["auto", "auto", "legacy", "nft"])),
        "profile": draw(st.sampled_from(["documented", "effective", "combined"])),
        "interception": draw(st.sampled_from(["redirect", "tproxy"])),
    }
    if options["istio_version"] in READS_VARIABLE:
        options["backend"] = draw(st.sampled_from(["iptables", "iptables", "nftables"]))
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
        old_kernel = tuple(self.node["kernel"]["version"]) < (5, 15)
        return (
            old_kernel
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
SEEN: set[str] = set()


def make_plain_node(**changes):
    return {**facts(kernel=(5, 10, 0), **changes), "platform": {"kubelet": None}}


PLAIN = {
    **{"istio_version": "1.30.4", "mode": ["ambient"], "ip_family": "dual", "ambient_ipv6": True, "cni_plugin": False},
    **{"iptables_variant": "auto", "profile": "documented", "interception": "redirect", "backend": "iptables"},
}
ONE_PATCH = {**PLAIN, "istio_version": "1.28.0", "backend": "nftables", "ambient_ipv6": False, "profile": "effective"}


@given(node=make_node(), options=make_options())
@example(node=make_plain_node(), options=PLAIN)
@settings(max_examples=500, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
def test_no_finding_is_a_false_sentence(node, options):
    for found in readiness(node, **options)["findings"]:
        SEEN.add(found["id"])
        assert getattr(Claim(node, options, found["message"]), found["id"])(), found


@given(node=make_node(), options=make_options())
@example(node=make_plain_node(), options=ONE_PATCH)
@settings(max_examples=200, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
def test_no_reason_of_a_requirement_is_a_false_sentence(node, options):
    for row in readiness(node, **options)["requirements"]:
        if row["kind"] != "module" and "unmet" in (row["now"], row["after_reboot"]):
            SEEN.add(row["kind"])
            assert check_row(node, options, row), row


@pytest.mark.parametrize("claim", [*FINDINGS, "option", "tool", "kernel", "release"])
def test_each_claim_was_checked(claim):
    if not SEEN:
        pytest.skip("the tests above did not run")
    assert claim in SEEN
