# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirements, grades, verdicts, plans and the summary, on facts made here."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.filter.required_modules import required_modules
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.profiles import known_modules
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import (
    checked,
    facts,
    missing_modules,
    preparation_plan,
    readiness,
    recorded,
)

BOOT_FILE = "/etc/modules-load.d/istio.conf"
NFT = ["nf_tables", "nf_conntrack", "nft_ct", "nf_defrag_ipv4", "nft_nat", "nft_socket", "nft_tproxy", "nft_redir"]
PAGE = {"profile": "documented"}


def test_the_node_knows_the_catalogues_names():
    assert known_modules() == set(KNOWN_MODULES)


def test_the_pages_conditions():
    plain = required_modules("iptables", **PAGE)
    assert len(plain) == 16
    assert "iptable_raw" not in plain and "xt_mark" not in plain and "ip_set" not in plain and "ip6_tables" not in plain
    assert {"xt_mark", "xt_connmark"} <= set(required_modules("iptables", interception=["redirect", "tproxy"], **PAGE))
    assert {"ip_set", "ip_set_hash_ip", "xt_mark"} <= set(required_modules("iptables", mode="ambient", **PAGE))
    assert "iptable_raw" in required_modules("iptables", dns_capture=True, **PAGE)
    assert "iptable_raw" not in required_modules("iptables", mode="ambient", dns_capture=True, **PAGE)
    assert {"ip6_tables", "ip6table_nat", "nf_nat_ipv6"} <= set(required_modules("iptables", ip_family="dual", **PAGE))
    assert required_modules("nftables", **PAGE) == NFT
    assert "nf_defrag_ipv6" in required_modules("nftables", ip_family="ipv6", **PAGE)


@pytest.mark.parametrize(
    "verdict, options",
    [
        ("ready", {"state": "builtin", "boot": "not_applicable"}),
        ("ready", {"state": "loaded", "boot": "yes"}),
        ("on_demand", {}),
        ("on_demand", {"state": "loaded"}),
        ("at_risk", {"state": "loaded", "autoload": "never"}),
        ("at_risk", {"state": "loaded", "autoload": "denied", "boot": "ineffective"}),
        ("at_risk", {"state": "loaded", "nft_redir": {"next_boot": {"state": "missing", "autoload": "never"}}}),
        ("on_demand", {"state": "loaded", "nft_redir": {"autoload": "never", "next_boot": {"autoload": "yes"}}}),
        ("not_ready", {"autoload": "denied"}),
        ("not_ready", {"state": "missing", "autoload": "never"}),
        ("not_ready", {"state": "blocked", "autoload": "denied"}),
        ("unknown", {"state": "unknown", "autoload": "unknown"}),
        ("unknown", {"autoload": "unknown"}),
        ("unknown", {"state": "loaded", "autoload": "unknown"}),
        ("not_ready", {"state": "loaded", "boot": "yes", "nft": None}),
        ("not_ready", {"state": "loaded", "boot": "yes", "nft": "0.9.8"}),
        ("not_ready", {"state": "loaded", "boot": "yes", "kernel": (5, 10, 223)}),
        ("unknown", {"state": "loaded", "boot": "yes", "kernel": ()}),
    ],
)
def test_verdicts(verdict, options):
    assert readiness(facts(**options), backend="nftables", **PAGE)["verdict"] == verdict


def test_a_dependency_comes_with_what_is_required():
    never = {"autoload": "never"}
    redirect = {"depends": ["nf_conntrack", "nf_defrag_ipv4"]}
    assert (
        readiness(facts(nf_conntrack=never, nf_defrag_ipv4=never, nft_redir=redirect), backend="nftables", **PAGE)[
            "verdict"
        ]
        == "on_demand"
    )
    assert (
        readiness(facts(nf_conntrack=never, nf_defrag_ipv4=never), backend="nftables", **PAGE)["verdict"] == "not_ready"
    )


def test_tables_wait_for_ip_tables():
    table = {"autoload_after": "ip_tables"}
    tables = {"iptable_nat": table, "iptable_mangle": table, "ip_tables": {"autoload": "never"}}
    assert "iptable_nat" in [
        row["name"] for row in readiness(facts(**tables), **PAGE)["requirements"] if row["now"] == "unmet"
    ]
    loaded = readiness(facts(**{**tables, "ip_tables": {"state": "loaded", "autoload": "never"}}), **PAGE)
    assert [row["now"] for row in loaded["requirements"] if row["name"] == "iptable_nat"] == ["on_demand"]
    assert [row["after_reboot"] for row in loaded["requirements"] if row["name"] == "iptable_nat"] == ["unmet"]


def test_a_merged_name_takes_its_providers_grades():
    merged = {"state": "merged", "provider": "nf_nat", "boot": "not_applicable"}
    node = facts(state="loaded", boot="yes", nf_nat_ipv4=merged, nf_nat_redirect=merged)
    assert readiness(node, **PAGE)["verdict"] == "ready"
    plan = preparation_plan(node, **PAGE)
    assert "nf_nat_ipv4" not in plan["persist"] and "nf_nat" in plan["persist"]


@pytest.mark.parametrize("backend", ["iptables", "nftables"])
def test_a_name_that_the_next_kernel_has_merged_takes_its_providers_grade_after_the_reboot(backend):
    upgrade = {"state": "loadable", "boot": "not_applicable", "next_boot": {"state": "merged", "autoload": "yes"}}

    def row(**modules):
        found = readiness(
            facts(state="loaded", boot="yes", kernel=(5, 10, 0), **modules),
            backend=backend,
            profile="effective",
            iptables_variant="nft",
        )
        return next(row for row in found["requirements"] if row["name"] == "nft_counter")

    assert (row(nft_counter=upgrade)["now"], row(nft_counter=upgrade)["after_reboot"]) == ("on_demand", "present")
    assert (
        row(nft_counter=upgrade, nf_tables={"state": "loaded", "boot": "no", "autoload": "denied"})["after_reboot"]
        == "unmet"
    )


def test_what_the_next_kernel_has_under_an_unknown_name_is_unknown_unless_it_is_listed():
    def after(boot):
        node = facts(
            state="loaded",
            boot="yes",
            xt_owner={"state": "loaded", "boot": boot, "next_boot": {"state": "merged", "autoload": "yes"}},
        )
        assert preparation_plan(node)["expected"]["verdict"] in ("ready", "unknown")
        return {
            row["after_reboot"]
            for row in readiness(node, profile="effective")["requirements"]
            if row["name"] == "xt_owner"
        }

    assert (after("yes"), after("no")) == ({"present"}, {"unknown"})


@pytest.mark.parametrize(
    "state, rest",
    [("loadable", "load it, and list it in /etc/modules-load.d"), ("loaded", "list it in /etc/modules-load.d")],
)
def test_a_blacklisted_module_is_to_be_taken_off_the_blacklist_first(state, rest):
    blacklisted = [
        {
            "axis": "autoload",
            "code": "blacklist",
            "text": "blacklisted (/etc/modprobe.d/x.conf:1)",
            "where": "/etc/modprobe.d/x.conf:1",
        }
    ]

    def remedy(reasons):
        node = facts(
            state="loaded",
            boot="yes",
            xt_owner={"state": state, "autoload": "denied", "boot": "no", "reasons": reasons},
        )
        return next(
            row["remedy"] for row in readiness(node, profile="effective")["requirements"] if row["name"] == "xt_owner"
        )

    assert remedy(blacklisted) == f"take it off the blacklist, then {rest}" and remedy([]) == rest


def test_required_modules_take_a_whole_selection():
    selection = Selection.from_options(
        {"backend": "nftables", "mode": ["sidecar", "ambient"], "ip_family": "dual"}
    ).as_dict()
    assert required_modules("nftables", **selection) == required_modules(
        "nftables", mode=["sidecar", "ambient"], ip_family="dual"
    )
    with pytest.raises(
        AnsibleFilterError, match="required_modules: backend: the input says 'iptables' and the option 'nftables'"
    ):
        required_modules("iptables", **selection)


def test_missing_modules():
    node = facts(state="loaded", xt_owner={"state": "missing", "autoload": "never"}, bridge={"state": "loadable"})
    assert missing_modules(node) == ["xt_owner", "bridge"]
    assert missing_modules(node, levels=["must"]) == missing_modules(node, states=["missing"]) == ["xt_owner"]
    with pytest.raises(AnsibleFilterError, match="missing_modules: levels: 'x' is not one of must, should"):
        missing_modules(node, levels=["x"])


def test_the_plan_and_its_end():
    dirty = preparation_plan(facts(), backend="nftables", **PAGE)
    assert dirty["load"] == NFT and dirty["persist"] == NFT and dirty["change"]
    clean = facts(state="loaded", boot="yes", boot_files={BOOT_FILE: NFT})
    assert not preparation_plan(clean, backend="nftables", **PAGE)["change"]
    fewer = facts(state="loaded", boot="yes", boot_files={BOOT_FILE: [*NFT, "xt_owner"]})
    assert preparation_plan(fewer, backend="nftables", **PAGE)["change"]
    elsewhere = facts(state="loaded", boot="yes", boot_files={"/usr/lib/modules-load.d/v.conf": NFT})
    assert preparation_plan(elsewhere, backend="nftables", **PAGE) | {
        "persist": [],
        "change": False,
    } == preparation_plan(elsewhere, backend="nftables", **PAGE)


def test_what_no_module_can_mend_is_refused():
    plan = preparation_plan(facts(nft="0.9.8", kernel=(5, 10, 223)), backend="nftables", **PAGE)
    assert plan["refused"] == ["nft 0.9.8 is older than 1.0.1", "kernel 5.10.223 is older than 5.13"]
    assert not plan["change"]


@pytest.mark.parametrize(
    "option, value, message",
    [
        ("backend", "ebpf", "backend: 'ebpf' is not one of iptables, nftables"),
        ("mode", ["sidecar", "x"], "mode: 'x' is not one of"),
        ("mode", [], "the list is empty"),
        ("dns_capture", "perhaps", "dns_capture: 'perhaps' is not true or false"),
        ("color", "red", "there is no option 'color'"),
    ],
)
def test_bad_options_get_one_clear_error(option, value, message):
    with pytest.raises(AnsibleFilterError, match="nodeprep.istio.readiness: .*" + message.replace("[", r"\[")):
        readiness(facts(), **{option: value})


def test_a_table_that_waits_for_another_module_says_so():
    denied = {
        "state": "blocked",
        "autoload": "never",
        "reasons": [{"axis": "now", "code": "install_override", "text": "install override '/bin/false'"}],
    }
    made = facts(ip_tables=denied, iptable_nat={"autoload_after": "ip_tables"})
    (row,) = [row for row in readiness(made, profile="documented")["requirements"] if row["name"] == "iptable_nat"]
    assert row["now"] == "unmet"
    assert (
        row["reason"]
        == "the kernel asks for it once ip_tables is there, which it is not (install override '/bin/false')"
    )


def grouped(changed=None):
    """Return recorded facts with one group of reasons, and what is changed of it."""
    group = {
        "axis": "now",
        "code": "blacklist",
        "text": "blacklisted",
        "where": "/etc/modprobe.d/a.conf",
        "modules": {"xt_owner": [3]},
    }
    return {**facts(), "schema": 3, "reasons": [{**group, **(changed or {})}]}


def test_reasons_that_are_said_once_are_those_of_each_module():
    shared = {
        "axis": "now",
        "code": "install_override",
        "text": "install override '/bin/false'",
        "includes_dependents": True,
        "modules": {"x_tables": [7]},
    }
    made = grouped(shared)
    made["modules"]["xt_owner"] = {**made["modules"]["xt_owner"], "depends": ["x_tables"]}
    made["conflicts"] = {"/etc/modprobe.d/a.conf": {"package": None, "comment": None, "lines": {}}}
    told = checked(made)
    (reason,) = told["modules"]["xt_owner"]["reasons"]
    assert reason["text"] == "needs x_tables: install override '/bin/false' (/etc/modprobe.d/a.conf:7)"
    assert (reason["where"], reason["dependency"]) == ("/etc/modprobe.d/a.conf:7", "x_tables")
    assert told["conflicts"]["/etc/modprobe.d/a.conf"]["lines"] == {"7": "install x_tables /bin/false"}
    # What was told once is told again alike.
    assert checked(told) == told


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        {},
        {"schema": 2},
        {"schema": 3},
        {"schema": True},
        {**grouped(), "schema": 3.0},
        {**facts(), "schema": 2},
        {**facts(), "schema": 3, "reasons": {}},
        grouped({"axis": "never"}),
        grouped({"axis": ["now"]}),
        grouped({"text": None}),
        grouped({"modules": ["xt_owner"]}),
        grouped({"modules": {"nosuch": [1]}}),
        grouped({"modules": {"xt_owner": []}}),
        grouped({"modules": {"xt_owner": [1, 2]}}),
        grouped({"modules": {"xt_owner": [True]}}),
        grouped({"modules": {"xt_owner": [-1]}}),
        grouped({"modules": {"xt_owner": ["../x.ko"]}}),
        grouped({"modules": {"xt_owner": [[1]]}}),
        grouped({"where": ""}),
        grouped({"dependency": 1}),
        grouped({"includes_dependents": "yes"}),
        {**grouped(), "truncated": "origin"},
        {
            **recorded(facts()),
            "modules": {
                **recorded(facts())["modules"],
                "aaa": {**recorded(facts())["modules"]["xt_owner"], "autoload_after": "zzz"},
                "zzz": ["x"],
            },
        },
        {**recorded(facts()), "modules": []},
        {**recorded(facts()), "modules": {}},
        facts(xt_owner={"state": "fine"}),
        facts(nf_nat={"state": "merged"}),
        facts(nf_nat={"next_boot": {"state": "fine"}}),
        {
            **recorded(facts()),
            "modules": {
                **recorded(facts())["modules"],
                "xt_owner": {**recorded(facts())["modules"]["xt_owner"], "depends": None},
            },
        },
        facts(xt_owner={"autoload_after": "nosuch"}),
        facts(xt_owner={"autoload_after": "xt_owner"}),
        {**facts(), "boot_files": {"/etc/modules-load.d/x.conf": None}},
        {**facts(), "kernel": {}},
        {**facts(), "managed": {"overrides": {"/etc/modprobe.d/x.conf": {"current": None}}}},
        {**facts(), "managed": {"overrides": {"/etc/modprobe.d/x.conf": {}}}},
        {**facts(), "conflicts": {"/etc/modprobe.d/x.conf": {"lines": ["blacklist xt_owner"]}}},
    ],
)
def test_malformed_facts_get_one_clear_error(broken):
    with pytest.raises(AnsibleFilterError, match="gather them with nodeprep.istio.node_facts"):
        readiness(broken)
