# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole plan: packages, conflicts, SELinux, reboot, undo, and the verdict that it foresees. On facts made here."""

from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.filter.preparation_plan import preparation_plan
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.plugin_utils import _packages, _prediction
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts import checked
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan import plan as module_plan
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection import Selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._steps import Consent
from ansible_collections.nodeprep.istio.tests.unit.plugins.plugin_utils.made_facts import facts

BOOT_FILE = "/etc/modules-load.d/istio.conf"
VENDOR = "/usr/lib/modprobe.d/hard.conf"
MINE = "/etc/modprobe.d/mine.conf"
NOTHING_OF_OURS = {"boot_file": [], "masked": False, "overrides": {}, "policy": None}


def node(system="debian", release="6.1.0-42-amd64", name="Debian", following=None, ours=None, selinux=None, conflicts=None, management=None, **more):
    made = facts(**more)
    made["os"] = {"id": system, "version": "x", "name": name}
    made["kernel"] |= {"release": release, "next": following, "boot_id": "b"}
    made["ours"] = NOTHING_OF_OURS | (ours or {})
    made["selinux"] = {"mode": "disabled"} | (selinux or {})
    made["management"] = {"systemd": True, "managed_by": None} | (management or {})
    made["conflicts"] = conflicts or {}
    return made


def reason(axis, code, where=None, text="why"):
    return {"axis": axis, "code": code, "text": text} | ({"where": where} if where else {})


def steps(plan, by="role"):
    return [step["kind"] for step in plan["steps"] if step["by"] == by]


def step(plan, kind):
    (found,) = [one for one in plan["steps"] if one["kind"] == kind]
    return found


def nft(made, **options):
    return preparation_plan(made, backend="nftables", profile="effective", **options)


def test_a_clean_node_has_no_step():
    plan = preparation_plan(node(state="builtin", boot="not_applicable"))
    assert plan["steps"] == [] and not plan["change"] and plan["after"]["verdict"] == "ready"


def test_a_dirty_node_has_one_step_and_is_foreseen_ready():
    plan = nft(node())
    assert steps(plan) == ["modules"] and plan["after"]["verdict"] == "ready"
    assert step(plan, "modules")["args"] == {"modules": plan["modules"], "always": [], "boot_only": [], "load": True, "persist": True}
    assert nft(node(), load=False)["after"]["verdict"] == nft(node(), persist=False)["after"]["verdict"] == "on_demand"


def test_the_plan_does_what_was_foreseen_and_then_nothing():
    plan = nft(node())
    done = node(state="loaded", boot="yes", boot_files={BOOT_FILE: plan["persist"]}, ours={"boot_file": plan["persist"]})
    assert not nft(done)["change"]


def test_one_plan_is_one_text_whatever_the_order_of_the_facts():
    made = node(xt_owner={"state": "missing", "autoload": "never", "reasons": [reason("now", "not_installed")]})
    turned = made | {"modules": dict(reversed(made["modules"].items()))}
    assert json.dumps(preparation_plan(made)) == json.dumps(preparation_plan(turned))


def test_what_others_list_at_boot_is_not_listed_again():
    plan = nft(
        node(boot_files={"/usr/lib/modules-load.d/v.conf": ["nft_redir"], BOOT_FILE: ["nft_counter", "nft_chain_nat"]}, ours={"boot_file": ["nft_chain_nat"]})
    )
    assert plan["persist"] == ["nf_tables", "nft_chain_nat"]


@pytest.mark.parametrize(
    "boot_files, ours",
    [
        # modules-load= on the kernel command line.
        ({"/proc/cmdline": ["nft_redir", "nf_tables"], BOOT_FILE: ["nft_chain_nat", "nft_counter"]}, ["nft_chain_nat", "nft_counter"]),
        # Somebody's own lines in our file: one that is asked for, one that is not.
        ({BOOT_FILE: ["nft_redir", "nf_tables", "xt_owner", "nft_chain_nat", "nft_counter"]}, ["nft_chain_nat", "nft_counter"]),
    ],
)
def test_what_others_list_keeps_no_plan_from_coming_to_rest(boot_files, ours):
    made = checked(node(state="loaded", boot="yes", boot_files=boot_files, ours={"boot_file": ours}))
    assert not nft(made)["change"] and nft(made)["persist"] == ours
    found = module_plan(made, assess(made, Selection.from_options({"backend": "nftables", "profile": "effective"})))
    assert list(found.persist) == ours and not found.change


NOT_INSTALLED = {"state": "missing", "autoload": "never", "reasons": [reason("now", "not_installed")]}
WORDS = {"load": "yes", "persist": "false", "install_packages": "True", "override_conflicts": "on", "selinux_boolean": "no", "selinux_priority": "400"}


def test_words_of_the_command_line_are_truth_values_and_numbers():
    said = Consent.from_options(WORDS)
    assert (said.load, said.persist, said.install_packages, said.override_conflicts, said.selinux_boolean, said.selinux_priority) == (
        True,
        False,
        True,
        True,
        False,
        400,
    )
    assert Consent.from_options({"selinux_boolean": ""}).selinux_boolean is None
    asked = Selection.from_options({"cni": "true", "dns_capture": "off", "reconcile": "none", "ambient_ipv6": "0"})
    assert (asked.cni, asked.dns_capture, asked.reconcile, asked.ambient_ipv6) == (True, False, None, False)


NOT_BUILT = {"state": "missing", "autoload": "never", "reasons": [reason("now", "not_in_tree")]}


# What was recorded of these distributions' kernels; only Debian's packages were installed on a real machine.
@pytest.mark.parametrize(
    "system, release, module, package",
    [
        ("rocky", "6.12.0-124.el10_1.x86_64", "xt_owner", "kernel-modules-extra-6.12.0-124.el10_1.x86_64"),
        ("rhel", "6.12.0-124.el10_1.x86_64", "nft_ct", "kernel-modules-core-6.12.0-124.el10_1.x86_64"),
        ("almalinux", "5.14.0-427.el9.x86_64", "xt_owner", "kernel-modules-5.14.0-427.el9.x86_64"),
        ("ol", "5.15.0-300.163.18.el9uek.x86_64", "iptable_nat", "kernel-uek-modules-extra-netfilter-5.15.0-300.163.18.el9uek.x86_64"),
        ("ol", "5.15.0-300.163.18.el9uek.x86_64", "xt_owner", "kernel-uek-core-5.15.0-300.163.18.el9uek.x86_64"),
        ("ol", "6.12.0-104.43.4.el10uek.x86_64", "xt_REDIRECT", "kernel-uek-modules-extra-netfilter-6.12.0-104.43.4.el10uek.x86_64"),
        ("ol", "6.12.0-104.43.4.el10uek.x86_64", "nf_tables", "kernel-uek-core-6.12.0-104.43.4.el10uek.x86_64"),
        ("rhel", "5.14.0-570.el9_6.x86_64+rt", "xt_owner", "kernel-rt-modules-5.14.0-570.el9_6.x86_64"),
        ("rhel", "6.12.0-124.el10_1.aarch64+64k", "xt_owner", "kernel-64k-modules-extra-6.12.0-124.el10_1.aarch64"),
        ("fedora", "6.17.4-300.fc43.x86_64+debug", "xt_owner", "kernel-debug-modules-core-6.17.4-300.fc43.x86_64"),
        ("rhel", "4.18.0-553.rt7.342.el8_10.x86_64", "xt_owner", "kernel-rt-modules-4.18.0-553.rt7.342.el8_10.x86_64"),
        ("rocky", "6.12.40-1.el9.elrepo.x86_64", "xt_owner", None),
        ("ol", "5.14.0-427.el9.x86_64", "xt_owner", "kernel-modules-5.14.0-427.el9.x86_64"),
        ("fedora", "6.17.4-300.fc43.x86_64", "xt_owner", "kernel-modules-core-6.17.4-300.fc43.x86_64"),
        ("ubuntu", "6.8.0-45-generic", "xt_owner", "linux-modules-extra-6.8.0-45-generic"),
        ("debian", "7.2.12+deb14-amd64", "xt_owner", "linux-modules-7.2.12+deb14-amd64"),
        ("debian", "6.12.107+deb13-amd64", "xt_owner", "linux-image-6.12.107+deb13-amd64"),
        ("sles", "6.4.0-150600.23-default", "xt_owner", "kernel-default"),
        ("gentoo", "6.6.1", "xt_owner", None),
        ("amzn", "6.1.100-110.amzn2023.x86_64", "xt_owner", None),
    ],
)
def test_the_package_of_the_running_kernel(system, release, module, package):
    needed = _packages.needed(node(system, release), [module], [])
    assert [one.name for one in needed] == ([package] if package else [])


def test_a_container_has_no_package_for_its_hosts_kernel():
    made = node("debian", "6.1.0-42-amd64") | {"surroundings": {"container": "podman"}}
    assert _packages.needed(made, ["xt_owner"], []) == ()


def test_packages_are_named_and_with_consent_installed():
    made = node("rocky", "6.12.0-124.el10_1.x86_64", xt_owner=NOT_INSTALLED, xt_REDIRECT=NOT_INSTALLED)
    asked = preparation_plan(made)
    assert steps(asked, "owner") == ["packages"] and "or set istio_node_install_packages: true" in step(asked, "packages")["what"]
    assert [failure["name"] for failure in asked["fails"]] == ["xt_REDIRECT", "xt_owner"] and asked["after"]["verdict"] == "not_ready"
    plan = preparation_plan(made, install_packages=True)
    assert steps(plan) == ["packages", "modules"] and plan["fails"] == [] and plan["after"]["verdict"] == "ready"
    assert step(plan, "packages")["args"]["names"] == ["kernel-modules-extra-6.12.0-124.el10_1.x86_64"]
    assert {"xt_owner", "xt_REDIRECT"} <= set(plan["load"])


def test_what_no_package_or_no_manager_of_ours_has_is_the_owners():
    assert steps(preparation_plan(node(xt_owner=NOT_BUILT), install_packages=True), "owner") == []
    suse = preparation_plan(node("sles", "6.4.0-150600.23-default", xt_owner=NOT_INSTALLED), install_packages=True)
    assert steps(suse, "owner") == ["packages"] and step(suse, "packages")["reboot"] and step(suse, "packages")["how"][0] == "zypper"


def test_nft_is_installed_and_its_version_is_left_open():
    made = node(nft=None)
    assert nft(made)["refused"] == ["nft is not installed; at least 1.0.1 is needed"] or nft(made, cni=True)["refused"]
    plan = nft(made, cni=True, install_packages=True)
    assert plan["refused"] == [] and step(plan, "packages")["args"]["names"] == ["nftables"] and plan["after"]["verdict"] == "unknown"


BLACKLISTED = {"autoload": "denied", "reasons": [reason("autoload", "blacklist", VENDOR + ":3")]}
SEEN = {VENDOR: {"package": "hardening", "comment": None, "lines": {"3": "blacklist xt_owner"}}}


@pytest.mark.parametrize("state, told", [("loadable", True), ("loaded", False)])
def test_what_loading_br_netfilter_does_to_others_is_told_before(state, told):
    plan = preparation_plan(node(br_netfilter={"state": state, "autoload": "never"}))
    assert any("bridge-nf-call-iptables becomes 1" in hint for hint in plan["hints"]) is told


def test_a_conflict_is_the_owners_without_consent():
    plan = preparation_plan(node(xt_owner=BLACKLISTED, conflicts=SEEN))
    assert "xt_owner" not in plan["load"] + plan["persist"] and plan["after"]["verdict"] == "not_ready"
    told = step(plan, "conflict")
    assert told["where"] == VENDOR + ":3" and "'blacklist xt_owner'" in told["what"] and "package hardening" in told["why"]
    assert "istio_node_override_conflicts: true" in told["what"]


def test_a_conflict_is_taken_back_with_consent():
    plan = preparation_plan(node(xt_owner=BLACKLISTED, conflicts=SEEN), override_conflicts=True)
    assert steps(plan) == ["overrides", "modules"] and plan["after"]["verdict"] == "ready" and "xt_owner" in plan["load"]
    assert step(plan, "overrides")["args"] == {"lines": [{"path": VENDOR, "line": "blacklist xt_owner"}]}


@pytest.mark.parametrize(
    "code, where, line, taken",
    [
        ("blacklist", MINE + ":1", "blacklist xt_owner", False),
        ("install_override", MINE + ":1", "install xt_owner /bin/false", True),
        ("install_override", "/etc/modprobe.d/00-a.conf:1", "install xt_owner /bin/false", False),
        ("install_override", MINE + ":1", "install xt_* /bin/false", False),
        ("module_blacklist", "/proc/cmdline", "", False),
        ("blacklist", "/run/modprobe.d/x.conf:1", "blacklist xt_owner", True),
    ],
)
def test_what_a_file_of_ours_can_take_back(code, where, line, taken):
    path = where.rpartition(":")[0]
    made = node(xt_owner={"state": "blocked", "autoload": "denied", "reasons": [reason("now", code, where)]})
    made["conflicts"] = {path: {"package": None, "comment": "CIS", "lines": {"1": line}}}
    plan = preparation_plan(made, override_conflicts=True)
    assert ("overrides" in steps(plan)) == taken and ("conflict" in steps(plan, "owner")) != taken
    if where == "/proc/cmdline":
        assert step(plan, "conflict")["reboot"]


def blocked(where, *modules, needs=None):
    """Return entries of modules that the kernel command line keeps from loading, themselves or as what they need."""
    told = reason("now", "module_blacklist", where, "why") | ({"needs": needs} if needs else {})
    return {name: {"state": "blocked", "autoload": "denied", "reasons": [told]} for name in modules}


def test_the_owner_is_told_the_module_that_the_command_line_names():
    made = node(**blocked("/proc/cmdline", "xt_REDIRECT", needs="nf_nat"), **blocked("/proc/cmdline", "xt_owner", needs="x_tables"))
    told = step(preparation_plan(made), "conflict")
    assert told["what"] == "take nf_nat, x_tables out of module_blacklist= on the kernel command line" and "keeps xt_REDIRECT, xt_owner" in told["why"]


def test_consent_that_is_given_or_would_not_help_is_not_asked_for():
    entry = {"autoload": "denied", "reasons": [reason("autoload", "blacklist", VENDOR + ":3"), reason("autoload", "blacklist", MINE + ":1")]}
    made = node(xt_owner=entry, conflicts=SEEN | {MINE: {"package": None, "comment": None, "lines": {"1": "blacklist xt_owner"}}})
    for consent in (False, True):
        plan = preparation_plan(made, override_conflicts=consent)
        assert steps(plan, "owner") == ["conflict", "conflict"] and "overrides" not in steps(plan)
        assert "to take it back alone would not help" in plan["steps"][0]["what"] and "no file of ours can take it back" in plan["steps"][1]["what"]


@pytest.mark.parametrize("code, helped", [("signature", False), ("alias", False), ("switched_off", False), ("modules_disabled", True)])
def test_no_line_is_taken_back_for_what_stays_blocked(code, helped):
    entry = {"state": "blocked", "autoload": "denied", "reasons": [reason("now", code), reason("autoload", "blacklist", VENDOR + ":3")]}
    plan = preparation_plan(node(xt_owner=entry, conflicts=SEEN), override_conflicts=True)
    assert ("overrides" in steps(plan)) == helped and ("conflict" in steps(plan, "owner")) != helped


def test_a_line_is_taken_back_for_those_whom_it_helps():
    needed = reason("now", "install_override", MINE + ":2") | {"needs": "x_tables"}
    helped = {"state": "blocked", "autoload": "denied", "reasons": [needed]}
    stuck = helped | {"reasons": [needed, reason("autoload", "blacklist", MINE + ":1")]}
    lines = {"1": "blacklist xt_REDIRECT", "2": "install x_tables /bin/false"}
    made = node(xt_owner=helped, xt_REDIRECT=stuck, conflicts={MINE: {"package": None, "comment": None, "lines": lines}})
    plan = preparation_plan(made, override_conflicts=True)
    assert "xt_owner" in plan["load"] and [failure["name"] for failure in plan["fails"]] == ["xt_REDIRECT"]
    assert step(plan, "overrides")["args"] == {"lines": [{"path": MINE, "line": lines["2"]}]} and steps(plan, "owner") == ["conflict"]


def test_a_place_too_many_to_be_told_leaves_the_module_to_its_owner():
    made = node(xt_owner=BLACKLISTED | {"reasons": [*BLACKLISTED["reasons"], reason("autoload", "blacklist")]}, conflicts=SEEN)
    plan = preparation_plan(made, override_conflicts=True)
    assert "overrides" not in steps(plan) and steps(plan, "owner") == ["conflict"] and [one["name"] for one in plan["fails"]] == ["xt_owner"]


def test_what_a_package_brings_may_be_blacklisted_all_the_same():
    entry = NOT_INSTALLED | {"reasons": [*NOT_INSTALLED["reasons"], reason("autoload", "blacklist", VENDOR + ":3")]}
    made = node("rocky", "6.12.0-124.el10_1.x86_64", xt_owner=entry, conflicts=SEEN)
    assert steps(preparation_plan(made), "owner") == ["packages"]
    plan = preparation_plan(made, install_packages=True)
    assert steps(plan, "owner") == ["conflict"] and [one["name"] for one in plan["fails"]] == ["xt_owner"] and plan["after"]["verdict"] == "not_ready"
    plan = preparation_plan(made, install_packages=True, override_conflicts=True)
    assert steps(plan) == ["packages", "overrides", "modules"] and plan["fails"] == [] and plan["after"]["verdict"] == "ready"


EDITED = {"/etc/modprobe.d/hard.conf": {"of": VENDOR, "lines": ["blacklist dccp"], "current": True, "edited": True}}


@pytest.mark.parametrize("consent", [True, False])
def test_a_file_of_ours_that_somebody_changed_is_the_owners(consent):
    made = node(state="builtin", boot="not_applicable", ours={"overrides": EDITED})
    plan = preparation_plan(made, override_conflicts=consent)
    assert steps(plan) == [] and not plan["change"] and "remove /etc/modprobe.d/hard.conf" in step(plan, "conflict")["what"]
    entry = {"autoload": "denied", "reasons": [reason("autoload", "blacklist", "/etc/modprobe.d/hard.conf:9")]}
    seen = {"/etc/modprobe.d/hard.conf": {"package": None, "comment": None, "lines": {"9": "blacklist xt_owner"}}}
    plan = preparation_plan(node(xt_owner=entry, conflicts=seen, ours={"overrides": EDITED}), override_conflicts=consent)
    assert "overrides" not in steps(plan) and "no file of ours can take it back" in plan["steps"][0]["what"]


def test_undo_leaves_what_somebody_changed_and_says_so():
    ours = {"overrides": EDITED | {"/etc/modprobe.d/00-nodeprep-istio.conf": {"of": None, "lines": [], "current": True, "edited": False}}}
    plan = preparation_plan(node(state="loaded", ours=ours), state="absent")
    assert step(plan, "overrides")["where"] == "/etc/modprobe.d/00-nodeprep-istio.conf"
    assert plan["left"][0].startswith("/etc/modprobe.d/hard.conf stays, since it was changed") and "it takes back 'blacklist dccp'" in plan["left"][0]
    alone = preparation_plan(node(state="loaded", ours={"overrides": EDITED}), state="absent")
    assert alone["steps"] == [] and not alone["change"] and len(alone["left"]) == 1


def test_our_copies_are_brought_up_to_date():
    plan = preparation_plan(
        node(state="builtin", boot="not_applicable", ours={"overrides": {"/etc/modprobe.d/hard.conf": {"of": VENDOR, "lines": [], "current": False}}})
    )
    assert steps(plan) == ["overrides"] and plan["hints"]


DENIED = {"autoload": "denied", "reasons": [reason("autoload", "selinux")]}
ENFORCING = {"mode": "enforcing", "policy": "targeted", "module_request": False, "domain": "container_t", "domain_kernel_load_modules": False}


def enforcing(**more):
    made = node(selinux=ENFORCING, **more)
    never = ("ip_tables", "ip6_tables")
    made["modules"] = {name: entry | ({"autoload": "never"} if name in never else DENIED) for name, entry in made["modules"].items()}
    return made


def legacy(made, **options):
    return preparation_plan(made, iptables_variant="legacy", profile="effective", **options)


def test_preload_needs_no_policy_and_the_boolean_is_only_reported():
    plan = legacy(enforcing())
    assert steps(plan) == ["modules"] and plan["after"]["verdict"] == "ready"
    assert "the SELinux boolean domain_kernel_load_modules is off" in plan["hints"]
    assert any("istio_node_load and istio_node_persist" in hint for hint in legacy(enforcing(), load=False)["hints"])
    assert any("type=spc_t" in hint for hint in legacy(enforcing(), mode="ambient")["hints"])


def test_the_policy_comes_with_what_the_kernel_never_asks_for():
    plan = legacy(enforcing(), selinux="policy", load=False, persist=False)
    assert steps(plan) == ["policy", "modules"] and plan["load"] == plan["persist"] == ["ip_tables"] and plan["after"]["verdict"] == "on_demand"
    args = step(plan, "policy")["args"]
    assert args["cil"] == "(allow container_t kernel_t (system (module_request)))\n" and args["priority"] == 300
    installed = {"policy": {"priority": 300, "cil": args["cil"]}}
    assert "policy" not in steps(legacy(enforcing(ours=installed), selinux="policy"))
    assert step(legacy(enforcing(ours={"policy": {"priority": 200, "cil": args["cil"]}}), selinux="policy"), "policy")["args"]["stale"] == [200]
    assert "policy" not in steps(legacy(node(), selinux="policy"))


SELINUX_NOW = reason("autoload", "selinux")
SELINUX_LATER = reason("boot", "selinux")


@pytest.mark.parametrize(
    "entry, following",
    [
        # Denied now, and with the kernel that boots next, where it is no longer built in.
        ({"state": "loadable", "autoload": "denied", "reasons": [SELINUX_NOW], "next": {"state": "blocked", "autoload": "denied"}}, "blocked"),
        # Permissive until the reboot: denied only then.
        ({"state": "loadable", "autoload": "yes", "reasons": [SELINUX_LATER], "next": {"autoload": "denied"}}, None),
        ({"state": "loaded", "autoload": "yes", "reasons": [SELINUX_LATER], "next": {"autoload": "denied"}}, None),
        ({"state": "loadable", "autoload": "denied", "reasons": [SELINUX_NOW], "next": {"state": "builtin", "autoload": "yes"}}, "builtin"),
    ],
)
def test_what_containers_may_request_they_may_after_the_reboot_too(entry, following):
    after = _prediction.with_requests_allowed(node(xt_owner={"boot": "no", **entry}))["modules"]["xt_owner"]
    assert (after["autoload"], after["reasons"]) == ("yes", [])
    assert after.get("next") == (following and {"state": following, "autoload": "yes"})


def test_what_somebody_else_denies_stays_denied():
    entry = {"state": "loadable", "autoload": "denied", "boot": "no", "reasons": [reason("autoload", "blacklist")]}
    entry["next"] = {"state": "missing", "autoload": "never"}
    assert _prediction.with_requests_allowed(node(xt_owner=entry))["modules"]["xt_owner"] == entry


def test_a_policy_foresees_the_verdict_of_a_node_that_is_permissive_until_it_reboots():
    later = {"autoload": "yes", "boot": "no", "reasons": [SELINUX_LATER], "next": {"autoload": "denied"}}
    made = node(selinux={"mode": "permissive", "module_request": False, "domain": "container_t"}, **dict.fromkeys(KNOWN_MODULES, later))
    options = {"load": False, "persist": False}
    assert nft(made, selinux="policy", **options)["after"]["verdict"] == "on_demand"
    assert nft(made, **options)["after"]["verdict"] == "at_risk"


def test_a_loaded_module_will_load_again_once_what_blocks_it_is_taken_back():
    blocked = {"state": "loaded", "autoload": "denied", "boot": "ineffective", "reasons": [reason("autoload", "install_override", f"{MINE}:1")]}
    made = node(xt_owner={**blocked, "next": {"state": "blocked", "autoload": "denied"}})
    after = _prediction.without_conflicts(made, ["xt_owner"], ["install_override"])["modules"]["xt_owner"]
    assert (after["state"], after["autoload"], after.get("next")) == ("loaded", "yes", None)


def test_the_boolean_is_set_only_where_its_variable_says_so():
    assert step(legacy(enforcing(), selinux_boolean=True), "boolean")["how"] == ["setsebool", "-P", "domain_kernel_load_modules", "on"]
    assert "boolean" not in steps(legacy(enforcing(), selinux_boolean=False))


TREE_GONE = {"state": "unknown", "autoload": "unknown", "reasons": [reason("now", "tree_gone")], "next": {"state": "loadable", "autoload": "yes"}}


def test_a_reboot_is_planned_only_where_nothing_else_helps():
    made = node(following={"release": "6.1.0-43-amd64", "how": "link"}, xt_owner=TREE_GONE)
    plan = preparation_plan(made, reboot="if_needed", install_packages=True)
    assert steps(plan) == ["modules", "reboot"] and step(plan, "reboot")["what"] == "reboot into 6.1.0-43-amd64" and "xt_owner" in plan["persist"]
    assert plan["after"]["verdict"] == "ready"
    assert steps(preparation_plan(made), "owner") == ["reboot"]
    made["modules"]["xt_REDIRECT"] |= NOT_BUILT
    assert "reboot" not in steps(preparation_plan(made, reboot="if_needed"))


@pytest.mark.parametrize("code, line", [("blacklist", "blacklist xt_owner"), ("install_override", "install xt_owner /bin/false")])
def test_no_reboot_where_a_line_stays_that_keeps_the_module_from_loading(code, line):
    waiting = {"state": "blocked", "autoload": "denied", "reasons": [reason("now", "modules_disabled"), reason("autoload", code, VENDOR + ":3")]}
    made = node(xt_owner=waiting, conflicts={VENDOR: {"package": None, "comment": None, "lines": {"3": line}}})
    plan = preparation_plan(made, reboot="if_needed")
    assert "reboot" not in steps(plan) and "conflict" in steps(plan, "owner") and "xt_owner" not in plan["persist"]
    plan = preparation_plan(made, reboot="if_needed", override_conflicts=True)
    assert steps(plan) == ["overrides", "modules", "reboot"] and "xt_owner" in plan["persist"] and "xt_owner" not in plan["load"]
    assert plan["after"]["verdict"] == "ready"


def waiting(code="modules_disabled", following=None, **more):
    """Return a node on which nothing loads until it reboots."""
    entry = {"state": "blocked" if code == "modules_disabled" else "unknown", "autoload": "denied", "reasons": [reason("now", code)]}
    return node(following={"release": "6.1.0-43-amd64", "how": "link"} if code == "tree_gone" else None, **more, **_with(entry, following))


def _with(entry, following):
    return dict.fromkeys(KNOWN_MODULES, entry | ({"next": following} if following else {}))


UNREAD = {"boot_files_read": False, "boot_files_mask": "/etc/systemd/system/systemd-modules-load.service"}


@pytest.mark.parametrize(
    "made, options, words",
    [
        (waiting("tree_gone", {"state": "missing", "autoload": "never"}), {}, "are missing with kernel 6.1.0-43-amd64"),
        (waiting(), {"persist": False}, "then, since istio_node_persist is false"),
        (waiting(management=UNREAD), {}, "nothing is sure to load nf_tables"),
        (waiting(management={"boot_files_read": None}), {}, "nothing is sure to load nf_tables"),
        (waiting(management={"managed_by": "ostree"}), {}, "nothing is sure to load nf_tables"),
    ],
)
def test_the_role_reboots_only_where_that_is_foreseen_to_help(made, options, words):
    plan = nft(made, reboot="if_needed", **options)
    told = step(plan, "reboot")
    assert "reboot" not in steps(plan) and words in told["why"] and "A reboot alone does not help" in told["why"] and "istio_node_reboot" not in told["what"]
    assert "istio_node_reboot" not in step(nft(made, **options), "reboot")["what"]


def test_the_role_reboots_where_the_boot_lists_help():
    plan = nft(waiting(), reboot="if_needed")
    assert steps(plan) == ["modules", "reboot"] and plan["after"]["verdict"] == "ready"
    assert "or set istio_node_reboot: if_needed" in step(nft(waiting()), "reboot")["what"]


@pytest.mark.parametrize(
    "read, mask, verdict, how, where",
    [
        (False, UNREAD["boot_files_mask"], "at_risk", ["systemctl", "unmask", "systemd-modules-load.service"], UNREAD["boot_files_mask"]),
        (False, "/usr/lib/systemd/system/systemd-modules-load.service", "at_risk", None, "/usr/lib/systemd/system/systemd-modules-load.service"),
        (False, "systemd.mask=systemd-modules-load on the kernel command line", "at_risk", None, "/proc/cmdline"),
        (None, None, "unknown", None, None),
        (True, None, "ready", None, None),
    ],
)
def test_lists_that_nothing_reads_are_not_counted_upon(read, mask, verdict, how, where):
    made = node(autoload="denied", management={"boot_files_read": read, "boot_files_mask": mask})
    plan = nft(checked(made))
    assert plan["after"]["verdict"] == verdict and steps(plan) == ["modules"] and steps(plan, "owner") == (["conflict"] if where else [])
    if where:
        told = step(plan, "conflict")
        assert (told.get("how"), told["where"], told["reboot"]) == (how, where, where == "/proc/cmdline") and mask in told["why"]
    assert steps(nft(made, persist=False), "owner") == []
    assert steps(nft(node(state="builtin", boot="not_applicable", management=UNREAD)), "owner") == []


def test_what_packages_bring_and_others_list_is_not_counted_upon_where_nothing_reads_it():
    made = node("rocky", "6.12.0-124.el10_1.x86_64", autoload="denied", boot_files={"/etc/modules-load.d/v.conf": ["xt_owner"]}, xt_owner=NOT_INSTALLED)
    assert preparation_plan(made, install_packages=True)["after"]["verdict"] == "ready"
    made["management"] |= UNREAD
    assert preparation_plan(made, install_packages=True)["after"]["verdict"] == "at_risk"


@pytest.mark.parametrize("managed_by, words", [("ostree", "rpm-ostree"), ("transactional-update", "next snapshot"), ("image", "read-only")])
def test_nothing_is_written_where_ansible_must_not_write(managed_by, words):
    made = node(management={"managed_by": managed_by})
    plan = preparation_plan(made)
    assert words in plan["refused"][0] and steps(plan) == [] and not plan["change"] and plan["load"] == []
    assert plan["after"]["verdict"] == "at_risk" or plan["after"]["verdict"] == "on_demand"
    loaded_only = preparation_plan(made, persist=False)
    assert loaded_only["refused"] == [] and steps(loaded_only) == ["modules"]


def test_the_owners_way_is_written_out():
    plan = preparation_plan(node("rhel", name="Red Hat Enterprise Linux CoreOS 418.94", management={"managed_by": "ostree"}))
    assert plan["artifact"]["kind"] == "MachineConfig" and "source: data:,br_netfilter%0A" in plan["artifact"]["text"]
    butane = preparation_plan(node("fedora", name="Fedora CoreOS 42", management={"managed_by": "ostree"}))["artifact"]
    assert butane["kind"] == "Butane" and "        inline: |\n          br_netfilter\n" in butane["text"]
    assert preparation_plan(node(management={"systemd": False}))["artifact"] is None
    assert "have your init load the modules" in preparation_plan(node(management={"systemd": False}))["refused"][0]


def test_a_boot_file_that_was_switched_off_or_has_broken_marks_is_refused():
    assert "switched it off" in preparation_plan(node(ours={"masked": True}))["refused"][0]
    assert "not one pair" in preparation_plan(node(ours={"boot_file": None}))["refused"][0]
    assert preparation_plan(node(ours={"masked": True}), persist=False)["refused"] == []


@pytest.mark.parametrize(
    "management, ours, told",
    [
        ({}, {"masked": True}, "Remove the link"),
        ({}, {"boot_file": None}, "remove them and run again"),
        ({"systemd": False}, {}, "have your init load the modules, for example by /etc/modules. Nothing is written"),
    ],
)
def test_nothing_is_refused_for_a_boot_file_that_is_left_alone_and_no_remedy_is_told_that_is_none(management, ours, told):
    made = node(management=management, ours=ours, xt_owner=BLACKLISTED, conflicts=SEEN)
    loaded_only = preparation_plan(made, persist=False, override_conflicts=True)
    assert loaded_only["refused"] == [] and steps(loaded_only) == ["overrides", "modules"]
    assert told in preparation_plan(made, override_conflicts=True)["refused"][0]
    assert "istio_node_persist: false" in preparation_plan(made, override_conflicts=True)["refused"][0]
    policy = preparation_plan(node(management=management, ours=ours, selinux=ENFORCING), iptables_variant="legacy", selinux="policy", persist=False)
    assert told in policy["refused"][0] and "istio_node_persist" not in policy["refused"][0]


FCOS = {"system": "fedora", "name": "Fedora CoreOS 42", "management": {"managed_by": "ostree"}}


@pytest.mark.parametrize("consent", [{}, {"override_conflicts": True}, {"install_packages": True, "selinux": "policy", "selinux_boolean": True}])
def test_where_nothing_is_to_be_written_consent_takes_no_step_from_the_owner(consent):
    made = node(**FCOS, xt_owner=BLACKLISTED, conflicts=SEEN, selinux=ENFORCING | {"domain_kernel_load_modules": False})
    plan = preparation_plan(made, **consent)
    assert steps(plan) == [] and steps(plan, "owner") == ["conflict"] and plan["refused"] and "xt_owner" not in plan["artifact"]["text"]
    assert "istio_node_override_conflicts: true" not in step(plan, "conflict")["what"]
    assert [hint for hint in plan["hints"] if "count for nothing" in hint] == [hint for hint in plan["hints"][:1] if consent]
    assert any(hint.startswith("run again once the owner's steps are done") for hint in plan["hints"])
    loaded_only = preparation_plan(made, persist=False, **consent)
    assert loaded_only["refused"] == [] and steps(loaded_only) == ["modules"] and loaded_only["load"]
    assert all(f"istio_node_{name}" in plan["hints"][0] for name in consent)


def test_where_our_block_is_as_it_should_be_nothing_is_written():
    persist = nft(node())["persist"]
    made = node(management={"managed_by": "ostree"}, boot_files={BOOT_FILE: persist}, ours={"boot_file": persist})
    plan = nft(made)
    assert plan["refused"] == [] and plan["load"] and plan["persist"] == persist


def test_a_file_of_a_vendor_is_not_hidden():
    hidden = "/usr/lib/modules-load.d/istio.conf"
    made = checked(node(boot_files={hidden: ["nft_redir"]}, ours={"would_hide": hidden}))
    plan = nft(made)
    assert len(plan["refused"]) == 1 and f"would hide {hidden}" in plan["refused"][0] and f"copy it to {BOOT_FILE} first" in plan["refused"][0]
    assert nft(made, persist=False)["refused"] == []
    made["boot_files"][hidden] = list(KNOWN_MODULES)
    assert nft(made)["refused"] == [] and nft(made)["persist"] == []


def test_the_owners_way_keeps_what_the_file_lists_already():
    listed = node(**FCOS, boot_files={BOOT_FILE: ["nft_redir", "xt_owner"]}, ours={"beside": ["wireguard", "xt_owner", "nft_redir", "a: b"]})
    text = nft(checked(listed))["artifact"]["text"]
    assert [line.strip() for line in text.partition("inline: |\n")[2].splitlines()] == [
        *("wireguard", "xt_owner", "nft_redir", "nf_tables", "nft_chain_nat", "nft_counter")
    ]
    sidecar = preparation_plan(node())["persist"]
    again = preparation_plan(node(**FCOS, boot_files={BOOT_FILE: sidecar}), mode=["sidecar", "ambient"])["artifact"]["text"]
    assert all(f" {name}\n" in again for name in preparation_plan(node(), mode=["sidecar", "ambient"])["persist"])
    okd = preparation_plan(node("scos", name="CentOS Stream CoreOS 9.0.20250701-0", management={"managed_by": "ostree"}))
    assert okd["artifact"]["kind"] == "MachineConfig"


def test_undo_takes_back_what_is_ours_and_says_what_it_leaves():
    ours = {"boot_file": ["xt_owner"], "overrides": {"/etc/modprobe.d/hard.conf": {"current": True}}, "policy": {"priority": 300, "cil": "x"}}
    plan = preparation_plan(node(state="loaded", ours=ours), state="absent")
    assert steps(plan) == ["modules", "overrides", "policy"]
    assert step(plan, "policy")["how"] == ["semodule", "-X", "300", "-r", "istio_node_prep"]
    assert step(plan, "policy")["args"] == {"state": "absent", "name": "istio_node_prep", "stale": [300]}
    assert "stay loaded until a reboot" in plan["left"][0] and "packages stay installed" in plan["left"][1]
    nothing = preparation_plan(node(), state="absent")
    assert nothing["steps"] == [] and not nothing["change"]
    assert "by hand" in preparation_plan(node(ours={"boot_file": None}), state="absent")["refused"][0]


def test_undo_removes_a_block_without_names():
    made = checked(node(ours={"block": True}))
    assert steps(preparation_plan(made, state="absent")) == ["modules"]
    assert steps(preparation_plan(node(ours={"boot_file": ["xt_owner"]}), state="absent")) == ["modules"]


def test_undo_needs_no_systemd_and_leaves_nothing_where_it_is_refused():
    plan = preparation_plan(node(ours={"boot_file": ["xt_owner"]}, management={"systemd": False}), state="absent")
    assert plan["refused"] == [] and steps(plan) == ["modules"]
    plan = preparation_plan(node(ours={"boot_file": ["xt_owner"]}, management={"managed_by": "ostree"}), state="absent")
    assert "rpm-ostree" in plan["refused"][0] and "leave out what is ours (take our block out)" in plan["refused"][0] and plan["left"] == []


def test_undo_takes_the_policy_of_all_priorities_out_or_names_it():
    ours = {"policy": {"priority": 400, "cil": "x", "priorities": [300, 400], "semodule": True}}
    plan = preparation_plan(checked(node(ours=ours)), state="absent")  # where SELinux is switched off, too
    assert step(plan, "policy")["args"]["stale"] == [300, 400]
    assert step(plan, "policy")["how"] == ["semodule", "-X", "300", "-r", "istio_node_prep", "-X", "400", "-r", "istio_node_prep"]
    ours["policy"]["semodule"] = False
    plan = preparation_plan(node(ours=ours), state="absent")
    assert plan["steps"] == [] and "priorities 300, 400 stays, since there is no semodule" in plan["left"][0]


def test_undo_names_the_boolean_that_stays_on():
    on = {"mode": "enforcing", "domain_kernel_load_modules": True}
    assert "setsebool -P domain_kernel_load_modules off" in preparation_plan(node(selinux=on), state="absent")["left"][0]
    assert preparation_plan(node(selinux=on | {"domain_kernel_load_modules": False}), state="absent")["left"] == []


def test_a_policy_of_another_priority_beside_the_right_one_goes():
    cil = "(allow container_t kernel_t (system (module_request)))\n"
    made = enforcing(ours={"policy": {"priority": 300, "cil": cil, "priorities": [200, 300], "semodule": True}})
    assert step(legacy(made, selinux="policy"), "policy")["args"]["stale"] == [200]
    made["ours"]["policy"]["priorities"] = [300]
    assert "policy" not in steps(legacy(made, selinux="policy"))


def test_a_policy_that_is_no_longer_asked_for_is_told_to_stay():
    made = enforcing(ours={"policy": {"priority": 300, "cil": "x", "priorities": [300], "semodule": True}})
    assert any("istio_node_prep of priority 300 still lets containers" in hint for hint in legacy(made)["hints"])
    assert not any("still lets containers" in hint for hint in [*legacy(made, selinux="policy")["hints"], *legacy(enforcing())["hints"]])


def test_no_policy_for_a_type_that_the_node_does_not_have():
    made = node(selinux={"mode": "enforcing", "module_request": None, "domain": None})
    plan = nft(made, selinux="policy")
    assert plan["steps"] == [] and len(plan["refused"]) == 1 and "install container-selinux" in plan["refused"][0]
    assert nft(made, selinux="policy", selinux_domains=["my_container_t"])["refused"] == []
    assert nft(made)["refused"] == nft(enforcing(), selinux="policy")["refused"] == []


@pytest.mark.parametrize(
    "option, value",
    [
        ("state", "present"),
        ("load", "perhaps"),
        ("load", ""),
        ("selinux", "permissive"),
        ("selinux_domains", []),
        ("selinux_domains", ["x)(allow y"]),
        ("selinux_priority", 0),
        ("selinux_priority", True),
        ("selinux_boolean", 1),
        ("reboot", "always"),
        ("override_conflict", True),
    ],
)
def test_bad_consent_gets_one_clear_error(option, value):
    with pytest.raises(AnsibleFilterError, match=f"nodeprep.istio.preparation_plan: ({option}: |there is no option '{option}'; .*, override_conflicts, )"):
        preparation_plan(node(), **{option: value})
