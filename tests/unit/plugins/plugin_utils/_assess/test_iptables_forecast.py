# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forecast of the iptables variant that Istio picks, and what follows from it for the assessment."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.iptables_forecast import Forecast, summarize
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import (
    ABSENT,
    LEGACY,
    NAT,
    OLD,
    SITE,
    THERE,
    facts,
    listed_tables,
    readiness,
)

ALL_LEGACY = [*LEGACY, "ip_tables", "ip6_tables"]
NOT_LISTED = {**THERE, "boot": "no"}
UNKNOWN_AT_BOOT = {"state": "loadable", "boot": "unknown", "autoload": "denied"}
BY_HAND = {"state": "loaded", "boot": "no", "autoload": "denied"}
MISSING = {"state": "missing", "autoload": "never"}
UNSEEN_TABLES = {"netfilter": {"legacy_tables": {"ipv4": None, "ipv6": None}}}
ALL_TABLES = {"legacy_tables": {family: ["filter", "mangle", "nat", "raw"] for family in ("ipv4", "ipv6")}}
# A release in which an existing legacy table decides, and one in which only its rules do.
TABLE_DECIDES = {"istio_version": "1.30.4"}
RULES_DECIDE = {"istio_version": "1.30.5"}
AMBIENT = {"mode": "ambient", "profile": "effective", **TABLE_DECIDES}


def grades(assessment, name):
    (row,) = [row for row in assessment["requirements"] if row["name"] == name]
    return row["now"], row["after_reboot"]


def find_message(assessment, finding_id):
    (message,) = [finding["message"] for finding in assessment["findings"] if finding["id"] == finding_id]
    return message


def variants(assessment):
    """Return the variants now and after a reboot; the latter is None if it is the same."""
    forecast = assessment["forecast"]
    after_reboot = forecast["after_reboot"]
    return forecast["variant"], after_reboot and after_reboot["variant"]


def test_boot_files_can_make_istio_pick_the_other_variant_after_a_reboot():
    assessment = readiness(listed_tables(), **AMBIENT)
    assert variants(assessment) == ("nft", "legacy")
    assert assessment["verdict"] == "at_risk"
    assert grades(assessment, "iptable_mangle") == ("not_needed", "unmet")
    assert grades(assessment, "nft_compat") == ("present", "not_needed")
    assert f"{SITE} lists iptable_nat, ip6table_nat" in find_message(assessment, "variant_changes")


def test_a_requirement_of_one_variant_says_when_it_is_needed():
    assessment = readiness(listed_tables(), **AMBIENT)
    reasons = {row["name"]: row["reason"] for row in assessment["requirements"]}
    assert reasons["iptable_mangle"] == "needed only after a reboot, when Istio picks the other iptables variant"
    assert reasons["nft_compat"] == "needed only until a reboot"


def test_a_kernel_that_creates_tables_on_first_use_keeps_its_variant():
    node = listed_tables()
    node["kernel"]["version"] = [5, 15, 0]
    assessment = readiness(node, **AMBIENT)
    assert assessment["verdict"] == "ready"
    assert variants(assessment) == ("nft", None)


def test_the_kernel_that_boots_next_decides():
    node = listed_tables()
    node["kernel"]["next_boot"] = {"release": "6.1.0-50-amd64", "source": "link", "certain": True}
    assert readiness(node, **AMBIENT)["verdict"] == "ready"


def test_legacy_tables_that_no_boot_file_lists_are_gone_after_a_reboot():
    loaded = dict.fromkeys(ALL_LEGACY, NOT_LISTED)
    node = facts(**THERE, kernel=OLD, netfilter=ALL_TABLES, **loaded)
    assessment = readiness(node, **AMBIENT)
    assert variants(assessment) == ("legacy", "nft")
    assert assessment["verdict"] == "ready"


def test_legacy_tables_of_the_host_do_not_matter_to_pods():
    loaded = dict.fromkeys(ALL_LEGACY, NOT_LISTED)
    assessment = readiness(facts(**THERE, kernel=OLD, netfilter=ALL_TABLES, **loaded), profile="effective")
    assert variants(assessment) == ("nft", None)
    assert assessment["verdict"] == "ready"


def test_the_forecast_is_unknown_if_it_is_unknown_whether_boot_files_are_read():
    node = facts(**THERE, kernel=OLD, **dict.fromkeys(LEGACY, UNKNOWN_AT_BOOT), nft_compat=ABSENT)
    assert variants(readiness(node, **AMBIENT)) == ("nft", "unknown")


def test_only_the_mode_whose_variant_is_unknown_is_unknown():
    node = facts(**THERE, **UNSEEN_TABLES, nft_compat={"state": "missing"})
    both = readiness(node, mode=["sidecar", "ambient"], profile="effective")
    assert both["forecast"]["modes"] == {"sidecar": "nft", "ambient": "unknown"}
    assert both["verdict"] == "not_ready"
    assert grades(both, "nft_compat")[0] == "unmet"
    assert readiness(node, **AMBIENT)["verdict"] == "unknown"


def test_old_iptables_of_the_host_counts_even_if_a_variant_is_unknown():
    node = facts(**THERE, **UNSEEN_TABLES, iptables="1.8.7", xt_tcpudp={"state": "missing"})
    both = readiness(node, mode=["sidecar", "ambient"], profile="effective", cni_plugin=True)
    assert both["forecast"]["modes"]["ambient"] == "unknown"
    assert grades(both, "xt_tcpudp")[0] == "unmet"


@pytest.mark.parametrize(
    "version, variant, verdict",
    [("1.30", "legacy", "ready"), ("1.31", "nft", "not_ready"), ("1.27.0", "legacy", "ready")],
)
def test_iptables_legacy_works_if_modules_of_iptables_nft_must_not_be_loaded(version, variant, verdict):
    lacking = dict.fromkeys(("nf_tables", "nft_compat", "nft_chain_nat", "nft_counter"), ABSENT)
    assessment = readiness(facts(**THERE, **lacking), istio_version=version, profile="effective", ip_family="dual")
    assert assessment["forecast"]["variant"] == variant
    assert assessment["verdict"] == verdict


@pytest.mark.parametrize("version", ["1.30", "1.31"])
def test_if_neither_variant_works_the_modules_of_iptables_nft_are_unmet(version):
    node = facts(autoload="denied", **dict.fromkeys(ALL_LEGACY, MISSING))
    assessment = readiness(node, istio_version=version, profile="effective")
    assert assessment["verdict"] == "not_ready"
    assert grades(assessment, "nft_chain_nat") == ("unmet", "unmet")


def test_up_to_1_27_0_istio_tests_table_filter_and_then_lacks_the_nat_chain():
    node = facts(**THERE, nft_chain_nat=ABSENT, nft_chain_nat_ipv4={"state": "missing"})
    old = readiness(node, istio_version="1.26", profile="effective")
    assert old["forecast"]["variant"] == "nft"
    assert old["verdict"] == "not_ready"
    new = readiness(node, istio_version="1.28", profile="effective", ip_family="dual")
    assert new["forecast"]["variant"] == "legacy"


def boots_into(release, **node):
    """Return facts of a node that boots another kernel next."""
    found = facts(**THERE, **node)
    found["kernel"]["module_tree_present"] = True
    found["kernel"]["next_boot"] = {"release": release, "source": "link", "certain": True}
    return found


@pytest.mark.parametrize(
    "node, now, after_reboot",
    [
        # Tables of loaded modules do not exist with a kernel that creates tables on first use.
        pytest.param(
            boots_into("6.1.0-30-amd64", kernel=OLD, netfilter=ALL_TABLES), "legacy", "nft", id="old kernel to new"
        ),
        # The behavior of the running kernel does not show that of an older one, but holds for a newer one.
        pytest.param(boots_into("5.10.0-30-amd64", kernel=(6, 1, 0)), "nft", "legacy", id="new kernel to old"),
        pytest.param(boots_into("5.14.0-570.el9.x86_64", kernel=(5, 14, 0)), "nft", None, id="backport to backport"),
        pytest.param(
            boots_into("6.12.0-30-amd64", kernel=(6, 1, 0), netfilter=ALL_TABLES), "legacy", None, id="new to newer"
        ),
    ],
)
def test_another_kernel_creates_tables_in_its_own_way(node, now, after_reboot):
    assert variants(readiness(node, **AMBIENT)) == (now, after_reboot)


def test_a_guess_at_the_next_kernel_never_counts():
    node = boots_into("5.10.0-30-amd64", kernel=(6, 1, 0))
    node["kernel"]["next_boot"]["certain"] = False
    assert variants(readiness(node, **AMBIENT)) == ("nft", None)
    node["kernel"]["module_tree_present"] = False
    assert variants(readiness(node, **AMBIENT)) == ("nft", None)


def test_a_boot_file_is_named_only_if_its_tables_change_the_variant():
    gone = dict.fromkeys(("nf_tables", "nft_chain_nat", "nft_counter", "nft_compat"), BY_HAND)
    node = facts(**THERE, boot_files={SITE: list(NAT)}, **gone)
    message = find_message(readiness(node, istio_version="1.30"), "variant_changes")
    assert SITE not in message
    assert "iptables-nft cannot work without nf_tables" in message


def test_tables_that_do_not_change_the_forecast_are_only_information():
    node = facts(**THERE, netfilter={"legacy_tables": {"ipv4": ["filter"], "ipv6": []}}, iptable_nat=MISSING)
    assessment = readiness(node, **AMBIENT)
    assert assessment["forecast"]["variant"] == "nft"
    (found,) = [finding for finding in assessment["findings"] if finding["id"] == "legacy_tables"]
    assert found["severity"] == "info"
    assert (
        "the forecast for ambient Istio is nft in any case (IPv4: iptables-legacy cannot work; IPv6: no legacy"
        in found["message"]
    )


def test_a_forecast_that_depends_on_rules_is_explained_once():
    node = facts(**THERE, netfilter={"legacy_tables": {"ipv4": ["nat"], "ipv6": []}})
    (found,) = [
        row for row in readiness(node, mode="ambient", istio_version="1.32")["findings"] if row["id"] == "legacy_tables"
    ]
    assert found["message"].count("whether they hold rules cannot be determined") == 1


@pytest.mark.parametrize("version", ["1.25.3", "1.27.2"])
def test_releases_that_do_not_test_ipv6_are_ready_without_it(version):
    node = facts(**THERE)
    node["kernel"]["ipv6"] = False
    assessment = readiness(node, profile="effective", istio_version=version, iptables_variant="legacy")
    assert assessment["verdict"] == "ready"
    assert [row["id"] for row in assessment["requirements"] if row["now"] == "unmet"] == []


@pytest.mark.parametrize("version", ["1.26", "1.27.1"])
def test_old_releases_test_iptables_legacy_for_ipv6_even_if_the_kernel_has_none(version):
    node = facts(**THERE)
    node["kernel"]["ipv6"] = False
    assessment = readiness(node, profile="effective", istio_version=version, iptables_variant="legacy")
    assert assessment["verdict"] == "not_ready"
    (row,) = [row for row in assessment["requirements"] if row["now"] == "unmet"]
    assert row["id"] == "iptables/kernel/kernel/ipv6_probe"
    assert row["remedy"].startswith("use Istio 1.27.2 or newer")


def test_the_reason_says_that_istio_picks_nft_once_its_modules_are_loaded():
    forecast = readiness(facts(autoload="denied"), istio_version="1.30", profile="effective")["forecast"]
    assert forecast["variant"] == "nft"
    assert forecast["reason"].endswith("; Istio picks nft once the missing modules are loaded")


def test_an_unknown_variant_of_the_hosts_iptables_is_ignored():
    node = facts(**THERE, nf_tables=MISSING, iptable_nat=MISSING)
    node["tools"]["iptables"]["variant"] = "nf_tables"
    assessment = readiness(node, cni_plugin=True, istio_version="1.30", profile="effective")
    assert assessment["forecast"]["variant"] == "legacy"
    assert assessment["verdict"] == "not_ready"


def test_without_a_mode_there_is_no_summary():
    assert summarize({}, {}) is None


def test_a_summary_names_the_modes_whose_reasons_differ():
    now = {"sidecar": Forecast("nft", "a"), "ambient": Forecast("legacy", "b")}
    summary = summarize(now, {"sidecar": Forecast("nft", "c"), "ambient": Forecast("nft", "c")})
    assert summary is not None
    assert summary.as_dict() == {
        "variant": "mixed",
        "reason": "sidecar: a; ambient: b",
        "modes": {"sidecar": "nft", "ambient": "legacy"},
        "after_reboot": {"variant": "nft", "reason": "c", "modes": {"sidecar": "nft", "ambient": "nft"}},
    }


def test_a_summary_repeats_nothing_that_stays_after_a_reboot():
    now = {"sidecar": Forecast("nft", "a")}
    summary = summarize(now, {"sidecar": Forecast("nft", "another reason")})
    assert summary is not None
    assert summary.after_reboot is None
    assert summary.as_dict()["after_reboot"] is None


TABLES_IN_USE = {"netfilter": {"legacy_tables": {"ipv4": ["nat"], "ipv6": ["nat"]}}}
RULES_IN_USE = {
    "netfilter": {**TABLES_IN_USE["netfilter"], "legacy_rules": {"ipv4": ["nat"], "ipv6": ["nat"]}},
}
EMPTY_TABLES = {"netfilter": {**TABLES_IN_USE["netfilter"], "legacy_rules": {"ipv4": [], "ipv6": []}}}
RULES_OF_IPV4 = {"netfilter": {**TABLES_IN_USE["netfilter"], "legacy_rules": {"ipv4": ["nat"], "ipv6": []}}}
NFT_TABLES_OF_IPV4 = {"nft_tables": {"ipv4": True, "ipv6": False}}
LOADED_NAT = {"iptable_nat": {"state": "loaded"}, "ip6table_nat": {"state": "loaded"}}


def filter_tables(**modules):
    """Return facts with legacy tables filter, but without the module of table nat."""
    netfilter = {"legacy_tables": {"ipv4": ["filter"], "ipv6": ["filter"]}}
    return facts(netfilter=netfilter, iptable_filter={"state": "loaded"}, iptable_nat={"state": "missing"}, **modules)


@pytest.mark.parametrize(
    "options, node, variant",
    [
        pytest.param({}, facts(), "nft", id="sidecar"),
        pytest.param({"mode": "ambient"}, facts(), "nft", id="ambient"),
        pytest.param(
            {"mode": "ambient", **TABLE_DECIDES},
            facts(**TABLES_IN_USE, **LOADED_NAT),
            "legacy",
            id="legacy tables",
        ),
        pytest.param(
            {"mode": "ambient", **RULES_DECIDE}, facts(**RULES_IN_USE, **LOADED_NAT), "legacy", id="legacy rules"
        ),
        pytest.param(
            {"mode": "ambient", **RULES_DECIDE}, facts(**EMPTY_TABLES, **LOADED_NAT), "nft", id="tables without rules"
        ),
        pytest.param(
            {"mode": "ambient", **RULES_DECIDE},
            facts(**TABLES_IN_USE, **LOADED_NAT),
            "unknown",
            id="tables whose rules are unknown",
        ),
        pytest.param(
            {"mode": "ambient", **RULES_DECIDE},
            facts(**TABLES_IN_USE, **LOADED_NAT, nf_tables=MISSING),
            "legacy",
            id="without nf_tables it does not matter whether the tables have rules",
        ),
        pytest.param(
            {"mode": "ambient", **RULES_DECIDE},
            facts(**RULES_OF_IPV4, **LOADED_NAT),
            "unknown",
            id="a variant for each IP family",
        ),
        pytest.param(
            {"mode": "ambient", "ambient_ipv6": False, **RULES_DECIDE},
            facts(**RULES_OF_IPV4, **LOADED_NAT),
            "legacy",
            id="one IP family",
        ),
        # A pod has its own network namespace.
        pytest.param({}, facts(**TABLES_IN_USE, **LOADED_NAT), "nft", id="legacy tables do not count for pods"),
        pytest.param(
            {}, facts(kernel=(5, 10, 0), **TABLES_IN_USE, **LOADED_NAT), "nft", id="nor for pods of an old kernel"
        ),
        # A loaded module without its table shows that this kernel creates tables on first use, whatever its version is.
        pytest.param({"mode": "ambient"}, facts(kernel=(5, 14, 0), **LOADED_NAT), "nft", id="module without its table"),
        pytest.param(
            {"mode": "ambient", **TABLE_DECIDES},
            filter_tables(ip6table_nat=MISSING),
            "nft",
            id="the test of legacy needs table nat",
        ),
        # Up to 1.27.0 Istio tests table filter, and then fails without nat (awslabs/amazon-eks-ami#2354).
        pytest.param(
            {"mode": "ambient", "istio_version": "1.27.0"},
            filter_tables(ip6table_filter={"state": "loaded"}),
            "legacy",
            id="1.27.0 tests table filter",
        ),
        pytest.param({"istio_version": "1.25.3"}, facts(), "legacy", id="1.25.3 tests nothing"),
        pytest.param(
            {"istio_version": "1.25.3", "mode": "ambient"},
            facts(netfilter={"nft_tables": {"ipv4": True, "ipv6": True}}),
            "nft",
            id="1.25.3 with tables of iptables-nft",
        ),
        pytest.param(
            {"istio_version": "1.25.3", "mode": "ambient"},
            facts(netfilter={**TABLES_IN_USE["netfilter"], "nft_tables": {"ipv4": True, "ipv6": True}}),
            "nft",
            id="1.25.3 with tables of both variants",
        ),
        pytest.param(
            {"istio_version": "1.25.3", "mode": "ambient"},
            facts(**TABLES_IN_USE),
            "legacy",
            id="1.25.3 with legacy tables only",
        ),
        pytest.param(
            {"istio_version": "1.25.3", "mode": "ambient"},
            facts(netfilter=NFT_TABLES_OF_IPV4),
            "unknown",
            id="1.25.3 with tables of iptables-nft for IPv4 only",
        ),
        pytest.param(
            {"istio_version": "1.25.3", "mode": "ambient", "ambient_ipv6": False},
            facts(netfilter=NFT_TABLES_OF_IPV4),
            "nft",
            id="1.25.3 with tables of iptables-nft for IPv4, where Istio writes only such",
        ),
        pytest.param(
            {"istio_version": "1.25.3"},
            facts(netfilter={"nft_tables": {"ipv4": True, "ipv6": True}}),
            "legacy",
            id="tables of iptables-nft do not count for pods",
        ),
        # These rules can be those of a pod, or of one IP family.
        pytest.param(
            {"istio_version": "1.25.3", "mode": "ambient"},
            facts(netfilter={"nft_compat_uses": 4}),
            "legacy",
            id="1.25.3 with extensions in use in another network namespace",
        ),
        pytest.param(
            {"istio_version": "1.30"}, facts(nf_tables={"state": "missing"}), "legacy", id="1.30 without nf_tables"
        ),
        pytest.param(
            {"istio_version": "1.31"}, facts(nf_tables={"state": "missing"}), "nft", id="1.31 without nf_tables"
        ),
        # The distroless images of the profile ambient have iptables-legacy under the plain name.
        pytest.param(
            {"istio_version": "1.31", "mode": "ambient"},
            facts(nf_tables={"state": "missing"}),
            "legacy",
            id="1.31 in ambient mode without nf_tables",
        ),
        pytest.param(
            {"istio_version": "1.24", "mode": "ambient"},
            facts(netfilter={"nft_tables": {"ipv4": None, "ipv6": False}}),
            "unknown",
            id="tables of iptables-nft that cannot be listed",
        ),
        pytest.param(
            {"istio_version": "1.24", "mode": "ambient"},
            facts(netfilter={"nft_tables": {}}, nf_tables=MISSING),
            "legacy",
            id="without nf_tables there are no tables of iptables-nft",
        ),
        pytest.param({"istio_version": "1.24"}, facts(), "legacy", id="1.24 tests nothing"),
        pytest.param(
            {"istio_version": "1.30"}, facts(options={"NF_TABLES_IPV4": "n"}), "legacy", id="no IPv4 in nf_tables"
        ),
        pytest.param(
            {"istio_version": "1.30"}, facts(options={"NF_TABLES_IPV4": None}), "nft", id="IPv4 in nf_tables unknown"
        ),
        pytest.param(
            {"mode": "ambient"},
            facts(**UNSEEN_TABLES, iptable_nat={"state": "loaded"}),
            "unknown",
            id="unreadable tables",
        ),
        pytest.param({"mode": "ambient"}, facts(**UNSEEN_TABLES), "nft", id="unreadable tables without modules"),
        pytest.param({"iptables_variant": "legacy"}, facts(), "legacy", id="selected variant"),
    ],
)
def test_the_variant_is_the_one_that_istio_would_pick(options, node, variant):
    assert readiness(node, **options)["forecast"]["variant"] == variant


def test_modes_can_have_different_variants():
    forecast = readiness(facts(**TABLES_IN_USE, **LOADED_NAT), mode=["sidecar", "ambient"], **TABLE_DECIDES)["forecast"]
    assert forecast["variant"] == "mixed"
    assert forecast["modes"] == {"sidecar": "nft", "ambient": "legacy"}


def test_without_ipv6_the_binary_for_ipv4_decides():
    node = facts(**THERE, **TABLES_IN_USE)
    node["kernel"]["ipv6"] = False
    for ambient_ipv6 in (True, False):
        forecast = readiness(node, mode="ambient", ambient_ipv6=ambient_ipv6, **TABLE_DECIDES)["forecast"]
        assert forecast["variant"] == "legacy"


@pytest.mark.parametrize(
    "kernel, old_module, named",
    [
        ((4, 18, 0), MISSING, "nft_chain_nat_ipv4"),
        ((5, 5, 3), MISSING, "nft_chain_nat"),
        ((6, 18, 1), MISSING, "nft_chain_nat"),
        # Distributions backport: the module itself shows that this kernel has it.
        ((5, 3, 0), {"state": "blocked", "autoload": "denied"}, "nft_chain_nat_ipv4"),
    ],
)
def test_a_reason_names_only_modules_that_kernels_of_this_version_have(kernel, old_module, named):
    node = facts(**THERE, kernel=kernel, nft_chain_nat=MISSING, nft_chain_nat_ipv4=old_module)
    reason = readiness(node, istio_version="1.31")["forecast"]["reason"]
    assert reason == f"iptables-nft cannot work without {named}; the iptables binary without a suffix is nft"


def test_a_reason_names_what_iptables_nft_lacks_and_nothing_else():
    node = facts(**THERE, nf_tables={"state": "blocked"}, options={"NF_TABLES_IPV4": "n"})
    reason = readiness(node, istio_version="1.31")["forecast"]["reason"]
    assert reason.startswith("iptables-nft cannot work without nf_tables and CONFIG_NF_TABLES_IPV4;")


@pytest.mark.parametrize(("release", "variant"), [("1.27.2", "legacy"), ("1.27.3", "nft")])
def test_a_rule_with_a_comment_finds_out_that_iptables_nft_lacks_nft_compat(release, variant):
    assessment = readiness(facts(nft_compat=MISSING), mode="sidecar", profile="effective", istio_version=release)
    assert variants(assessment) == (variant, None)


def test_a_rule_with_a_comment_needs_xt_comment_in_iptables_legacy_too():
    node = facts(xt_comment=MISSING)
    node["netfilter"].update(ALL_TABLES)
    for release, works in (("1.27.2", False), ("1.27.3", True)):
        assessment = readiness(node, mode="ambient", profile="effective", istio_version=release)
        assert ("legacy tables exist" in assessment["forecast"]["reason"]) == works


@pytest.mark.parametrize(
    ("release", "verdict"), [("1.26.6", "not_ready"), ("1.26.7", "on_demand"), ("1.27.2", "on_demand")]
)
def test_iptables_nft_without_nft_compat_passes_the_probe_for_ipv6_only_without_a_comment(release, verdict):
    node = facts(nft_compat=MISSING, nft_chain_nat=MISSING, ip6table_filter=MISSING, ip6table_nat=MISSING)
    node["netfilter"]["legacy_tables"]["ipv4"] = ["filter", "nat"]
    selection = {"mode": "sidecar", "profile": "effective", "iptables_variant": "legacy", "istio_version": release}
    assert readiness(node, **selection)["verdict"] == verdict


@pytest.mark.parametrize(
    ("release", "verdict"), [("1.26.7", "not_ready"), ("1.27.1", "not_ready"), ("1.27.2", "on_demand")]
)
def test_iptables_nft_without_nft_counter_does_not_pass_the_probe_for_ipv6(release, verdict):
    node = facts(nft_counter=MISSING, ip6table_filter=MISSING, ip6table_nat=MISSING)
    node["netfilter"]["legacy_tables"]["ipv4"] = ["filter", "nat"]
    selection = {"mode": "sidecar", "profile": "effective", "iptables_variant": "legacy", "istio_version": release}
    assert readiness(node, **selection)["verdict"] == verdict
